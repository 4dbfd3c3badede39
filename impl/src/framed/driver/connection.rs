//! Both halves.

use std::fmt::{self, Debug, Formatter};
#[cfg(feature = "record")]
use std::io;
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
use super::record::Out;
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
///
/// The transport is polled, and wakers of tasks are called, while a lock of the connection is held. A waker that polls or
/// drops its task at once, which tokio's and those of the `futures` crate do not, would wait for that lock for ever.
pub struct Connection<T: Transport> {
    reader: Reader<T>,
    writer: Writer<T>,
}

impl<T: Transport> Connection<T> {
    /// Creates a connection over a transport: a `TcpStream`, a `UnixStream`, or your own. It is taken as it is: turn on
    /// `TCP_NODELAY` if single small frames should not wait for others, which are batched here already.
    ///
    /// # Panics
    ///
    /// With an idle timeout, outside of a tokio runtime with a clock; but not before something must be waited for.
    pub fn new(transport: T, config: Config) -> Self {
        Self::build(transport, config, None)
    }

    /// As [`new`](Self::new), with a record: what this end does is written to `out`, as newline-delimited JSON that `model
    /// explain framed` reads.
    ///
    /// The log is a behaviour of the model if this end kept to its rules, whatever its peer is and whatever lies between:
    /// what it was given, what it handed to the transport, what the transport knows of that, and what callers and the
    /// reader were told, each step with its moment. Of a payload it has no byte. Heartbeats are not in it, and a peer that is
    /// [unresponsive](Error::Unresponsive) is one that has gone.
    ///
    /// A step is entered when it is taken; calls on the connection write what was entered before they return, one of
    /// them at a time and under no lock. So `out` may call the connection, and should not block for long. The rest is written
    /// and flushed when the transport is closed, or by [`flush_record`](Self::flush_record).
    ///
    /// Not every connection can be recorded. The record ends, with an error that [`flush_record`](Self::flush_record)
    /// returns, where a shutdown drops more than 32,767 frames of the peer, behind 2³²-1 frames, and where a transport knows
    /// of delivery at some times and not at others. What the connection does, does not change with it.
    ///
    /// ```
    /// use std::io;
    /// use std::time::Duration;
    ///
    /// use handfast::framed::{Config, Connection, Frame};
    /// use tokio::net::UnixStream;
    /// use tokio::time::Instant;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = std::env::temp_dir().join(format!("framed-{}.ndjson", std::process::id()));
    /// let log = io::BufWriter::new(std::fs::File::create(&path)?);
    /// let (ours, theirs) = UnixStream::pair()?;
    ///
    /// let mut connection = Connection::recorded(ours, Config::default(), log);
    /// connection.write(Frame::new(1, "one")).await?;
    /// # drop(theirs);
    /// let closer = connection.closer();
    /// let outcome = connection.shutdown(Instant::now() + Duration::from_secs(1)).await;
    /// closer.flush_record()?;
    ///
    /// let log = std::fs::read_to_string(&path)?;
    /// assert!(log.contains(r#""observation":{"accepted":[{"over":["left","#), "the outcome is in it: {outcome}");
    /// # std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new). A call that writes the record panics if `out` does, after which nothing is written.
    #[cfg(feature = "record")]
    pub fn recorded(transport: T, config: Config, out: impl io::Write + Send + 'static) -> Self {
        Self::build(transport, config, Some(Box::new(out)))
    }

    fn build(transport: T, config: Config, out: Option<Out>) -> Self {
        let shared = Shared::new(transport, config, out);
        Self { reader: Reader::new(Arc::clone(&shared)), writer: Writer::new(shared) }
    }

    /// Writes what was [recorded](Self::recorded) and not written, and flushes it. Without a record it does nothing.
    ///
    /// # Errors
    ///
    /// The first error of the record, after which nothing was written; [`WouldBlock`](io::ErrorKind::WouldBlock) while another
    /// call writes.
    #[cfg(feature = "record")]
    pub fn flush_record(&self) -> io::Result<()> {
        self.reader.shared().flush_record()
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

    /// Returns the half that reads.
    pub fn reader(&mut self) -> &mut Reader<T> {
        &mut self.reader
    }

    /// Returns the half that writes.
    pub fn writer(&mut self) -> &mut Writer<T> {
        &mut self.writer
    }

    /// Waits for the next frame: see [`Reader::read`]. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Reader::read`].
    pub async fn read(&mut self) -> Result<Option<Frame>, Error> {
        self.reader.read().await
    }

    /// Writes a frame: see [`Writer::write`], also for what a dropped call leaves behind.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    pub async fn write(&mut self, frame: Frame) -> Result<(), Error> {
        self.writer.write(frame).await
    }

    /// Accepts a frame, to be written later: see [`Writer::feed`]. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Writer::feed`].
    pub async fn feed(&mut self, frame: Frame) -> Result<(), Error> {
        self.writer.feed(frame).await
    }

    /// Waits until the transport has taken every frame that was accepted: see [`Writer::flush`]. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Writer::flush`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().await
    }

    /// Shuts the connection down and drops it; what the peer still sends is discarded. To go on reading until the peer's
    /// marker, [take it apart](Self::into_split) and use [`Writer::shutdown`]. See [`Closer::shutdown`].
    ///
    /// Not cancel safe: a future that is dropped drops the connection with what is not written. A [`Closer`] that was made
    /// before keeps it.
    pub async fn shutdown(self, deadline: Instant) -> Outcome {
        let (reader, mut writer) = self.into_split();
        drop(reader);
        writer.shutdown(deadline).await
    }

    /// Returns a handle that can shut the connection down from anywhere.
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
    /// Creates a connection over any stream of bytes. Nothing is known of what arrives, so that no shutdown ends
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
