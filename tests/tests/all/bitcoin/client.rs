//! A Bitcoin peer that behaves, or does not: written with the `bitcoin` crate and apart from the node's own codec.

use std::io;
use std::net::SocketAddr;

use bitcoin::consensus::encode::{self, deserialize, serialize};
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_network::VersionMessage;
use bitcoin::p2p::{Address, Magic, ServiceFlags};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

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
        Ok(Self::over(stream))
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        Self { stream, magic: Magic::REGTEST }
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
