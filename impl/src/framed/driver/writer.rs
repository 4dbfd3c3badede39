//! The half that writes, and the direction in which it writes.

use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

use crate::FOREVER;
use crate::runtime::sync::{Mutex, MutexGuard};
use crate::runtime::time::Instant;
use futures_sink::Sink;
use tokio::io::AsyncWrite;

use super::idle::IdleTracker;
use super::shared::{Shared, Timer, Waiter, Wakers};
use super::shutdown::Closer;
use super::toll::Toll;
use crate::framed::core::WriteCursor;
use crate::framed::transport::Transport;
use crate::framed::{Error, Frame, Outcome};

/// Pieces that are given to the transport at once.
const PIECES: usize = 64;

/// Payloads up to this length are copied behind their headers if the transport takes several pieces at once.
const COPIED: usize = 4 * 1024;

/// The same if it takes one piece at a time, where each piece is a call and perhaps a packet.
const COPIED_IF_NOT_VECTORED: usize = 32 * 1024;

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
    /// Locked by no one: it is what makes a writer `Sync`, although this future is not.
    close: Mutex<Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>>,
}

impl<T: Transport> Writer<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, timer: Timer::default(), close: Mutex::new(None) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// Writes a frame: [`feed`](Self::feed), then [`flush`](Self::flush).
    ///
    /// Read meanwhile. Two ends that each write more than the transport holds, and read afterwards, wait for each other for
    /// ever (on TCP of Linux at 4 MiB or less). To avoid that, split the connection and read in another task, or poll
    /// [`Reader::read`](super::Reader::read) beside this call with `select!`, or set [`Config::idle`](super::Config::idle) to
    /// have it end in an error. A shutdown reads by itself.
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
        let fed = self.poll_accept(frame, cx);
        self.shared.write_record();
        fed
    }

    fn poll_accept(&mut self, frame: &mut Option<Frame>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let mut write = self.shared.write();
            self.shared.check()?;
            write.cursor.check()?;
            ready!(write.toll.poll_pay(cx));
            if write.cursor.queued() < self.room() {
                write.wait_no_more();
                return Poll::Ready(frame.take().map_or(Ok(()), |frame| self.accept(write, frame)));
            }
            drop(write);
            let flushed = poll_flush(&self.shared, Waiter::Owner, &mut self.timer, cx)?;
            // A transport that holds bytes back has made room when it took them. Only a flush waits until it lets them go.
            if flushed.is_pending() && self.queued() >= self.room() {
                return Poll::Pending;
            }
        }
    }

    /// How many bytes are to wait at the most before one more frame is accepted. Where nothing is waiting one always is.
    fn room(&self) -> usize {
        self.shared.config.write_buffer.max(1)
    }

    /// Accepts a frame, whether there is room or not.
    fn accept(&self, mut write: MutexGuard<'_, WriteSide<T::Write>>, frame: Frame) -> Result<(), Error> {
        let length = frame.payload.len();
        write.cursor.accept(frame)?;
        self.shared.record(|steps| steps.accepted(length));
        write.toll.add(length.min(COPIED));
        drop(write);
        if self.shared.config.heartbeat.is_some() {
            self.shared.idle.frame_went();
        }
        Ok(())
    }

    /// As [`flush`](Self::flush).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let flushed = poll_flush(&self.shared, Waiter::Owner, &mut self.timer, cx);
        self.shared.write_record();
        flushed
    }

    /// Shuts the connection down: see [`Closer::shutdown`]. Cancel safe as that is.
    pub async fn shutdown(&mut self, deadline: Instant) -> Outcome {
        self.closer().shutdown(deadline).await
    }

    /// Returns a handle that can shut the connection down from anywhere.
    pub fn closer(&self) -> Closer<T> {
        Closer::new(Arc::clone(&self.shared))
    }

    /// Returns the error that ended the connection, if it has ended: every later call returns it.
    pub fn error(&self) -> Option<&Error> {
        self.shared.terminal_error()
    }

    /// Returns the number of bytes that were accepted and not yet handed to the transport.
    pub fn queued(&self) -> usize {
        self.shared.write().cursor.queued()
    }
}

