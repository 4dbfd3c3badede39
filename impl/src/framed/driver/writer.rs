//! The half that writes.

use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::runtime::time::Instant;
use futures_sink::Sink;

use super::closer::Closer;
use super::shared::Shared;
use super::timer::Timer;
use super::wakers::Who;
use crate::framed::transport::Transport;
use crate::framed::{Error, Frame, Outcome};

/// The half of a connection that writes.
///
/// A frame that was accepted belongs to the connection, which writes it whole and in its turn. It is accepted by
/// [`feed`](Self::feed) and [`write`](Self::write), and by `start_send` of `Sink`. That it is accepted or even flushed does
/// not mean that it has arrived: only the [`Outcome`] of a shutdown says that.
///
/// Dropping it without a shutdown writes nothing more and waits for nothing. What was accepted and not flushed is lost if no
/// [`Closer`] shuts the connection down; the peer is not told that this is the end, and sees that it was not told.
pub struct Writer<T: Transport> {
    shared: Arc<Shared<T>>,
    timer: Timer,
    close: Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
}

impl<T: Transport> Writer<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, timer: Timer::default(), close: None }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// Writes a frame: [`feed`](Self::feed), then [`flush`](Self::flush).
    ///
    /// Cancel safety: a call that is dropped has either written nothing, or the frame was accepted and the next call that
    /// writes, flushes or shuts down finishes it. To know which, use [`feed`](Self::feed).
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed) and [`flush`](Self::flush).
    pub async fn write(&mut self, frame: Frame) -> Result<(), Error> {
        let mut frame = Some(frame);
        poll_fn(|cx| {
            if frame.is_some() {
                ready!(self.poll_feed(&mut frame, cx))?;
            }
            self.poll_flush(cx)
        })
        .await
    }

    /// Accepts a frame, which is written with others by the next [`flush`](Self::flush), or when so much is waiting that it
    /// does not pay to wait for more. Waits while [`Config::write_buffer`](super::Config::write_buffer) is full.
    ///
    /// Cancel safe: if it is dropped before it is ready, the frame was not accepted.
    ///
    /// # Errors
    ///
    /// If the frame may not be written, a shutdown has begun, or the connection has ended. The frame was not accepted.
    pub async fn feed(&mut self, frame: Frame) -> Result<(), Error> {
        let mut frame = Some(frame);
        poll_fn(|cx| self.poll_feed(&mut frame, cx)).await
    }

    /// Waits until the transport has taken every frame that was accepted.
    ///
    /// Cancel safe: the next call goes on where this one was dropped, also in the middle of a frame.
    ///
    /// # Errors
    ///
    /// What ended the connection; the same each time. Nothing is known then of the frames that were accepted.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Waits until there is room for a frame.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_feed(&mut None, cx)
    }

    /// Waits until there is room, and accepts the frame, if there is one, under the same lock.
    fn poll_feed(&mut self, frame: &mut Option<Frame>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if let Some(fate) = self.shared.fate() {
                return Poll::Ready(Err(fate.clone()));
            }
            let mut write = self.shared.write();
            write.cursor.check()?;
            if write.cursor.queued() < self.shared.config.write_buffer {
                let Some(frame) = frame.take() else { return Poll::Ready(Ok(())) };
                write.cursor.accept(frame)?;
                drop(write);
                self.accepted();
                return Poll::Ready(Ok(()));
            }
            drop(write);
            ready!(self.poll_flush(cx))?;
        }
    }

    /// Accepts a frame, without looking whether there is room.
    fn accept(&mut self, frame: Frame) -> Result<(), Error> {
        if let Some(fate) = self.shared.fate() {
            return Err(fate.clone());
        }
        self.shared.write().cursor.accept(frame)?;
        self.accepted();
        Ok(())
    }

    fn accepted(&self) {
        if self.shared.config.heartbeat.is_some() {
            self.shared.life.frame_went();
        }
    }

    /// As [`flush`](Self::flush).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.poll_flush(Who::Owner, &mut self.timer, cx)
    }

    /// Shuts the connection down: see [`Closer::shutdown`].
    pub async fn shutdown(&mut self, deadline: Instant) -> Outcome {
        self.closer().shutdown(deadline).await
    }

    /// A handle that can shut the connection down from anywhere.
    pub fn closer(&self) -> Closer<T> {
        Closer::new(Arc::clone(&self.shared))
    }

    /// What ended the connection, if something did: what every later call is told.
    pub fn error(&self) -> Option<&Error> {
        self.shared.fate()
    }

    /// Bytes that were accepted and not yet handed to the transport.
    pub fn queued(&self) -> usize {
        self.shared.write().cursor.queued()
    }
}

impl<T: Transport> Unpin for Writer<T> {}

/// Closing is a shutdown within [`Config::close_within`](super::Config::close_within): it says Ok only if it is known that
/// every frame has arrived, and [`Error::Unclean`] otherwise.
impl<T: Transport + 'static> Sink<Frame> for Writer<T> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Writer::poll_ready(&mut self, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), Error> {
        self.accept(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Writer::poll_flush(&mut self, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Self { shared, close, .. } = &mut *self;
        let close = close.get_or_insert_with(|| {
            let deadline = Instant::now() + shared.config.close_within;
            let closer = Closer::new(Arc::clone(shared));
            Box::pin(async move { closer.shutdown(deadline).await })
        });
        let outcome = ready!(close.as_mut().poll(cx));
        self.close = None;
        Poll::Ready(if outcome.is_clean() { Ok(()) } else { Err(Error::Unclean(outcome)) })
    }
}

impl<T: Transport> Debug for Writer<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("queued", &self.queued()).finish_non_exhaustive()
    }
}
