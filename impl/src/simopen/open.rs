//! Opening a connection that both ends may be opening.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Error, Negotiated, Options, Role, negotiate};
use crate::runtime::select;
use crate::runtime::time::sleep;
use crate::setters::setters;

/// Dials from a port that this end listens on, so that two ends that dial each other at once meet in one connection, and
/// a peer behind a translator finds the mapping that it knows. [`listen`] makes such a listener.
///
/// One call of [`open`](Self::open) takes at most [`Backoff::attempts`] times `timeout`, [`Options::timeout`] and
/// [`Backoff::most`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Dialer {
    /// Where this end listens. Any port is dialed from if it is `None` or its port is 0.
    pub from: Option<SocketAddr>,
    /// How long connecting may take, whatever the kernel and the peer do; with zero no attempt succeeds. Half of it is for
    /// the port that this end listens on, if there is one that can be used; the rest for another port.
    pub timeout: Duration,
    /// How to negotiate.
    pub options: Options,
    /// How long to wait before another attempt, and how many there are.
    pub backoff: Backoff,
}

/// A connection that was dialed.
#[derive(Debug)]
pub struct Dialed {
    /// The connection.
    pub stream: TcpStream,
    /// Whether it is from the port that this end listens on. If it is not, no peer that dials that port meets it.
    pub port_reused: bool,
}

/// A connection that was dialed, and on which a protocol was agreed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The connection.
    pub stream: Negotiated<TcpStream>,
    /// Whether it is from the port that this end listens on, as [`Dialed::port_reused`].
    pub port_reused: bool,
    /// The number of connections that were made, this one included.
    pub attempts: u32,
}

/// Why there is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// The peer cannot be reached.
    #[error("cannot connect to {peer}: {source}")]
    Connect {
        /// The address that was dialed.
        peer: SocketAddr,
        /// The last error, from the port that this end listens on or from another.
        source: io::Error,
    },
    /// The peer did not answer in time: no host or a full backlog is there, or something on the path drops segments.
    #[error("{peer} did not answer within {timeout:?}")]
    TimedOut {
        /// The address that was dialed.
        peer: SocketAddr,
        /// The limit, which is [`Dialer::timeout`].
        timeout: Duration,
    },
    /// The connection leads back to this end: to its own port, which TCP allows, or to its listener. (SIM-13)
    #[error("{0} is this very end")]
    Myself(SocketAddr),
    /// The connection was there, and nothing was agreed on it.
    #[error("nothing was agreed with {peer}, in the last of {attempts} attempts: {source}")]
    Negotiation {
        /// The address that was dialed.
        peer: SocketAddr,
        /// The number of connections that were made.
        attempts: u32,
        /// Why the last one failed.
        source: Error,
    },
}

/// How long to wait before each further attempt: a random part of a limit that doubles, so that two ends that failed at
/// the same moment do not try again at the same moment.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// The limit before the second attempt. With zero no attempt waits.
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
    /// Returns the limit of the wait after this many attempts, the first of which is 1.
    pub fn limit(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }

    /// Returns a wait after this many attempts, chosen by `random` anywhere up to the limit.
    pub fn wait(&self, attempts: u32, random: u64) -> Duration {
        let limit = u64::try_from(self.limit(attempts).as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(limit.checked_add(1).map_or(random, |choices| random % choices))
    }

    setters! { const:
        first, with_first: Duration;
        most, with_most: Duration;
        attempts, with_attempts: u32;
    }
}

impl Dialer {
    /// Creates a dialer from where this end listens, with the default options, and ten seconds for connecting.
    pub fn new(from: Option<SocketAddr>) -> Self {
        Self { from, timeout: Duration::from_secs(10), options: Options::default(), backoff: Backoff::default() }
    }

    /// Connects, and negotiates nothing.
    ///
    /// It dials from the port that this end listens on if the peer could dial that port: not from a loopback address to
    /// another network, and not from one address family to the other, except that a listener at `[::]` is at every IPv4
    /// address too. Where that fails, it dials from another port: the first may be taken, as by an earlier connection that is not
    /// quite over, or may have no route to the peer. An IPv4 address that is mapped to IPv6 is dialed as IPv4.
    ///
    /// Another address of this host is not noticed to be this end; what identifies peers above the negotiation has to.
    ///
    /// Cancel safe: a dropped future leaves nothing.
    ///
    /// # Errors
    ///
    /// If the peer cannot be reached or does not answer in time, or is this very end.
    ///
    /// # Panics
    ///
    /// If it is polled outside a tokio runtime, or in one without I/O or timers.
    pub async fn connect(&self, peer: SocketAddr) -> Result<Dialed, DialError> {
        let from = self.from.filter(|from| from.port() != 0).map(canonical);
        if from == Some(canonical(peer)) {
            return Err(DialError::Myself(peer));
        }
        let dialed = within(self.timeout, self.dial(from, canonical(peer))).await;
        let Some(dialed) = dialed else { return Err(DialError::TimedOut { peer, timeout: self.timeout }) };
        let connected = dialed.and_then(|dialed| {
            let ends = (dialed.stream.local_addr()?, dialed.stream.peer_addr()?);
            Ok((dialed, ends))
        });
        match connected {
            Ok((_, (ours, theirs))) if ours == theirs || leads_back(from, ours, theirs) => Err(DialError::Myself(peer)),
            Ok((dialed, _)) => Ok(dialed),
            Err(source) => Err(DialError::Connect { peer, source }),
        }
    }

