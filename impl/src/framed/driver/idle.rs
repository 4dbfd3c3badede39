//! Signs of life: how long ago the peer's were, and the heartbeats that are ours.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::runtime::sync::atomic::{AtomicU64, Ordering};
use crate::runtime::time::Instant;

use super::config::Idle;
use super::shared::{Shared, Timer, Waiter};
use super::writer::poll_flush;
use crate::framed::Error;
use crate::framed::transport::Transport;

/// The time of the last progress in either direction.
///
/// The times are read and written by different tasks. A stale one makes a timer fire once too often, after which it is
/// read again. No other memory depends on them, so that relaxed accesses are enough.
#[derive(Debug)]
pub(super) struct IdleTracker {
    idle: Option<Idle>,
    epoch: Instant,
    inbound: Activity,
    outbound: Activity,
    /// When the last frame of ours was accepted, in nanoseconds since the epoch.
    sent: AtomicU64,
}

/// The time of the last progress in one direction, in nanoseconds since the epoch, and the bytes since then that were too
/// few to count.
#[derive(Debug, Default)]
struct Activity {
    moment: AtomicU64,
    bytes: AtomicU64,
}

impl IdleTracker {
    pub(super) fn new(idle: Option<Idle>) -> Self {
        Self {
            idle,
            epoch: Instant::now(),
            inbound: Activity::default(),
            outbound: Activity::default(),
            sent: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn at(&self, nanoseconds: u64) -> Instant {
        self.epoch + Duration::from_nanos(nanoseconds)
    }

    /// Notes that the peer has completed a frame.
    pub(super) fn frame_came(&self) {
        if self.idle.is_some() {
            self.inbound.renew(self.now());
        }
    }

    /// Notes that bytes of the peer were read.
    pub(super) fn bytes_came(&self, bytes: usize) {
        if let Some(idle) = self.idle {
            self.inbound.count(bytes, idle.progress, || self.now());
        }
    }

    /// Notes that the transport took bytes.
    pub(super) fn bytes_went(&self, bytes: usize) {
        if let Some(idle) = self.idle {
            self.outbound.count(bytes, idle.progress, || self.now());
        }
    }

    /// Notes that a task begins to wait for the transport, which took everything until now.
    pub(super) fn writer_waits(&self) {
        if self.idle.is_some() {
            self.outbound.renew(self.now());
        }
    }

    /// Notes that of the time since then, so much passed while no task waited for the transport.
    pub(super) fn writer_did_not_wait(&self, time: Duration) {
        if self.idle.is_some() {
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            let moment = self.outbound.moment.load(Ordering::Relaxed).saturating_add(nanoseconds);
            self.outbound.moment.store(moment.min(self.now()), Ordering::Relaxed);
        }
    }

    /// Notes that a frame was accepted.
    pub(super) fn frame_went(&self) {
        self.sent.store(self.now(), Ordering::Relaxed);
    }

    /// Returns when the last frame of ours was accepted.
    fn sent(&self) -> Instant {
        self.at(self.sent.load(Ordering::Relaxed))
    }

    /// Returns how long a peer may be silent.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.idle.map(|idle| idle.timeout)
    }

    /// Returns when a task that waits to read is to give up.
    pub(super) fn reader_gives_up(&self) -> Option<Instant> {
        let idle = self.idle?;
        self.at(self.inbound.moment.load(Ordering::Relaxed)).checked_add(idle.timeout)
    }

    /// Returns when a task that waits to write is to give up.
    pub(super) fn writer_gives_up(&self) -> Option<Instant> {
        let idle = self.idle?;
        let inbound = self.inbound.moment.load(Ordering::Relaxed);
        self.at(inbound.max(self.outbound.moment.load(Ordering::Relaxed))).checked_add(idle.timeout)
    }
}

impl Activity {
    fn renew(&self, now: u64) {
        self.moment.store(now, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    fn count(&self, bytes: usize, enough: usize, now: impl FnOnce() -> u64) {
        let before = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if before + bytes as u64 >= enough as u64 {
            self.renew(now());
        }
    }
}

/// Heartbeats are sent no more often than this.
const OFTEN: Duration = Duration::from_millis(1);

/// Sends a heartbeat whenever no frame was sent for the interval. Returns the error that ended that.
pub(super) async fn send_heartbeats<T: Transport>(shared: Arc<Shared<T>>) -> Error {
    let Some(interval) = shared.config.heartbeat else { return pending().await };
    let interval = interval.max(OFTEN);
    let (mut next, mut gives_up) = (Timer::default(), Timer::default());
    loop {
        if let Err(end) = poll_fn(|cx| poll_heartbeat_due(&shared, interval, &mut next, cx)).await {
            return end;
        }
        shared.idle.frame_went();
        let flushed = poll_fn(|cx| {
            let flushed = poll_flush(&shared, Waiter::Heartbeats, &mut gives_up, cx);
            shared.write_record();
            flushed
        });
        if let Err(end) = flushed.await {
            return end;
        }
    }
}

/// Waits until no frame was accepted for the interval, and has a heartbeat accepted.
fn poll_heartbeat_due<T: Transport>(
    shared: &Shared<T>,
    interval: Duration,
    timer: &mut Timer,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Error>> {
    let mut write = shared.write();
    // The end of the connection is to wake this task too.
    write.wakers.register(Waiter::Heartbeats, cx);
    shared.check()?;
    write.cursor.check()?;
    // Read at each poll: frames that were accepted since the last one have put the heartbeat off.
    let due = shared.idle.sent().checked_add(interval);
    if timer.poll_until(due, cx).is_pending() {
        return Poll::Pending;
    }
    Poll::Ready(match write.cursor.queued() {
        0 => write.cursor.accept_heartbeat(),
        // What is queued is as good a sign of life.
        _ => Ok(()),
    })
}
