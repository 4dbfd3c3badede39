//! The state that the halves of a connection and its shutdown share, and how tasks wait.

#[cfg(feature = "record")]
use std::io;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use crate::runtime::sync::{Mutex, MutexGuard, OnceLock, watch};
use crate::runtime::time::{Instant, Sleep, sleep_until};

use super::config::Config;
use super::idle::IdleTracker;
use super::reader::ReadSide;
use super::record::{Entering, Out, Record};
use super::shutdown::ShutdownDriver;
use super::writer::WriteSide;
use crate::framed::core::{CloseState, NextStep, WriteCursor, WriteLimits};
use crate::framed::transport::Transport;
use crate::framed::{Delivery, Error, Outcome};

/// The state that the halves of a connection and its shutdown share.
///
/// There is one lock for each direction and one for the close state. No task holds two of them at once, nor one across
/// an `await`; the lock of the shutdown's driver is taken before them. The transport is polled under the lock of its direction. Steps are entered into a record under these locks,
/// and written under none.
pub(super) struct Shared<T: Transport> {
    read: Mutex<ReadSide<T::Read>>,
    write: Mutex<WriteSide<T::Write>>,
    close_state: Mutex<CloseState<Instant>>,
    /// The outcome of the shutdown, once it has one.
    pub(super) outcome: Arc<Told>,
    /// What a shutdown goes on with, while a call drives it.
    driver: Mutex<Option<ShutdownDriver>>,
    /// The first error that ended the connection: every later call returns it.
    terminal_error: OnceLock<Error>,
    pub(super) idle: IdleTracker,
    pub(super) config: Config,
    /// Dropped last, because it ends with the closing of the transport.
    record: Option<Record>,
}

impl<T: Transport> Shared<T> {
    pub(super) fn new(transport: T, config: Config, out: Option<Out>) -> Arc<Self> {
        let (read, write) = transport.split();
        let record = out.map(|out| Record::begin(out, &config, &T::delivery(&write)));
        let limits = WriteLimits {
            max_frame: config.max_frame,
            copied: WriteSide::<T::Write>::copied(&write),
            heartbeats: config.heartbeat.is_some(),
        };
        Arc::new(Self {
            read: Mutex::new(ReadSide::new(read)),
            write: Mutex::new(WriteSide::new(write, WriteCursor::new(limits))),
            close_state: Mutex::new(CloseState::new()),
            outcome: Arc::new(Told(watch::channel(None).0)),
            driver: Mutex::new(None),
            terminal_error: OnceLock::new(),
            idle: IdleTracker::new(config.idle),
            config,
            record,
        })
    }

    pub(super) fn read(&self) -> MutexGuard<'_, ReadSide<T::Read>> {
        // Code under these locks does not panic, so a poisoned lock still guards a consistent state.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> MutexGuard<'_, WriteSide<T::Write>> {
        self.write.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close_state(&self) -> MutexGuard<'_, CloseState<Instant>> {
        self.close_state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn driver(&self) -> MutexGuard<'_, Option<ShutdownDriver>> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a waker for all calls that wait for the shutdown's outcome.
    pub(super) fn calls(&self) -> Waker {
        Waker::from(Arc::clone(&self.outcome))
    }

    /// Returns the error that ended the connection, if it has ended.
    pub(super) fn terminal_error(&self) -> Option<&Error> {
        self.terminal_error.get()
    }

    /// Returns the error that ended the connection as an error.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.terminal_error().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Ends the connection with an error, if it has not ended, and returns the error that ended it. A shutdown still
    /// writes what was accepted.
    pub(super) fn fail_once(&self, error: Error) -> Error {
        self.fail(error, |_, _, _| {})
    }

    /// Does the same as [`fail_once`](Self::fail_once) for the reader, which is told of the error that is returned.
    pub(super) fn fail_reader(&self, error: Error) -> Error {
        self.fail(error, |_, _, known| self.record(|steps| steps.failed(known)))
    }

    /// Does the same as [`fail_once`](Self::fail_once), where our direction is broken: not even a shutdown writes on.
    pub(super) fn fail_write(&self, error: Error) -> Error {
        self.fail(error, |write, error, known| {
            if write.cursor.failure().is_none() {
                self.record(|steps| steps.write_failed(error));
            }
            write.cursor.fail(known.clone());
            write.wakers.wake_all();
        })
    }

    /// Ends the connection, and does the rest in the same step, with the error and with the one that is known. Under the lock
    /// of our direction: no frame is accepted after the end.
    fn fail(&self, error: Error, rest: impl FnOnce(&mut WriteSide<T::Write>, &Error, &Error)) -> Error {
        let mut write = self.write();
        let mut is_first = false;
        let latched = self.terminal_error.get_or_init(|| {
            is_first = true;
            error.clone()
        });
        let known = latched.clone();
        if is_first {
            write.wakers.wake_all();
        }
        rest(&mut write, &error, &known);
        drop(write);
        if is_first {
            crate::trace::debug!(error = %known, "connection ended");
            self.read().wakers.wake_all();
        }
        known
    }

