//! Who is at the other end: version and verack, both ways.

use std::fmt::{self, Debug, Formatter};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_network::VersionMessage;
use bitcoin::p2p::{Address, ServiceFlags};
use futures_util::{SinkExt, StreamExt};
use handfast::lifecycle::{Handshake, Reason, SessionId, StateError};
use tokio::net::TcpStream;

use super::wire::{Message, Version, WireError};
use super::{About, Connection, Established, Local, PROTOCOL_VIOLATED, Peers, VERSION_TOO_OLD};

/// The protocol version that this node speaks.
const PROTOCOL_VERSION: u32 = 70016;

/// The least that it speaks with, which is Bitcoin Core's `MIN_PEER_PROTO_VERSION`.
const LEAST_VERSION: i32 = 31800;

const USER_AGENT: &str = concat!("/handfast:", env!("CARGO_PKG_VERSION"), "/");

#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error(transparent)]
    Wire(WireError),
    #[error("the peer closed before the handshake was complete, as one of another network does")]
    Closed,
    #[error("the peer acknowledged a version that it was not sent")]
    EarlyVerack,
    #[error("the peer's protocol version {0} is too old")]
    TooOld(i32),
    #[error("the peer is this node")]
    Myself,
    #[error("the session was told to end: {0}")]
    Over(#[from] StateError),
}

/// A reset is an end too: it is one where the peer had not read all, as one of another network has not.
impl From<WireError> for HandshakeError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Io(error) if Reason::from(&error) == Reason::RemoteClosed => Self::Closed,
            error => Self::Wire(error),
        }
    }
}

impl From<&HandshakeError> for Reason {
    fn from(error: &HandshakeError) -> Self {
        match error {
            HandshakeError::Wire(WireError::Io(error)) => error.into(),
            HandshakeError::Wire(WireError::Truncated) | HandshakeError::Closed => Self::RemoteClosed,
            HandshakeError::Wire(
                WireError::WrongMagic
                | WireError::TooLong(_)
                | WireError::Malformed(_)
                | WireError::UserAgentTooLong(_),
            )
            | HandshakeError::EarlyVerack => PROTOCOL_VIOLATED,
            HandshakeError::TooOld(_) => VERSION_TOO_OLD,
            HandshakeError::Myself => Self::Myself,
            HandshakeError::Over(error) => error.into(),
        }
    }
}

/// A handshake that failed, with its connection: that is dropped when the session has ended, so that a peer which comes
/// again at once does not meet its old session.
#[derive(thiserror::Error)]
#[error("{error}")]
pub struct Failed {
    error: HandshakeError,
    _connection: Option<Box<Connection>>,
}

impl Debug for Failed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl From<HandshakeError> for Failed {
    fn from(error: HandshakeError) -> Self {
        Self { error, _connection: None }
    }
}

impl From<&Failed> for Reason {
    fn from(failed: &Failed) -> Self {
        (&failed.error).into()
    }
}

/// A nonce by which a connection to ourselves is recognised at its other end, for as long as the handshake lasts.
struct Nonce<'a> {
    local: &'a Local,
    nonce: u64,
}

impl<'a> Nonce<'a> {
    fn draw(local: &'a Local, session: SessionId) -> Self {
        let nonce = rand::random();
        local.nonces.lock().unwrap_or_else(PoisonError::into_inner).insert(nonce, session);
        Self { local, nonce }
    }
}

impl Drop for Nonce<'_> {
    fn drop(&mut self) {
        self.local.nonces.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.nonce);
    }
}

/// Dials a peer, within its session: the slot is taken first, and the handshake timeout covers the dialing.
pub async fn dial(
    local: &Local,
    to: SocketAddr,
    handshake: Handshake<SocketAddr, About>,
) -> Result<Established, Failed> {
    let stream = TcpStream::connect(to).await.map_err(|error| HandshakeError::from(WireError::from(error)))?;
    let mut connection = local.connection(stream).map_err(HandshakeError::from)?;
    let greeted = greet(local, &mut connection, to, handshake.session()).await;
    established(connection, handshake, to, greeted)
}

