//! The ways in which a peer comes and goes.

use std::net::SocketAddr;

use bitcoin::p2p::Magic;
use bitcoin::p2p::message::{CommandString, NetworkMessage};
use bitcoin::p2p::message_blockdata::GetHeadersMessage;
use bitcoin::p2p::message_compact_blocks::SendCmpct;
use bitcoin::p2p::message_network::VersionMessage;
use tokio::time::timeout;

use super::client::{Client, ClientError, version};
use crate::support::STUCK;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Conduct {
    // Nothing wrong with these.
    Polite,
    VerackThenDisconnect,
    DisconnectAtOnce,
    DisconnectBeforeVerack,
    ResetBeforeVerack,
    ResetAfterVerack,
    ResetAfterPong,
    HalfVersion,
    VersionAndVerackInOneWrite,
    ByteByByte,
    SecondVerack,
    /// Everything that Bitcoin Core says in its first second, and a message that nobody knows.
    Talkative,
    /// Its first message is dropped.
    WrongChecksum,
    // The node may, and must, turn these away.
    VerackFirst,
    TooOld,
    LongUserAgent,
    WrongMagic,
    Garbage,
    OversizedVersion,
    OversizedLater,
    HalfPing,
}

/// What the node's subscribers must hear of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Nothing,
    /// Up and then Down, for the reason of this name.
    UpAndDown(&'static str),
    /// A reset throws away what the node has not read yet, so that it depends on who was faster.
    Perhaps,
}

impl Conduct {
    pub(crate) const ALL: [Self; 21] = [
        Self::Polite,
        Self::VerackThenDisconnect,
        Self::DisconnectAtOnce,
        Self::DisconnectBeforeVerack,
        Self::ResetBeforeVerack,
        Self::ResetAfterVerack,
        Self::ResetAfterPong,
        Self::HalfVersion,
        Self::VersionAndVerackInOneWrite,
        Self::ByteByByte,
        Self::SecondVerack,
        Self::Talkative,
        Self::VerackFirst,
        Self::TooOld,
        Self::LongUserAgent,
        Self::WrongMagic,
        Self::Garbage,
        Self::WrongChecksum,
        Self::OversizedVersion,
        Self::OversizedLater,
        Self::HalfPing,
    ];

    pub(crate) fn heard(self) -> Heard {
        match self {
            Self::Polite
            | Self::VerackThenDisconnect
            | Self::VersionAndVerackInOneWrite
            | Self::ByteByByte
            | Self::SecondVerack
            | Self::Talkative
            | Self::WrongChecksum => Heard::UpAndDown("remote_closed"),
            Self::ResetAfterPong | Self::HalfPing => Heard::UpAndDown("failed"),
            Self::OversizedLater => Heard::UpAndDown("protocol_violated"),
            Self::ResetAfterVerack => Heard::Perhaps,
            Self::DisconnectAtOnce
            | Self::DisconnectBeforeVerack
            | Self::ResetBeforeVerack
            | Self::HalfVersion
            | Self::VerackFirst
            | Self::TooOld
            | Self::LongUserAgent
            | Self::WrongMagic
            | Self::Garbage
            | Self::OversizedVersion => Heard::Nothing,
        }
    }

