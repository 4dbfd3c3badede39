//! Typed messages in frames, by a codec of `tokio-util`.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use futures_sink::Sink;
use tokio_util::codec::{Decoder, Encoder};

use super::{Error, Frame};

/// Memory up to this length is used for message after message.
const KEPT: usize = 64 * 1024;

/// Messages of a type over a connection or one of its halves, each in a frame of its own.
///
/// It is a `Stream` over a [`Reader`](super::Reader), a `Sink` over a [`Writer`](super::Writer), and both over a
/// [`Connection`](super::Connection). A codec sees one payload at a time, with its end as the end of the input: it needs no
/// delimiters, and a message that it cannot decode costs only itself.
///
/// How the connection ends is the connection's to say: take it back with [`into_inner`](Self::into_inner) and
/// [shut it down](super::Connection::shutdown), or keep a [`Closer`](super::Closer). `close` of `Sink` says Ok only after
/// [`Outcome::Clean`](super::Outcome::Clean), and has any other outcome in [`Error::Unclean`].
///
/// Behind the feature `codec`.
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use handfast::framed::{Config, Connection, Messages};
/// use tokio_util::codec::LinesCodec;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (one, other) = tokio::io::duplex(64);
/// let mut one = Messages::new(Connection::over(one, Config::default()), 1, LinesCodec::new());
/// let mut other = Messages::new(Connection::over(other, Config::default()), 1, LinesCodec::new());
/// one.send("a line").await?;
/// assert_eq!(other.next().await.transpose()?.as_deref(), Some("a line"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Messages<H, C> {
    half: H,
    kind: u32,
    codec: C,
    encoded: BytesMut,
}

/// Why a message could not be written or read. Only [`Connection`](Self::Connection) is the end of the connection.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError<E> {
    /// The connection failed, or did not end cleanly.
    #[error(transparent)]
    Connection(Error),
    /// The codec failed. The message is lost, and the next one is where the next frame is.
    #[error("the codec failed: {0}")]
    Codec(E),
    /// The peer sent a frame of another kind.
    #[error("a frame of kind {kind:#010x} where messages have kind {expected:#010x}")]
    OtherKind {
        /// Its kind.
        kind: u32,
        /// The kind of messages.
        expected: u32,
    },
    /// The codec found no message in a frame.
    #[error("a frame without a message, as the codec says")]
    NoMessage,
    /// The codec left something of a frame behind the message. The message is lost.
    #[error("{bytes} bytes behind the message of a frame")]
    Trailing {
        /// Bytes that were left.
        bytes: usize,
    },
}

impl<H, C> Messages<H, C> {
    /// Creates a stream of messages over a connection or a half of one, in frames of this kind.
    pub fn new(half: H, kind: u32, codec: C) -> Self {
        Self { half, kind, codec, encoded: BytesMut::new() }
    }

    /// Returns the connection or half.
    pub fn get_ref(&self) -> &H {
        &self.half
    }

    /// Returns the connection or half, to shut it down or to write other frames.
    pub fn get_mut(&mut self) -> &mut H {
        &mut self.half
    }

    /// Gives the connection or half back, with the codec. No message is lost: each is whole in its frame.
    pub fn into_inner(self) -> (H, C) {
        (self.half, self.codec)
    }
}

impl<H, C: Decoder> Messages<H, C> {
    fn decode(&mut self, frame: Frame) -> Result<C::Item, MessageError<C::Error>> {
        if frame.kind != self.kind {
            return Err(MessageError::OtherKind { kind: frame.kind, expected: self.kind });
        }
        let mut payload = BytesMut::from(frame.payload);
        let message = self.codec.decode_eof(&mut payload).map_err(MessageError::Codec)?;
        match (message, payload.len()) {
            (Some(message), 0) => Ok(message),
            (Some(_), bytes) => Err(MessageError::Trailing { bytes }),
            (None, _) => Err(MessageError::NoMessage),
        }
    }
}

impl<H, C> Unpin for Messages<H, C> {}

/// The peer's messages, then one error if the end is not its marker, then nothing.
impl<H, C> Stream for Messages<H, C>
where
    H: Stream<Item = Result<Frame, Error>> + Unpin,
    C: Decoder,
{
    type Item = Result<C::Item, MessageError<C::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(Pin::new(&mut self.half).poll_next(cx)) {
            Some(Ok(frame)) => Some(self.decode(frame)),
            Some(Err(error)) => Some(Err(MessageError::Connection(error))),
            None => None,
        })
    }
}

impl<H, C> FusedStream for Messages<H, C>
where
    H: FusedStream<Item = Result<Frame, Error>> + Unpin,
    C: Decoder,
{
    fn is_terminated(&self) -> bool {
        self.half.is_terminated()
    }
}

/// Accepts, flushes and closes as the connection does.
impl<H, C, M> Sink<M> for Messages<H, C>
where
    H: Sink<Frame, Error = Error> + Unpin,
    C: Encoder<M>,
{
    type Error = MessageError<C::Error>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.half).poll_ready(cx).map_err(MessageError::Connection)
    }

    fn start_send(mut self: Pin<&mut Self>, message: M) -> Result<(), Self::Error> {
        let Self { half, kind, codec, encoded } = &mut *self;
        // What a codec that failed has left is no part of the next message.
        encoded.clear();
        codec.encode(message, encoded).map_err(MessageError::Codec)?;
        // Memory that is shared with a payload comes back to be used again. That of a long message is not kept for ever.
        let payload = if encoded.len() > KEPT { mem::take(encoded) } else { encoded.split() };
        let frame = Frame::new(*kind, payload.freeze());
        Pin::new(half).start_send(frame).map_err(MessageError::Connection)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.half).poll_flush(cx).map_err(MessageError::Connection)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.half).poll_close(cx).map_err(MessageError::Connection)
    }
}