/// Speaks first, to a peer that we dialed.
async fn greet(
    local: &Local,
    connection: &mut Connection,
    to: SocketAddr,
    session: SessionId,
) -> Result<About, HandshakeError> {
    let nonce = Nonce::draw(local, session);
    connection.send(our_version(to, nonce.nonce)).await?;
    let mut is_acknowledged = false;
    let theirs = loop {
        match said(connection).await? {
            Said::Version(theirs) => break theirs,
            // Some acknowledge our version before they send their own.
            Said::Verack => is_acknowledged = true,
        }
    };
    // What we dialed sends back what we say, or leads to this node.
    if local.began_with(theirs.nonce).is_some() {
        return Err(HandshakeError::Myself);
    }
    connection.send(NetworkMessage::Verack).await?;
    if !is_acknowledged {
        their_verack(connection).await?;
    }
    Ok(theirs.about)
}

/// The handshake with a peer that dialed us.
pub(super) async fn answer(
    node: &Peers,
    local: &Local,
    stream: TcpStream,
    from: SocketAddr,
    handshake: Handshake<SocketAddr, About>,
) -> Result<Established, Failed> {
    let mut connection = local.connection(stream).map_err(HandshakeError::from)?;
    let greeted = be_greeted(node, local, &mut connection, from, handshake.session()).await;
    established(connection, handshake, from, greeted)
}

/// Nothing is sent to whoever has not sent its version, so that a node that tried version 2 of the transport (BIP 324) in
/// vain comes back with version 1.
async fn be_greeted(
    node: &Peers,
    local: &Local,
    connection: &mut Connection,
    from: SocketAddr,
    session: SessionId,
) -> Result<About, HandshakeError> {
    let Said::Version(theirs) = said(connection).await? else { return Err(HandshakeError::EarlyVerack) };
    if let Some(dialed) = local.began_with(theirs.nonce) {
        for session in [dialed, session] {
            // Whichever is over already has found out by other means.
            let _ = node.disconnect(session, Reason::Myself);
        }
        return Err(HandshakeError::Myself);
    }
    connection.send(our_version(from, rand::random())).await?;
    connection.send(NetworkMessage::Verack).await?;
    their_verack(connection).await?;
    Ok(theirs.about)
}

/// What matters of what a peer says before its version is known.
enum Said {
    Version(Introduction),
    Verack,
}

struct Introduction {
    about: About,
    nonce: u64,
}

async fn said(connection: &mut Connection) -> Result<Said, HandshakeError> {
    loop {
        match connection.next().await.ok_or(HandshakeError::Closed)?? {
            Message::Version(theirs) if theirs.version < LEAST_VERSION => {
                return Err(HandshakeError::TooOld(theirs.version));
            }
            Message::Version(theirs) => {
                let Version { version, nonce, user_agent, start_height } = theirs;
                let height = Arc::new(AtomicU32::new(u32::try_from(start_height).unwrap_or(0)));
                let about = About { version, user_agent, start_height, height };
                return Ok(Said::Version(Introduction { about, nonce }));
            }
            Message::Verack => return Ok(Said::Verack),
            Message::Ping(_)
            | Message::Pong(_)
            | Message::GetHeaders
            | Message::Headers(_)
            | Message::NewBlock
            | Message::Other
            | Message::Dropped(_) => {}
        }
    }
}

/// Between version and verack peers say what they support (`wtxidrelay`, `sendaddrv2`, `sendheaders`); we need none.
async fn their_verack(connection: &mut Connection) -> Result<(), HandshakeError> {
    while !matches!(connection.next().await.ok_or(HandshakeError::Closed)??, Message::Verack) {}
    Ok(())
}

fn established(
    connection: Connection,
    handshake: Handshake<SocketAddr, About>,
    key: SocketAddr,
    greeted: Result<About, HandshakeError>,
) -> Result<Established, Failed> {
    let done = greeted.and_then(|about| Ok(handshake.handshake_done(key, about)?));
    match done {
        Ok(_first) => {
            let established = Established::new(connection, handshake);
            established.ends_when_closed();
            Ok(established)
        }
        Err(error) => Err(Failed { error, _connection: Some(Box::new(connection)) }),
    }
}

fn our_version(to: SocketAddr, nonce: u64) -> NetworkMessage {
    let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NetworkMessage::Version(VersionMessage {
        version: PROTOCOL_VERSION,
        services,
        timestamp: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        receiver: Address::new(&to, ServiceFlags::NONE),
        sender: Address::new(&(Ipv4Addr::UNSPECIFIED, 0).into(), services),
        nonce,
        user_agent: USER_AGENT.to_owned(),
        start_height: 0,
        relay: false, // no transactions, please
    })
}
