//! What the tester says: messages in words, as bytes, and as tokens of the model.

use handfast_spec::simopen::{Name, Nonce, Role, Token};
use serde::{Deserialize, Serialize};

use crate::simopen::historical::encode as frame;

/// One message of the tester, or bytes that are none.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// `/multistream/1.0.0`.
    Header,
    /// The extension.
    Simopen,
    /// `na`.
    Na,
    /// The protocol of the implementation with this index.
    Supported(usize),
    /// A protocol that it does not support.
    Unsupported(String),
    /// A text that is no name of a protocol.
    Word(String),
    /// A number.
    Select(Number),
    /// `select:` and a text that is no canonical number.
    BadSelect(String),
    /// A role.
    Role(Role),
    /// Bytes that are no message.
    Malformed(Malformed),
    /// The first bytes of a message of which no more comes.
    Torn(String),
    /// So many bytes of the layer above.
    Payload(usize),
}

/// A number, as it compares with that of the implementation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    /// Less: the implementation is the initiator.
    Less,
    /// The same: a tie.
    Equal,
    /// Greater: the implementation is the responder.
    Greater,
    /// Zero, whatever the implementation's is.
    Least,
    /// The greatest of 64 bits, whatever the implementation's is.
    Greatest,
}

/// Ways in which bytes are no message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Malformed {
    /// A length of 1,025, and as many bytes.
    TooLong,
    /// A length of three bytes.
    LongLength,
    /// A length that is written with a byte more than it needs.
    PaddedLength,
    /// A length of 0.
    Empty,
    /// A message that does not end with a line feed.
    NoLineFeed,
}

impl Malformed {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::TooLong, Self::LongLength, Self::PaddedLength, Self::Empty, Self::NoLineFeed];

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::TooLong => frame(&"/".repeat(1024)),
            Self::LongLength => vec![0x80, 0x80, 0x01],
            Self::PaddedLength => [&[0x84, 0x00][..], b"/ab\n"].concat(),
            Self::Empty => vec![0],
            Self::NoLineFeed => vec![3, b'n', b'a', b'!'],
        }
    }
}

/// Texts that are no canonical number of 64 bits.
pub(super) const BAD_NUMBERS: [&str; 7] = ["", "+5", "-1", " 5", "007", "5 ", "18446744073709551616"];

/// The number of a protocol that the implementation does not support.
pub(super) const UNKNOWN: Name = Name(u8::MAX);

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) bytes: Vec<u8>,
    /// What it is to the model. The layer above and a message that does not end are nothing to it.
    pub(super) token: Option<Token>,
    pub(super) is_payload: bool,
}

impl Message {
    /// Returns what is sent for it to an implementation with these protocols and this number, if that is known. Nothing, if
    /// there is no such number.
    pub(super) fn outgoing(&self, protocols: &[String], nonce: Option<u64>) -> Option<Outgoing> {
        let (bytes, token) = match self {
            Self::Header => (frame(HEADER), Some(Token::Header)),
            Self::Simopen => (frame(SIMOPEN), Some(Token::Simopen)),
            Self::Na => (frame("na"), Some(Token::Na)),
            Self::Supported(index) => (frame(protocols.get(*index)?), Some(Token::Protocol(name(*index)))),
            Self::Unsupported(text) => (frame(text), Some(Token::Protocol(UNKNOWN))),
            Self::Word(text) => (frame(text), Some(Token::Word)),
            Self::Select(number) => {
                let number = number.of(nonce)?;
                (frame(&format!("select:{number}")), Some(Token::Select(Nonce(number))))
            }
            Self::BadSelect(text) => (frame(&format!("select:{text}")), Some(Token::BadSelect)),
            Self::Role(role) => (frame(&role.to_string()), Some(Token::Role(*role))),
            Self::Malformed(how) => (how.bytes(), Some(Token::Garbage)),
            Self::Torn(text) => (frame(text)[..=text.len()].to_vec(), None),
            Self::Payload(length) => (payload(*length), None),
        };
        Some(Outgoing { bytes, token, is_payload: matches!(self, Self::Payload(_)) })
    }

