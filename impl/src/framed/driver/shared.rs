//! What the halves of a connection and its shutdown share.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

use crate::runtime::sync::{AsyncMutex, Mutex, MutexGuard, OnceLock, watch};
use crate::runtime::time::Instant;
use bytes::BytesMut;

use super::config::Config;
use super::life::Life;
use super::read_side::ReadSide;
use super::timer::Timer;
use super::wakers::Who;
use super::write_side::WriteSide;
use crate::framed::core::{Ending, WriteCursor, WriteLimits};
use crate::framed::transport::Transport;
use crate::framed::{Delivery, Error, Outcome};

/// What the halves of a connection and its shutdown share.
///
/// There is one lock for each direction and one for the end; nobody holds two of them at once, nor holds one across an
/// `await`. The transport is polled under the lock of its direction.
pub(super) struct Shared<T: Transport> {
    read: Mutex<ReadSide<T::Read>>,
    write: Mutex<WriteSide<T::Write>>,
    ending: Mutex<Ending<Instant>>,
    /// What is known at the end.
    pub(super) outcome: watch::Sender<Option<Outcome>>,
    /// One shutdown at a time does the work.
    pub(super) pump: AsyncMutex<()>,
    /// What ended the connection, the same for everybody.
    fate: OnceLock<Error>,
    pub(super) life: Life,
    pub(super) config: Config,
}

impl<T: Transport> Shared<T> {
    pub(super) fn new(transport: T, config: Config) -> Arc<Self> {
        let (read, write) = transport.split();
        let limits = WriteLimits {
            max_frame: config.max_frame,
            copied: WriteSide::<T::Write>::copied(&write),
            heartbeats: config.heartbeat.is_some(),
        };
        Arc::new(Self {
            read: Mutex::new(ReadSide::new(read)),
            write: Mutex::new(WriteSide::new(write, WriteCursor::new(limits))),
            ending: Mutex::new(Ending::new()),
            outcome: watch::channel(None).0,
            pump: AsyncMutex::new(()),
            fate: OnceLock::new(),
            life: Life::new(config.idle),
            config,
        })
    }

    pub(super) fn read(&self) -> MutexGuard<'_, ReadSide<T::Read>> {
        // Nothing under the locks panics; if it does, the state is as good as it was.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> MutexGuard<'_, WriteSide<T::Write>> {
        self.write.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ending(&self) -> MutexGuard<'_, Ending<Instant>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What ended the connection, if something did.
    pub(super) fn fate(&self) -> Option<&Error> {
        self.fate.get()
    }

    /// Something ended the connection: the first time counts. What everybody is told. A shutdown still writes what was
    /// accepted.
    pub(super) fn end_with(&self, error: Error) -> Error {
        let mut is_news = false;
        let fate = self.fate.get_or_init(|| {
            is_news = true;
            error
        });
        if is_news {
            tracing::debug!(%fate, "connection ended");
            self.write().wakers.wake_all();
            self.read().wakers.wake_all();
        }
        fate.clone()
    }

    /// As [`end_with`](Self::end_with), where the direction in which we write is broken, so that not even a shutdown can
    /// write on.
    pub(super) fn break_with(&self, error: Error) -> Error {
        let fate = self.end_with(error);
        let mut write = self.write();
        write.cursor.fail(fate.clone());
        write.wakers.wake_all();
        fate
    }

    /// Begins a shutdown, or shortens the one that has begun.
    pub(super) fn begin_shutdown(&self, deadline: Instant) {
        // The marker is behind everything that was accepted before, and nothing is accepted after this.
        self.write().cursor.finish();
        if self.ending().begin(deadline) {
            tracing::debug!("shutdown begun");
        }
        // The deadline is the reader's, too, and whoever drives has a new one to keep.
        self.read().wakers.wake_all();
        self.write().wakers.wake_all();
    }

    /// Says what is known at the end, to everybody who waits.
    pub(super) fn tell(&self, outcome: Outcome) {
        self.outcome.send_if_modified(|known| {
            let is_news = known.is_none();
            known.get_or_insert(outcome);
            is_news
        });
    }

    /// How far everything has come.
    pub(super) fn delivery(&self) -> Result<Delivery, Error> {
        let delivery = T::delivery(&self.write().io);
        delivery.map_err(|error| self.break_with(Error::Transport(error.into())))
    }

    /// Writes what is queued, for one of those who may wait for it.
    pub(super) fn poll_write(&self, who: Who, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut write = self.write();
        let mut written = write.poll_queue(&self.life);
        if written.is_pending() {
            // Most of the time there is nothing to wait for, and nobody to remember. Once remembered, ask again.
            write.wakers.register(who, cx);
            written = write.poll_queue(&self.life);
        }
        drop(write);
        self.settle(written)
    }

    /// The same, for somebody who gives up when the connection has ended or the peer counts as dead.
    pub(super) fn poll_flush(&self, who: Who, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let written = self.poll_write(who, cx);
        if written.is_ready() {
            return written;
        }
        if let Some(fate) = self.fate() {
            return Poll::Ready(Err(fate.clone()));
        }
        loop {
            ready!(timer.poll_until(self.life.writer_gives_up(), cx));
            // The timer says that there may have been no progress for too long; the stamps say whether there was.
            if let (Some(after), Some(moment)) = (self.life.timeout(), self.life.writer_gives_up())
                && moment <= Instant::now()
            {
                return Poll::Ready(Err(self.break_with(Error::Unresponsive { after })));
            }
        }
    }

    /// Latches a failure to write.
    pub(super) fn settle(&self, written: Poll<Result<(), Error>>) -> Poll<Result<(), Error>> {
        written.map(|written| written.map_err(|error| self.break_with(error)))
    }

    /// Nobody reads frames any more: what was kept for the reader is dropped.
    pub(super) fn reader_left(&self) {
        let mut read = self.read();
        read.has_reader = false;
        read.ahead = BytesMut::new();
        read.wakers.wake(Who::Pump);
    }
}
