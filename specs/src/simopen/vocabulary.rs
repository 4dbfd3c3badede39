//! The vocabulary of simultaneous open: ends, messages, actions, outputs and refusals.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::End;

/// What an end is in everything above the connection. Who dialed is another question: both ends may have.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It proposes protocols, and is the client of the protocol that is chosen.
    #[display("initiator")]
    Initiator,
    /// It answers proposals, and is the server.
    #[display("responder")]
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
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It dialed, and speaks the simultaneous-connect extension.
    #[display("simopen dialer")]
    Simopen,
    /// It dialed, and proposes protocols without the extension.
    #[display("plain dialer")]
    Plain,
    /// It dialed, and sends the payload of the last protocol that it proposes without waiting for the answer.
    #[display("lazy dialer")]
    Lazy,
    /// It accepted, and answers proposals.
    #[display("listener")]
    Listener,
    /// It says whatever it likes, whenever it likes.
    #[display("hostile peer")]
    Hostile,
    /// It says what it hears. A connection to oneself does that.
    #[display("reflector")]
    Reflector,
    /// It neither reads nor writes.
    #[default]
    #[display("silent peer")]
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
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("/p{_0}")]
pub struct Name(pub u8);

/// The number that decides who is the initiator.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Nonce(pub u64);

/// One message on the wire.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// `/multistream/1.0.0`, the first message of each end.
    #[display("/multistream/1.0.0")]
    Header,
    /// `/libp2p/simultaneous-connect`: *I dialed, and I can tell if you did too*.
    #[display("/libp2p/simultaneous-connect")]
    Simopen,
    /// A text that is none of the other words, and no name of a protocol: it has no slash. `iamclient`, which the extension
    /// was called at first, and `ls`, for example.
    #[display("iamclient, or another word")]
    Word,
    /// `na`: not that one.
    #[display("na")]
    Na,
    /// The name of a protocol: a proposal by the initiator, an acceptance by the responder.
    Protocol(Name),
    /// `select:` and a canonical decimal number of 64 bits.
    #[display("select:{_0}")]
    Select(Nonce),
    /// `select:` and something else: a sign, a space, a leading zero, no digit, a number too large.
    #[display("select: and no canonical number")]
    BadSelect,
    /// `initiator` or `responder`: the role that the sender takes.
    Role(Role),
    /// Bytes that are no frame: too long, of a length that is not minimal, without an end of line.
    #[display("garbage")]
    Garbage,
    /// The first bytes of the negotiated protocol, as that of this role says them.
    #[display("payload of the {_0}")]
    Payload(Role),
}

