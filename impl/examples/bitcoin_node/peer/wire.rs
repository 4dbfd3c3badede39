//! Bitcoin's messages on a stream of bytes.

use std::io;

use bitcoin::consensus::{deserialize_partial, encode, serialize};
use bitcoin::hashes::{Hash, HashEngine, sha256, sha256d};
use bitcoin::p2p::Magic;
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_network::VersionMessage;
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Magic (4 bytes), command (12), length of the payload (4), checksum (4).
const HEADER: usize = 24;

/// How long a payload may be, in bytes: Bitcoin Core's `MAX_PROTOCOL_MESSAGE_LENGTH`.
const MAX_PAYLOAD: usize = 4_000_000;

/// How long the payload of a message may be that is looked into. A version message with the longest user agent that
/// Bitcoin Core allows, 256 bytes, takes less than half of it.
const MAX_KEPT: usize = 1024;

const MAX_USER_AGENT: usize = 256;

/// What a message says, where that matters to this node.
#[derive(Debug)]
pub enum Message {
    Version(Box<VersionMessage>),
    Verack,
    Ping(u64),
    Pong(u64),
    GetHeaders,
    /// Any other: it was skipped, and its checksum was right.
    Other,
}

/// The codec. It never holds more of a message than it looks into: what is skipped is hashed as it comes in, so that a
/// header that claims four megabytes costs the sender four megabytes and us nothing.
pub struct Wire {
    magic: Magic,
    state: State,
}

enum State {
    BetweenMessages,
    /// The header is read.
    Within(Payload),
}

struct Payload {
    kind: Kind,
    left: usize,
    kept: Vec<u8>,
    hashed: Box<sha256::HashEngine>,
    checksum: [u8; 4],
}

#[derive(Clone, Copy)]
enum Kind {
    Version,
    Verack,
    Ping,
    Pong,
    GetHeaders,
    Other,
}

/// Why what a peer sent is no message. All but the first are its fault.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the peer speaks another network's or another protocol's language")]
    WrongMagic,
    #[error("the peer's command is not text padded with zeros")]
    GarbledCommand,
    #[error("the peer announced a {command} of {length} bytes")]
    TooLong { command: &'static str, length: usize },
    #[error("the checksum of the peer's message is wrong")]
    WrongChecksum,
    #[error("the peer's message is malformed: {0}")]
    Malformed(#[from] encode::Error),
    #[error("the peer's user agent has {0} bytes")]
    UserAgentTooLong(usize),
    #[error("the peer closed in the middle of a message")]
    Truncated,
}

impl Wire {
    pub fn new(magic: Magic) -> Self {
        Self { magic, state: State::BetweenMessages }
    }
}

impl Kind {
    fn of(command: &[u8; 12]) -> Result<Self, WireError> {
        let end = command.iter().position(|&byte| byte == 0).unwrap_or(command.len());
        let (name, padding) = command.split_at(end);
        if !name.iter().all(|byte| byte.is_ascii_graphic()) || padding.iter().any(|&byte| byte != 0) {
            return Err(WireError::GarbledCommand);
        }
        Ok(match name {
            b"version" => Self::Version,
            b"verack" => Self::Verack,
            b"ping" => Self::Ping,
            b"pong" => Self::Pong,
            b"getheaders" => Self::GetHeaders,
            _ => Self::Other,
        })
    }

    /// The name of the command if its payload is looked into.
    fn looked_into(self) -> Option<&'static str> {
        match self {
            Self::Version => Some("version"),
            Self::Ping => Some("ping"),
            Self::Pong => Some("pong"),
            Self::Verack | Self::GetHeaders | Self::Other => None,
        }
    }
}

impl Payload {
    fn announced_by(header: &[u8; HEADER]) -> Result<Self, WireError> {
        let part = |from: usize| [header[from], header[from + 1], header[from + 2], header[from + 3]];
        let mut command = [0; 12];
        command.copy_from_slice(&header[4..16]);
        let kind = Kind::of(&command)?;
        let length = u32::from_le_bytes(part(16)) as usize;
        let (most, command) = match kind.looked_into() {
            Some(command) => (MAX_KEPT, command),
            None => (MAX_PAYLOAD, "message"),
        };
        if length > most {
            return Err(WireError::TooLong { command, length });
        }
        let hashed = Box::new(sha256d::Hash::engine());
        Ok(Self { kind, left: length, kept: Vec::new(), hashed, checksum: part(20) })
    }

    fn take(&mut self, bytes: &mut BytesMut) {
        let taken = bytes.split_to(self.left.min(bytes.len()));
        self.left -= taken.len();
        self.hashed.input(&taken);
        if self.kind.looked_into().is_some() {
            self.kept.extend_from_slice(&taken);
        }
    }

    fn finish(mut self) -> Result<Message, WireError> {
        let hash = sha256d::Hash::from_engine(*self.hashed);
        if hash.as_byte_array()[..4] != self.checksum {
            return Err(WireError::WrongChecksum);
        }
        Ok(match self.kind {
            Kind::Version => {
                // The last byte says whether transactions are wanted. Some leave it out, and mean yes (BIP 37).
                self.kept.push(1);
                let (version, _) = deserialize_partial::<VersionMessage>(&self.kept)?;
                if version.user_agent.len() > MAX_USER_AGENT {
                    return Err(WireError::UserAgentTooLong(version.user_agent.len()));
                }
                Message::Version(Box::new(version))
            }
            Kind::Verack => Message::Verack,
            Kind::Ping => Message::Ping(deserialize_partial(&self.kept)?.0),
            Kind::Pong => Message::Pong(deserialize_partial(&self.kept)?.0),
            Kind::GetHeaders => Message::GetHeaders,
            Kind::Other => Message::Other,
        })
    }
}

/// Reading is cancel safe: what was read is in the codec or in the buffer that it is given again.
impl Decoder for Wire {
    type Item = Message;
    type Error = WireError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Message>, WireError> {
        if let State::BetweenMessages = self.state {
            // Whoever speaks another language is turned away at the first byte, and not waited for.
            if bytes.iter().zip(self.magic.to_bytes()).any(|(&byte, magic)| byte != magic) {
                return Err(WireError::WrongMagic);
            }
            let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
            self.state = State::Within(Payload::announced_by(header)?);
            bytes.advance(HEADER);
        }
        if let State::Within(payload) = &mut self.state {
            payload.take(bytes);
        }
        match std::mem::replace(&mut self.state, State::BetweenMessages) {
            State::Within(payload) if payload.left == 0 => payload.finish().map(Some),
            unfinished => {
                self.state = unfinished;
                Ok(None)
            }
        }
    }

    fn decode_eof(&mut self, bytes: &mut BytesMut) -> Result<Option<Message>, WireError> {
        match (self.decode(bytes)?, &self.state) {
            (Some(message), _) => Ok(Some(message)),
            (None, State::BetweenMessages) if bytes.is_empty() => Ok(None),
            (None, State::BetweenMessages | State::Within(_)) => Err(WireError::Truncated),
        }
    }
}

impl Encoder<NetworkMessage> for Wire {
    type Error = WireError;

    fn encode(&mut self, message: NetworkMessage, bytes: &mut BytesMut) -> Result<(), WireError> {
        bytes.extend_from_slice(&serialize(&RawNetworkMessage::new(self.magic, message)));
        Ok(())
    }
}