    /// What it is among the events of the model, in a word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Simopen => "extension",
            Self::Na => "na",
            Self::Supported(0) => "first",
            Self::Supported(_) => "other",
            Self::Unsupported(_) => "unsupported",
            Self::Word(_) => "word",
            Self::Select(Number::Less | Number::Least) => "less",
            Self::Select(Number::Equal) => "equal",
            Self::Select(Number::Greater | Number::Greatest) => "greater",
            Self::BadSelect(_) => "bad-number",
            Self::Role(Role::Initiator) => "initiator",
            Self::Role(Role::Responder) => "responder",
            Self::Malformed(_) => "malformed",
            Self::Torn(_) => "torn",
            Self::Payload(_) => "payload",
        }
    }
}

impl Number {
    /// Before the implementation's number is known any will do: whatever it draws, the model is asked again then.
    fn of(self, nonce: Option<u64>) -> Option<u64> {
        match (self, nonce) {
            (Self::Least, _) | (Self::Less, None) => Some(0),
            (Self::Greatest, _) | (Self::Greater, None) => Some(u64::MAX),
            (Self::Equal, None) => Some(7),
            (Self::Less, Some(nonce)) => nonce.checked_sub(1),
            (Self::Equal, Some(nonce)) => Some(nonce),
            (Self::Greater, Some(nonce)) => nonce.checked_add(1),
        }
    }
}

pub(super) const HEADER: &str = "/multistream/1.0.0";
pub(super) const SIMOPEN: &str = "/libp2p/simultaneous-connect";

/// The number of a protocol of the implementation.
pub(super) fn name(index: usize) -> Name {
    u8::try_from(index).map_or(UNKNOWN, Name)
}

/// What the implementation says for a token; nothing for what none says.
pub(super) fn encode(token: Token, protocols: &[String]) -> Option<Vec<u8>> {
    Some(match token {
        Token::Header => frame(HEADER),
        Token::Simopen => frame(SIMOPEN),
        Token::Na => frame("na"),
        Token::Protocol(Name(index)) => frame(protocols.get(usize::from(index))?),
        Token::Select(Nonce(number)) => frame(&format!("select:{number}")),
        Token::Role(role) => frame(&role.to_string()),
        Token::Word | Token::BadSelect | Token::Garbage | Token::Payload(_) => return None,
    })
}

/// The tokens of what the implementation said, each with the index of the byte behind it, as far as they are messages.
pub(super) fn decode(bytes: &[u8], protocols: &[String]) -> Vec<(usize, Token)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((length, text)) = first(&bytes[at..]) {
        at += length;
        found.push((at, token(text, protocols)));
    }
    found
}

/// The first message: its length on the wire, and its text.
fn first(bytes: &[u8]) -> Option<(usize, &str)> {
    let (length, prefix) = match *bytes {
        [low @ 0..0x80, ..] => (usize::from(low), 1),
        [low, high @ 0..0x80, ..] => (usize::from(low & 0x7f) | usize::from(high) << 7, 2),
        _ => return None,
    };
    let text = bytes.get(prefix..prefix + length)?.strip_suffix(b"\n")?;
    Some((prefix + length, str::from_utf8(text).ok()?))
}

fn token(text: &str, protocols: &[String]) -> Token {
    match text {
        HEADER => Token::Header,
        SIMOPEN => Token::Simopen,
        "na" => Token::Na,
        "initiator" => Token::Role(Role::Initiator),
        "responder" => Token::Role(Role::Responder),
        text => match text.strip_prefix("select:") {
            Some(decimal) => match decimal.parse::<u64>() {
                Ok(number) if number.to_string() == decimal => Token::Select(Nonce(number)),
                Ok(_) | Err(_) => Token::BadSelect,
            },
            None if text.starts_with('/') => {
                Token::Protocol(protocols.iter().position(|name| name == text).map_or(UNKNOWN, name))
            }
            None => Token::Word,
        },
    }
}

/// The layer above, so many bytes of it. No byte of it is the first of a message that is complete soon.
fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|index| b'a' + (index % 26) as u8).collect()
}

/// What an implementation that has settled says first to the layer above.
pub(super) fn report(role: Role, protocol: &str) -> Vec<u8> {
    format!("{role} {protocol}\n").into_bytes()
}
