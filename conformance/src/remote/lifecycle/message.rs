//! Bitcoin's messages as bytes, as far as the tester says and hears them.

use bitcoin::hashes::{Hash as _, sha256d};
use serde::{Deserialize, Serialize};

/// Magic (4 bytes), command (12), length of the payload (4), checksum (4).
const HEADER: usize = 24;

/// More than a node has to say in one message, in bytes.
const LONGEST: usize = 4_000_000;

/// Something that the tester sends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A version message with this number.
    Version(i32),
    /// A verack.
    Verack,
    /// A ping that is not to be answered: nothing of its session counts yet, or its checksum is wrong.
    Ping,
    /// A message with a command that no node knows.
    Unknown,
    /// This message with a wrong checksum.
    Corrupt(Box<Message>),
    /// The first half of this message.
    Torn(Box<Message>),
    /// A ping of another network.
    OtherNetwork,
    /// The header of a ping with a payload of 4 GiB.
    Oversized,
}

impl Message {
    /// Whether a node knows of a peer by it.
    pub(super) fn introduces(&self) -> bool {
        matches!(self, Self::Version(_))
    }

    /// The bytes. `nonce` is the one of the version, or of the ping.
    pub(super) fn bytes(&self, magic: [u8; 4], nonce: u64) -> Vec<u8> {
        match self {
            Self::Version(number) => encode(magic, "version", &version(*number, nonce)),
            Self::Verack => encode(magic, "verack", &[]),
            Self::Ping => ping(magic, nonce),
            Self::Unknown => encode(magic, "nobodyknows", &[1; 8]),
            Self::Corrupt(message) => {
                let mut bytes = message.bytes(magic, nonce);
                bytes[20] ^= 1;
                bytes
            }
            Self::Torn(message) => {
                let mut bytes = message.bytes(magic, nonce);
                bytes.truncate(bytes.len() / 2);
                bytes
            }
            Self::OtherNetwork => ping(magic.map(|byte| !byte), nonce),
            Self::Oversized => {
                let mut bytes = ping(magic, nonce);
                bytes.truncate(HEADER);
                bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
                bytes
            }
        }
    }
}

pub(super) fn ping(magic: [u8; 4], nonce: u64) -> Vec<u8> {
    encode(magic, "ping", &nonce.to_le_bytes())
}

/// A message that lasts: what is sent of it byte by byte is long not whole.
pub(super) fn long(magic: [u8; 4]) -> Vec<u8> {
    encode(magic, "nobodyknows", &[0; 4000])
}

fn encode(magic: [u8; 4], command: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(command.bytes());
    bytes.resize(16, 0);
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(&sha256d::Hash::hash(payload).as_byte_array()[..4]);
    bytes.extend(payload);
    bytes
}

/// Where a version message has its nonce.
const NONCE: usize = 72;

fn version(number: i32, nonce: u64) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    // Services: full blocks, with witnesses. No addresses.
    payload.extend(9_u64.to_le_bytes());
    payload.extend(1_700_000_000_i64.to_le_bytes());
    payload.resize(NONCE, 0);
    payload.extend(nonce.to_le_bytes());
    payload.push(AGENT.len() as u8);
    payload.extend(AGENT.bytes());
    // Height, and no transactions, please.
    payload.extend([0; 5]);
    payload
}

const AGENT: &str = "/conformance/";

/// A message of the implementation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Incoming {
    pub(super) command: String,
    pub(super) payload: Vec<u8>,
}

impl Incoming {
    /// The number that a ping, a pong or a version has to tell it from others.
    pub(super) fn nonce(&self) -> Option<u64> {
        let at = if self.command == "version" { NONCE } else { 0 };
        self.payload.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

/// Takes the first message off these bytes. None if it is not whole yet.
///
/// # Errors
///
/// What is wrong if it is no message of this network.
pub(super) fn first(bytes: &mut Vec<u8>, magic: [u8; 4]) -> Result<Option<Incoming>, String> {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
    if header[..4] != magic {
        return Err(format!("\"{}\" is no message of this network", header.escape_ascii()));
    }
    let command = String::from_utf8_lossy(header[4..16].trim_ascii_end()).trim_end_matches('\0').to_owned();
    let length = u32::from_le_bytes([header[16], header[17], header[18], header[19]]) as usize;
    if length > LONGEST {
        return Err(format!("{command} is announced with {length} bytes"));
    }
    let checksum = [header[20], header[21], header[22], header[23]];
    let Some(payload) = bytes.get(HEADER..HEADER + length).map(<[u8]>::to_vec) else { return Ok(None) };
    if sha256d::Hash::hash(&payload).as_byte_array()[..4] != checksum {
        return Err(format!("the checksum of {command} is wrong"));
    }
    bytes.drain(..HEADER + length);
    Ok(Some(Incoming { command, payload }))
}
