//! The half that reads, and the direction in which it reads.

use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::FOREVER;
use crate::runtime::time::Instant;
use bytes::buf::Limit;
use bytes::{BufMut, BytesMut};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::record::{Entering, ReadBy};
use super::shared::{Shared, Timer, Waiter, Wakers};
use super::shutdown::{Closer, end_at_deadline, poll_hand_over};
use super::toll::Toll;
use crate::framed::core::{Next, ReadCursor};
use crate::framed::transport::Transport;
use crate::framed::{Error, Fault, Frame};

/// The half of a connection that reads.
///
/// As a `Stream` it gives the frames, then one error if the end is not the peer's marker, then nothing.
///
/// Dropping it says that the peer's frames are not wanted any more: what arrives stays with the kernel, and a
/// [shutdown](super::Writer::shutdown) discards it. When both halves are dropped the transport is closed.
pub struct Reader<T: Transport> {
    shared: Arc<Shared<T>>,
    cursor: ReadCursor,
    timer: Timer,
    toll: Toll,
    answer: Answer,
    /// Whether the stream has given its last item.
    is_done: bool,
    /// Whether a shutdown knows that the peer's bytes are not wanted any more.
    has_left: bool,
}

/// What has become of [`Config::answer`](super::Config::answer).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    /// The peer's marker has not been read.
    NotYet,
    /// The reader has begun the shutdown, and hands over what was accepted and the marker.
    Writing,
    /// Nothing is left to do for the reader.
    Done,
}

impl<T: Transport> Reader<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let cursor = ReadCursor::new(shared.config.max_frame, shared.config.heartbeat.is_some());
        let (timer, toll, answer) = (Timer::default(), Toll::default(), Answer::NotYet);
        Self { shared, cursor, timer, toll, answer, is_done: false, has_left: false }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// Waits for the next frame; none behind the peer's marker, which is the only clean end.
    ///
    /// A frame is returned as soon as its last byte has arrived. After our own shutdown has begun the peer's frames go on
    /// coming, until its marker or the deadline of the shutdown, behind which nothing more is taken from the transport
    /// (FRM-29). With [`Config::answer`](super::Config::answer) the marker is told when the answer was handed over.
    ///
    /// A task that reads many frames in a row, or a peer that sends nothing but heartbeats, spends tokio's budget: others get
    /// their turn after 8,192 frames or 2 MiB.
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
        let read = self.poll_next_frame(cx);
        self.shared.write_record();
        read
    }

    fn poll_next_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>, Error>> {
        loop {
            ready!(self.toll.poll_pay(cx));
            match self.cursor.decode() {
                Next::Frame(frame) => {
                    self.toll.add(0);
                    self.shared.idle.frame_came();
                    self.shared.record(|steps| steps.given());
                    return Poll::Ready(Ok(Some(frame)));
                }
                Next::Heartbeat => {
                    self.toll.add(0);
                    self.shared.idle.frame_came();
                }
                Next::Marker => {
                    self.leave(|steps| steps.at_end());
                    ready!(self.poll_answer(cx));
                    self.shared.record(|steps| steps.marker());
                    return Poll::Ready(Ok(None));
                }
                Next::Broken(error) => {
                    self.leave(|steps| steps.at_end());
                    // Another error may have ended the connection before: every call returns the first.
                    return Poll::Ready(Err(self.shared.fail_reader(error)));
                }
                Next::Incomplete(_) => ready!(self.poll_fill(cx)),
            }
        }
    }

    /// Gives up the peer's bytes: what was kept for the reader is dropped, and a shutdown drops what follows. `enter` enters
    /// that into the record.
    fn leave(&mut self, enter: impl FnOnce(&mut Entering<'_>)) {
        if !std::mem::replace(&mut self.has_left, true) {
            let mut read = self.shared.read();
            read.has_reader = false;
            self.shared.record(enter);
            read.ahead = BytesMut::new();
            read.wakers.wake(Waiter::Shutdown);
        }
    }

    /// Begins our own shutdown because the peer has begun its, if the configuration says so, and hands everything over.
    /// No other task may be there to do it (FRM-28).
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.answer == Answer::NotYet {
            let has_begun = self.shared.close_state().deadline().is_some();
            self.answer = match self.shared.config.answer.filter(|_| !has_begun) {
                Some(within) => {
                    self.shared.begin_shutdown(Instant::now() + within.min(FOREVER), true);
                    Answer::Writing
                }
                None => Answer::Done,
            };
        }
        if self.answer == Answer::Writing {
            ready!(poll_hand_over(&self.shared, &mut self.timer, cx));
            self.answer = Answer::Done;
        }
        Poll::Ready(())
    }

    /// Reads more bytes, or learns that there are none.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { shared, cursor, toll, .. } = self;
        let mut side = shared.read();
        let mut filled = poll_fill_from(shared, &mut side, cursor, toll);
        if filled.is_pending() {
            // Most reads do not wait, so that the waker is registered only now. What came before that wakes no one: ask
            // again.
            side.wakers.register(Waiter::Owner, cx);
            filled = poll_fill_from(shared, &mut side, cursor, toll);
        }
        drop(side);
        match filled {
            Poll::Pending => return self.poll_timers(cx),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                if matches!(error, Error::DeadlineExceeded) {
                    end_at_deadline(shared);
                }
                cursor.fail(shared.fail_once(error));
            }
        }
        Poll::Ready(())
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.shared.idle.reader_gives_up();
        let deadline = self.shared.close_state().deadline();
        let first = [idle, deadline].into_iter().flatten().min();
        ready!(self.timer.poll_until(first, cx));
        let error = match self.shared.idle.timeout() {
            Some(after) if first == idle => self.shared.fail_write(Error::Unresponsive { after }),
            Some(_) | None => {
                end_at_deadline(&self.shared);
                self.shared.fail_once(Error::DeadlineExceeded)
            }
        };
        self.cursor.fail(error);
        Poll::Ready(())
    }

    /// Returns a handle that can shut the connection down from anywhere.
    pub fn closer(&self) -> Closer<T> {
        Closer::new(Arc::clone(&self.shared))
    }

    /// Returns the error that ended the connection, if it has ended: every later call returns it.
    pub fn error(&self) -> Option<&Error> {
        self.shared.terminal_error()
    }
}

