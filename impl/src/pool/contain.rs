//! Code of the user's types that the pool runs: a connection's, and a key's `Drop`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::metrics::Counters;

/// Runs code of a user's type on the pool's behalf, where no caller asked for it. A panic is counted and costs what
/// the code touched: not the task that watches a worker's other connections, nor a caller who asked for another one.
pub(super) fn contain<R>(counters: &Counters, work: impl FnOnce() -> R) -> Option<R> {
    // What was touched is dropped by whoever owns it; the payload might panic once more.
    let result = catch_unwind(AssertUnwindSafe(work)).map_err(std::mem::forget);
    counters.panicked.add(usize::from(result.is_err()));
    result.ok()
}
