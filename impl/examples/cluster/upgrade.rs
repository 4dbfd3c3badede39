//! Who is at the other end: by Noise XX, or because it says so.

use std::io;

use handfast::lifecycle::Reason;
use handfast::node::{Stream, Upgraded};
use handfast::simopen::Role;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::noise::{self, Identity, PublicKey, Secured};

/// What an end says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hello {
    /// Which node it is, counted from 0.
    pub(crate) node: u32,
    /// How often it was restarted before.
    pub(crate) incarnation: u32,
    /// The frames that it will send in this session. No two ends have the same.
    pub(crate) frames: u64,
}

impl Hello {
    pub(crate) const LENGTH: usize = 16;

    pub(crate) fn to_bytes(self) -> [u8; Self::LENGTH] {
        let Self { node, incarnation, frames } = self;
        ((u128::from(node) << 96) | (u128::from(incarnation) << 64) | u128::from(frames)).to_be_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        let all = u128::from_be_bytes(bytes);
        // Each is cut off to what belongs to it.
        Self { node: (all >> 96) as u32, incarnation: (all >> 64) as u32, frames: all as u64 }
    }
}

/// What both ends know of their session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) ours: Hello,
    pub(crate) theirs: Hello,
    pub(crate) role: Role,
}

/// Why it is not known who is at the other end.
#[derive(Debug, Error)]
pub(crate) enum UpgradeError {
    #[error("the connection failed in the handshake: {0}")]
    Io(#[from] io::Error),
    #[error("the peer's handshake is wrong: {0}")]
    Noise(#[from] snow::Error),
    #[error("the peer's greeting has {0} bytes")]
    Greeting(usize),
}

impl From<&UpgradeError> for Reason {
    fn from(error: &UpgradeError) -> Self {
        match error {
            UpgradeError::Io(error) => error.into(),
            UpgradeError::Noise(_) | UpgradeError::Greeting(_) => Self::HandshakeFailed,
        }
    }
}

/// The protocols that are negotiated.
pub(crate) const PLAIN: &str = "/handfast-cluster/plain/1";
pub(crate) const NOISE: &str = "/handfast-cluster/noise-xx/1";

pub(crate) async fn plain(
    mut stream: Stream<TcpStream>,
    key: PublicKey,
    ours: Hello,
) -> Result<Upgraded<PublicKey, About, Stream<TcpStream>>, UpgradeError> {
    stream.write_all(&key.0).await?;
    stream.write_all(&ours.to_bytes()).await?;
    let (mut key, mut theirs) = ([0; noise::KEY], [0; Hello::LENGTH]);
    stream.read_exact(&mut key).await?;
    stream.read_exact(&mut theirs).await?;
    let about = About { ours, theirs: Hello::from_bytes(theirs), role: stream.side().role };
    Ok(Upgraded::new(PublicKey(key), about, stream))
}

pub(crate) async fn secured(
    stream: Stream<TcpStream>,
    identity: &Identity,
    ours: Hello,
) -> Result<Upgraded<PublicKey, About, Secured<Stream<TcpStream>>>, UpgradeError> {
    let role = stream.side().role;
    let (secured, key, said) = noise::handshake(stream, role, identity, &ours.to_bytes()).await?;
    let theirs = said.as_slice().try_into().map_err(|_| UpgradeError::Greeting(said.len()))?;
    Ok(Upgraded::new(key, About { ours, theirs: Hello::from_bytes(theirs), role }, secured))
}