    /// Connects and behaves like this. The address that it had, and what went wrong.
    pub(crate) async fn act(self, node: SocketAddr) -> (Option<SocketAddr>, Result<(), ClientError>) {
        let client = match timeout(STUCK, Client::connect(node)).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return (None, Err(error)),
            Err(_elapsed) => return (None, Err(ClientError::Stuck)),
        };
        let address = client.address().ok();
        (address, timeout(STUCK, self.act_on(client)).await.unwrap_or(Err(ClientError::Stuck)))
    }

    async fn act_on(self, mut client: Client) -> Result<(), ClientError> {
        match self {
            Self::Polite => {
                client.shake_hands().await?;
                client.ping().await
            }
            Self::VerackThenDisconnect => client.shake_hands().await,
            Self::DisconnectAtOnce => Ok(()),
            Self::DisconnectBeforeVerack => client.introduce().await,
            Self::ResetBeforeVerack => {
                client.introduce().await?;
                client.reset()
            }
            Self::ResetAfterVerack => {
                client.shake_hands().await?;
                client.reset()
            }
            Self::ResetAfterPong => {
                client.shake_hands().await?;
                client.ping().await?;
                client.reset()
            }
            Self::HalfVersion => {
                let bytes = client.bytes(NetworkMessage::Version(version()));
                client.send_bytes(&bytes[..bytes.len() / 2]).await
            }
            Self::VersionAndVerackInOneWrite => {
                let bytes =
                    [client.bytes(NetworkMessage::Version(version())), client.bytes(NetworkMessage::Verack)].concat();
                client.send_bytes(&bytes).await?;
                client.expect("version").await?;
                client.expect("verack").await?;
                client.ping().await
            }
            Self::ByteByByte => {
                for byte in client.bytes(NetworkMessage::Version(version())) {
                    client.send_bytes(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
                client.expect("version").await?;
                client.expect("verack").await?;
                client.send(NetworkMessage::Verack).await?;
                client.ping().await
            }
            Self::SecondVerack => {
                client.shake_hands().await?;
                client.send(NetworkMessage::Verack).await?;
                client.ping().await
            }
            Self::Talkative => talk(client).await,
            Self::WrongChecksum => {
                let mut bytes = client.bytes(NetworkMessage::Version(version()));
                bytes[20] ^= 1;
                client.send_bytes(&bytes).await?;
                client.shake_hands().await?;
                client.ping().await
            }
            Self::VerackFirst
            | Self::TooOld
            | Self::LongUserAgent
            | Self::WrongMagic
            | Self::Garbage
            | Self::OversizedVersion
            | Self::OversizedLater
            | Self::HalfPing => self.misbehave(client).await,
        }
    }

    async fn misbehave(self, mut client: Client) -> Result<(), ClientError> {
        match self {
            Self::VerackFirst => {
                // The node closes at the first.
                let both = [NetworkMessage::Verack, NetworkMessage::Version(version())];
                client.send_bytes(&both.map(|message| client.bytes(message)).concat()).await?;
            }
            Self::TooOld => {
                client.send(NetworkMessage::Version(VersionMessage { version: 31799, ..version() })).await?
            }
            Self::LongUserAgent => {
                client
                    .send(NetworkMessage::Version(VersionMessage { user_agent: "x".repeat(257), ..version() }))
                    .await?
            }
            Self::WrongMagic => {
                client.speak(Magic::BITCOIN);
                client.send(NetworkMessage::Version(version())).await?;
            }
            Self::Garbage => client.send_bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await?,
            Self::OversizedVersion => client.send_bytes(&announcing("version", 4_000_001)).await?,
            Self::OversizedLater => {
                client.shake_hands().await?;
                client.ping().await?;
                client.send_bytes(&announcing("block", u32::MAX)).await?;
            }
            Self::HalfPing => {
                client.shake_hands().await?;
                client.ping().await?;
                let bytes = client.bytes(NetworkMessage::Ping(1));
                return client.send_bytes(&bytes[..28]).await;
            }
            other => unreachable!("{other:?} is no misbehaviour"),
        }
        client.is_turned_away().await
    }
}

/// The header of a message with so long a payload, which never comes.
fn announcing(command: &str, length: u32) -> Vec<u8> {
    let mut header = vec![0; 24];
    header[..4].copy_from_slice(&Magic::REGTEST.to_bytes());
    header[4..4 + command.len()].copy_from_slice(command.as_bytes());
    header[16..20].copy_from_slice(&length.to_le_bytes());
    header
}

async fn talk(mut client: Client) -> Result<(), ClientError> {
    client.introduce().await?;
    for message in [
        NetworkMessage::WtxidRelay,
        NetworkMessage::SendAddrV2,
        NetworkMessage::Verack,
        NetworkMessage::SendHeaders,
        NetworkMessage::SendCmpct(SendCmpct { send_compact: false, version: 2 }),
        NetworkMessage::GetAddr,
        NetworkMessage::FeeFilter(1_000),
        NetworkMessage::Unknown {
            command: CommandString::try_from_static("nobodyknows").expect("it is short"),
            payload: vec![7; 100_000],
        },
        NetworkMessage::GetHeaders(GetHeadersMessage {
            version: 70016,
            locator_hashes: Vec::new(),
            stop_hash: bitcoin::hashes::Hash::all_zeros(),
        }),
    ] {
        client.send(message).await?;
    }
    match client.expect("headers").await? {
        NetworkMessage::Headers(none) if none.is_empty() => client.ping().await,
        _ => Err(ClientError::Unexpected("headers of blocks")),
    }
}
