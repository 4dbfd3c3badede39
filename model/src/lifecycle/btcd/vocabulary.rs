//! The steps of btcd's tasks, and how they are shown. (long because: it is one list of words)

use core::fmt::{self, Display, Formatter};

use handfast_spec::lifecycle::{Component, SELECTOR, SessionId};
use serde::{Deserialize, Serialize};

/// What can be attempted: one channel operation, one write of a flag or one check.
///
/// The letters and numbers are those of the specification's pseudo-code: S is `start`, N the negotiation, L the
/// watcher, I the reader, H the server loop, B the sync manager. A session or a message in an action says which one is
/// meant; where another one is next, the action is refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The connection is handed to its peer, and its tasks are spawned (S0 to S2).
    Attach(SessionId),
    /// The peer's verack is read (N1).
    Verack(SessionId),
    /// A second verack is accepted, which the wire does not allow.
    VerackAgain(SessionId),
    /// The negotiation panics, recovers, and sets the disconnect flag.
    Panic(SessionId),
    /// The negotiation finds the connection closed (N1).
    ReadError(SessionId),
    /// The negotiation sets `verAckReceived` (N2).
    SetFlag(SessionId),
    /// `OnVerAck` is called (N3): it closes the channel or, where it checks first, looks at it.
    OnVerAck(SessionId, Task),
    /// `OnVerAck`, having found the channel open, closes it.
    CloseVerAck(SessionId, Task),
    /// An *add* event is sent (N3, L1).
    SendAdd(SessionId, Task),
    /// The negotiation tells `start` how it went (N4).
    Report(SessionId),
    /// `start` hears that the handshake succeeded, and spawns the reader (S4).
    Started(SessionId),
    /// `start` hears that the handshake failed (S3).
    StartFailed(SessionId),
    /// The negotiation timer fires in `start`, which sets the disconnect flag (S3).
    Expire(SessionId),
    /// `start` finds the connection disconnected (S3).
    StartQuits(SessionId),
    /// Somebody, the remote peer or this node, sets the disconnect flag.
    Disconnect(SessionId),
    /// Whoever set the disconnect flag closes the socket and the quit channel.
    CloseQuit(SessionId, Task),
    /// The watcher wakes up (L0, L3).
    Wake(SessionId, Ready),
    /// The watcher sets `peerAdded` (L2).
    SetAdded(SessionId),
    /// The watcher sends a *done* event (L5).
    SendDone(SessionId),
    /// The watcher looks whether the sync manager is to be told.
    WatcherGate(SessionId),
    /// `NewPeer` is sent to the sync manager (A8).
    NewPeer(SessionId, Task),
    /// `DonePeer` is sent to the sync manager (D3).
    DonePeer(SessionId, Task),
    /// The orphans of the peer are evicted (D4).
    Evict(SessionId, Task),
    /// The peer sends a transaction, which is an orphan, and the reader reads it (I0).
    Transaction(SessionId),
    /// The reader passes the transaction to the sync manager, and waits (I2).
    Queue(SessionId),
    /// The reader notices the disconnect and ends (I3).
    ReaderEnds(SessionId),
    /// The server loop receives an event.
    Receive(SessionId, Event),
    /// The server loop looks whether the peer is still connected (A0).
    Guard(SessionId),
    /// The server loop examines the peer (A1 to A5).
    Screen(SessionId, Verdict),
    /// The server loop enters the peer into its map (A6).
    Insert(SessionId),
    /// The server loop asks the sync manager whether the chain is current, and waits for the answer (A9).
    Ask(SessionId),
    /// The server loop deletes the peer from its map (D0 to D2).
    Delete(SessionId),
    /// The server loop looks whether the sync manager is to be told (D3).
    ServerGate(SessionId),
    /// The server loop serves the operator's `disconnectnode`: it deletes the peer and sets the disconnect flag.
    DisconnectNode(SessionId),
    /// The server loop receives what is to be relayed.
    ReceiveRelay,
    /// A block reaches the sync manager's channel.
    Block,
    /// The sync manager handles its next message.
    Handle(Message),
    /// The sync manager hands a block to the server loop.
    Relay,
    /// The node is to stop.
    Stop,
    /// The server loop notices that the node is to stop.
    StopServer,
    /// The server loop, stopping, comes to this peer.
    Sweep(SessionId),
    /// The server loop stops the sync manager.
    StopManager,
    /// The sync manager ends.
    ManagerEnds,
    /// The server loop empties its channels and ends.
    ServerEnds,
}

