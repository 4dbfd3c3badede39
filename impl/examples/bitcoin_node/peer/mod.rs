//! One Bitcoin peer: the handshake, and what is said after it.
//!
//! The node has the genesis block and nothing else. It claims the services of a full node, which it can as long as
//! nobody asks for more than the genesis block: btcd does not stay connected to anything that it dialed and that has
//! none.

mod converse;
mod handshake;
pub mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitcoin::p2p::Magic;
use handfast::lifecycle::{Handshake, Node, Origin, Reason, SessionId};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::codec::Framed;

pub use converse::converse;
pub use handshake::{HandshakeError, dial};

use wire::{Wire, WireError};

/// Why a session ended, where only this protocol has a word for it.
pub const PING_UNANSWERED: Reason = Reason::Application(1);
pub const PROTOCOL_VIOLATED: Reason = Reason::Application(2);

/// A peer is known by the address at the other end of its connection. A second session with the same one is possible
/// only if the first connection is dead and we have not noticed, so that nodes keep the newer one.
pub type Peers = Node<SocketAddr, About>;

/// What a peer's version message says of it.
#[derive(Clone, Debug)]
pub struct About {
    pub version: i32,
    pub user_agent: String,
    pub start_height: i32,
}

/// What comes out of a handshake: the connection, and the way to say again that it completed.
type Established = (Connection, Handshake<SocketAddr, About>);
type Connection = Framed<TcpStream, Wire>;

/// What all sessions of this node share.
#[derive(Debug)]
pub struct Local {
    magic: Magic,
    /// How long after a ping the next one is sent. A peer that has not answered by then is gone, and so is one that
    /// takes nothing for that long.
    ping_interval: Duration,
    /// The nonces of the handshakes that we began and that are under way.
    nonces: Mutex<BTreeMap<u64, SessionId>>,
}

impl Local {
    pub fn new(magic: Magic, ping_interval: Duration) -> Self {
        Self { magic, ping_interval, nonces: Mutex::default() }
    }

    fn connection(&self, stream: TcpStream) -> Result<Connection, WireError> {
        stream.set_nodelay(true)?;
        Ok(Framed::new(stream, Wire::new(self.magic)))
    }

    /// Who of us began the handshake with this nonce.
    fn began_with(&self, nonce: u64) -> Option<SessionId> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).get(&nonce).copied()
    }
}

/// Accepts connections until it is dropped.
pub async fn accept_peers(node: &Peers, local: &Arc<Local>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => accept_peer(node, local, stream, canonical(from)),
            Err(error) => {
                // Most likely there is no descriptor left for it. The connection stays in the listener's queue.
                tracing::warn!(%error, "cannot accept");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Returns the address of an IPv4 peer as such, also if it came to an IPv6 socket: `::ffff:127.0.0.1` is no other peer than
/// `127.0.0.1`.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn accept_peer(node: &Peers, local: &Arc<Local>, stream: TcpStream, from: SocketAddr) {
    let (ours, theirs, peers) = (Arc::clone(local), Arc::clone(local), node.clone());
    let opened = node.open(
        Origin::inbound(Some(from.ip())),
        move |handshake| async move { logged(from, handshake::answer(&peers, &ours, stream, from, handshake).await) },
        move |live, established| converse(theirs, live, established),
    );
    if let Err(rejected) = opened {
        tracing::info!(%from, %rejected, "turned away");
    }
}

/// Says why a handshake failed; the session ends with the bare output.
pub fn logged<T>(peer: SocketAddr, result: Result<T, HandshakeError>) -> Result<T, HandshakeError> {
    result.inspect_err(|error| tracing::info!(%peer, %error, "handshake failed"))
}
