//! The node on a runtime, whose tasks run as they like.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use handfast_spec::lifecycle::{Output, SessionId};
use model::lifecycle::btcd::{Channels, Part, Switches, Task};
use tokio::task::AbortHandle;

use super::channel::{Inbox, News};
use super::node::{Inboxes, Node, Peer, Room};
use super::pace::Pace;
use super::server::Server;
use super::session::{negotiate, start, watch};

/// A node on a runtime. Its server loop is aborted when it is dropped.
pub struct Network {
    node: Arc<Node>,
    next: AtomicU32,
    server: AbortHandle,
}

/// One connection: what its remote peer does, and whoever disconnects it.
pub struct Connection {
    node: Arc<Node>,
    peer: Arc<Peer>,
}

impl Network {
    /// Spawns the server loop. Each of the inboxes is told what btcd's sync manager is told, in place of it; whoever has
    /// one must receive, because the server loop waits for room.
    ///
    /// Channels have the room that they have in btcd: each of two channels as much as there are peers, the one of later
    /// designs twice that, a sync manager's three times.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn(switches: Switches, max_peers: usize, subscribers: usize) -> (Self, Vec<Inbox<News>>) {
        let events = match switches.channels {
            Channels::Two => max_peers,
            Channels::One => 2 * max_peers,
        };
        let room = Room { events, messages: 3 * max_peers, screens: false, rejects: Part::Absent };
        let (node, Inboxes { lifecycle, done_peers, subscribers }) =
            Node::new(switches, room, Pace::free(), subscribers);
        let node = Arc::new(node);
        let server = Server { node: Arc::clone(&node), lifecycle, done_peers, is_draining: false };
        let server = tokio::spawn(server.run()).abort_handle();
        (Self { node, next: AtomicU32::new(0), server }, subscribers)
    }

    /// A connection is made, and its three tasks are spawned.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn connect(&self) -> Connection {
        let peer = Arc::new(Peer::new(SessionId(self.next.fetch_add(1, Ordering::Relaxed))));
        let (node, of_peer) = (|| Arc::clone(&self.node), || Arc::clone(&peer));
        tokio::spawn(start(node(), of_peer()));
        tokio::spawn(negotiate(node(), of_peer()));
        tokio::spawn(watch(node(), of_peer()));
        Connection { node: node(), peer }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Connection {
    /// The number of the connection, in order.
    pub fn number(&self) -> u32 {
        self.peer.id.0
    }

    /// The peer's verack arrives.
    pub fn complete_handshake(&self) {
        self.peer.verack.set(());
    }

    /// Somebody disconnects the peer.
    pub async fn disconnect(&self) {
        self.peer.disconnect(&self.node.pace, Task::Reader, Output::Disconnecting(self.peer.id)).await;
    }
}