/// Writes what is queued until the transport has all of it. Gives up when the connection has ended or the peer is
/// unresponsive.
pub(super) fn poll_flush<T: Transport>(
    shared: &Shared<T>,
    waiter: Waiter,
    timer: &mut Timer,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Error>> {
    let mut write = shared.write();
    let mut written = write.poll_queue(shared);
    if written.is_pending() {
        // Most writes do not wait, so that the waker is registered only now. What became writable before that wakes no
        // one: ask again.
        write.wakers.register(waiter, cx);
        written = write.poll_queue(shared);
    }
    drop(write);
    if let Poll::Ready(written) = written {
        return Poll::Ready(written.map_err(|error| shared.fail_write(error)));
    }
    shared.check()?;
    loop {
        ready!(timer.poll_until(shared.idle.writer_gives_up(), cx));
        // The timer says that there may have been no progress for too long; the tracker says whether there was.
        if let (Some(after), Some(moment)) = (shared.idle.timeout(), shared.idle.writer_gives_up())
            && moment <= Instant::now()
        {
            return Poll::Ready(Err(shared.fail_write(Error::Unresponsive { after })));
        }
    }
}

/// The direction in which we write, behind its lock.
pub(super) struct WriteSide<W> {
    pub(super) io: W,
    pub(super) cursor: WriteCursor,
    pub(super) wakers: Wakers,
    toll: Toll,
    /// Whether the transport has taken bytes that it may still hold back.
    unflushed: bool,
    /// Whether the transport has not taken everything since it was first found full.
    blocked: bool,
    /// Since when a task that waited for the transport does so no more, although it is blocked.
    unawaited: Option<Instant>,
}

impl<W: AsyncWrite + Unpin> WriteSide<W> {
    pub(super) fn new(io: W, cursor: WriteCursor) -> Self {
        Self {
            io,
            cursor,
            wakers: Wakers::new(),
            toll: Toll::default(),
            unflushed: false,
            blocked: false,
            unawaited: None,
        }
    }

    pub(super) fn copied(io: &W) -> usize {
        if io.is_write_vectored() { COPIED } else { COPIED_IF_NOT_VECTORED }
    }

    /// Whether the transport has everything, and holds nothing back.
    pub(super) fn is_flushed(&self) -> bool {
        self.cursor.queued() == 0 && !self.unflushed
    }

    /// Writes what is queued, until the transport has all of it.
    pub(super) fn poll_queue<T: Transport<Write = W>>(&mut self, shared: &Shared<T>) -> Poll<Result<(), Error>> {
        let idle = &shared.idle;
        if let Some(error) = self.cursor.failure() {
            return Poll::Ready(Err(error.clone()));
        }
        let all = self.wakers.all().clone();
        let cx = &mut Context::from_waker(&all);
        while self.cursor.queued() > 0 {
            ready!(self.toll.poll_pay(cx));
            match self.poll_some(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::Transport(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(bytes)) => {
                    shared.record(|steps| steps.handed(self.cursor.pieces(), bytes));
                    self.cursor.advance(bytes);
                    self.unflushed = true;
                    self.toll.add(bytes);
                    // It stays blocked until all is taken: a few bytes now and then are no sign of life.
                    idle.bytes_went(bytes);
                }
                // Asked again in the next poll: signals without a pause do not hold the thread.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                    all.wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::Transport(error.into()))),
                Poll::Pending => return self.block(idle),
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::Transport(error.into()))),
                Poll::Pending => return self.block(idle),
            }
        }
        // Another task of this direction may wait for what this one has found done: the transport wakes each once.
        if std::mem::take(&mut self.blocked) {
            all.wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn block(&mut self, idle: &IdleTracker) -> Poll<Result<(), Error>> {
        let unawaited = self.unawaited.take();
        if !self.blocked {
            self.blocked = true;
            idle.writer_waits();
        } else if let Some(since) = unawaited {
            idle.writer_did_not_wait(since.elapsed());
        }
        Poll::Pending
    }

    /// Notes that a call has what it waited for. The time until the next one that waits is not the peer's.
    fn wait_no_more(&mut self) {
        if self.blocked && self.unawaited.is_none() {
            self.unawaited = Some(Instant::now());
        }
    }

    fn poll_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut pieces = self.cursor.pieces();
        let first = pieces.next().unwrap_or_default();
        let Some(second) = pieces.next().filter(|_| self.io.is_write_vectored()) else {
            // Sockets tell tokio with this call, and not with the other one, that they are full when they took a part.
            return Pin::new(&mut self.io).poll_write(cx, first);
        };
        let mut slices = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip([first, second].into_iter().chain(pieces)) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..count])
    }

    /// Closes the direction.
    pub(super) fn poll_close<T: Transport<Write = W>>(&mut self, shared: &Shared<T>) -> Poll<Result<(), Error>> {
        let all = self.wakers.all().clone();
        let closed = ready!(Pin::new(&mut self.io).poll_shutdown(&mut Context::from_waker(&all)));
        if closed.is_ok() {
            shared.record(|steps| steps.finished());
        }
        Poll::Ready(closed.map_err(|error| Error::Transport(error.into())))
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

    fn start_send(self: Pin<&mut Self>, frame: Frame) -> Result<(), Error> {
        let write = self.shared.write();
        self.shared.check()?;
        let accepted = self.accept(write, frame);
        self.shared.write_record();
        accepted
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Writer::poll_flush(&mut self, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Self { shared, close, .. } = &mut *self;
        let close = close.get_mut().unwrap_or_else(PoisonError::into_inner);
        let closing = close.get_or_insert_with(|| {
            let deadline = Instant::now() + shared.config.close_within.min(FOREVER);
            let closer = Closer::new(Arc::clone(shared));
            Box::pin(async move { closer.shutdown(deadline).await })
        });
        let outcome = ready!(closing.as_mut().poll(cx));
        *close = None;
        Poll::Ready(if outcome.is_clean() { Ok(()) } else { Err(Error::Unclean(outcome)) })
    }
}

impl<T: Transport> Debug for Writer<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("queued", &self.queued()).finish_non_exhaustive()
    }
}
