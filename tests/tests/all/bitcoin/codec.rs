//! The node's codec alone: however the bytes come, the messages are the same, and nothing is kept that is not looked into.

use bitcoin::consensus::serialize;
use bitcoin::p2p::Magic;
use bitcoin::p2p::message::{CommandString, NetworkMessage, RawNetworkMessage};
use examples::bitcoin_node::peer::wire::{Message, Wire, WireError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::client::version;

fn bytes(message: NetworkMessage) -> Vec<u8> {
    serialize(&RawNetworkMessage::new(Magic::REGTEST, message))
}

fn other(payload: Vec<u8>) -> NetworkMessage {
    NetworkMessage::Unknown { command: CommandString::try_from_static("other").expect("it is short"), payload }
}

fn stream() -> Vec<u8> {
    let version = NetworkMessage::Version(version());
    let messages = [version, NetworkMessage::Verack, other(vec![1; 300]), NetworkMessage::Ping(7), other(Vec::new())];
    messages.map(bytes).concat()
}

/// What the codec makes of pieces that arrive one after the other, and of the end after them.
fn decode(pieces: &[&[u8]]) -> Result<Vec<Message>, WireError> {
    let (mut wire, mut buffer, mut messages) = (Wire::new(Magic::REGTEST), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(message) = wire.decode(&mut buffer)? {
            messages.push(message);
        }
        assert!(buffer.len() < 24, "of a message whose header is there nothing stays in the buffer");
    }
    while let Some(message) = wire.decode_eof(&mut buffer)? {
        messages.push(message);
    }
    Ok(messages)
}

#[test]
fn however_the_bytes_come_the_messages_are_the_same() {
    let stream = stream();
    let whole = format!("{:?}", decode(&[&stream]).expect("they are good"));
    for word in ["Version(", "Verack", "Ping(7)", "Other"] {
        assert!(whole.contains(word), "{whole}");
    }
    for size in 1..=stream.len() {
        let pieces: Vec<&[u8]> = stream.chunks(size).collect();
        assert_eq!(format!("{:?}", decode(&pieces).expect("they are good")), whole, "pieces of {size}");
    }
}

#[test]
fn an_end_in_the_middle_of_a_message_is_no_end() {
    let stream = bytes(NetworkMessage::Version(version()));
    assert_eq!(decode(&[]).expect("nothing came").len(), 0);
    for length in 1..stream.len() {
        let result = decode(&[&stream[..length]]);
        assert!(matches!(result, Err(WireError::Truncated)), "after {length} bytes: {result:?}");
    }
}

#[test]
fn what_is_skipped_is_not_kept() {
    let longest = bytes(other(vec![3; 4_000_000]));
    let (mut wire, mut buffer) = (Wire::new(Magic::REGTEST), BytesMut::with_capacity(8192));
    let mut messages = 0;
    for piece in longest.chunks(8192) {
        buffer.extend_from_slice(piece);
        messages += usize::from(wire.decode(&mut buffer).expect("it is good").is_some());
        assert_eq!(buffer.len(), 0);
        assert!(buffer.capacity() <= 3 * 8192, "{} bytes are kept", buffer.capacity());
    }
    assert_eq!(messages, 1);
    // Nor what is behind a version message as it is known today.
    let command = CommandString::try_from_static("version").expect("it is short");
    let payload = [serialize(&version()), vec![3; 3_999_000]].concat();
    let longer = bytes(NetworkMessage::Unknown { command, payload });
    let known = decode(&[&longer]).expect("it is good");
    assert!(matches!(&known[..], [Message::Version(theirs)] if theirs.start_height == 7), "{known:?}");
    let header = |command: &str, length: u32| {
        let mut header = bytes(other(Vec::new()));
        header[4..16].fill(0);
        header[4..4 + command.len()].copy_from_slice(command.as_bytes());
        header[16..20].copy_from_slice(&length.to_le_bytes());
        header
    };
    for (command, length) in [("other", 4_000_001), ("other", u32::MAX), ("version", 4_000_001)] {
        let result = decode(&[&header(command, length)]);
        assert!(matches!(result, Err(WireError::TooLong(_))), "{command} of {length} bytes: {result:?}");
    }
}

#[test]
fn versions_are_looked_into() {
    let version = version();
    let ours = |user_agent: &str| {
        bytes(NetworkMessage::Version(bitcoin::p2p::message_network::VersionMessage {
            user_agent: user_agent.to_owned(),
            ..version.clone()
        }))
    };
    assert!(decode(&[&ours(&"x".repeat(256))]).is_ok());
    assert!(matches!(decode(&[&ours(&"x".repeat(257))]), Err(WireError::UserAgentTooLong(257))));
    // Without the last byte, which says whether transactions are wanted.
    let payload = serialize(&version);
    let shorter = |bytes: &[u8]| {
        let command = CommandString::try_from_static("version").expect("it is short");
        self::bytes(NetworkMessage::Unknown { command, payload: bytes.to_vec() })
    };
    let old = decode(&[&shorter(&payload[..payload.len() - 1])]).expect("it may be left out");
    assert!(matches!(&old[..], [Message::Version(theirs)] if theirs.start_height == 7), "{old:?}");
    assert!(matches!(decode(&[&shorter(&payload[..60])]), Err(WireError::Malformed(_))));
}

/// A byte changed anywhere is found out or harmless; never a panic.
#[test]
fn whatever_comes_is_survived() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let stream = stream();
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes = stream.clone();
        for _ in 0..dice.random_range(1..4) {
            let at = dice.random_range(0..bytes.len());
            bytes[at] = dice.random();
        }
        bytes.truncate(dice.random_range(0..=stream.len()));
        let pieces: Vec<&[u8]> = bytes.chunks(dice.random_range(1..200)).collect();
        refused += usize::from(decode(&pieces).is_err());
    }
    assert!(refused > 15_000, "{refused} of 20000 were refused");
}
