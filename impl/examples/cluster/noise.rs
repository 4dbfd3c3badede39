//! Noise XX, and a transport that knows what has arrived of what it encrypted.

use std::fmt::{self, Debug, Display, Formatter};
use std::io;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use handfast::framed::{Delivery, Transport};
use handfast::simopen::Role;
use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder, Encoder, Framed, FramedRead, FramedWrite, LengthDelimitedCodec};
use tokio_util::io::{SinkWriter, StreamReader};

use crate::upgrade::UpgradeError;

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_SHA256";
pub(crate) const KEY: usize = 32;
/// What authenticates a message is added to it.
const TAG: usize = 16;
/// The longest message of Noise.
const LONGEST: usize = 65_535;
/// Longer than any message of the handshake: two keys, two tags, and what an end says of itself.
const LONGEST_OF_HANDSHAKE: usize = 256;

/// Whom an end shows itself to be.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct PublicKey(pub(crate) [u8; KEY]);

impl Display for PublicKey {
    /// The first bytes of it, which tell keys from each other.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Debug for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// A key that a node keeps when it is restarted.
pub(crate) struct Identity {
    private: Vec<u8>,
    pub(crate) public: PublicKey,
}

impl Identity {
    pub(crate) fn generate() -> Result<Self, snow::Error> {
        let keys = Builder::new(PATTERN.parse()?).generate_keypair()?;
        Ok(Self { public: key(&keys.public)?, private: keys.private })
    }
}

fn key(bytes: &[u8]) -> Result<PublicKey, snow::Error> {
    bytes.try_into().map(PublicKey).map_err(|_| snow::Error::Dh)
}

/// Shakes hands. Returns who is at the other end, and what it says.
pub(crate) async fn handshake<T>(
    io: T,
    role: Role,
    identity: &Identity,
    says: &[u8],
) -> Result<(Secured<T>, PublicKey, Vec<u8>), UpgradeError>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let builder = Builder::new(PATTERN.parse()?).local_private_key(&identity.private)?;
    let mut noise: HandshakeState = match role {
        Role::Initiator => builder.build_initiator(),
        Role::Responder => builder.build_responder(),
    }?;
    let mut messages = Framed::new(io, lengths(LONGEST_OF_HANDSHAKE));
    let mut buffer = [0; LONGEST_OF_HANDSHAKE];
    let (mut is_first, mut said) = (true, Vec::new());
    while !noise.is_handshake_finished() {
        if noise.is_my_turn() {
            // The first message is not encrypted.
            let length = noise.write_message(if is_first { &[] } else { says }, &mut buffer)?;
            messages.send(Bytes::copy_from_slice(&buffer[..length])).await?;
        } else {
            let message = messages.next().await.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))??;
            let length = noise.read_message(&message, &mut buffer)?;
            said = buffer[..length].to_vec();
        }
        is_first = false;
    }
    let peer = key(noise.get_remote_static().unwrap_or_default())?;
    let noise = Arc::new(noise.into_stateless_transport_mode()?);
    let parts = messages.into_parts();
    Ok((Secured { io: parts.io, read: parts.read_buf, noise }, peer, said))
}

fn lengths(longest: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().length_field_length(2).max_frame_length(longest).new_codec()
}

/// A transport whose bytes no one else can read or change.
pub(crate) struct Secured<T> {
    io: T,
    /// What has already come of the next messages.
    read: BytesMut,
    noise: Arc<StatelessTransportState>,
}

impl<T: Transport> Transport for Secured<T> {
    type Read = StreamReader<FramedRead<T::Read, Decrypt>, BytesMut>;
    type Write = SinkWriter<FramedWrite<T::Write, Encrypt>>;

    fn split(self) -> (Self::Read, Self::Write) {
        let (read, write) = self.io.split();
        let decrypt = Decrypt { lengths: lengths(LONGEST), noise: Arc::clone(&self.noise), nonce: 0 };
        let mut read = FramedRead::new(read, decrypt);
        *read.read_buffer_mut() = self.read;
        let write = FramedWrite::new(write, Encrypt { noise: self.noise, nonce: 0 });
        (StreamReader::new(read), SinkWriter::new(write))
    }

    /// It is asked when everything is flushed: nothing of ours is left in between.
    fn delivery(write: &Self::Write) -> io::Result<Delivery> {
        T::delivery(write.get_ref().get_ref())
    }
}

pub(crate) struct Encrypt {
    noise: Arc<StatelessTransportState>,
    nonce: u64,
}

impl Encoder<&[u8]> for Encrypt {
    type Error = io::Error;

    fn encode(&mut self, plain: &[u8], out: &mut BytesMut) -> io::Result<()> {
        for plain in plain.chunks(LONGEST - TAG) {
            let length = plain.len() + TAG;
            out.put_uint(length as u64, 2);
            let begin = out.len();
            out.resize(begin + length, 0);
            self.noise.write_message(self.nonce, plain, &mut out[begin..]).map_err(io::Error::other)?;
            self.nonce += 1;
        }
        Ok(())
    }
}

pub(crate) struct Decrypt {
    lengths: LengthDelimitedCodec,
    noise: Arc<StatelessTransportState>,
    nonce: u64,
}

impl Decoder for Decrypt {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        let Some(message) = self.lengths.decode(bytes)? else { return Ok(None) };
        let mut plain = BytesMut::zeroed(message.len());
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let length = self.noise.read_message(self.nonce, &message, &mut plain).map_err(wrong)?;
        self.nonce += 1;
        plain.truncate(length);
        Ok(Some(plain))
    }
}
