//! Who is who, and what they say.

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
    /// `iamclient`, what the extension was called at first. Not a protocol name: it has no slash.
    Iamclient,
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
    /// A frame that no message has: too long, not minimal, without its end of line, of unknown content.
    Garbage,
    /// The first bytes of the negotiated protocol, as that of this role says them.
    Payload(Role),
}
