//! A Bitcoin peer that behaves, or does not: written with the `bitcoin` crate and apart from the node's own codec.

use std::io;
use std::net::SocketAddr;

use bitcoin::consensus::encode::{self, deserialize, serialize};
use bitcoin::consensus::serialize;
use bitcoin::p2p::message::{CommandString, NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_network::VersionMessage;
use bitcoin::p2p::{Address, Magic, ServiceFlags};
use examples::bitcoin_node::peer::wire::{Message, Wire, WireError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder;

use crate::support::STUCK;

/// What went wrong for a client, although it did nothing wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("cannot send: {0}")]
    Send(io::Error),
    #[error("cannot receive: {0}")]
    Receive(io::Error),
    #[error("what came is no message: {0}")]
    Malformed(#[from] encode::Error),
    #[error("{0} came")]
    Unexpected(&'static str),
    #[error("nothing happened for {STUCK:?}")]
    Stuck,
}

/// A connection to the node.
pub(crate) struct Client {
    stream: TcpStream,
    magic: Magic,
}

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(to).await.map_err(ClientError::Connect)?;
        stream.set_nodelay(true).map_err(ClientError::Connect)?;
        Ok(Self { stream, magic: Magic::REGTEST })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, ClientError> {
        self.stream.local_addr().map_err(ClientError::Connect)
    }

    pub(crate) fn speak(&mut self, magic: Magic) {
        self.magic = magic;
    }

    pub(crate) fn bytes(&self, message: NetworkMessage) -> Vec<u8> {
        serialize(&RawNetworkMessage::new(self.magic, message))
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(bytes).await.map_err(ClientError::Send)
    }

    pub(crate) async fn send(&mut self, message: NetworkMessage) -> Result<(), ClientError> {
        self.send_bytes(&self.bytes(message)).await
    }

    pub(crate) async fn receive(&mut self) -> Result<NetworkMessage, ClientError> {
        let mut bytes = vec![0; 24];
        self.stream.read_exact(&mut bytes).await.map_err(ClientError::Receive)?;
        let length = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]) as usize;
        assert!(length < 10_000, "the node has nothing to say that is as long as {length} bytes");
        bytes.resize(24 + length, 0);
        self.stream.read_exact(&mut bytes[24..]).await.map_err(ClientError::Receive)?;
        let message: RawNetworkMessage = deserialize(&bytes)?;
        assert_eq!(*message.magic(), Magic::REGTEST);
        Ok(message.into_payload())
    }

    pub(crate) async fn expect(&mut self, command: &str) -> Result<NetworkMessage, ClientError> {
        let message = self.receive().await?;
        if message.cmd() == command { Ok(message) } else { Err(ClientError::Unexpected(message.cmd())) }
    }

    /// The handshake up to and without our verack.
    pub(crate) async fn introduce(&mut self) -> Result<(), ClientError> {
        self.send(NetworkMessage::Version(version())).await?;
        self.expect("version").await?;
        self.expect("verack").await.map(drop)
    }

    pub(crate) async fn shake_hands(&mut self) -> Result<(), ClientError> {
        self.introduce().await?;
        self.send(NetworkMessage::Verack).await
    }

    /// A round trip: the node has read everything that was sent before.
    pub(crate) async fn ping(&mut self) -> Result<(), ClientError> {
        self.send(NetworkMessage::Ping(0x5eed)).await?;
        match self.expect("pong").await? {
            NetworkMessage::Pong(0x5eed) => Ok(()),
            other => Err(ClientError::Unexpected(other.cmd())),
        }
    }

    /// Closes with a reset in place of a FIN.
    pub(crate) fn reset(self) -> Result<(), ClientError> {
        self.stream.set_zero_linger().map_err(ClientError::Send)
    }

    /// Waits until the node closes, which must happen without another word. It may be a reset: what was sent and not
    /// read makes one.
    pub(crate) async fn is_turned_away(&mut self) -> Result<(), ClientError> {
        match timeout(STUCK, self.stream.read_u8()).await {
            Ok(Ok(_)) => Err(ClientError::Unexpected("an answer")),
            Ok(Err(error)) => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(ClientError::Receive(error)),
            },
            Err(_elapsed) => Err(ClientError::Stuck),
        }
    }

    /// Listens, without a word, until the node closes.
    pub(crate) async fn is_left(&mut self) -> Result<(), ClientError> {
        loop {
            match timeout(STUCK, self.receive()).await {
                Ok(Ok(_)) => {}
                Ok(Err(ClientError::Receive(_))) => return Ok(()),
                Ok(Err(other)) => return Err(other),
                Err(_elapsed) => return Err(ClientError::Stuck),
            }
        }
    }

    /// Waits until the node closes, in order: this client has nothing in flight.
    pub(crate) async fn is_closed(&mut self) -> Result<(), ClientError> {
        match timeout(STUCK, self.stream.read(&mut [0])).await {
            Ok(Ok(0)) => Ok(()),
            Ok(Ok(_)) => Err(ClientError::Unexpected("an answer")),
            Ok(Err(error)) => Err(ClientError::Receive(error)),
            Err(_elapsed) => Err(ClientError::Stuck),
        }
    }
}

/// A version as Bitcoin Core sends it.
pub(crate) fn version() -> VersionMessage {
    let nowhere = Address::new(&SocketAddr::from(([0, 0, 0, 0], 0)), ServiceFlags::NONE);
    VersionMessage {
        version: 70016,
        services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
        timestamp: 1_700_000_000,
        receiver: nowhere.clone(),
        sender: nowhere,
        nonce: 42,
        user_agent: "/client:1.0/".to_owned(),
        start_height: 7,
        relay: true,
    }
}

// The node's codec alone: however the bytes come, the messages are the same, and nothing is kept that is not looked into.

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
    let header = |command: &str, length: u32| {
        let mut header = bytes(other(Vec::new()));
        header[4..16].fill(0);
        header[4..4 + command.len()].copy_from_slice(command.as_bytes());
        header[16..20].copy_from_slice(&length.to_le_bytes());
        header
    };
    for (command, length) in [("other", 4_000_001), ("other", u32::MAX), ("version", 1025), ("ping", 1025)] {
        let result = decode(&[&header(command, length)]);
        assert!(matches!(result, Err(WireError::TooLong { .. })), "{command} of {length} bytes: {result:?}");
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
    assert!(matches!(&old[..], [Message::Version(theirs)] if theirs.relay), "{old:?}");
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
