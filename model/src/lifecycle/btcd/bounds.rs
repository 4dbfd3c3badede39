//! How much of the node is looked at.

use serde::Serialize;

/// How much is looked at: how many connections, how much room, and which parts of the node around them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Bounds {
    /// Connections, at most [`Bounds::MOST_SESSIONS`].
    pub sessions: u8,
    /// Capacity of each channel that carries *add* or *done*, at most [`Bounds::MOST_ROOM`].
    pub events: u8,
    /// Capacity of the sync manager's channel, at most [`Bounds::MOST_ROOM`].
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

impl Bounds {
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
        blocks: 2,
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

    /// Whether a state holds this many sessions and this much room.
    pub(super) fn fits(&self) -> bool {
        self.sessions <= Self::MOST_SESSIONS && self.events <= Self::MOST_ROOM && self.messages <= Self::MOST_ROOM
    }

    /// Whether the server loop examines peers before it admits them: to reject some, or to admit nobody once the node
    /// is to stop.
    pub(super) fn screens(&self) -> bool {
        self.rejects.is_present() || self.shutdown.is_present()
    }
}
