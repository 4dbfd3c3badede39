//! What the designs differ in.

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
    /// Once, for the first caller.
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

impl Switches {
    /// Before the repair, at `3eacced0`.
    pub const BEFORE: Self = Self {
        adder: Adder::Negotiation,
        channels: Channels::Two,
        teller: Teller::Watcher,
        gate: Gate::VerAck,
        guard: Guard::Present,
        select: Select::Random,
        signal: Signal::Bare,
        start: StartWait::Deaf,
        spawn: Spawn::Always,
        attach: Attach::Unchecked,
        version: OnVersion::Silent,
        retract: Retract::Always,
        relay: Relay::Blocking,
        evictor: Evictor::Watcher,
        drain: Drain::OneShot,
    };
    /// The first step of the repair, `091b7901`: one channel, and the server loop tells the sync manager.
    pub const FIX1: Self =
        Self { channels: Channels::One, teller: Teller::Server, evictor: Evictor::Server, ..Self::BEFORE };
    /// The second step, `ce913598`: the watcher is the only sender.
    pub const FIX2: Self = Self { adder: Adder::Watcher, ..Self::FIX1 };
    /// What was merged, `56613bb8`: the handshake is signalled once, and the gate is `peerAdded`.
    pub const MERGED: Self = Self { signal: Signal::Once, gate: Gate::PeerAdded, ..Self::FIX2 };
    /// What would have been right.
    pub const CORRECTED: Self = Self {
        gate: Gate::Registered,
        select: Select::Biased,
        start: StartWait::Quit,
        attach: Attach::Checked,
        relay: Relay::ReceivedWhileWaiting,
        evictor: Evictor::Manager,
        drain: Drain::UntilEmpty,
        ..Self::MERGED
    };
}
