//! Dropping what callers gave us.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::bans::Banned;
use super::failures::{Failure, FailureQueue};
use crate::lifecycle::{Discarded, Peer};
use crate::runtime::panicking;

/// What a node no longer holds, to be dropped when the lock is released.
#[expect(dead_code, reason = "what is discarded is only dropped")]
pub(super) enum Garbage<K, I> {
    Core(Discarded<K, I>),
    Ban(Arc<Banned<K>>),
    Peer(Arc<Peer<K, I>>),
    Failure(Failure<K, I>),
    Listener(Arc<FailureQueue<K, I>>),
}

/// Drops values of the caller's, each by itself. To be called with no lock held: a drop may call the node.
///
/// A drop that panics keeps no other value from being dropped. The first panic goes on when all are dropped, unless the
/// task unwinds already, where a second panic would abort the process.
pub(super) fn drop_each<T>(values: impl IntoIterator<Item = T>) {
    let mut first = None;
    for value in values {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            first.get_or_insert(panic);
        }
    }
    if let Some(panic) = first
        && !panicking()
    {
        resume_unwind(panic);
    }
}

/// Drops values of the caller's in a task of the library's, which a panic in a drop does not end: it costs the value alone.
pub(super) fn drop_contained<T>(values: impl IntoIterator<Item = T>) {
    for value in values {
        // What was panicked with is the caller's too, and might panic once more.
        let _reported = catch_unwind(AssertUnwindSafe(|| drop(value))).map_err(std::mem::forget);
    }
}

/// Drops a value of the caller's and then does the rest, also if the drop panics: that goes on behind it.
pub(super) fn drop_before<T>(value: T, rest: impl FnOnce()) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
    rest();
    if let Err(panic) = dropped
        && !panicking()
    {
        resume_unwind(panic);
    }
}