    /// Dials from the port of the listener, and if that does not help from another.
    async fn dial(&self, from: Option<SocketAddr>, peer: SocketAddr) -> io::Result<Dialed> {
        if let Some(source) = from.and_then(|from| source(from, peer)) {
            // A source address without a way back shows as silence, so that the other port needs time too.
            match within(self.timeout / 2, connect_from(source, peer)).await {
                Some(Ok(stream)) => return Ok(Dialed { stream, port_reused: true }),
                Some(Err(error)) if is_final(&error) => return Err(error),
                Some(Err(error)) => crate::trace::debug!(%source, %peer, %error, "dialing from another port"),
                None => crate::trace::debug!(%source, %peer, "no answer: dialing from another port"),
            }
        }
        Ok(Dialed { stream: TcpStream::connect(peer).await?, port_reused: false })
    }

    /// Connects and negotiates; again after a wait if both ends drew the same number, or the other end dialed too and does
    /// not speak the extension: then the next connection is another one, and unlikely to be dialed by both.
    ///
    /// Cancel safe: a dropped future leaves nothing.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), or if nothing is agreed on the last connection that is tried.
    ///
    /// # Panics
    ///
    /// As [`connect`](Self::connect).
    pub async fn open<P: AsRef<str>>(&self, peer: SocketAddr, protocols: &[P]) -> Result<Opened, DialError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Dialed { stream, port_reused } = self.connect(peer).await?;
            match negotiate(stream, protocols, self.options).await {
                Ok(stream) => return Ok(Opened { stream, port_reused, attempts }),
                Err(error) if attempts < self.backoff.attempts && (error.is_tie() || error.is_plain_dialer()) => {
                    crate::trace::debug!(%peer, attempts, %error, "dialing again");
                }
                Err(source) => return Err(DialError::Negotiation { peer, attempts, source }),
            }
            // Without random numbers every wait is the longest one.
            sleep(self.backoff.wait(attempts, getrandom::u64().unwrap_or(u64::MAX))).await;
        }
    }

    setters! { const:
        from, with_from: Option<SocketAddr>;
        timeout, with_timeout: Duration;
        options, with_options: Options;
        backoff, with_backoff: Backoff;
    }
}

/// Listens at an address and lets a [`Dialer`] dial from it: with `SO_REUSEADDR`, and `SO_REUSEPORT` where there is such an
/// option. At `[::]` it listens at every IPv4 address too, unless the system is configured otherwise.
///
/// Any other process of the same user can then listen there too, and takes a part of the connections.
///
/// # Errors
///
/// If the address is taken by a socket without these options, is none of this host, or there are no descriptors left.
///
/// # Panics
///
/// If it is called outside a tokio runtime with I/O.
pub fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    bind(address)?.listen(backlog)
}

/// What a future comes to, if that takes no longer than this.
async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    select! {
        biased;
        output = future => Some(output),
        () = sleep(limit) => None,
    }
}

async fn connect_from(from: SocketAddr, peer: SocketAddr) -> io::Result<TcpStream> {
    bind(from)?.connect(peer).await
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// An IPv4 address that is mapped to IPv6 as what it is.
fn canonical(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        // Its scope stays with an address of IPv6.
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => address.set_ip(ip.to_canonical()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

/// Where to dial a peer from so that the peer, dialing the listener, would meet that. `None` if it could not dial it.
fn source(mut from: SocketAddr, peer: SocketAddr) -> Option<SocketAddr> {
    if from.is_ipv6() && peer.is_ipv4() && from.ip().is_unspecified() {
        from.set_ip(Ipv4Addr::UNSPECIFIED.into());
    }
    // From a loopback address Linux refuses to leave the host with EINVAL (IPv4), or waits for ever (IPv6).
    let stays = from.ip().is_loopback() && !peer.ip().is_loopback();
    (from.is_ipv4() == peer.is_ipv4() && !stays).then_some(from)
}

/// Whether it is the peer's answer, which does not depend on the port that is dialed from.
fn is_final(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// Whether a connection ends at the listener at `from`: both ends have one address, and the other end its port.
fn leads_back(from: Option<SocketAddr>, ours: SocketAddr, theirs: SocketAddr) -> bool {
    from.is_some_and(|from| {
        let listens = from.ip().is_unspecified() || from.ip() == theirs.ip();
        listens && from.port() == theirs.port() && ours.ip() == theirs.ip()
    })
}

/// Returns the role in a connection that two ends open at once because they agreed to over a relay (DCUtR): no
/// simultaneous-open exchange runs on it. The end that opened the relayed connection, and so was asked to take part, is
/// the initiator; the end that opened the coordinating stream is the responder. This holds for every attempt, whichever
/// end dials. (DCUtR1)
pub fn hole_punch_role(opened_coordinating_stream: bool) -> Role {
    if opened_coordinating_stream { Role::Responder } else { Role::Initiator }
}
