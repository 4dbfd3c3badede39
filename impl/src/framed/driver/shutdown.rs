//! The end of our direction: the handle that asks for it, and the call that drives it.

use std::fmt::{self, Debug, Formatter};
use std::future::{Future as _, poll_fn};
#[cfg(feature = "record")]
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::FOREVER;
use crate::runtime::time::Instant;
use bytes::{BufMut, BytesMut};

use super::reader::End;
use super::record::ReadBy;
use super::shared::{Shared, Timer, Waiter};
use super::toll::{Toll, poll_turn};
use crate::framed::core::NextStep;
use crate::framed::transport::Transport;
use crate::framed::{Delivery, Error, Outcome};

/// Bytes that are read at once when the reader does not read.
const CHUNK: usize = 64 * 1024;

/// No event tells of an acknowledgement, so that the socket is asked again: first after this time, ...
const ASK_FIRST: Duration = Duration::from_millis(1);

/// ... and at the last after this time, each time after twice as long.
const ASK_LAST: Duration = Duration::from_millis(32);

/// A handle that can shut a connection down, from any task. Clones are for the same connection, which is not closed as long
/// as one of them is there.
pub struct Closer<T: Transport> {
    shared: Arc<Shared<T>>,
}

impl<T: Transport> Closer<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Ends the direction in which we send, and says what is known of our frames (FRM-1, FRM-6).
    ///
    /// From the first call on no frame is accepted. What was accepted is written, then the marker; our direction is closed;
    /// and then the acknowledgement of all of it is waited for. It returns when that is there, when the connection breaks,
    /// or at the deadline. All the while the peer's bytes are read, because a peer that is stuck writing does not read:
    ///
    /// - If there is a [`Reader`](super::Reader), up to [`Drain::keep`](super::Drain::keep) bytes are kept for it, and the
    ///   rest is left to it. It goes on giving frames, also after this has returned, until the peer's marker or the
    ///   deadline.
    /// - Otherwise up to [`Drain::discard`](super::Drain::discard) bytes are dropped, and after the acknowledgement those of
    ///   a peer that is still sending, see [`Drain::linger`](super::Drain::linger).
    ///
    /// A peer that is an original (zrepl's frameconn) and has begun its own shutdown reads on behind no marker: it drops what
    /// comes, and this says [`Clean`](Outcome::Clean) of it.
    ///
    /// Any number of calls may run at once and one after the other: they all get the same outcome, by the earliest deadline
    /// that one of them was given. A deadline in the past gives the transport what it takes at once,
    /// and reads nothing; in one turn of the task that is about 2 MiB.
    ///
    /// Cancel safe: a call that is dropped has begun the shutdown, and the next one goes on with it. Without a next one what
    /// remains is not done, and the reader still ends at the deadline.
    ///
    /// The transport is closed when both halves and all closers are dropped; after [`Outcome::Clean`] that can do no harm to
    /// frames of ours.
    pub async fn shutdown(&self, deadline: Instant) -> Outcome {
        self.shared.begin_shutdown(deadline, false);
        let call = Call(&self.shared);
        let mut outcome = self.shared.outcome.subscribe();
        let mut known = pin!(outcome.wait_for(Option::is_some));
        poll_fn(|cx| {
            if let Poll::Ready(known) = known.as_mut().poll(cx) {
                let known = known.ok().and_then(|known| *known);
                return Poll::Ready(known.expect("the sender lives in the state that this closer shares"));
            }
            call.poll()
        })
        .await
    }

    /// As [`Connection::flush_record`](super::Connection::flush_record).
    ///
    /// # Errors
    ///
    /// As [`Connection::flush_record`](super::Connection::flush_record).
    #[cfg(feature = "record")]
    pub fn flush_record(&self) -> io::Result<()> {
        self.shared.flush_record()
    }

    /// Returns what is known of our frames, if a shutdown has come to its end.
    pub fn outcome(&self) -> Option<Outcome> {
        *self.shared.outcome.borrow()
    }
}

impl<T: Transport> Clone for Closer<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Transport> Debug for Closer<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer").field("outcome", &self.outcome()).finish_non_exhaustive()
    }
}

