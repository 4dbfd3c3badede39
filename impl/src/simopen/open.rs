//! Opening a connection that both ends may be opening.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream};

use super::{Error, Negotiated, Options, Role, negotiate};
use crate::runtime::time::sleep;

/// Dials from a port that this end listens on, so that two ends that dial each other at once meet in one connection, and
/// a peer behind a translator finds the mapping that it knows.
///
/// The listener's socket must have `SO_REUSEADDR` and `SO_REUSEPORT` too (`TcpSocket::set_reuseaddr`,
/// `TcpSocket::set_reuseport`), before it is bound.
#[derive(Clone, Copy, Debug)]
pub struct Dialer {
    /// Where this end listens; from any port if nowhere.
    pub from: Option<SocketAddr>,
    /// How to negotiate.
    pub options: Options,
    /// How long to wait before another attempt, and how many there are.
    pub backoff: Backoff,
}

/// A connection that was dialed.
pub struct Dialed {
    /// The connection.
    pub stream: TcpStream,
    /// Whether it is from the port that this end listens on. If it is not, no peer that dials that port meets it.
    pub port_reused: bool,
}

/// Why there is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// The peer cannot be reached.
    #[error("cannot connect to {peer}")]
    Connect {
        /// Where it should be.
        peer: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The connection leads back to its own port: this end dialed itself, which TCP allows. (SIM-6)
    #[error("{0} is this very end")]
    Myself(SocketAddr),
    /// The connection was there, and nothing was agreed on it.
    #[error("nothing was agreed with {peer}, in the last of {attempts} attempts")]
    Negotiation {
        /// Who was dialed.
        peer: SocketAddr,
        /// How often.
        attempts: u32,
        /// Why the last one failed.
        source: Error,
    },
}

/// How long to wait before each further attempt: a random part of a limit that doubles, so that two ends that failed at
/// the same moment do not try again at the same moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// The limit before the second attempt.
    pub first: Duration,
    /// The greatest limit.
    pub most: Duration,
    /// How many attempts there are in all, at least one.
    pub attempts: u32,
}

impl Default for Backoff {
    /// Five attempts, up to 100 milliseconds apart at first and two seconds at most.
    fn default() -> Self {
        Self { first: Duration::from_millis(100), most: Duration::from_secs(2), attempts: 5 }
    }
}

impl Backoff {
    /// The limit of the wait after this many attempts, the first of which is 1.
    pub fn limit(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }

    /// A wait after this many attempts, chosen by `random` anywhere up to the limit.
    pub fn wait(&self, attempts: u32, random: u64) -> Duration {
        let limit = u64::try_from(self.limit(attempts).as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(limit.checked_add(1).map_or(random, |choices| random % choices))
    }
}

impl Dialer {
    /// Dials from where this end listens, with the default options.
    pub fn new(from: Option<SocketAddr>) -> Self {
        Self { from, options: Options::default(), backoff: Backoff::default() }
    }

    /// Connects, and negotiates nothing. From another port if the one that this end listens on is taken for this peer, as
    /// it is while an earlier connection to it is not quite over.
    ///
    /// Cancel safe: a dropped future leaves nothing.
    ///
    /// # Errors
    ///
    /// If the peer cannot be reached, or is this very end.
    pub async fn connect(&self, peer: SocketAddr) -> Result<Dialed, DialError> {
        let reused = match self.from {
            Some(from) if from.is_ipv4() == peer.is_ipv4() => connect_from(from, peer).await,
            Some(_) | None => Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        let (stream, port_reused) = match reused {
            Ok(stream) => (stream, true),
            Err(error) if is_taken(&error) => {
                let stream = TcpStream::connect(peer).await.map_err(|source| DialError::Connect { peer, source })?;
                (stream, false)
            }
            Err(source) => return Err(DialError::Connect { peer, source }),
        };
        match (stream.local_addr(), stream.peer_addr()) {
            (Ok(ours), Ok(theirs)) if ours == theirs => Err(DialError::Myself(peer)),
            (Err(source), _) | (_, Err(source)) => Err(DialError::Connect { peer, source }),
            (Ok(_), Ok(_)) => Ok(Dialed { stream, port_reused }),
        }
    }

    /// Connects and negotiates; again after a wait if both ends drew the same number, or the other end dialed too and does
    /// not speak the extension: then the next connection is another one, and unlikely to be dialed by both.
    ///
    /// Cancel safe: a dropped future leaves nothing.
    ///
    /// # Errors
    ///
    /// If the peer cannot be reached, is this very end, or does not agree.
    pub async fn open<P: AsRef<str>>(
        &self,
        peer: SocketAddr,
        protocols: &[P],
    ) -> Result<Negotiated<TcpStream>, DialError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Dialed { stream, .. } = self.connect(peer).await?;
            match negotiate(stream, protocols, self.options).await {
                Ok(negotiated) => return Ok(negotiated),
                Err(error) if attempts < self.backoff.attempts && (error.is_tie() || error.is_plain_dialer()) => {
                    tracing::debug!(%peer, attempts, %error, "dialing again");
                }
                Err(source) => return Err(DialError::Negotiation { peer, attempts, source }),
            }
            // Without random numbers every wait is the longest one.
            sleep(self.backoff.wait(attempts, getrandom::u64().unwrap_or(u64::MAX))).await;
        }
    }
}

async fn connect_from(from: SocketAddr, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(from)?;
    socket.connect(peer).await
}

/// Whether the port is not to be had for this peer, or not at all.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse)
}

/// The role in a connection that two ends open at once because they agreed to over a relay (DCUtR): no simultaneous-open
/// exchange runs on it. Whoever opened the relayed connection, and so was asked to take part, is the initiator;
/// whoever opened the coordinating stream is the responder. This holds for every attempt, and whoever dials. (DCUtR1)
pub fn hole_punch_role(opened_coordinating_stream: bool) -> Role {
    if opened_coordinating_stream { Role::Responder } else { Role::Initiator }
}

impl Debug for Dialed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialed").field("stream", &self.stream).field("port_reused", &self.port_reused).finish()
    }
}