/// What can be attempted. Each is one message, one timer or one call.
#[expect(missing_docs, reason = "the types of its fields say what they are")]
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The end's `connect` or `accept` returned, and it begins to negotiate with the number that it drew, in case it is
    /// needed.
    #[display("{end} starts with {nonce}")]
    Start { end: End, nonce: Nonce },
    /// The end's writer hands its next message to the connection.
    #[display("{end} writes")]
    Write { end: End },
    /// The end's reader takes the next message from the connection, or hears that there will be none.
    #[display("{end} reads")]
    Read { end: End },
    /// Nothing that the end writes is taken any more: its peer is gone, and its writer hears of it.
    #[display("nothing more that {end} writes is taken")]
    Break { end: End },
    /// Time passes at the end, less than is left until its deadline.
    #[display("time passes at {end}")]
    Tick { end: End },
    /// The end's deadline passes.
    #[display("deadline of {end} passes")]
    Expire { end: End },
    /// The end's caller drops the connection, at whatever point it is.
    #[display("{end} is closed")]
    Close { end: End },
    /// A hostile end makes up its next message.
    #[display("{end} makes up {token}")]
    Forge { end: End, token: Token },
}

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// What reads at an end: the negotiation, and then the layer above it.
    #[display("{_0} reader")]
    Reader(End),
    /// What writes at an end.
    #[display("{_0} writer")]
    Writer(End),
    /// An end's deadline.
    #[display("{_0} deadline")]
    Timer(End),
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The end negotiates, with this number in case it is needed.
    #[display("{_0} negotiates with {_1} at hand")]
    Started(End, Nonce),
    /// The negotiation at this end handed a message to the connection.
    #[display("{_0} says {_1}")]
    Said(End, Token),
    /// The negotiation at this end took a message from the connection.
    #[display("{_0} hears {_1}")]
    Heard(End, Token),
    /// The negotiation at this end learned that nothing more that it says is taken.
    #[display("{_0} can say no more")]
    Broken(End),
    /// Time passed at this end while it negotiated.
    #[display("the clock of {_0} has moved")]
    Ticked(End),
    /// The end knows its role. An end without the extension knows it when it starts.
    #[display("{_0} is the {_1}")]
    Assumed(End, Role),
    /// The negotiation at this end succeeded: its caller has role, protocol and stream.
    #[display("{end} settles as {role} on {protocol} after {flights} flights")]
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
    #[display("{_0} fails: {_1}")]
    Failed(End, Failure),
    /// The end's caller dropped the connection.
    #[display("{_0} is gone")]
    Closed(End),
    /// The layer above handed its first bytes to the connection.
    #[display("upper layer of {_0} sends as {_1}")]
    Sent(End, Role),
    /// The layer above took this from the connection.
    #[display("upper layer of {_0} receives {_1}")]
    Received(End, Token),
}

/// Why a negotiation failed.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The peer sent bytes that are no frame.
    #[display("the peer's frame is malformed")]
    Malformed,
    /// The peer's first message is not the header: it does not speak multistream-select.
    #[display("the peer does not speak multistream-select")]
    NotMultistream,
    /// The peer dialed too and does not know the extension: it answers with a proposal.
    #[display("the peer dialed too and does not know the extension")]
    PlainDialer,
    /// The peer sent a message that has no place here.
    #[display("the peer's message has no place here")]
    Unexpected,
    /// The peer's number is not a canonical decimal of 64 bits.
    #[display("the peer's number is not canonical")]
    BadNonce,
    /// Both numbers are equal; another connection has other numbers.
    #[display("both numbers are equal")]
    Tie,
    /// The peer takes the same role.
    #[display("the peer takes the same role")]
    SameRole,
    /// The peer proposed more protocols than this end declines.
    #[display("the peer proposes too many protocols")]
    TooManyProposals,
    /// There is no protocol that both support.
    #[display("there is no protocol in common")]
    NothingInCommon,
    /// The peer closed the connection before anything was settled.
    #[display("the peer closed the connection")]
    HungUp,
    /// The deadline passed.
    #[display("the deadline has passed")]
    Deadline,
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The end has not started.
    #[display("the end has not started")]
    NotStarted,
    /// The end has started already, or is of a kind that has nothing to start.
    #[display("the end has nothing to start")]
    NothingToStart,
    /// The negotiation has ended, or the connection is dropped at this end.
    #[display("it is over at this end")]
    Over,
    /// There is nothing to write.
    #[display("there is nothing to write")]
    NothingToWrite,
    /// The connection takes what is written.
    #[display("the connection takes what is written")]
    Whole,
    /// No time is left before the deadline.
    #[display("no time is left before the deadline")]
    Due,
    /// There is time left before the deadline.
    #[display("there is time left before the deadline")]
    Early,
    /// The connection holds no more messages in this direction.
    #[display("the connection holds no more")]
    NoRoom,
    /// There is nothing to read, or nothing at the end that would.
    #[display("there is nothing to read")]
    NothingToRead,
    /// The negotiation has heard all that it needs, and what follows is not for it.
    #[display("the negotiation has heard all that it needs")]
    HeardEnough,
    /// The end is not hostile.
    #[display("the end is not hostile")]
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