/// Hands over what was accepted and the marker, until the deadline. For the reader that answers the peer's marker; what
/// arrives is for a shutdown to say.
pub(super) fn poll_hand_over<T: Transport>(shared: &Shared<T>, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<()> {
    shared.write().wakers.register(Waiter::Answer, cx);
    if !advance(shared) {
        let deadline = shared.close_state().deadline();
        ready!(timer.poll_until(deadline, cx));
        expire(shared);
    }
    tell(shared);
    Poll::Ready(())
}

/// Ends a shutdown when the reader meets its deadline. Otherwise the call that drives the shutdown could still return an
/// outcome that contradicts the error which the reader has returned.
pub(super) fn end_at_deadline<T: Transport>(shared: &Shared<T>) {
    expire(shared);
    tell(shared);
    shared.record(|steps| steps.reader_expired());
}

/// Tells the outcome of a shutdown that is over.
fn tell<T: Transport>(shared: &Shared<T>) {
    let step = shared.close_state().next_step();
    if let NextStep::Done(outcome) = step {
        conclude(shared, outcome);
        shared.publish(outcome);
    }
}

/// Does what a shutdown has to do and the transport can do at once. Returns whether everything was handed over, or can no
/// longer be. Otherwise the tasks that are registered for our direction are woken when more can be done; see
/// [`Wakers`](super::shared::Wakers).
fn advance<T: Transport>(shared: &Shared<T>) -> bool {
    loop {
        let step = shared.close_state().next_step();
        let done = match step {
            NextStep::None | NextStep::Watch | NextStep::Done(_) => return true,
            NextStep::Write => shared.write().poll_queue(shared),
            NextStep::Close => shared.write().poll_close(shared),
        };
        match done {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) if step == NextStep::Write => note_written(shared),
            Poll::Ready(Ok(())) => {
                shared.close_state().closed();
                // It may be another task that has handed over the last of it.
                shared.write().wakers.wake(Waiter::Answer);
            }
            Poll::Ready(Err(error)) => {
                shared.fail_write(error);
                let unwritten = shared.write().cursor.queued();
                shared.close_state().broken(unwritten);
            }
        }
    }
}

/// Notes that everything was handed over, the marker included, unless that is known.
fn note_written<T: Transport>(shared: &Shared<T>) {
    let mut state = shared.close_state();
    if state.next_step() == NextStep::Write {
        state.written();
        shared.record(|steps| steps.written());
    }
}

/// Ends a shutdown that is not over, because its deadline has passed (FRM-12).
fn expire<T: Transport>(shared: &Shared<T>) {
    let deadline = shared.close_state().deadline();
    let mut read = shared.read();
    // FRM-29: the deadline passes for every task that reads, also for one that has not seen it yet.
    read.deadline = [read.deadline, deadline].into_iter().flatten().min();
    shared.record(|steps| steps.passed());
    drop(read);
    let write = shared.write();
    let (unwritten, is_flushed) = (write.cursor.queued(), write.is_flushed());
    drop(write);
    // FRM-6: a call that wrote or flushed may have handed over the last of it, without a look at the shutdown.
    if is_flushed {
        note_written(shared);
    }
    let step = shared.close_state().next_step();
    let delivery = match step {
        // The deadline has come before everything was handed over, whatever the transport knows.
        NextStep::None | NextStep::Write | NextStep::Done(_) => Ok(Delivery::Unknown),
        NextStep::Close | NextStep::Watch => shared.delivery(),
    };
    match delivery {
        Ok(delivery) => shared.decide(delivery, |state| state.expired(unwritten, delivery)),
        Err(_) => shared.close_state().broken(unwritten),
    }
}

/// Ends the waiting for what can no longer come after this outcome.
fn conclude<T: Transport>(shared: &Shared<T>, outcome: Outcome) {
    match outcome {
        Outcome::Clean | Outcome::Unconfirmed { peer_ended: true } => {}
        Outcome::Unconfirmed { peer_ended: false }
        | Outcome::Unacknowledged { .. }
        | Outcome::DeadlineExceeded { .. }
        | Outcome::PeerGone { .. } => {
            shared.fail_write(Error::DeadlineExceeded);
        }
    }
}

