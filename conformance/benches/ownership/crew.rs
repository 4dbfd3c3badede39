//! Threads that begin together.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

/// So many threads.
pub(crate) struct Crew {
    threads: usize,
}

impl Crew {
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads }
    }

    /// Has every thread, by its number, do this, beginning together, and says how long the slowest was at it. One
    /// thread is the calling one.
    pub(crate) fn run(&self, work: impl Fn(usize) -> Duration + Sync) -> Duration {
        let barrier = Barrier::new(self.threads);
        let (barrier, work) = (&barrier, &work);
        let begin_together = move |number| {
            barrier.wait();
            work(number)
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|number| scope.spawn(move || begin_together(number))).collect();
            let own = begin_together(0);
            others.into_iter().map(|other| other.join().expect("no rival panics")).fold(own, Duration::max)
        })
    }
}
