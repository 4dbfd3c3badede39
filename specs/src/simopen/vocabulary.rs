//! Actions, outputs and refusals of simultaneous open.

use serde::{Deserialize, Serialize};

use super::{End, Name, Nonce, Role, Token};

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
        /// Whose writer.
        end: End,
    },
    /// The end's reader takes the next message from the connection, or hears that there will be none.
    Read {
        /// Whose reader.
        end: End,
    },
    /// The end's deadline passes.
    Expire {
        /// Whose deadline.
        end: End,
    },
    /// The end's caller drops the connection, at whatever point it is.
    Close {
        /// Whose caller.
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
    /// The peer sent a frame that no message has.
    Malformed,
    /// The peer's first message is not the header: it does not speak multistream-select.
    NotMultistream,
    /// The peer dialed too and does not know the extension: it answers with a proposal.
    PlainDialer,
    /// The peer sent a message that has no place here.
    Unexpected,
    /// The peer's number is not a canonical decimal of 64 bits.
    BadNonce,
    /// Both numbers are equal; another connection will have others.
    Tie,
    /// The peer takes the same role.
    SameRole,
    /// The peer proposed more protocols than anybody should.
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
    /// The connection holds no more messages in this direction.
    NoRoom,
    /// There is nothing to read, or nobody who would.
    NothingToRead,
    /// The negotiation has heard all that it needs, and what follows is not for it.
    HeardEnough,
    /// The reader waits for the writer, or the writer for the reader. handfast's never do.
    Waits,
    /// The end is not hostile.
    NotHostile,
}

impl Action {
    /// The component that takes the action; `None` for the environment: when an end starts, what callers do, and what
    /// hostile ends say.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Start { .. } | Self::Close { .. } | Self::Forge { .. } => None,
            Self::Write { end } => Some(Component::Writer(end)),
            Self::Read { end } => Some(Component::Reader(end)),
            Self::Expire { end } => Some(Component::Timer(end)),
        }
    }
}
