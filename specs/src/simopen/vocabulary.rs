//! The vocabulary of simultaneous open: ends, messages, actions, outputs and refusals.

use serde::{Deserialize, Serialize};

/// One end of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// One end.
    Left,
    /// The other.
    Right,
}

impl End {
    /// Both ends.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The end at the other side of the connection.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// The end as an index.
    pub fn index(self) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }
}

/// What an end is in everything above the connection. Who dialed is another question: both ends may have.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It proposes protocols, and is the client of the protocol that is chosen.
    Initiator,
    /// It answers proposals, and is the server.
    Responder,
}

impl Role {
    /// The role of the end at the other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// What an end does with the connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It dialed, and speaks the simultaneous-connect extension.
    Simopen,
    /// It dialed, and proposes protocols without the extension.
    Plain,
    /// It dialed, and sends the payload of the last protocol that it proposes without waiting for the answer.
    Lazy,
    /// It accepted, and answers proposals.
    Listener,
    /// It says whatever it likes, whenever it likes.
    Hostile,
    /// It says what it hears. A connection to oneself does that.
    Reflector,
    /// It neither reads nor writes.
    #[default]
    Silent,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Simopen, Self::Plain, Self::Lazy, Self::Listener, Self::Hostile, Self::Reflector, Self::Silent];

    /// Whether it keeps to some version of the protocol.
    pub fn is_honest(self) -> bool {
        match self {
            Self::Simopen | Self::Plain | Self::Lazy | Self::Listener => true,
            Self::Hostile | Self::Reflector | Self::Silent => false,
        }
    }

    /// Whether it dialed without knowing the extension.
    pub fn is_unaware_dialer(self) -> bool {
        match self {
            Self::Plain | Self::Lazy => true,
            Self::Simopen | Self::Listener | Self::Hostile | Self::Reflector | Self::Silent => false,
        }
    }
}

/// A protocol that can be negotiated, such as `/noise`, by number.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Name(pub u8);

/// The number that decides who is the initiator.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Nonce(pub u64);

/// One message on the wire.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// `/multistream/1.0.0`, the first message of each end.
    Header,
    /// `/libp2p/simultaneous-connect`: *I dialed, and I can tell if you did too*.
    Simopen,
    /// A text that is none of the other words, and no name of a protocol: it has no slash. `iamclient`, which the extension
    /// was called at first, and `ls`, for example.
    Word,
    /// `na`: not that one.
    Na,
    /// The name of a protocol: a proposal by the initiator, an acceptance by the responder.
    Protocol(Name),
    /// `select:` and a canonical decimal number of 64 bits.
    Select(Nonce),
    /// `select:` and something else: a sign, a space, a leading zero, no digit, a number too large.
    BadSelect,
    /// `initiator` or `responder`: the role that the sender takes.
    Role(Role),
    /// Bytes that are no frame: too long, of a length that is not minimal, without an end of line.
    Garbage,
    /// The first bytes of the negotiated protocol, as that of this role says them.
    Payload(Role),
}

/// What can be attempted. Each is one message, one timer or one call.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The end's `connect` or `accept` returned, and it begins to negotiate.
    Start {
        /// Which end.
        end: End,
        /// The number that it drew, in case it is needed.
        nonce: Nonce,
    },
    /// The end's writer hands its next message to the connection.
    Write {
        /// Which end.
        end: End,
    },
    /// The end's reader takes the next message from the connection, or hears that there will be none.
    Read {
        /// Which end.
        end: End,
    },
    /// Nothing that the end writes is taken any more: its peer is gone, and its writer hears of it.
    Break {
        /// Which end.
        end: End,
    },
    /// Time passes at the end, less than is left until its deadline.
    Tick {
        /// Which end.
        end: End,
    },
    /// The end's deadline passes.
    Expire {
        /// Which end.
        end: End,
    },
    /// The end's caller drops the connection, at whatever point it is.
    Close {
        /// Which end.
        end: End,
    },
    /// A hostile end makes up its next message.
    Forge {
        /// Which end.
        end: End,
        /// The message.
        token: Token,
    },
}

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// What reads at an end: the negotiation, and then the layer above it.
    Reader(End),
    /// What writes at an end.
    Writer(End),
    /// An end's deadline.
    Timer(End),
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The end negotiates, with this number in case it is needed.
    Started(End, Nonce),
    /// The negotiation at this end handed a message to the connection.
    Said(End, Token),
    /// The negotiation at this end took a message from the connection.
    Heard(End, Token),
    /// The negotiation at this end learned that nothing more that it says is taken.
    Broken(End),
    /// Time passed at this end while it negotiated.
    Ticked(End),
    /// The end knows its role. An end without the extension knows it when it starts.
    Assumed(End, Role),
    /// The negotiation at this end succeeded: its caller has role, protocol and stream.
    Settled {
        /// Which end.
        end: End,
        /// Its role.
        role: Role,
        /// The protocol.
        protocol: Name,
        /// How many messages, each sent because of the one before it, led to this; the first needed none.
        flights: u8,
    },
    /// The negotiation at this end failed, and the connection is dropped.
    Failed(End, Failure),
    /// The end's caller dropped the connection.
    Closed(End),
    /// The layer above handed its first bytes to the connection.
    Sent(End, Role),
    /// The layer above took this from the connection.
    Received(End, Token),
}

/// Why a negotiation failed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The peer sent bytes that are no frame.
    Malformed,
    /// The peer's first message is not the header: it does not speak multistream-select.
    NotMultistream,
    /// The peer dialed too and does not know the extension: it answers with a proposal.
    PlainDialer,
    /// The peer sent a message that has no place here.
    Unexpected,
    /// The peer's number is not a canonical decimal of 64 bits.
    BadNonce,
    /// Both numbers are equal; another connection has other numbers.
    Tie,
    /// The peer takes the same role.
    SameRole,
    /// The peer proposed more protocols than this end declines.
    TooManyProposals,
    /// There is no protocol that both support.
    NothingInCommon,
    /// The peer closed the connection before anything was settled.
    HungUp,
    /// The deadline passed.
    Deadline,
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The end has not started.
    NotStarted,
    /// The end has started already, or is of a kind that has nothing to start.
    NothingToStart,
    /// The negotiation has ended, or the connection is dropped at this end.
    Over,
    /// There is nothing to write.
    NothingToWrite,
    /// The connection takes what is written.
    Whole,
    /// No time is left before the deadline.
    Due,
    /// There is time left before the deadline.
    Early,
    /// The connection holds no more messages in this direction.
    NoRoom,
    /// There is nothing to read, or nothing at the end that would.
    NothingToRead,
    /// The negotiation has heard all that it needs, and what follows is not for it.
    HeardEnough,
    /// The end is not hostile.
    NotHostile,
}

impl Action {
    /// The component that takes the action; `None` for the environment: when an end starts, what callers do, and what
    /// hostile ends say.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Start { .. } | Self::Close { .. } | Self::Forge { .. } => None,
            Self::Write { end } | Self::Break { end } => Some(Component::Writer(end)),
            Self::Read { end } => Some(Component::Reader(end)),
            Self::Tick { end } | Self::Expire { end } => Some(Component::Timer(end)),
        }
    }
}
