//! A clock that stands still until it is moved, and its timers.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Add;
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
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(Duration);

impl Instant {
    /// Returns what the clock says.
    pub fn now() -> Self {
        scheduling_point();
        Self(CLOCK.lock().now)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn checked_add(self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
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
#[derive(Debug)]
pub(crate) struct Sleep {
    deadline: Instant,
    waiting: Option<u64>,
}

impl Sleep {
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// From now on it ends at this deadline; a task that waits for it polls it again.
    pub(crate) fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.forget();
        self.deadline = deadline;
    }

    fn forget(&mut self) {
        if let Some(number) = self.waiting.take() {
            CLOCK.lock().waiting.remove(&(self.deadline, number));
        }
    }
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
        self.forget();
    }
}
