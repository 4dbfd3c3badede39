//! Messages, and their bytes.

use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;

use thiserror::Error;
use unsigned_varint::decode;

use super::Role;

/// How long a message may be, its newline included and its length prefix not.
pub const MAX_FRAME: usize = 1024;

/// The first message of each end.
pub const HEADER: &str = "/multistream/1.0.0";

/// What a dialer says to learn whether the other end dialed too.
pub const EXTENSION: &str = "/libp2p/simultaneous-connect";

const NOT_AVAILABLE: &str = "na";
const INITIATOR: &str = "initiator";
const RESPONDER: &str = "responder";
const SELECT: &str = "select:";

/// The name of a protocol, such as `/noise`. Cloning it copies nothing.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Protocol(Arc<str>);

/// Why a name is not a protocol's.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum NameError {
    /// Names begin with a slash, so that they are told from everything else that is said.
    #[error("a protocol's name begins with a slash")]
    NoSlash,
    /// A newline ends the message.
    #[error("a protocol's name has no newline in it")]
    Newline,
    /// With its newline it is longer than [`MAX_FRAME`].
    #[error("a protocol's name has fewer than 1024 bytes")]
    TooLong,
    /// It is a word of the negotiation itself.
    #[error("the name belongs to the negotiation")]
    Reserved,
}

impl Protocol {
    /// Creates the protocol with this name.
    ///
    /// # Errors
    ///
    /// If it could not be told from what else is said, or not be said.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if !name.starts_with('/') {
            return Err(NameError::NoSlash);
        }
        if name.contains('\n') {
            return Err(NameError::Newline);
        }
        if name.len() >= MAX_FRAME {
            return Err(NameError::TooLong);
        }
        if name == HEADER || name == EXTENSION {
            return Err(NameError::Reserved);
        }
        Ok(Self(name.into()))
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Debug for Protocol {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

impl Display for Protocol {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// One message of a negotiation.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Message {
    /// `/multistream/1.0.0`: the first message of each end.
    Header,
    /// `/libp2p/simultaneous-connect`: the sender dialed, and speaks the extension.
    Extension,
    /// `na`: the answer to a proposal that is declined.
    NotAvailable,
    /// `select:` and the sender's number.
    Select(u64),
    /// `initiator` or `responder`: the role that the sender takes.
    Role(Role),
    /// The name of a protocol: a proposal, or the answer that accepts it.
    Protocol(Protocol),
    /// Any other text, such as `ls`. A responder declines it like a protocol that it does not support.
    Other(Text),
}

/// The text of a message that is none of the negotiation's words and no name of a protocol.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Text(Box<[u8]>);

impl Text {
    /// Returns the text, without length and newline. It may be any bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the text should have been a number: it begins with `select:`, and no canonical decimal follows.
    pub fn is_number(&self) -> bool {
        self.0.starts_with(SELECT.as_bytes())
    }
}

impl Debug for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum MessageError {
    /// The length is not a number as short as it can be.
    #[error("the length of a message is not a minimal varint")]
    Length,
    /// The message is longer than [`MAX_FRAME`].
    #[error("a message has more than 1024 bytes")]
    TooLong,
    /// The message does not end with a newline, or has no bytes at all.
    #[error("a message does not end with a newline")]
    NoNewline,
}

impl Message {
    /// Appends the message's bytes: its length, its text, a newline.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let decimal;
        let (prefix, text) = match self {
            Self::Header => ("", HEADER.as_bytes()),
            Self::Extension => ("", EXTENSION.as_bytes()),
            Self::NotAvailable => ("", NOT_AVAILABLE.as_bytes()),
            Self::Role(Role::Initiator) => ("", INITIATOR.as_bytes()),
            Self::Role(Role::Responder) => ("", RESPONDER.as_bytes()),
            Self::Protocol(protocol) => ("", protocol.name().as_bytes()),
            Self::Other(text) => ("", text.as_bytes()),
            Self::Select(nonce) => {
                decimal = nonce.to_string();
                (SELECT, decimal.as_bytes())
            }
        };
        let mut length = unsigned_varint::encode::usize_buffer();
        out.extend_from_slice(unsigned_varint::encode::usize(prefix.len() + text.len() + 1, &mut length));
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(text);
        out.push(b'\n');
    }

    /// Returns the message with this text, without length and newline.
    pub fn parse(text: &[u8]) -> Self {
        let message = match str::from_utf8(text) {
            Ok(HEADER) => Some(Self::Header),
            Ok(EXTENSION) => Some(Self::Extension),
            Ok(NOT_AVAILABLE) => Some(Self::NotAvailable),
            Ok(INITIATOR) => Some(Self::Role(Role::Initiator)),
            Ok(RESPONDER) => Some(Self::Role(Role::Responder)),
            Ok(text) => match text.strip_prefix(SELECT) {
                Some(decimal) => canonical(decimal).map(Self::Select),
                None => Protocol::new(text).map(Self::Protocol).ok(),
            },
            Err(_) => None,
        };
        message.unwrap_or_else(|| Self::Other(Text(text.into())))
    }
}

