//! What tests do to the environment of a driver under shuttle. Not part of the library's interface.

use std::sync::atomic::Ordering;
use std::time::Duration;

use shuttle::current;

use super::Failing;
pub use super::sync::{Mutex, MutexGuard};
use super::task::LIVE;
use super::time::CLOCK;
pub use super::time::Instant;

/// Moves the clock forward; every timer that is due then is woken.
pub fn advance(by: Duration) {
    super::scheduling_point();
    CLOCK.advance(by);
}

/// Returns how many tasks that drivers spawned in this execution are not over.
pub fn live_tasks() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// Panics; the task ends, as it does on tokio, and the execution goes on. Nothing is printed.
pub fn fail() -> ! {
    current::set_label_for_task(current::me(), Failing);
    std::panic::resume_unwind(Box::new(Failing))
}
