//! The half that reads.

use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::runtime::time::Instant;
use futures_core::Stream;
use futures_core::stream::FusedStream;

use super::closer::Closer;
use super::read_side::{End, ReadSide};
use super::shared::Shared;
use super::timer::Timer;
use super::wakers::Who;
use crate::framed::core::{Next, ReadCursor};
use crate::framed::transport::Transport;
use crate::framed::{Error, Frame};

/// The half of a connection that reads.
///
/// As a `Stream` it gives the frames, then one error if the end is not the peer's marker, then nothing.
///
/// Dropping it says that nobody wants the peer's frames any more: what arrives stays with the kernel, and a
/// [shutdown](super::Writer::shutdown) discards it. When both halves are dropped the transport is closed.
pub struct Reader<T: Transport> {
    shared: Arc<Shared<T>>,
    cursor: ReadCursor,
    timer: Timer,
    /// The stream has given its last item.
    is_done: bool,
    /// Whoever shuts down knows that nobody wants the peer's bytes any more.
    has_left: bool,
}

impl<T: Transport> Reader<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let cursor = ReadCursor::new(shared.config.max_frame, shared.config.heartbeat.is_some());
        Self { shared, cursor, timer: Timer::default(), is_done: false, has_left: false }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// The next frame; none behind the peer's marker, which is the only clean end.
    ///
    /// A frame is returned as soon as its last byte has arrived. After our own shutdown has begun the peer's frames go on
    /// coming, until its marker or the deadline of the shutdown.
    ///
    /// Cancel safe: what was read stays with the reader, and no byte is lost.
    ///
    /// # Errors
    ///
    /// What ended the connection, after all frames that had arrived before; the same each time (FRM-7). An end of the peer's bytes
    /// that is not announced by its marker is [`Error::EndedWithoutMarker`] or [`Error::Truncated`].
    pub async fn read(&mut self) -> Result<Option<Frame>, Error> {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    /// As [`read`](Self::read).
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>, Error>> {
        loop {
            match self.cursor.decode() {
                Next::Frame(frame) => {
                    self.shared.life.frame_came();
                    return Poll::Ready(Ok(Some(frame)));
                }
                Next::Heartbeat => self.shared.life.frame_came(),
                Next::Marker => {
                    self.leave();
                    self.answer();
                    return Poll::Ready(Ok(None));
                }
                Next::Broken(error) => {
                    self.leave();
                    // The first that ended the connection is what everybody is told.
                    return Poll::Ready(Err(self.shared.end_with(error)));
                }
                Next::Incomplete(_) => ready!(self.poll_fill(cx)),
            }
        }
    }

    /// What comes behind the end is nobody's: a shutdown drops it.
    fn leave(&mut self) {
        if !std::mem::replace(&mut self.has_left, true) {
            self.shared.reader_left();
        }
    }

    /// Begins our own shutdown because the peer has begun its, if the configuration says so.
    fn answer(&self) {
        let has_begun = self.shared.ending().deadline().is_some();
        if let Some(within) = self.shared.config.answer.filter(|_| !has_begun) {
            self.shared.begin_shutdown(Instant::now() + within);
            // What the transport takes at once. The rest is for whoever shuts down.
            self.shared.advance();
        }
    }

    /// Gets more bytes, or learns that there are none.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { shared, cursor, .. } = self;
        let mut side = shared.read();
        let mut filled = poll_fill_from(shared, &mut side, cursor);
        if filled.is_pending() {
            // Most of the time there is something. Once remembered, ask again.
            side.wakers.register(Who::Owner, cx);
            filled = poll_fill_from(shared, &mut side, cursor);
        }
        drop(side);
        if filled.is_pending() { self.poll_timers(cx) } else { filled }
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.shared.life.reader_gives_up();
        let deadline = self.shared.ending().deadline();
        let first = [idle, deadline].into_iter().flatten().min();
        ready!(self.timer.poll_until(first, cx));
        let error = match self.shared.life.timeout() {
            Some(after) if first == idle => self.shared.break_with(Error::Unresponsive { after }),
            Some(_) | None => self.shared.end_with(Error::DeadlineExceeded),
        };
        self.cursor.fail(error);
        Poll::Ready(())
    }

    /// A handle that can shut the connection down from anywhere.
    pub fn closer(&self) -> Closer<T> {
        Closer::new(Arc::clone(&self.shared))
    }

    /// What ended the connection, if something did: what every later call is told.
    pub fn error(&self) -> Option<&Error> {
        self.shared.fate()
    }
}

fn poll_fill_from<T: Transport>(shared: &Shared<T>, side: &mut ReadSide<T::Read>, cursor: &mut ReadCursor) -> Poll<()> {
    if !side.ahead.is_empty() {
        cursor.supply(side.ahead.split());
        side.wakers.wake(Who::Pump);
        return Poll::Ready(());
    }
    let fate = shared.fate();
    // A reset that the writer met leaves what had arrived to be read. After anything else nothing is waited for.
    if let Some(fate) = fate.filter(|fate| !matches!(fate, Error::Transport(_))) {
        cursor.fail(fate.clone());
        return Poll::Ready(());
    }
    if side.end.is_none() {
        match side.poll_read(&mut cursor.room()) {
            Poll::Ready(Some(bytes)) => {
                cursor.filled(bytes);
                shared.life.bytes_came(bytes);
                return Poll::Ready(());
            }
            Poll::Ready(None) => side.wakers.wake(Who::Pump),
            // Also after a reset: it may be the runtime that pauses here, with something left to read.
            Poll::Pending => return Poll::Pending,
        }
    }
    match (&side.end, fate) {
        // The operating system tells of a reset once, and then of an end in order.
        (Some(End::InOrder) | None, fate) => cursor.end(fate.cloned()),
        (Some(End::Fault(fault)), _) => cursor.fail(Error::Transport(fault.clone())),
    }
    Poll::Ready(())
}

impl<T: Transport> Drop for Reader<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T: Transport> Unpin for Reader<T> {}

impl<T: Transport> Stream for Reader<T> {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let item = ready!(self.poll_read(cx)).transpose();
        self.is_done = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

impl<T: Transport> FusedStream for Reader<T> {
    fn is_terminated(&self) -> bool {
        self.is_done
    }
}

impl<T: Transport> Debug for Reader<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
