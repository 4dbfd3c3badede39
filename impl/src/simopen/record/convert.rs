//! What is said here, in the words and numbers of the model.

use handfast_spec::simopen::{self as spec, Name, Nonce, Token};

use crate::simopen::core::{Failure, Message, MessageError, Protocol, Role};

/// The numbers of protocols: those that this end supports, by their place, and one for every other.
#[derive(Default)]
pub(super) struct Names(Vec<Protocol>);

/// Every protocol that this end does not support.
const UNKNOWN: Name = Name(u8::MAX);

impl Names {
    /// None if there are more than there are numbers.
    pub(super) fn of(protocols: &[Protocol]) -> Option<Self> {
        (protocols.len() <= usize::from(UNKNOWN.0)).then(|| Self(protocols.to_vec()))
    }

    pub(super) fn number(&self, protocol: &Protocol) -> Name {
        let place = self.0.iter().position(|ours| ours == protocol).and_then(|place| u8::try_from(place).ok());
        place.map_or(UNKNOWN, Name)
    }

    /// Those of this end, in its order.
    pub(super) fn all(&self) -> Vec<Name> {
        self.0.iter().map(|protocol| self.number(protocol)).collect()
    }

    pub(super) fn token(&self, message: &Message) -> Token {
        match message {
            Message::Header => Token::Header,
            Message::Extension => Token::Simopen,
            Message::NotAvailable => Token::Na,
            Message::Select(nonce) => Token::Select(Nonce(*nonce)),
            Message::Role(theirs) => Token::Role(role(*theirs)),
            Message::Protocol(protocol) => Token::Protocol(self.number(protocol)),
        }
    }
}

/// What the model calls something that is no message. What has no meaning may have one for some other protocol.
pub(super) fn no_message(error: MessageError) -> Token {
    match error {
        MessageError::Nonce => Token::BadSelect,
        MessageError::Meaningless => Token::Payload(spec::Role::Initiator),
        MessageError::Length | MessageError::TooLong | MessageError::NoNewline => Token::Garbage,
    }
}

pub(super) fn role(role: Role) -> spec::Role {
    match role {
        Role::Initiator => spec::Role::Initiator,
        Role::Responder => spec::Role::Responder,
    }
}

/// To the model a message that has no meaning is one that has no place.
pub(super) fn failure(failure: &Failure) -> spec::Failure {
    match failure {
        Failure::Malformed(MessageError::Meaningless | MessageError::Nonce) => spec::Failure::Unexpected,
        Failure::Malformed(MessageError::Length | MessageError::TooLong | MessageError::NoNewline) => {
            spec::Failure::Malformed
        }
        Failure::NotMultistream => spec::Failure::NotMultistream,
        Failure::PlainDialer => spec::Failure::PlainDialer,
        Failure::Unexpected(_) => spec::Failure::Unexpected,
        Failure::BadNonce => spec::Failure::BadNonce,
        Failure::Tie => spec::Failure::Tie,
        Failure::SameRole(_) => spec::Failure::SameRole,
        Failure::TooManyProposals(_) => spec::Failure::TooManyProposals,
        Failure::NothingInCommon => spec::Failure::NothingInCommon,
        Failure::HungUp => spec::Failure::HungUp,
        Failure::Deadline => spec::Failure::Deadline,
    }
}
