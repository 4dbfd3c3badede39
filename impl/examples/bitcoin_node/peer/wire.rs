//! Bitcoin's messages on a stream of bytes.

use std::io;

use bitcoin::VarInt;
use bitcoin::block::Header;
use bitcoin::consensus::{Decodable, encode, serialize};
use bitcoin::hashes::{Hash, HashEngine, sha256, sha256d};
use bitcoin::p2p::Magic;
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_blockdata::Inventory;
use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::follow::MOST_HEADERS;

/// Magic (4 bytes), command (12), length of the payload (4), checksum (4).
const HEADER: usize = 24;

/// How long a payload may be, in bytes: Bitcoin Core's `MAX_PROTOCOL_MESSAGE_LENGTH`.
const MAX_PAYLOAD: usize = 4_000_000;

/// How much of a payload is looked into. A version message with the longest user agent that Bitcoin Core allows, 256 bytes,
/// takes less than half of it; what is behind it is for later versions of the protocol.
const MAX_KEPT: usize = 1024;

/// The same of the longest message with headers: their number, and each with the number of its transactions, which is 0.
const MAX_HEADERS: usize = 3 + MOST_HEADERS * 81;

const MAX_USER_AGENT: usize = 256;

/// What a peer may call itself by, as Bitcoin Core shows it: other characters could end a line or move a cursor.
const PRINTABLE: &[u8] = b" .,;-_/:?@()";

/// What a message says, where that matters to this node.
#[derive(Debug)]
pub enum Message {
    Version(Version),
    Verack,
    Ping(u64),
    Pong(u64),
    GetHeaders,
    Headers(Vec<Header>),
    /// Some of what a peer has is a block.
    NewBlock,
    /// Any other: it was skipped, and its checksum was right.
    Other,
    /// It says nothing. The peer is kept, as Bitcoin Core does.
    Dropped(Flaw),
}

/// A version message, as far as the peer sent it: old ones end behind the first address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version {
    pub version: i32,
    /// 0 if there is none.
    pub nonce: u64,
    /// Without what is not printable.
    pub user_agent: String,
    /// -1 if there is none.
    pub start_height: i32,
}

/// What is wrong with a message of which it is known where it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Flaw {
    #[error("its command is not text padded with zeros")]
    Command,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("it is too short")]
    Short,
    #[error("it is not a list of headers")]
    Headers,
}

/// The codec. It never holds more of a message than it looks into: what is skipped is hashed as it comes in, so that a
/// header that claims four megabytes costs the sender four megabytes and us nothing.
pub struct Wire {
    magic: Magic,
    state: State,
    read: u64,
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
    Headers,
    Inventory,
    Other,
    Garbled,
}

/// Why what a peer sent is no message. All but the first are its fault.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the peer speaks another network's or another protocol's language")]
    WrongMagic,
    #[error("the peer announced a message of {0} bytes")]
    TooLong(usize),
    #[error("the peer's version message is malformed: {0}")]
    Malformed(#[from] encode::Error),
    #[error("the peer's user agent has {0} bytes")]
    UserAgentTooLong(u64),
    #[error("the peer closed in the middle of a message")]
    Truncated,
}

impl Wire {
    pub fn new(magic: Magic) -> Self {
        Self { magic, state: State::BetweenMessages, read: 0 }
    }

    /// Returns how many bytes of payloads it has read.
    pub fn read(&self) -> u64 {
        self.read
    }
}

impl Kind {
    fn of(command: &[u8; 12]) -> Self {
        let end = command.iter().position(|&byte| byte == 0).unwrap_or(command.len());
        let (name, padding) = command.split_at(end);
        if !name.iter().all(|byte| byte.is_ascii_graphic()) || padding.iter().any(|&byte| byte != 0) {
            return Self::Garbled;
        }
        match name {
            b"version" => Self::Version,
            b"verack" => Self::Verack,
            b"ping" => Self::Ping,
            b"pong" => Self::Pong,
            b"getheaders" => Self::GetHeaders,
            b"headers" => Self::Headers,
            b"inv" => Self::Inventory,
            _ => Self::Other,
        }
    }

    /// How much of its payload is looked into.
    fn kept(self) -> usize {
        match self {
            Self::Version | Self::Ping | Self::Pong | Self::Inventory => MAX_KEPT,
            Self::Headers => MAX_HEADERS,
            Self::Verack | Self::GetHeaders | Self::Other | Self::Garbled => 0,
        }
    }
}

