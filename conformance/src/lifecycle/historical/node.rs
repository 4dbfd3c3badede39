//! What the tasks share: the flags and channels of a connection, and those of the node.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use handfast_spec::lifecycle::{Output, Reason, SessionId};
use model::lifecycle::btcd::{Action, Channels, Event, Gate, Part, Switches, Task};
use tokio::task::AbortHandle;

use super::channel::{Flag, Inbox, News, Notice, Once, Outbox, channel};
use super::server::Server;
use super::session::{negotiate, start, watch};

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

    /// `Disconnect()`: the caller that sets the flag closes the socket and then the channel; every other one returns.
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

    /// Notes a connection, where the stop will go through all of them.
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

    /// Tells the sync manager, and waits for room; nothing is told once it is to stop.
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

// The node on a runtime, whose tasks run as they like.

/// A node on a runtime. Its server loop is aborted when it is dropped.
pub struct Network {
    node: Arc<Node>,
    next: AtomicU32,
    server: AbortHandle,
}

/// One connection: what its remote peer does, and what disconnects it.
pub struct Connection {
    node: Arc<Node>,
    peer: Arc<Peer>,
}

impl Network {
    /// Spawns the server loop. Each of the inboxes is told what btcd's sync manager is told, in place of it; the task that has
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

    /// Disconnects the peer.
    pub async fn disconnect(&self) {
        self.peer.disconnect(&self.node.pace, Task::Reader, Output::Disconnecting(self.peer.id)).await;
    }
}

// Who decides when a task takes its next step: the runtime, or a test.

/// Is asked before each step of each task. Clones share what was decided.
#[derive(Clone, Default)]
pub struct Pace(Option<Arc<Mutex<Script>>>);

/// What a test decided, and what it learns.
#[derive(Default)]
struct Script {
    /// The step that is next; no other is taken.
    turn: Option<Action>,
    /// The steps that the task that is being polled waits for.
    waiting: BTreeSet<Action>,
    told: Vec<Output>,
}

impl Pace {
    /// Steps are taken as soon as they can be, and what is told is not kept.
    pub fn free() -> Self {
        Self(None)
    }

    /// Steps are taken when it is their [turn](Self::give).
    pub fn stepped() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether a test decides.
    pub(super) fn is_stepped(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for the turn of a step that can always be taken.
    pub(super) async fn at(&self, step: Action) {
        self.when(step, || ready(())).await;
    }

    /// Waits for the turn of a step that is taken by what `attempt` makes. Where that would have to wait, the step is
    /// not taken, and nothing has happened: what `attempt` makes must be cancel safe.
    pub(super) async fn when<F: Future>(&self, step: Action, mut attempt: impl FnMut() -> F) -> F::Output {
        let Some(script) = &self.0 else { return attempt().await };
        poll_fn(|context| {
            if !lock(script).is_turn_of(step) {
                return Poll::Pending;
            }
            let taken = pin!(attempt()).poll(context);
            if taken.is_ready() {
                lock(script).turn = None;
            }
            taken
        })
        .await
    }

    /// Waits for the turn of the step that takes what is next in an inbox. `next` says which step that is, and `take`
    /// takes it; both at once, so that nothing is taken out of turn.
    pub(super) async fn take<T>(&self, next: impl Fn() -> Option<Action>, mut take: impl FnMut() -> Option<T>) -> T {
        poll_fn(|_| {
            let (Some(script), Some(step)) = (&self.0, next()) else { return Poll::Pending };
            if !lock(script).is_turn_of(step) {
                return Poll::Pending;
            }
            match take() {
                Some(taken) => {
                    lock(script).turn = None;
                    Poll::Ready(taken)
                }
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Waits for a timer; where a test decides, the timer fires at its turn.
    pub(super) async fn timer(&self, step: Action, after: Duration) {
        match &self.0 {
            None => tokio::time::sleep(after).await,
            Some(_) => self.at(step).await,
        }
    }

    /// A participant is told something.
    pub(super) fn tell(&self, output: Output) {
        if let Some(script) = &self.0 {
            lock(script).told.push(output);
        }
    }

    /// Gives a step its turn, or takes it back; whether the last one that was given was taken.
    pub(super) fn give(&self, step: Option<Action>) -> bool {
        let Some(script) = &self.0 else { return false };
        std::mem::replace(&mut lock(script).turn, step).is_none()
    }

    /// The steps that were asked for since this was last called.
    pub(super) fn asked_for(&self) -> BTreeSet<Action> {
        self.0.as_ref().map(|script| std::mem::take(&mut lock(script).waiting)).unwrap_or_default()
    }

    /// What was told since this was last called.
    pub(super) fn told(&self) -> Vec<Output> {
        self.0.as_ref().map(|script| std::mem::take(&mut lock(script).told)).unwrap_or_default()
    }
}

impl Script {
    fn is_turn_of(&mut self, step: Action) -> bool {
        self.waiting.insert(step);
        self.turn == Some(step)
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}
