//! Both halves.

use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::runtime::time::Instant;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use super::config::Config;
use super::idle::send_heartbeats;
use super::reader::Reader;
use super::shared::Shared;
use super::shutdown::Closer;
use super::writer::Writer;
use crate::framed::transport::{Opaque, Transport};
use crate::framed::{Error, Frame, Outcome};

/// A connection that carries frames and ends without losing one, or says that it could not.
///
/// It is two halves, a [`Reader`] and a [`Writer`], which can be [taken apart](Self::into_split) and used by different
/// tasks. No task is spawned and no thread is blocked, also not when it is dropped: dropping it without a
/// [`shutdown`](Self::shutdown) closes the transport, and what was not flushed, and with unread input on TCP also what was
/// not acknowledged, is lost.
pub struct Connection<T: Transport> {
    reader: Reader<T>,
    writer: Writer<T>,
}

impl<T: Transport> Connection<T> {
    /// A connection over a transport: a `TcpStream`, a `UnixStream`, or your own. It is taken as it is: turn on
    /// `TCP_NODELAY` if single small frames should not wait for others, which are batched here already.
    ///
    /// # Panics
    ///
    /// With an idle timeout, outside of a tokio runtime with a clock; but not before something must be waited for.
    pub fn new(transport: T, config: Config) -> Self {
        let shared = Shared::new(transport, config);
        Self { reader: Reader::new(Arc::clone(&shared)), writer: Writer::new(shared) }
    }

    /// Takes it apart. The transport is closed when both halves, and everything made from them, are dropped.
    pub fn into_split(self) -> (Reader<T>, Writer<T>) {
        (self.reader, self.writer)
    }

    /// Puts the halves of one connection together again.
    ///
    /// # Errors
    ///
    /// If they are halves of two; both come back.
    pub fn reunite(reader: Reader<T>, writer: Writer<T>) -> Result<Self, ReuniteError<T>> {
        if Arc::ptr_eq(reader.shared(), writer.shared()) {
            Ok(Self { reader, writer })
        } else {
            Err(ReuniteError(Box::new((reader, writer))))
        }
    }

    /// The half that reads.
    pub fn reader(&mut self) -> &mut Reader<T> {
        &mut self.reader
    }

    /// The half that writes.
    pub fn writer(&mut self) -> &mut Writer<T> {
        &mut self.writer
    }

    /// See [`Reader::read`].
    ///
    /// # Errors
    ///
    /// As [`Reader::read`].
    pub async fn read(&mut self) -> Result<Option<Frame>, Error> {
        self.reader.read().await
    }

    /// See [`Writer::write`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    pub async fn write(&mut self, frame: Frame) -> Result<(), Error> {
        self.writer.write(frame).await
    }

    /// See [`Writer::feed`].
    ///
    /// # Errors
    ///
    /// As [`Writer::feed`].
    pub async fn feed(&mut self, frame: Frame) -> Result<(), Error> {
        self.writer.feed(frame).await
    }

    /// See [`Writer::flush`].
    ///
    /// # Errors
    ///
    /// As [`Writer::flush`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().await
    }

    /// Shuts the connection down and drops it; what the peer still sends is discarded. To go on reading until the peer's
    /// marker, [take it apart](Self::into_split) and use [`Writer::shutdown`]. See [`Closer::shutdown`].
    pub async fn shutdown(self, deadline: Instant) -> Outcome {
        let (reader, mut writer) = self.into_split();
        drop(reader);
        writer.shutdown(deadline).await
    }

    /// A handle that can shut the connection down from anywhere.
    pub fn closer(&self) -> Closer<T> {
        self.writer.closer()
    }

    /// Sends the heartbeats of [`Config::heartbeat`], for the caller to spawn: one whenever no frame was accepted for that
    /// long. Returns the error that ended that, which may be our own shutdown; without a configured interval never.
    ///
    /// Cancel safe: dropping the future only ends the heartbeats. The peer's heartbeats are noticed by the reader, so a
    /// task must read.
    pub fn heartbeats(&self) -> impl Future<Output = Error> + use<T> {
        send_heartbeats(Arc::clone(self.reader.shared()))
    }
}

impl<T: AsyncRead + AsyncWrite + Send> Connection<Opaque<T>> {
    /// A connection over any stream of bytes. Nothing is known of what arrives, so that no shutdown ends
    /// [clean](Outcome::Clean).
    pub fn over(stream: T, config: Config) -> Self {
        Self::new(Opaque(stream), config)
    }
}

/// An attempt to [reunite](Connection::reunite) halves of two connections; it gives them back.
#[derive(Debug, thiserror::Error)]
#[error("these are halves of two connections")]
pub struct ReuniteError<T: Transport>(pub Box<(Reader<T>, Writer<T>)>);

impl<T: Transport> Debug for Connection<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { reader, writer } = self;
        f.debug_struct("Connection").field("reader", reader).field("writer", writer).finish()
    }
}

impl<T: Transport> Stream for Connection<T> {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.reader).poll_next(cx)
    }
}

impl<T: Transport> FusedStream for Connection<T> {
    fn is_terminated(&self) -> bool {
        self.reader.is_terminated()
    }
}

impl<T: Transport + 'static> Sink<Frame> for Connection<T> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::poll_ready(Pin::new(&mut self.writer), cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), Error> {
        Sink::start_send(Pin::new(&mut self.writer), frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::poll_flush(Pin::new(&mut self.writer), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::poll_close(Pin::new(&mut self.writer), cx)
    }
}
