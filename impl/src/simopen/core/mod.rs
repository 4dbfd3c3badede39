//! The negotiation without sockets, clock and chance: bytes in, bytes out.

mod message;
mod negotiation;

use thiserror::Error;

pub use message::{Decoder, EXTENSION, HEADER, MAX_FRAME, Message, MessageError, NameError, Protocol, Text};
pub use negotiation::{Negotiation, Settled};

/// Which part an end plays in everything above the negotiation. It is no question of who dialed: with a simultaneous
/// open both ends did.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// It proposes, and goes first: the client of TLS, the initiator of Noise.
    Initiator,
    /// It answers.
    Responder,
}

impl Role {
    /// Returns the other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// Why a negotiation failed. Nothing more is written after it, and the connection is of no use.
#[derive(Clone, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The peer sent bytes that are no message.
    #[error("the peer sent no message: {0}")]
    Malformed(MessageError),
    /// The peer's first message is not the header.
    #[error("the peer does not speak multistream-select 1.0")]
    NotMultistream,
    /// The peer dialed at the same time and does not speak the extension for that: it proposes at once. (SIM-7)
    #[error("the peer dialed too, and does not know what to do about it")]
    PlainDialer,
    /// The peer said something that has no place here.
    #[error("the peer said {0:?} where that has no place")]
    Unexpected(Box<Message>),
    /// The peer's number, which was due, is not a canonical decimal of 64 bits. (SIM-18)
    #[error("the peer's number is not a canonical decimal of 64 bits")]
    BadNonce,
    /// Both ends drew the same number; or the peer is this very end, or sends everything back. The peer was told this
    /// end's number, so that it knows too. Another connection has other numbers. (SIM-6)
    #[error("both ends drew the same number")]
    Tie,
    /// The peer takes the role that is ours.
    #[error("the peer takes the same role: {0:?}")]
    SameRole(Role),
    /// The peer proposed more than the limit of [`Negotiation::with_proposal_limit`].
    #[error("the peer proposed more than {0} protocols in vain")]
    TooManyProposals(u16),
    /// There is no protocol that both speak: the initiator has nothing more to propose. (SIM-22, SIM-44)
    #[error("there is no protocol that both ends speak")]
    NothingInCommon,
    /// The peer closed the connection, before a proposal was declined or in the middle of a message.
    #[error("the peer closed the connection before anything was settled")]
    HungUp,
    /// The deadline passed.
    #[error("nothing was settled before the deadline")]
    Deadline,
}