/// A call of [`Closer::shutdown`]. All of them wait for the outcome, and are polled whenever something happens to the
/// shutdown: whichever is polled does what there is to do. So none needs another one to be polled.
struct Call<'c, T: Transport>(&'c Shared<T>);

impl<T: Transport> Call<'_, T> {
    fn poll(&self) -> Poll<Outcome> {
        let waker = self.0.calls();
        let cx = &mut Context::from_waker(&waker);
        let mut driver = self.0.driver();
        // Another call may have come to the end since this one looked. Nothing more is read for it then.
        if let Some(outcome) = *self.0.outcome.borrow() {
            return Poll::Ready(outcome);
        }
        let outcome = driver.get_or_insert_default().poll(self.0, cx);
        drop(driver);
        self.0.write_record();
        outcome
    }
}

impl<T: Transport> Drop for Call<'_, T> {
    fn drop(&mut self) {
        // Nothing is read while no call is polled. Who goes on counts the peer's silence from then on.
        *self.0.driver() = None;
        if self.0.outcome.borrow().is_none() {
            self.0.calls().wake();
        }
    }
}

/// What the calls that shut a connection down go on with, one after the other, each for a poll.
#[derive(Debug)]
pub(super) struct ShutdownDriver {
    deadline: Timer,
    ask: Timer,
    /// When the transport is asked next how much could still be lost.
    asked_next: Instant,
    ask_interval: Duration,
    silence: Timer,
    /// When a byte of the peer was last read and dropped.
    last_byte: Instant,
    /// The outcome, while only a peer that is still sending is waited for.
    known: Option<Outcome>,
    dropped: BytesMut,
    toll: Toll,
}

/// The result of reading for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reading {
    /// The peer's bytes have ended, or they are left to the reader, or there were too many.
    Done,
    /// There may be more.
    Waits,
}

impl Default for ShutdownDriver {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            deadline: Timer::default(),
            ask: Timer::default(),
            asked_next: now,
            ask_interval: ASK_FIRST,
            silence: Timer::default(),
            last_byte: now,
            known: None,
            dropped: BytesMut::new(),
            toll: Toll::default(),
        }
    }
}

impl ShutdownDriver {
    /// Does what can be done, and returns when the shutdown is over.
    fn poll<T: Transport>(&mut self, shared: &Shared<T>, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Without it nothing could be handed over in this poll, and a deadline would pass for want of a turn.
        ready!(poll_turn(cx));
        shared.write().wakers.register(Waiter::Shutdown, cx);
        advance(shared);
        let now = Instant::now();
        let deadline = shared.close_state().deadline();
        let in_time = deadline.is_some_and(|deadline| now < deadline);
        // Nothing is read for a shutdown that has come to its end, except to let the peer finish.
        let goes_on = match shared.close_state().next_step() {
            NextStep::None | NextStep::Write | NextStep::Close | NextStep::Watch => true,
            NextStep::Done(outcome) => outcome.is_clean(),
        };
        let reading = if in_time && goes_on { self.poll_read_ahead(shared, cx) } else { Reading::Done };
        if self.known.is_none() && self.poll_outcome(shared, cx, in_time).is_pending() {
            // The deadline is looked at last: what can be done in time is done.
            ready!(self.deadline.poll_until(deadline, cx));
            expire(shared);
            let step = shared.close_state().next_step();
            if let NextStep::Done(outcome) = step {
                self.finish(shared, outcome);
            }
        }
        let Some(outcome) = self.known else { return Poll::Pending };
        if in_time && reading == Reading::Waits && outcome.is_clean() {
            ready!(self.poll_linger(shared, cx, deadline));
        }
        shared.publish(outcome);
        Poll::Ready(outcome)
    }

    fn finish<T: Transport>(&mut self, shared: &Shared<T>, outcome: Outcome) {
        self.known = Some(outcome);
        conclude(shared, outcome);
    }

