//! The steps of btcd's tasks, and how they are shown. (long because: it is one list of words)

use derive_more::Display;
use handfast_spec::lifecycle::{Component, SELECTOR, SessionId};
use serde::{Deserialize, Serialize};

/// What can be attempted: one channel operation, one write of a flag or one check.
///
/// The letters and numbers are those of the specification's pseudo-code: S is `start`, N the negotiation, L the
/// watcher, I the reader, H the server loop, B the sync manager. A session or a message in an action says which one is
/// meant; where another one is next, the action is refused.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The connection is handed to its peer, and its tasks are spawned (S0 to S2).
    #[display("{_0} is given its connection")]
    Attach(SessionId),
    /// The peer's verack is read (N1).
    #[display("negotiation of {_0}: reads the verack")]
    Verack(SessionId),
    /// A second verack is accepted, which the wire does not allow.
    #[display("reader of {_0}: a second verack")]
    VerackAgain(SessionId),
    /// The negotiation panics, recovers, and sets the disconnect flag.
    #[display("negotiation of {_0}: panics, recovers, disconnect = 1")]
    Panic(SessionId),
    /// The negotiation finds the connection closed (N1).
    #[display("negotiation of {_0}: finds the connection closed")]
    ReadError(SessionId),
    /// The negotiation sets `verAckReceived` (N2).
    #[display("negotiation of {_0}: verAckReceived = true")]
    SetFlag(SessionId),
    /// `OnVerAck` is called (N3): it closes the channel or, where it checks first, looks at it.
    #[display("{}: OnVerAck", _1.of(_0))]
    OnVerAck(SessionId, Task),
    /// `OnVerAck`, having found the channel open, closes it.
    #[display("{}: close(verAckCh)", _1.of(_0))]
    CloseVerAck(SessionId, Task),
    /// An *add* event is sent (N3, L1).
    #[display("{}: add is sent", _1.of(_0))]
    SendAdd(SessionId, Task),
    /// The negotiation tells `start` how it went (N4).
    #[display("negotiation of {_0}: negotiateErr is sent")]
    Report(SessionId),
    /// `start` hears that the handshake succeeded, and spawns the reader (S4).
    #[display("start of {_0}: the handshake succeeded")]
    Started(SessionId),
    /// `start` hears that the handshake failed (S3).
    #[display("start of {_0}: the handshake failed")]
    StartFailed(SessionId),
    /// The negotiation timer fires in `start`, which sets the disconnect flag (S3).
    #[display("start of {_0}: the negotiation timer fires, disconnect = 1")]
    Expire(SessionId),
    /// `start` finds the connection disconnected (S3).
    #[display("start of {_0}: finds quit closed")]
    StartQuits(SessionId),
    /// The remote peer or this node sets the disconnect flag.
    #[display("{_0}: disconnect = 1")]
    Disconnect(SessionId),
    /// The task that set the disconnect flag closes the socket and the quit channel.
    #[display("{}: close(quit) of {_0}", _1.of(_0))]
    CloseQuit(SessionId, Task),
    /// The watcher wakes up (L0, L3).
    #[display("watcher of {_0}: finds {_1} closed")]
    Wake(SessionId, Ready),
    /// The watcher sets `peerAdded` (L2).
    #[display("watcher of {_0}: peerAdded = true")]
    SetAdded(SessionId),
    /// The watcher sends a *done* event (L5).
    #[display("watcher of {_0}: done is sent")]
    SendDone(SessionId),
    /// The watcher looks whether the sync manager is to be told.
    #[display("watcher of {_0}: looks whether to tell the sync manager")]
    WatcherGate(SessionId),
    /// `NewPeer` is sent to the sync manager (A8).
    #[display("{}: NewPeer of {_0} is sent", _1.of(_0))]
    NewPeer(SessionId, Task),
    /// `DonePeer` is sent to the sync manager (D3).
    #[display("{}: DonePeer of {_0} is sent", _1.of(_0))]
    DonePeer(SessionId, Task),
    /// The orphans of the peer are evicted (D4).
    #[display("{}: orphans of {_0} are evicted", _1.of(_0))]
    Evict(SessionId, Task),
    /// The peer sends a transaction, which is an orphan, and the reader reads it (I0).
    #[display("reader of {_0}: reads a transaction")]
    Transaction(SessionId),
    /// The reader passes the transaction to the sync manager, and waits (I2).
    #[display("reader of {_0}: passes the transaction to the sync manager")]
    Queue(SessionId),
    /// The reader notices the disconnect and ends (I3).
    #[display("reader of {_0}: ends")]
    ReaderEnds(SessionId),
    /// The server loop receives an event.
    #[display("server loop: receives {_1} of {_0}")]
    Receive(SessionId, Event),
    /// The server loop looks whether the peer is still connected (A0).
    #[display("server loop: looks whether {_0} is connected")]
    Guard(SessionId),
    /// The server loop examines the peer (A1 to A5).
    #[display("server loop: {_1} {_0}")]
    Screen(SessionId, Verdict),
    /// The server loop enters the peer into its map (A6).
    #[display("server loop: inserts {_0} into its map")]
    Insert(SessionId),
    /// The server loop asks the sync manager whether the chain is current, and waits for the answer (A9).
    #[display("server loop: IsCurrent is sent on behalf of {_0}")]
    Ask(SessionId),
    /// The server loop deletes the peer from its map (D0 to D2).
    #[display("server loop: deletes {_0} from its map")]
    Delete(SessionId),
    /// The server loop looks whether the sync manager is to be told (D3).
    #[display("server loop: looks whether to tell the sync manager of {_0}")]
    ServerGate(SessionId),
    /// The server loop serves the operator's `disconnectnode`: it deletes the peer and sets the disconnect flag.
    #[display("server loop: disconnectnode deletes {_0}, disconnect = 1")]
    DisconnectNode(SessionId),
    /// The server loop receives what is to be relayed.
    #[display("server loop: receives what is to be relayed")]
    ReceiveRelay,
    /// A block reaches the sync manager's channel.
    #[display("a block is queued for the sync manager")]
    Block,
    /// The sync manager handles its next message.
    #[display("sync manager: handles {_0}")]
    Handle(Message),
    /// The sync manager hands a block to the server loop.
    #[display("sync manager: relays the block to the server loop")]
    Relay,
    /// The node is to stop.
    #[display("the node is to stop")]
    Stop,
    /// The server loop notices that the node is to stop.
    #[display("server loop: notices that the node is to stop")]
    StopServer,
    /// The server loop, stopping, comes to this peer.
    #[display("server loop: stopping, comes to {_0}")]
    Sweep(SessionId),
    /// The server loop stops the sync manager.
    #[display("server loop: stops the sync manager")]
    StopManager,
    /// The sync manager ends.
    #[display("sync manager: ends")]
    ManagerEnds,
    /// The server loop empties its channels and ends.
    #[display("server loop: empties its channels and ends")]
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
    /// The reader of messages (I), which also stands for every other task that disconnects.
    Reader,
    /// `peerHandler` (H).
    Server,
}

