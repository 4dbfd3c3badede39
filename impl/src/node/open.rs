//! From a connection to a session: the way in which each step is taken by its own part.

use std::any::Any;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

use super::record::SessionLog;
use super::{Opening, Stream};
use crate::lifecycle::{DIALED_BY_BOTH, Handshake, Reason, StateError};
use crate::runtime::sync::OnceLock;
use crate::simopen::{self, DialError, Direction};

/// What an upgrade has made of a connection, and who it has proved to be at the other end.
#[derive(Debug)]
#[non_exhaustive]
pub struct Upgraded<K, I, C> {
    /// Who the peer is.
    pub key: K,
    /// What else it said.
    pub info: I,
    /// What the body gets.
    pub connection: C,
    /// What both ends know of this connection and compare where ties are broken and the direction does not tell: a dialer
    /// that may have several connections with one peer numbers them and says so. See
    /// [`Handshake::set_rank`](crate::lifecycle::Handshake::set_rank). Zero unless it is set. Where both ends
    /// [dialed](Stream::both_dialed) it is [`DIALED_BY_BOTH`] instead.
    pub rank: u32,
    /// Whether the session becomes privileged: see
    /// [`Handshake::grant_privilege`](crate::lifecycle::Handshake::grant_privilege).
    pub privileged: bool,
}

impl<K, I, C> Upgraded<K, I, C> {
    /// Describes a connection with this peer, of rank zero and without privilege.
    pub fn new(key: K, info: I, connection: C) -> Self {
        Self { key, info, connection, rank: 0, privileged: false }
    }
}

/// A connection that is there or under way. Its slot is taken already: what it costs begins when this is polled.
pub(super) struct Connecting<K, Io> {
    pub(super) io: Pin<Box<dyn Future<Output = Result<Io, ConnectError>> + Send>>,
    pub(super) direction: Direction,
    pub(super) address: Option<SocketAddr>,
    /// Who is there, once the upgrade has proved it.
    pub(super) key: Arc<OnceLock<K>>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("cannot connect: {0}")]
    Io(#[from] io::Error),
}

/// Why a connection became no session.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the initiator was not agreed on: {0}")]
    Negotiation(#[from] simopen::Error),
    #[error("the upgrade failed: {reason}")]
    Upgrade {
        reason: Reason,
        /// The caller's error, which may hold the connection: it is dropped when the session has ended (PEER-49).
        error: Box<dyn Any + Send>,
    },
    #[error(transparent)]
    Over(#[from] StateError),
}

impl From<&OpenError> for Reason {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Connect(ConnectError::Dial(DialError::Myself(_))) => Self::Myself,
            OpenError::Connect(ConnectError::Dial(_)) => Self::HandshakeFailed,
            OpenError::Connect(ConnectError::Io(error)) | OpenError::Negotiation(simopen::Error::Io(error)) => {
                error.into()
            }
            OpenError::Negotiation(_) => Self::HandshakeFailed,
            OpenError::Upgrade { reason, .. } => *reason,
            OpenError::Over(error) => error.into(),
        }
    }
}

/// Takes a connection through everything that comes before its session is announced: its role is settled, then its peer's
/// key is proven, then ties are broken (NODE-7, NODE-8).
pub(super) async fn establish<K, I, Io, C, E, U, UF>(
    handshake: Handshake<K, I>,
    connecting: Connecting<K, Io>,
    opening: Arc<Opening>,
    upgrade: Arc<U>,
    log: Option<SessionLog>,
) -> Result<C, OpenError>
where
    K: Clone + Ord,
    Io: AsyncRead + AsyncWrite + Unpin,
    E: Send + 'static,
    Reason: for<'e> From<&'e E>,
    U: Fn(Stream<Io>) -> UF,
    UF: Future<Output = Result<Upgraded<K, I, C>, E>>,
{
    let Connecting { io, direction, address, key: learned } = connecting;
    let session = handshake.session();
    let logged = |error: &dyn Display| crate::trace::debug!(%session, ?address, %error, "no session");
    let io = io.await.inspect_err(|error| logged(error))?;
    let stream =
        settle_roles(io, direction, address, &opening, log.as_ref()).await.inspect_err(|error| logged(error))?;
    let both_dialed = stream.both_dialed();
    let Upgraded { key, info, connection, rank, privileged } = upgrade(stream)
        .await
        .map_err(|error| OpenError::Upgrade { reason: Reason::from(&error), error: Box::new(error) })?;
    // Set once, because a connection has one session.
    let _ = learned.set(key.clone());
    // NODE-2: each end sees it as dialed by itself, so that the direction would have them keep different ones.
    handshake.set_rank(if both_dialed { DIALED_BY_BOTH } else { rank })?;
    if privileged {
        handshake.grant_privilege()?;
    }
    // PEER-17: it is the first, because only this reports it.
    let _first = handshake.handshake_done(key, info)?;
    Ok(connection)
}

/// NODE-3: the role is what the negotiation gives. By direction it is what both ends agree to go by.
async fn settle_roles<Io: AsyncRead + AsyncWrite + Unpin>(
    io: Io,
    direction: Direction,
    address: Option<SocketAddr>,
    opening: &Opening,
    log: Option<&SessionLog>,
) -> Result<Stream<Io>, simopen::Error> {
    match opening {
        Opening::ByDirection => Ok(Stream::by_direction(io, direction, address)),
        Opening::Negotiate { protocols, options } => {
            let negotiated = match (log, direction) {
                (Some(log), _) => log.negotiate(io, direction, protocols, *options).await?,
                (None, Direction::Outbound) => simopen::negotiate(io, protocols, *options).await?,
                (None, Direction::Inbound) => simopen::accept(io, protocols, *options).await?,
            };
            Ok(Stream::negotiated(negotiated, address))
        }
    }
}
