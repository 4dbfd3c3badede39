//! What the tasks share: the flags and channels of a connection, and those of the node.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use handfast_spec::lifecycle::{Output, Reason, SessionId};
use model::lifecycle::btcd::{Action, Channels, Event, Gate, Part, Switches, Task};

use super::channel::{Flag, Inbox, News, Notice, Once, Outbox, channel};
use super::pace::Pace;

/// A connection, as its tasks and the loops know it.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) id: SessionId,
    /// The peer's verack has arrived.
    pub(super) verack: Once<()>,
    pub(super) socket_closed: Once<()>,
    /// `disconnect`.
    pub(super) disconnecting: Flag,
    /// `quit`, closed.
    pub(super) quit: Once<()>,
    /// `verAckReceived`.
    pub(super) verack_received: Flag,
    /// `verAckCh`, closed.
    pub(super) signalled: Once<()>,
    /// `peerAdded`.
    pub(super) peer_added: Flag,
    /// `NewPeer` was sent.
    pub(super) told: Flag,
    /// `negotiateErr`: how the handshake went.
    pub(super) negotiated: Once<bool>,
    /// `start` has succeeded.
    pub(super) started: Once<()>,
    /// The server loop has handled its *done*.
    pub(super) done: Flag,
}

impl Peer {
    pub(super) fn new(id: SessionId) -> Self {
        Self { id, ..Self::default() }
    }

    /// `Connected()`.
    pub(super) fn is_connected(&self) -> bool {
        !self.disconnecting.is_set()
    }

    /// `Disconnect()`: whoever sets the flag closes the socket and then the channel; everybody else returns.
    pub(super) async fn disconnect(&self, pace: &Pace, by: Task, output: Output) {
        if self.disconnecting.set() {
            return;
        }
        pace.tell(output);
        pace.at(Action::CloseQuit(self.id, by)).await;
        if self.socket_closed.set(()) {
            pace.tell(Output::Closed(self.id));
        }
        self.quit.close();
    }
}

/// How much room there is, and what the server loop looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) events: usize,
    pub(super) messages: usize,
    /// The server loop rejects peers, or the node may stop: A1 to A5 are a step.
    pub(super) screens: bool,
    pub(super) rejects: Part,
}

/// What all tasks of the node share.
pub(super) struct Node {
    pub(super) switches: Switches,
    pub(super) room: Room,
    pub(super) pace: Pace,
    /// `newPeers`, or the one channel of the later designs.
    lifecycle: Outbox<Notice>,
    done_peers: Outbox<Notice>,
    /// To the sync manager; further subscribers where a benchmark has them.
    subscribers: Vec<Outbox<News>>,
    /// Every connection, in order; empty where the node cannot stop.
    peers: Mutex<Vec<Arc<Peer>>>,
    /// Whom the server loop will not have.
    banned: Mutex<BTreeSet<SessionId>>,
    /// The server loop's map, for tests to look at.
    pub(super) map: Mutex<BTreeSet<SessionId>>,
    /// The sync manager's peers and its sync peer, for tests to look at.
    pub(super) manager: Mutex<(BTreeSet<SessionId>, Option<SessionId>)>,
    /// `shutdown`, and `quit` closed.
    pub(super) stopping: Once<()>,
    /// The sync manager's `shutdown`, and its `quit` closed.
    pub(super) manager_stopping: Once<()>,
    pub(super) manager_ended: Once<()>,
}

/// The receiving halves of a node's channels.
pub(super) struct Inboxes {
    pub(super) lifecycle: Inbox<Notice>,
    pub(super) done_peers: Inbox<Notice>,
    pub(super) subscribers: Vec<Inbox<News>>,
}

impl Node {
    pub(super) fn new(switches: Switches, room: Room, pace: Pace, subscribers: usize) -> (Self, Inboxes) {
        let (lifecycle, new_peers) = channel(room.events, &pace);
        let (done, done_peers) = channel(room.events, &pace);
        let (outboxes, inboxes) = (0..subscribers).map(|_| channel(room.messages, &pace)).unzip();
        let node = Self {
            switches,
            room,
            pace,
            lifecycle,
            done_peers: done,
            subscribers: outboxes,
            peers: Mutex::default(),
            banned: Mutex::default(),
            map: Mutex::default(),
            manager: Mutex::default(),
            stopping: Once::default(),
            manager_stopping: Once::default(),
            manager_ended: Once::default(),
        };
        (node, Inboxes { lifecycle: new_peers, done_peers, subscribers: inboxes })
    }

    /// Notes a connection, where somebody will go through all of them.
    pub(super) fn enter(&self, peer: &Arc<Peer>) {
        if self.room.screens {
            locked(&self.peers, |peers| peers.push(Arc::clone(peer)));
        }
    }

    pub(super) fn peers(&self) -> Vec<Arc<Peer>> {
        locked(&self.peers, |peers| peers.clone())
    }

    /// Decides whether the server loop will have a peer.
    pub(super) fn judge(&self, session: SessionId, is_banned: bool) {
        locked(&self.banned, |banned| if is_banned { banned.insert(session) } else { banned.remove(&session) });
    }

    /// What the server loop has against a peer (A1 to A5).
    pub(super) fn objection(&self, peer: &Peer) -> Option<Reason> {
        if self.stopping.is_closed() {
            return Some(Reason::Closing);
        }
        locked(&self.banned, |banned| banned.contains(&peer.id)).then_some(Reason::Vetoed)
    }

    /// Sends an event to the server loop, and waits for room.
    pub(super) async fn send_event(&self, step: Action, peer: &Arc<Peer>, event: Event) {
        let outbox = match (self.switches.channels, event) {
            (Channels::One, _) | (Channels::Two, Event::Add) => &self.lifecycle,
            (Channels::Two, Event::Done) => &self.done_peers,
        };
        self.pace.when(step, || outbox.send(Notice { peer: Arc::clone(peer), event })).await;
    }

    /// Tells the sync manager, and waits for room; nobody is told anything once it is to stop.
    pub(super) async fn send_news(&self, step: Action, peer: &Arc<Peer>, event: Event) {
        for outbox in &self.subscribers {
            let attempt = || async {
                if !self.manager_stopping.is_closed() {
                    outbox.send(News { peer: Arc::clone(peer), event }).await;
                }
            };
            self.pace.when(step, attempt).await;
        }
    }

    /// Whether everything that the sync manager is told was received.
    pub(super) fn is_told_everything(&self) -> bool {
        self.subscribers.iter().all(Outbox::is_empty)
    }

    /// Whether the gate lets the end of this peer through to the sync manager.
    pub(super) fn gate(&self, peer: &Peer) -> bool {
        match self.switches.gate {
            Gate::Open => true,
            Gate::VerAck => peer.verack_received.is_set(),
            Gate::PeerAdded => peer.peer_added.is_set(),
            Gate::Registered => peer.told.is_set(),
        }
    }
}

pub(super) fn locked<T, R>(mutex: &Mutex<T>, step: impl FnOnce(&mut T) -> R) -> R {
    step(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
}