/// What wakes the watcher.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// `OnVerAck` has closed its channel.
    #[display("verAckCh")]
    VerAck,
    /// The quit channel is closed.
    #[display("quit")]
    Quit,
}

/// What the server loop receives.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A peer has come.
    #[display("add")]
    Add,
    /// It has gone.
    #[display("done")]
    Done,
}

/// What the server loop makes of a peer.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may stay.
    #[display("admits")]
    Admit,
    /// It may not: its user agent, its address, the number of peers, the shutdown.
    #[display("rejects")]
    Reject,
}

/// What the sync manager receives.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A peer has come.
    #[display("NewPeer of {_0}")]
    NewPeer(SessionId),
    /// It has gone.
    #[display("DonePeer of {_0}")]
    DonePeer(SessionId),
    /// It sent a transaction.
    #[display("a transaction of {_0}")]
    Transaction(SessionId),
    /// A block, of which the other peers are to hear.
    #[display("a block")]
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

    /// The task in words, with the session that it belongs to.
    pub(super) fn of(self, session: &SessionId) -> String {
        match self {
            Self::Start => format!("start of {session}"),
            Self::Negotiation => format!("negotiation of {session}"),
            Self::Watcher => format!("watcher of {session}"),
            Self::Reader => format!("reader of {session}"),
            Self::Server => "server loop".to_owned(),
        }
    }
}