impl Payload {
    fn announced_by(header: &[u8; HEADER]) -> Result<Self, WireError> {
        let part = |from: usize| [header[from], header[from + 1], header[from + 2], header[from + 3]];
        let mut command = [0; 12];
        command.copy_from_slice(&header[4..16]);
        let kind = Kind::of(&command);
        let length = u32::from_le_bytes(part(16)) as usize;
        if length > MAX_PAYLOAD {
            return Err(WireError::TooLong(length));
        }
        let hashed = Box::new(sha256d::Hash::engine());
        Ok(Self { kind, left: length, kept: Vec::new(), hashed, checksum: part(20) })
    }

    /// Returns how many bytes it takes.
    fn take(&mut self, bytes: &mut BytesMut) -> usize {
        let taken = bytes.split_to(self.left.min(bytes.len()));
        self.left -= taken.len();
        self.hashed.input(&taken);
        let kept = taken.len().min(self.kind.kept() - self.kept.len());
        self.kept.extend_from_slice(&taken[..kept]);
        taken.len()
    }

    fn finish(self) -> Result<Message, WireError> {
        let hash = sha256d::Hash::from_engine(*self.hashed);
        if hash.as_byte_array()[..4] != self.checksum {
            return Ok(Message::Dropped(Flaw::Checksum));
        }
        let nonce = || self.kept.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let short = Message::Dropped(Flaw::Short);
        Ok(match self.kind {
            Kind::Version => Message::Version(Version::read(&self.kept)?),
            Kind::Verack => Message::Verack,
            Kind::Ping => nonce().map_or(short, Message::Ping),
            Kind::Pong => nonce().map_or(short, Message::Pong),
            Kind::GetHeaders => Message::GetHeaders,
            Kind::Headers => headers(&self.kept).map_or(Message::Dropped(Flaw::Headers), Message::Headers),
            Kind::Inventory if has_block(&self.kept) => Message::NewBlock,
            Kind::Inventory => Message::Other,
            Kind::Other => Message::Other,
            Kind::Garbled => Message::Dropped(Flaw::Command),
        })
    }
}

impl Version {
    /// Reads as much as there is, as Bitcoin Core does: each part behind the first address may be missing.
    fn read(mut bytes: &[u8]) -> Result<Self, WireError> {
        /// Services (8 bytes), time (8), the receiver's address (26).
        const SKIPPED: usize = 42;
        /// The sender's address.
        const ADDRESS: usize = 26;
        let version = i32::consensus_decode(&mut bytes)?;
        skip(&mut bytes, SKIPPED)?;
        let mut read = Self { version, nonce: 0, user_agent: String::new(), start_height: -1 };
        if !bytes.is_empty() {
            skip(&mut bytes, ADDRESS)?;
            read.nonce = u64::consensus_decode(&mut bytes)?;
        }
        if !bytes.is_empty() {
            let length = VarInt::consensus_decode(&mut bytes)?.0;
            let name = usize::try_from(length).ok().filter(|&length| length <= MAX_USER_AGENT);
            let name = name.ok_or(WireError::UserAgentTooLong(length))?;
            read.user_agent = printable(skip(&mut bytes, name)?);
        }
        if !bytes.is_empty() {
            read.start_height = i32::consensus_decode(&mut bytes)?;
        }
        Ok(read)
    }
}

/// The headers of a message with nothing but headers.
fn headers(mut bytes: &[u8]) -> Result<Vec<Header>, encode::Error> {
    let count = VarInt::consensus_decode(&mut bytes)?.0;
    let mut headers = Vec::new();
    for _ in 0..count {
        headers.push(Header::consensus_decode(&mut bytes)?);
        VarInt::consensus_decode(&mut bytes)?;
    }
    Ok(headers)
}

/// Whether one of the first things in an inventory is a block. What is not kept of a long one is transactions, mostly.
fn has_block(mut bytes: &[u8]) -> bool {
    let is_block = |bytes: &mut &[u8]| match Inventory::consensus_decode(bytes) {
        Ok(item) => Some(matches!(item, Inventory::Block(_) | Inventory::WitnessBlock(_))),
        Err(_) => None,
    };
    let count = VarInt::consensus_decode(&mut bytes).map_or(0, |count| count.0);
    (0..count).map_while(|_| is_block(&mut bytes)).any(|is_block| is_block)
}

/// Takes so many bytes off the front.
fn skip<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], WireError> {
    let missing = || WireError::Malformed(encode::Error::ParseFailed("it ends too early"));
    let (skipped, rest) = bytes.split_at_checked(count).ok_or_else(missing)?;
    *bytes = rest;
    Ok(skipped)
}

fn printable(name: &[u8]) -> String {
    let is_printable = |byte: &&u8| byte.is_ascii_alphanumeric() || PRINTABLE.contains(byte);
    name.iter().filter(is_printable).map(|&byte| char::from(byte)).collect()
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
            self.read += payload.take(bytes) as u64;
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
