//! Noise XX, and the stream that it makes of a stream.
//!
//! The messages have two bytes of length before them, as in libp2p; but the name is another one, because libp2p's `/noise` has
//! a signed identity in the handshake, and here the key of the handshake is the identity.

use std::fmt::{self, Debug, Display, Formatter};
use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use handfast::simopen::Role;
use snow::params::NoiseParams;
use snow::{Builder, HandshakeState, TransportState};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder, Encoder, Framed, LengthDelimitedCodec};
use tokio_util::io::{SinkWriter, StreamReader};

use super::UpgradeError;

/// What is negotiated.
pub(super) const PROTOCOL: &str = "/handfast-example/noise-xx/1";

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_SHA256";
const KEY: usize = 32;
/// What authenticates a message is added to it.
const TAG: usize = 16;
/// The longest message of Noise.
const LONGEST: usize = 65_535;
/// The longest message of the handshake: a key, and an encrypted key and nothing, both with their tags.
const LONGEST_OF_HANDSHAKE: usize = KEY + KEY + TAG + TAG;

/// Whom an end shows itself to be.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct PublicKey([u8; KEY]);

impl PublicKey {
    fn new(bytes: &[u8]) -> Result<Self, snow::Error> {
        bytes.try_into().map(Self).map_err(|_| snow::Error::Dh)
    }
}

impl Display for PublicKey {
    /// The first half of it, which tells keys from each other.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0[..KEY / 2].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Debug for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// A key that an end keeps.
pub struct Identity {
    private: Vec<u8>,
    public: PublicKey,
}

impl Identity {
    /// A new one.
    pub fn generate() -> Result<Self, UpgradeError> {
        let keys = Builder::new(pattern()?).generate_keypair()?;
        Ok(Self { public: PublicKey::new(&keys.public)?, private: keys.private })
    }

    /// What others see of it.
    pub fn public(&self) -> PublicKey {
        self.public
    }
}

fn pattern() -> Result<NoiseParams, snow::Error> {
    PATTERN.parse()
}

/// A stream whose bytes nobody else can read or change.
pub(super) type Secured<Io> = SinkWriter<StreamReader<Framed<Io, Cipher>, BytesMut>>;

/// Shakes hands. Who is at the other end is for the caller to judge.
pub(super) async fn handshake<Io>(
    io: Io,
    role: Role,
    identity: &Identity,
) -> Result<(Secured<Io>, PublicKey), UpgradeError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let builder = Builder::new(pattern()?).local_private_key(&identity.private)?;
    let mut noise: HandshakeState = match role {
        Role::Initiator => builder.build_initiator(),
        Role::Responder => builder.build_responder(),
    }?;
    let mut messages = Framed::new(io, lengths(LONGEST_OF_HANDSHAKE));
    let mut buffer = [0; LONGEST_OF_HANDSHAKE];
    while !noise.is_handshake_finished() {
        if noise.is_my_turn() {
            let length = noise.write_message(&[], &mut buffer)?;
            messages.send(Bytes::copy_from_slice(&buffer[..length])).await.map_err(UpgradeError::Handshake)?;
        } else {
            let message = messages.next().await.ok_or(UpgradeError::HungUp)?;
            noise.read_message(&message.map_err(UpgradeError::Handshake)?, &mut buffer)?;
        }
    }
    let peer = PublicKey::new(noise.get_remote_static().unwrap_or_default())?;
    let noise = noise.into_transport_mode()?;
    // What has already come of the next messages stays in the buffer.
    let secured = messages.map_codec(|_| Cipher { lengths: lengths(LONGEST), noise });
    Ok((SinkWriter::new(StreamReader::new(secured)), peer))
}

fn lengths(longest: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().length_field_length(2).max_frame_length(longest).new_codec()
}

/// Bytes into messages and back.
pub(super) struct Cipher {
    lengths: LengthDelimitedCodec,
    noise: TransportState,
}

impl Encoder<&[u8]> for Cipher {
    type Error = io::Error;

    fn encode(&mut self, plain: &[u8], out: &mut BytesMut) -> io::Result<()> {
        for plain in plain.chunks(LONGEST - TAG) {
            let length = plain.len() + TAG;
            out.put_uint(length as u64, 2);
            let begin = out.len();
            out.resize(begin + length, 0);
            self.noise.write_message(plain, &mut out[begin..]).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl Decoder for Cipher {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        let Some(message) = self.lengths.decode(bytes)? else { return Ok(None) };
        let mut plain = BytesMut::zeroed(message.len());
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let length = self.noise.read_message(&message, &mut plain).map_err(wrong)?;
        plain.truncate(length);
        Ok(Some(plain))
    }
}
