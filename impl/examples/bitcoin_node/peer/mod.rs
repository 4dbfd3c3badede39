//! One Bitcoin peer: the handshake, and what is said after it.
//!
//! The node has the genesis block and no other, at most the headers of some. It claims the services of a full node, which it
//! can as long as no peer asks for more than the genesis block: btcd does not stay connected to anything that it dialed and
//! that has none.

mod converse;
mod established;
pub mod follow;
mod handshake;
pub mod wire;

use std::collections::BTreeMap;
use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitcoin::p2p::Magic;
pub use handfast::lifecycle::canonical;
use handfast::lifecycle::{Node, Origin, Reason, SessionId};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::codec::Framed;

pub use converse::converse;
pub use established::Established;
pub use handshake::{Failed, dial};

use follow::Follower;
use wire::{Wire, WireError};

/// Why a session ended, where only this protocol has a word for it.
pub const PING_UNANSWERED: Reason = Reason::Application("ping_unanswered");
pub const PROTOCOL_VIOLATED: Reason = Reason::Application("protocol_violated");
pub const VERSION_TOO_OLD: Reason = Reason::Application("version_too_old");

/// A peer is known by the address at the other end of its connection. A second session with the same one is possible
/// only if the first connection is dead and we have not noticed, so that nodes keep the newer one.
pub type Peers = Node<SocketAddr, About>;

/// What a peer's version message says of it.
#[derive(Clone, Debug)]
pub struct About {
    pub version: i32,
    pub user_agent: String,
    pub start_height: i32,
    /// How long its chain is, as far as it has said so, or shown.
    pub height: Arc<AtomicU32>,
}

type Connection = Framed<TcpStream, Wire>;

/// What all sessions of this node share.
pub struct Local {
    magic: Magic,
    /// How long after a ping the next one is sent. A peer that has not answered by then is gone, and so is one that
    /// takes nothing for that long.
    ping_interval: Duration,
    /// The nonces of the handshakes that we began and that are under way.
    nonces: Mutex<BTreeMap<u64, SessionId>>,
    follower: Option<Follower>,
}

impl Local {
    pub fn new(magic: Magic, ping_interval: Duration, follower: Option<Follower>) -> Self {
        Self { magic, ping_interval, nonces: Mutex::default(), follower }
    }

    pub fn follower(&self) -> Option<&Follower> {
        self.follower.as_ref()
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
    let at = listener.local_addr().ok();
    loop {
        match listener.accept().await {
            // A listener at `[::]` shows addresses of IPv4 in another form than a dial to them does.
            Ok((stream, from)) => accept_peer(node, local, stream, canonical(from)),
            // It was gone before it was accepted, as BSD reports it. The next one does not wait for that.
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) => {}
            Err(error) => {
                // Most likely there is no descriptor left for it. The connection stays in the listener's queue.
                tracing::warn!(at = at.map(tracing::field::display), %error, "cannot accept");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn accept_peer(node: &Peers, local: &Arc<Local>, stream: TcpStream, from: SocketAddr) {
    let (ours, theirs, peers) = (Arc::clone(local), Arc::clone(local), node.clone());
    let opened = node.open(
        Origin::inbound(Some(from.ip())),
        move |handshake| async move {
            let session = handshake.session();
            logged(from, session, handshake::answer(&peers, &ours, stream, from, handshake).await)
        },
        move |live, established| converse(theirs, live, established),
    );
    if let Err(rejected) = opened {
        tracing::info!(%from, %rejected, "turned away");
    }
}

/// Says why a handshake failed; the session ends with the bare output.
pub fn logged<T>(peer: SocketAddr, session: SessionId, result: Result<T, Failed>) -> Result<T, Failed> {
    result.inspect_err(|error| tracing::info!(%peer, %session, %error, "handshake failed"))
}
