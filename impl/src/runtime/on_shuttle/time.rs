//! A clock that stands still until it is moved, and its timers.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::scheduling_point;

shuttle::lazy_static! {
    /// The clock of this execution.
    pub(super) static ref CLOCK: Clock = Clock::default();
}

/// Nothing is scheduled while its lock is held, so that the standard library's serves.
#[derive(Default)]
pub(super) struct Clock(Mutex<Timers>);

#[derive(Default)]
struct Timers {
    now: Duration,
    next: u64,
    waiting: BTreeMap<(Instant, u64), Waker>,
}

impl Clock {
    fn lock(&self) -> MutexGuard<'_, Timers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn advance(&self, by: Duration) {
        let due = {
            let mut timers = self.lock();
            timers.now = timers.now.saturating_add(by);
            let after = (Instant(timers.now.saturating_add(Duration::from_nanos(1))), 0);
            let later = timers.waiting.split_off(&after);
            std::mem::replace(&mut timers.waiting, later)
        };
        due.into_values().for_each(Waker::wake);
    }
}

/// A moment, counted from the beginning of the execution.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        scheduling_point();
        Self(CLOCK.lock().now)
    }

    pub(crate) fn checked_add(self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }
}

pub(crate) fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    sleep_until(now.checked_add(duration).unwrap_or(Instant(Duration::MAX)))
}

pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, waiting: None }
}

/// Ends when the clock was moved to its deadline.
pub(crate) struct Sleep {
    deadline: Instant,
    waiting: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut timers = CLOCK.lock();
        if Instant(timers.now) >= self.deadline {
            return Poll::Ready(());
        }
        let number = self.waiting.unwrap_or(timers.next);
        if self.waiting.replace(number).is_none() {
            timers.next += 1;
        }
        timers.waiting.insert((self.deadline, number), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.waiting {
            CLOCK.lock().waiting.remove(&(self.deadline, number));
        }
    }
}