/// Reads more bytes, or notes the end of them. An error is why nothing more is read from the transport.
fn poll_fill_from<T: Transport>(
    shared: &Shared<T>,
    side: &mut ReadSide<T::Read>,
    cursor: &mut ReadCursor,
    toll: &mut Toll,
) -> Poll<Result<(), Error>> {
    if !side.ahead.is_empty() {
        cursor.supply(side.ahead.split());
        side.wakers.wake(Waiter::Shutdown);
        return Poll::Ready(Ok(()));
    }
    let known = shared.terminal_error();
    // A reset that the writer met leaves what had arrived to be read. After any other error there is no waiting.
    if let Some(error) = known.filter(|error| !matches!(error, Error::Transport(_))) {
        return Poll::Ready(Err(error.clone()));
    }
    if side.end.is_none() {
        // FRM-29: also a peer that never pauses is read until the deadline and no longer.
        if side.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Poll::Ready(Err(Error::DeadlineExceeded));
        }
        match side.poll_read(&mut cursor.room()) {
            Poll::Ready(Some(bytes)) => {
                shared.record(|steps| steps.came(cursor.last(bytes), ReadBy::Reader));
                cursor.filled(bytes);
                toll.add(bytes);
                shared.idle.bytes_came(bytes);
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(None) => {
                shared.record(|steps| steps.peer_ended(side.end.as_ref(), ReadBy::Reader));
                side.wakers.wake(Waiter::Shutdown);
            }
            // Also after a reset: the runtime may pause the task here, with something left to read.
            Poll::Pending => return Poll::Pending,
        }
    }
    match (&side.end, known) {
        // The operating system reports a reset once, and then an end in order.
        (Some(End::InOrder) | None, known) => cursor.end(known.cloned()),
        (Some(End::Fault(fault)), _) => cursor.fail(Error::Transport(fault.clone())),
    }
    Poll::Ready(Ok(()))
}

/// The direction in which we read, behind its lock.
pub(super) struct ReadSide<R> {
    io: R,
    pub(super) wakers: Wakers,
    /// Bytes that a shutdown has read for the reader.
    pub(super) ahead: BytesMut,
    /// The number of bytes that a shutdown has read and dropped.
    pub(super) discarded: u64,
    /// How the peer's bytes have ended, if they have.
    pub(super) end: Option<End>,
    /// Whether there is a reader that wants frames.
    pub(super) has_reader: bool,
    /// The earliest deadline of our shutdown, if it has begun.
    pub(super) deadline: Option<Instant>,
}

/// The end of the peer's bytes.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// In order, as far as it can be known: whether the peer meant it is for its marker to say.
    InOrder,
    Fault(Fault),
}

impl<R: AsyncRead + Unpin> ReadSide<R> {
    pub(super) fn new(io: R) -> Self {
        let ahead = BytesMut::new();
        Self { io, wakers: Wakers::new(), ahead, discarded: 0, end: None, has_reader: true, deadline: None }
    }

    /// Reads once into the room, which must not be empty. None is an end, which is kept.
    pub(super) fn poll_read(&mut self, room: &mut Limit<&mut BytesMut>) -> Poll<Option<usize>> {
        debug_assert!(room.has_remaining_mut(), "no byte is taken for an end");
        let cx = &mut Context::from_waker(self.wakers.all());
        // The future does one read when it is polled, and keeps nothing.
        let end = match ready!(pin!(self.io.read_buf(room)).poll(cx)) {
            Ok(0) => End::InOrder,
            Ok(bytes) => return Poll::Ready(Some(bytes)),
            Err(error) => match error.kind() {
                // Asked again in the next poll: signals without a pause do not hold the thread.
                io::ErrorKind::Interrupted => {
                    self.wakers.wake_all();
                    return Poll::Pending;
                }
                // What TLS says where TCP ended without `close_notify`. The marker tells whether that was the end, here as
                // on TCP (FRM-3).
                io::ErrorKind::UnexpectedEof => End::InOrder,
                _ => End::Fault(error.into()),
            },
        };
        self.end = Some(end);
        Poll::Ready(None)
    }
}

impl<T: Transport> Drop for Reader<T> {
    fn drop(&mut self) {
        self.leave(|steps| steps.left());
        // It may have met the end of what it reads, and not have been told.
        self.shared.record(|steps| steps.left());
        self.shared.write_record();
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
