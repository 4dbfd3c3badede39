//! What became of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts requests on all workers.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Counts>);

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    broken_off: AtomicU64,
    late: AtomicU64,
}

/// A request that has begun. It is broken off if this is dropped otherwise than by [`answered`](Self::answered).
#[must_use]
pub(crate) struct Open {
    tally: Tally,
    is_answered: bool,
}

impl Tally {
    pub(crate) fn begin(&self) -> Open {
        Open { tally: self.clone(), is_answered: false }
    }

    /// Counts bytes that came when a connection had been closed to further requests.
    pub(crate) fn too_late(&self) {
        self.0.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) -> u64 {
        self.0.answered.load(Ordering::Relaxed)
    }

    /// Returns how many requests were not answered, or not wholly: those that were broken off, by the proxy, their backend
    /// or their client, and those that came too late.
    pub(crate) fn unanswered(&self) -> u64 {
        self.0.broken_off.load(Ordering::Relaxed) + self.0.late.load(Ordering::Relaxed)
    }
}

impl Open {
    pub(crate) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let counts = &self.tally.0;
        let count = if self.is_answered { &counts.answered } else { &counts.broken_off };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