/// A task of one connection, or the server loop.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// `start` (S).
    Start,
    /// The negotiation (N).
    Negotiation,
    /// `peerDoneHandler`, later `peerLifecycleHandler` (L).
    Watcher,
    /// The reader of messages (I), which also stands for whoever else disconnects.
    Reader,
    /// `peerHandler` (H).
    Server,
}

/// What wakes the watcher.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// `OnVerAck` has closed its channel.
    VerAck,
    /// The quit channel is closed.
    Quit,
}

/// What the server loop receives.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A peer has come.
    Add,
    /// It has gone.
    Done,
}

/// What the server loop makes of a peer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may stay.
    Admit,
    /// It may not: its user agent, its address, the number of peers, the shutdown.
    Reject,
}

/// What the sync manager receives.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A peer has come.
    NewPeer(SessionId),
    /// It has gone.
    DonePeer(SessionId),
    /// It sent a transaction.
    Transaction(SessionId),
    /// A block, of which the other peers are to hear.
    Block,
    /// The server loop waits for an answer.
    IsCurrent,
}

impl Action {
    /// The component that takes the action; `None` for peers, operators and faults, of which nothing is assumed.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Verack(..)
            | Self::VerackAgain(..)
            | Self::Panic(..)
            | Self::Disconnect(..)
            | Self::Transaction(..)
            | Self::DisconnectNode(..)
            | Self::Block
            | Self::Stop => None,
            Self::OnVerAck(session, by)
            | Self::CloseVerAck(session, by)
            | Self::SendAdd(session, by)
            | Self::CloseQuit(session, by)
            | Self::NewPeer(session, by)
            | Self::DonePeer(session, by)
            | Self::Evict(session, by) => Some(by.component(session)),
            Self::Expire(session) => Some(Component::Timer(session)),
            Self::ReadError(session) | Self::SetFlag(session) | Self::Report(session) => {
                Some(Component::Handshake(session))
            }
            Self::Attach(session) | Self::Started(session) | Self::StartFailed(session) | Self::StartQuits(session) => {
                Some(Component::Session(session))
            }
            Self::Wake(session, _) | Self::SetAdded(session) | Self::SendDone(session) | Self::WatcherGate(session) => {
                Some(Component::Watcher(session))
            }
            Self::Queue(session) | Self::ReaderEnds(session) => Some(Component::Reader(session)),
            Self::Receive(..)
            | Self::Guard(..)
            | Self::Screen(..)
            | Self::Insert(..)
            | Self::Ask(..)
            | Self::Delete(..)
            | Self::ServerGate(..)
            | Self::ReceiveRelay
            | Self::StopServer
            | Self::Sweep(..)
            | Self::StopManager
            | Self::ServerEnds => Some(Component::Registry),
            Self::Handle(..) | Self::Relay | Self::ManagerEnds => Some(Component::Subscriber(SELECTOR)),
        }
    }
}