    /// Enters steps into the record, if there is one.
    pub(super) fn record(&self, enter: impl FnOnce(&mut Entering<'_>)) {
        if let Some(record) = &self.record {
            enter(&mut record.steps());
        }
    }

    /// Writes what was entered. No lock may be held: what writes it is foreign code.
    pub(super) fn write_record(&self) {
        self.record.iter().for_each(Record::write_out);
    }

    /// As [`Connection::flush_record`](super::Connection::flush_record).
    #[cfg(feature = "record")]
    pub(super) fn flush_record(&self) -> io::Result<()> {
        self.record.as_ref().map_or(Ok(()), Record::flush)
    }

    /// Begins a shutdown, or shortens the one that has begun.
    ///
    /// `answers` is whether the peer's marker is the reason.
    pub(super) fn begin_shutdown(&self, deadline: Instant, answers: bool) {
        // The marker is behind everything that was accepted before, and nothing is accepted after this.
        let mut write = self.write();
        write.cursor.finish();
        self.record(|steps| steps.begun(deadline, answers));
        drop(write);
        if self.close_state().begin(deadline) {
            crate::trace::debug!("shutdown begun");
        }
        // The deadline is the reader's, too, and the shutdown's driver has a new one to keep (FRM-12, FRM-13).
        let mut read = self.read();
        read.deadline = Some(read.deadline.map_or(deadline, |until| until.min(deadline)));
        read.wakers.wake_all();
        drop(read);
        self.write().wakers.wake_all();
    }

    /// Tells every call that waits for the shutdown its outcome. The first outcome stays (FRM-7).
    pub(super) fn publish(&self, outcome: Outcome) {
        self.outcome.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                *known = Some(outcome);
                self.record(|steps| steps.over(outcome));
            }
            is_first
        });
    }

    /// Takes a step of the closing that may decide its outcome, of a direction that is closed by what the transport has said of
    /// delivery.
    pub(super) fn decide(&self, delivery: Delivery, step: impl FnOnce(&mut CloseState<Instant>)) {
        let mut state = self.close_state();
        let before = state.next_step();
        step(&mut state);
        if before == NextStep::Watch && matches!(state.next_step(), NextStep::Done(_)) {
            self.record(|steps| steps.ended_by(delivery));
        }
    }

    /// Asks the transport how much could still be lost.
    pub(super) fn delivery(&self) -> Result<Delivery, Error> {
        let delivery = T::delivery(&self.write().io);
        delivery.map_err(|error| self.fail_write(Error::Transport(error.into())))
    }
}

/// Tells every call that waits for a shutdown its outcome, and wakes all of them when there is something to do.
pub(super) struct Told(watch::Sender<Option<Outcome>>);

impl Deref for Told {
    type Target = watch::Sender<Option<Outcome>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.send_if_modified(|_| true);
    }
}

/// A task that waits for one direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Waiter {
    /// The reader, or the writer.
    Owner,
    /// The calls that drive the shutdown.
    Shutdown,
    /// The task that sends heartbeats.
    Heartbeats,
    /// The reader that hands over the answer to the peer's marker.
    Answer,
}

/// The wakers of all tasks that wait for one direction, and one waker for the transport that wakes them all.
///
/// A transport remembers one waker, that of the last poll. The task behind it may have stopped waiting, and the others
/// must not sleep on for that.
#[derive(Debug)]
pub(super) struct Wakers {
    slots: Arc<Slots>,
    all: Waker,
}

#[derive(Debug, Default)]
struct Slots([Mutex<Option<Waker>>; 4]);

impl Slots {
    fn slot(&self, waiter: Waiter) -> MutexGuard<'_, Option<Waker>> {
        self.0[waiter as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_one(&self, waiter: Waiter) {
        // The lock is not held while the waker runs.
        let waker = self.slot(waiter).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Slots {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiters = [Waiter::Owner, Waiter::Shutdown, Waiter::Heartbeats, Waiter::Answer];
        waiters.into_iter().for_each(|waiter| self.wake_one(waiter));
    }
}

impl Wakers {
    pub(super) fn new() -> Self {
        let slots = Arc::new(Slots::default());
        let all = Waker::from(Arc::clone(&slots));
        Self { slots, all }
    }

    /// Registers a task to be woken. To be called before the transport is polled.
    pub(super) fn register(&self, waiter: Waiter, cx: &Context<'_>) {
        let mut slot = self.slots.slot(waiter);
        match &mut *slot {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *slot = Some(cx.waker().clone()),
        }
    }

    /// Returns the waker that the transport is polled with.
    pub(super) fn all(&self) -> &Waker {
        &self.all
    }

    /// Wakes all tasks, because the connection has come to an end.
    pub(super) fn wake_all(&self) {
        self.all.wake_by_ref();
    }

    /// Wakes one task, because something was done that it may wait for.
    pub(super) fn wake(&self, waiter: Waiter) {
        self.slots.wake_one(waiter);
    }
}

/// A timer for a moment that moves on while no task waits for it. It is set anew only when it has fired too early.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Waits until a moment, or for ever.
    pub(super) fn poll_until(&mut self, moment: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(moment) = moment else { return Poll::Pending };
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(moment)));
        if moment < sleep.deadline() {
            sleep.as_mut().reset(moment);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            // It may have been set when the moment was an earlier one.
            if moment <= sleep.deadline() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(moment);
        }
    }
}
