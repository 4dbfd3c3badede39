//! What the designs differ in, and how much of the node around them is looked at.

use serde::Serialize;

/// The choices that tell one design from another, each on its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Switches {
    /// Who sends the *add* event.
    pub adder: Adder,
    /// How many channels carry *add* and *done*.
    pub channels: Channels,
    /// Who tells the sync manager that a peer is gone.
    pub teller: Teller,
    /// On what that depends.
    pub gate: Gate,
    /// Whether *add* of a dead peer is dropped (A0).
    pub guard: Guard,
    /// What the watcher does when the handshake is over and so is the connection.
    pub select: Select,
    /// How `OnVerAck` protects itself against a second call.
    pub signal: Signal,
    /// Whether `start` notices a disconnect while it waits for the handshake.
    pub start: StartWait,
    /// When the watcher is spawned.
    pub spawn: Spawn,
    /// What becomes of a connection that is handed to a peer that was disconnected already.
    pub attach: Attach,
    /// Whether the sync manager is told when the peer's version arrives, too.
    pub version: OnVersion,
    /// For whom the sync manager is told of the end.
    pub retract: Retract,
    /// What the sync manager does when the server loop has no room for what it relays.
    pub relay: Relay,
    /// Who evicts the orphans of a peer that is gone.
    pub evictor: Evictor,
    /// How the server loop ends.
    pub drain: Drain,
}

/// Who sends the *add* event.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Adder {
    /// The negotiation, in `OnVerAck`.
    Negotiation,
    /// The watcher, the sender of *done*.
    Watcher,
    /// Both: the new call was added and the old one was left.
    Both,
}

/// How many channels carry *add* and *done*.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Channels {
    /// One each; the server loop selects among them at random.
    Two,
    /// One for both: first in, first out.
    One,
}

/// Who tells the sync manager that a peer is gone.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Teller {
    /// The watcher, after it has sent *done*.
    Watcher,
    /// The server loop, when it handles *done*.
    Server,
}

/// On what it depends that the sync manager is told of the end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Gate {
    /// On nothing.
    Open,
    /// `VerAckReceived()`: the handshake completed.
    VerAck,
    /// `peerAdded`: the *add* event was sent.
    PeerAdded,
    /// The sync manager was told of the coming.
    Registered,
}

/// Whether the server loop drops the *add* of a peer that is not connected any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Guard {
    /// It does not look.
    Absent,
    /// It does.
    Present,
}

/// What the watcher does when both of its channels are closed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Select {
    /// Either, as Go's select does.
    Random,
    /// The handshake first.
    Biased,
}

/// How `OnVerAck` closes its channel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Signal {
    /// It closes it.
    Bare,
    /// It looks whether it is closed, and then closes it.
    Check,
    /// Once, whoever comes first.
    Once,
}

/// Whether `start` notices a disconnect while it waits for the handshake.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum StartWait {
    /// It waits for the negotiation or for the timer.
    Deaf,
    /// Or for the disconnect.
    Quit,
}

/// When the watcher is spawned.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Spawn {
    /// With the connection, whatever becomes of the handshake.
    Always,
    /// After a handshake that succeeded.
    AfterStart,
}

/// What becomes of a connection that is handed to a peer that was disconnected already.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Attach {
    /// It is used.
    Unchecked,
    /// It is closed.
    Checked,
}

/// Whether the sync manager is told when the peer's version arrives, too.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum OnVersion {
    /// It is not.
    Silent,
    /// The negotiation tells it, and the server loop tells it again.
    Tells,
}

/// For whom the sync manager is told of the end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Retract {
    /// For every peer that passes the gate.
    Always,
    /// Only for those that the server map still has.
    IfPresent,
}

/// What the sync manager does when the server loop has no room for what it relays.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Relay {
    /// It waits, and so does the server loop when it waits for the sync manager.
    Blocking,
    /// It waits, but the server loop keeps receiving while it waits for the sync manager.
    ReceivedWhileWaiting,
    /// There is always room.
    Unbounded,
}

/// Who evicts the orphans of a peer that is gone.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Evictor {
    /// The watcher, at its end.
    Watcher,
    /// The server loop, after it has sent `DonePeer`.
    Server,
    /// The sync manager, when it handles `DonePeer`.
    Manager,
}

/// How the server loop ends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Drain {
    /// It disconnects the peers of its map, stops the sync manager, and empties its channels once.
    OneShot,
    /// It disconnects every peer, serves until every *done* has come, and stops the sync manager when that is idle.
    UntilEmpty,
}

/// How much is looked at: how many connections, how much room, and which parts of the node around them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Extent {
    /// Connections, at most [`Extent::MOST_SESSIONS`].
    pub sessions: u8,
    /// Capacity of each channel that carries *add* or *done*, at most [`Extent::MOST_ROOM`].
    pub events: u8,
    /// Capacity of the sync manager's channel, at most [`Extent::MOST_ROOM`].
    pub messages: u8,
    /// Transactions that each peer sends; all are orphans. None: there is no reader.
    pub transactions: u8,
    /// Blocks that reach the sync manager and are relayed by the server loop. None: the server loop asks nothing.
    pub blocks: u8,
    /// The server loop rejects peers (A1 to A5).
    pub rejects: Part,
    /// An operator disconnects peers by `disconnectnode`.
    pub operator: Part,
    /// Somebody calls `OnVerAck` a second time.
    pub second_verack: Part,
    /// The connection is handed over after the peer was made, so that a disconnect may come first.
    pub attachment: Part,
    /// The negotiation may panic, and recovers by a disconnect.
    pub panics: Part,
    /// The node is stopped.
    pub shutdown: Part,
}

/// Whether a part of the node is looked at.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Part {
    /// It is not.
    Absent,
    /// It is.
    Present,
}

impl Part {
    /// Whether it is looked at.
    pub fn is_present(self) -> bool {
        match self {
            Self::Absent => false,
            Self::Present => true,
        }
    }
}

impl Extent {
    /// How many connections fit into a state.
    pub const MOST_SESSIONS: u8 = 2;
    /// How many entries of a channel fit into a state.
    pub const MOST_ROOM: u8 = 4;
    /// One peer, one place in each channel, and nothing else: what the race needs.
    pub const BASE: Self = Self {
        sessions: 1,
        events: 1,
        messages: 1,
        transactions: 0,
        blocks: 0,
        rejects: Part::Absent,
        operator: Part::Absent,
        second_verack: Part::Absent,
        attachment: Part::Absent,
        panics: Part::Absent,
        shutdown: Part::Absent,
    };
    /// As the base, with room for two events and three messages.
    pub const ROOMY: Self = Self { events: 2, messages: 3, ..Self::BASE };
    /// One peer and every part of the node that this model has.
    pub const WIDE: Self = Self {
        transactions: 1,
        blocks: 3,
        rejects: Part::Present,
        operator: Part::Present,
        second_verack: Part::Present,
        attachment: Part::Present,
        panics: Part::Present,
        shutdown: Part::Present,
        ..Self::BASE
    };
    /// Two peers that share the loops and the channels.
    pub const PAIR: Self = Self { sessions: 2, ..Self::BASE };

    /// Whether the server loop examines peers before it admits them: to reject some, or to admit nobody once the node
    /// is to stop.
    pub(super) fn screens(&self) -> bool {
        self.rejects.is_present() || self.shutdown.is_present()
    }
}