/// SIM-18: one way to write each number, and nothing wrapped or cut off.
fn canonical(decimal: &str) -> Option<u64> {
    let digits = decimal.bytes().all(|byte| byte.is_ascii_digit());
    let leading = decimal.len() > 1 && decimal.starts_with('0');
    // What is empty or too large does not parse.
    decimal.parse().ok().filter(|_| digits && !leading)
}

/// Puts messages together from bytes as they come, one message at a time.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// What has come of a message that is not complete: at most [`MAX_FRAME`] bytes and two of length.
    partial: Vec<u8>,
}

impl Decoder {
    /// Creates a decoder at the beginning of a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes up to the end of the next message, and no further. Returns how many it took, and the message if that
    /// completed it; it takes all of them if it did not.
    ///
    /// # Errors
    ///
    /// If no message begins like this; the length is judged before anything is kept for the rest.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<(usize, Option<Message>), MessageError> {
        if self.partial.is_empty()
            && let Some((taken, text)) = frame(bytes)?
        {
            return Ok((taken, Some(Message::parse(text))));
        }
        let before = self.partial.len();
        // No frame is longer, so that what is kept is bounded whatever comes.
        let room = (MAX_FRAME + LENGTH_BYTES).saturating_sub(before).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
        match frame(&self.partial)? {
            Some((length, text)) => {
                let message = Message::parse(text);
                self.partial.clear();
                Ok((length - before, Some(message)))
            }
            None => Ok((room, None)),
        }
    }

    /// Whether the last message is complete.
    pub fn is_between_messages(&self) -> bool {
        self.partial.is_empty()
    }
}

/// The bytes of the longest length.
const LENGTH_BYTES: usize = 2;

/// The first frame in `bytes`: its length, and the text in it. `None` if it is not complete.
fn frame(bytes: &[u8]) -> Result<Option<(usize, &[u8])>, MessageError> {
    // A third byte is not looked at: what is wrong with a length does not depend on how much of it has come.
    let prefix = &bytes[..bytes.len().min(LENGTH_BYTES)];
    let (length, rest) = match decode::u16(prefix) {
        Ok((length, rest)) => (usize::from(length), &bytes[prefix.len() - rest.len()..]),
        Err(decode::Error::Insufficient) if prefix.len() < LENGTH_BYTES => return Ok(None),
        Err(decode::Error::Insufficient | decode::Error::Overflow) => return Err(MessageError::TooLong),
        // The library may learn more ways in which a number is wrong.
        Err(_) => return Err(MessageError::Length),
    };
    if length > MAX_FRAME {
        return Err(MessageError::TooLong);
    }
    if length == 0 {
        return Err(MessageError::NoNewline);
    }
    let Some(line) = rest.get(..length) else { return Ok(None) };
    let text = line.strip_suffix(b"\n").ok_or(MessageError::NoNewline)?;
    Ok(Some((bytes.len() - rest.len() + length, text)))
}
