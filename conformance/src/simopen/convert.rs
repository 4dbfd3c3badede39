//! What the model's tokens are on the wire, and what the product's failures are called.

use handfast::simopen::core::{self as product, Message};
use handfast_spec::simopen::{Failure, Name, Nonce, Role, Token};

/// The protocol with this number.
pub(super) fn protocol(Name(number): Name) -> product::Protocol {
    product::Protocol::new(&format!("/protocol/{number}")).expect("it is a name")
}

/// The number of a protocol.
pub(super) fn name(protocol: &product::Protocol) -> Name {
    number(protocol.name())
}

/// The number of the protocol with this name.
pub(super) fn number(name: &str) -> Name {
    let number = name.strip_prefix("/protocol/").and_then(|number| number.parse().ok());
    Name(number.expect("there are no other protocols here"))
}

pub(super) fn role(role: product::Role) -> Role {
    match role {
        product::Role::Initiator => Role::Initiator,
        product::Role::Responder => Role::Responder,
    }
}

/// A token's bytes.
pub(super) fn bytes(token: Token) -> Vec<u8> {
    let message = match token {
        Token::Header => Message::Header,
        Token::Simopen => Message::Extension,
        Token::Na => Message::NotAvailable,
        Token::Protocol(name) => Message::Protocol(protocol(name)),
        Token::Select(Nonce(nonce)) => Message::Select(nonce),
        Token::Role(Role::Initiator) => Message::Role(product::Role::Initiator),
        Token::Role(Role::Responder) => Message::Role(product::Role::Responder),
        Token::Word => return b"\x0aiamclient\n".to_vec(),
        Token::BadSelect => return b"\x0bselect:007\n".to_vec(),
        Token::Garbage => return b"\x02no".to_vec(),
        // A frame by chance, and none of the negotiation.
        Token::Payload(Role::Initiator) => return b"\x06hello\n".to_vec(),
        Token::Payload(Role::Responder) => return b"\x08welcome\n".to_vec(),
    };
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

/// The messages that are pending, with the length of each.
pub(super) fn pending(bytes: &[u8]) -> Vec<(Token, usize)> {
    let mut messages = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, message) = product::Decoder::new().decode(rest).expect("a negotiation says messages");
        let token = match message.expect("whole ones") {
            Message::Header => Token::Header,
            Message::Extension => Token::Simopen,
            Message::NotAvailable => Token::Na,
            Message::Select(nonce) => Token::Select(Nonce(nonce)),
            Message::Role(ours) => Token::Role(role(ours)),
            Message::Protocol(protocol) => Token::Protocol(name(&protocol)),
            Message::Other(text) => panic!("a negotiation says {text:?}"),
        };
        messages.push((token, length));
        rest = &rest[length..];
    }
    messages
}

pub(super) fn failure(failure: &product::Failure) -> Failure {
    match failure {
        product::Failure::Malformed(_) => Failure::Malformed,
        product::Failure::NotMultistream => Failure::NotMultistream,
        product::Failure::PlainDialer => Failure::PlainDialer,
        product::Failure::BadNonce => Failure::BadNonce,
        product::Failure::Tie => Failure::Tie,
        product::Failure::SameRole(_) => Failure::SameRole,
        product::Failure::TooManyProposals(_) => Failure::TooManyProposals,
        product::Failure::NothingInCommon => Failure::NothingInCommon,
        product::Failure::HungUp => Failure::HungUp,
        product::Failure::Deadline => Failure::Deadline,
        // The product may learn more; none of them is foreseen.
        _ => Failure::Unexpected,
    }
}