impl Task {
    fn component(self, session: SessionId) -> Component {
        match self {
            Self::Start => Component::Session(session),
            Self::Negotiation => Component::Handshake(session),
            Self::Watcher => Component::Watcher(session),
            Self::Reader => Component::Reader(session),
            Self::Server => Component::Registry,
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use Task::{Negotiation, Reader, Start, Watcher};
        match *self {
            Self::Attach(s) => write!(f, "{s} is given its connection"),
            Self::Verack(s) => write!(f, "{}: reads the verack", Of(Negotiation, s)),
            Self::VerackAgain(s) => write!(f, "{}: a second verack", Of(Reader, s)),
            Self::Panic(s) => write!(f, "{}: panics, recovers, disconnect = 1", Of(Negotiation, s)),
            Self::ReadError(s) => write!(f, "{}: finds the connection closed", Of(Negotiation, s)),
            Self::SetFlag(s) => write!(f, "{}: verAckReceived = true", Of(Negotiation, s)),
            Self::OnVerAck(s, by) => write!(f, "{}: OnVerAck", Of(by, s)),
            Self::CloseVerAck(s, by) => write!(f, "{}: close(verAckCh)", Of(by, s)),
            Self::SendAdd(s, by) => write!(f, "{}: add is sent", Of(by, s)),
            Self::Report(s) => write!(f, "{}: negotiateErr is sent", Of(Negotiation, s)),
            Self::Started(s) => write!(f, "{}: the handshake succeeded", Of(Start, s)),
            Self::StartFailed(s) => write!(f, "{}: the handshake failed", Of(Start, s)),
            Self::Expire(s) => write!(f, "{}: the negotiation timer fires, disconnect = 1", Of(Start, s)),
            Self::StartQuits(s) => write!(f, "{}: finds quit closed", Of(Start, s)),
            Self::Disconnect(s) => write!(f, "{s}: disconnect = 1"),
            Self::CloseQuit(s, by) => write!(f, "{}: close(quit) of {s}", Of(by, s)),
            Self::Wake(s, on) => write!(f, "{}: finds {on} closed", Of(Watcher, s)),
            Self::SetAdded(s) => write!(f, "{}: peerAdded = true", Of(Watcher, s)),
            Self::SendDone(s) => write!(f, "{}: done is sent", Of(Watcher, s)),
            Self::WatcherGate(s) => write!(f, "{}: looks whether to tell the sync manager", Of(Watcher, s)),
            Self::NewPeer(s, by) => write!(f, "{}: NewPeer of {s} is sent", Of(by, s)),
            Self::DonePeer(s, by) => write!(f, "{}: DonePeer of {s} is sent", Of(by, s)),
            Self::Evict(s, by) => write!(f, "{}: orphans of {s} are evicted", Of(by, s)),
            Self::Transaction(s) => write!(f, "{}: reads a transaction", Of(Reader, s)),
            Self::Queue(s) => write!(f, "{}: passes the transaction to the sync manager", Of(Reader, s)),
            Self::ReaderEnds(s) => write!(f, "{}: ends", Of(Reader, s)),
            Self::Receive(s, event) => write!(f, "server loop: receives {event} of {s}"),
            Self::Guard(s) => write!(f, "server loop: looks whether {s} is connected"),
            Self::Screen(s, Verdict::Admit) => write!(f, "server loop: admits {s}"),
            Self::Screen(s, Verdict::Reject) => write!(f, "server loop: rejects {s}"),
            Self::Insert(s) => write!(f, "server loop: inserts {s} into its map"),
            Self::Ask(s) => write!(f, "server loop: IsCurrent is sent on behalf of {s}"),
            Self::Delete(s) => write!(f, "server loop: deletes {s} from its map"),
            Self::ServerGate(s) => write!(f, "server loop: looks whether to tell the sync manager of {s}"),
            Self::DisconnectNode(s) => write!(f, "server loop: disconnectnode deletes {s}, disconnect = 1"),
            Self::ReceiveRelay => f.write_str("server loop: receives what is to be relayed"),
            Self::Block => f.write_str("a block is queued for the sync manager"),
            Self::Handle(message) => write!(f, "sync manager: handles {message}"),
            Self::Relay => f.write_str("sync manager: relays the block to the server loop"),
            Self::Stop => f.write_str("the node is to stop"),
            Self::StopServer => f.write_str("server loop: notices that the node is to stop"),
            Self::Sweep(s) => write!(f, "server loop: stopping, comes to {s}"),
            Self::StopManager => f.write_str("server loop: stops the sync manager"),
            Self::ManagerEnds => f.write_str("sync manager: ends"),
            Self::ServerEnds => f.write_str("server loop: empties its channels and ends"),
        }
    }
}

/// A task, with the session that it belongs to.
struct Of(Task, SessionId);

impl Display for Of {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(task, session) = self;
        match task {
            Task::Start => write!(f, "start of {session}"),
            Task::Negotiation => write!(f, "negotiation of {session}"),
            Task::Watcher => write!(f, "watcher of {session}"),
            Task::Reader => write!(f, "reader of {session}"),
            Task::Server => f.write_str("server loop"),
        }
    }
}

impl Display for Ready {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VerAck => "verAckCh",
            Self::Quit => "quit",
        })
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "add",
            Self::Done => "done",
        })
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewPeer(session) => write!(f, "NewPeer of {session}"),
            Self::DonePeer(session) => write!(f, "DonePeer of {session}"),
            Self::Transaction(session) => write!(f, "a transaction of {session}"),
            Self::Block => f.write_str("a block"),
            Self::IsCurrent => f.write_str("IsCurrent"),
        }
    }
}