    /// Waits until the outcome is known.
    fn poll_outcome<T: Transport>(&mut self, shared: &Shared<T>, cx: &mut Context<'_>, in_time: bool) -> Poll<()> {
        loop {
            let step = shared.close_state().next_step();
            match step {
                NextStep::Done(outcome) => {
                    self.finish(shared, outcome);
                    return Poll::Ready(());
                }
                NextStep::None | NextStep::Write | NextStep::Close => return Poll::Pending,
                NextStep::Watch => {}
            }
            let delivery = watch(shared);
            let step = shared.close_state().next_step();
            if matches!(step, NextStep::Done(_)) {
                continue;
            }
            if !in_time || delivery == Delivery::Unknown {
                return Poll::Pending;
            }
            // Not the moment at which this began: a timer that fires meanwhile would be due again and again.
            let now = Instant::now();
            if self.asked_next <= now {
                self.asked_next = now + self.ask_interval;
                self.ask_interval = (self.ask_interval * 2).min(ASK_LAST);
            }
            ready!(self.ask.poll_until(Some(self.asked_next), cx));
        }
    }

    /// Waits until the peer has been silent for a while, or its bytes have ended.
    fn poll_linger<T: Transport>(
        &mut self,
        shared: &Shared<T>,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<()> {
        if shared.read().has_reader {
            return Poll::Ready(());
        }
        let silence = self.last_byte + shared.config.drain.linger.min(FOREVER);
        self.silence.poll_until(deadline.map(|deadline| deadline.min(silence)), cx)
    }

    /// Reads what the peer sends, so that it does not get stuck: for the reader, or to drop it.
    fn poll_read_ahead<T: Transport>(&mut self, shared: &Shared<T>, cx: &mut Context<'_>) -> Reading {
        let drain = &shared.config.drain;
        let mut side = shared.read();
        side.wakers.register(Waiter::Shutdown, cx);
        // FRM-29: a reader may have met the deadline meanwhile.
        if side.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Reading::Done;
        }
        loop {
            if side.end.is_some() {
                return Reading::Done;
            }
            let left = if side.has_reader {
                drain.keep.saturating_sub(side.ahead.len())
            } else {
                usize::try_from(drain.discard - side.discarded.min(drain.discard)).unwrap_or(usize::MAX)
            };
            if left == 0 {
                return Reading::Done;
            }
            if self.toll.poll_pay(cx).is_pending() {
                return Reading::Waits;
            }
            let kept = side.has_reader;
            let by = if kept { ReadBy::Kept } else { ReadBy::Dropped };
            let mut into = if kept { std::mem::take(&mut side.ahead) } else { std::mem::take(&mut self.dropped) };
            into.reserve(CHUNK.min(left));
            let read = side.poll_read(&mut (&mut into).limit(CHUNK.min(left)));
            if let Poll::Ready(Some(bytes)) = read {
                shared.record(|steps| steps.came(&into[into.len() - bytes..], by));
            }
            if kept {
                side.ahead = into;
            } else {
                into.clear();
                self.dropped = into;
            }
            if let Poll::Ready(Some(bytes)) = read {
                self.toll.add(bytes);
            }
            match read {
                Poll::Ready(Some(bytes)) if kept => {
                    shared.idle.bytes_came(bytes);
                    side.wakers.wake(Waiter::Owner);
                }
                Poll::Ready(Some(bytes)) => {
                    side.discarded += bytes as u64;
                    self.last_byte = Instant::now();
                }
                Poll::Ready(None) => {
                    shared.record(|steps| steps.peer_ended(side.end.as_ref(), by));
                    side.wakers.wake(Waiter::Owner);
                }
                Poll::Pending => return Reading::Waits,
            }
        }
    }
}

/// Asks the transport how much could still be lost.
fn watch<T: Transport>(shared: &Shared<T>) -> Delivery {
    let end = shared.read().end.clone();
    let delivery = match (shared.delivery(), &end) {
        // What has arrived has arrived, also if a reset came behind it.
        (Ok(Delivery::Outstanding(0)), _) => Ok(Delivery::Outstanding(0)),
        (Ok(_), Some(End::Fault(fault))) => Err(shared.fail_write(Error::Transport(fault.clone()))),
        (delivery, _) => delivery,
    };
    match delivery {
        Ok(delivery) => {
            shared.decide(delivery, |state| state.watched(delivery, end.is_some()));
            delivery
        }
        Err(_) => {
            let unwritten = shared.write().cursor.queued();
            shared.close_state().broken(unwritten);
            Delivery::Unknown
        }
    }
}
