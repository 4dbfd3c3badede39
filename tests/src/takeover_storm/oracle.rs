//! What must not happen, and what is counted.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What must not happen.
#[derive(Clone, Debug, Eq, thiserror::Error, PartialEq)]
pub(crate) enum Fault {
    #[error("OWN-1: worker {worker} is inside a connection that belongs to worker {owner}")]
    TwoOwners { worker: usize, owner: usize },
    #[error("OWN-1: worker {worker} is inside a connection, and so is another one")]
    TwoInside { worker: usize },
    #[error("OWN-2: worker {worker} is inside a connection that is closed")]
    InsideClosed { worker: usize },
    #[error("OWN-3: descriptor {number} was closed for an incarnation that it does not mean")]
    ClosedTwice { number: usize },
    #[error("OWN-6: descriptor {number} was inserted where something was left of the last one")]
    NotClean { number: usize },
    #[error("a server heard two connections on one")]
    TwoConnections,
    #[error("a response that was not asked for")]
    WrongResponse,
    #[error("a request took {millis} ms")]
    Lost { millis: u128 },
    #[error("{takeovers} of {of} takeovers in {seconds} s")]
    TooFew { takeovers: u64, of: u64, seconds: u64 },
    #[error("{opened} connections were opened and {closed} closed")]
    Leaked { opened: u64, closed: u64 },
    #[error("{before} descriptors before the storm and {after} after it")]
    Descriptors { before: usize, after: usize },
}

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) opened: AtomicU64,
    pub(crate) closed: AtomicU64,
    pub(crate) responses: AtomicU64,
    pub(crate) taken_over: AtomicU64,
    pub(crate) reused: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) closed_while_idle: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) slowest_micros: AtomicU64,
}

/// Who watches over the storm.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) counts: Counts,
    begin: Instant,
    longest: Duration,
    has_found: AtomicBool,
    found: Mutex<Vec<(Fault, Duration)>>,
}

/// How many faults are kept.
const KEPT: usize = 16;

impl Oracle {
    pub(crate) fn new(longest: Duration) -> Self {
        Self {
            counts: Counts::default(),
            begin: Instant::now(),
            longest,
            has_found: AtomicBool::new(false),
            found: Mutex::default(),
        }
    }

    pub(crate) fn find(&self, fault: Fault) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() < KEPT {
            found.push((fault, self.begin.elapsed()));
        }
        self.has_found.store(true, Ordering::Release);
    }

    pub(crate) fn has_found(&self) -> bool {
        self.has_found.load(Ordering::Acquire)
    }

    pub(crate) fn first(&self) -> Option<(Fault, Duration)> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }

    /// A response came, or did not.
    pub(crate) fn waited(&self, since: Instant) {
        let waited = since.elapsed();
        self.counts.slowest_micros.fetch_max(waited.as_micros() as u64, Ordering::Relaxed);
        if waited > self.longest {
            self.find(Fault::Lost { millis: waited.as_millis() });
        }
    }

    /// Whether the time for so many takeovers is over before them, which is a fault.
    pub(crate) fn is_late(&self, deadline: Instant, of: u64, seconds: u64) -> bool {
        let is_late = Instant::now() > deadline;
        if is_late {
            self.find(Fault::TooFew { takeovers: self.counts.taken_over.load(Ordering::Relaxed), of, seconds });
        }
        is_late
    }

    /// All threads have ended.
    pub(crate) fn conclude(&self, descriptors: (usize, usize)) {
        let [opened, closed] = [&self.counts.opened, &self.counts.closed].map(|count| count.load(Ordering::SeqCst));
        // A storm that was broken off because of a fault leaves what it leaves.
        if self.has_found() {
            return;
        }
        if opened != closed {
            self.find(Fault::Leaked { opened, closed });
        }
        let (before, after) = descriptors;
        if before != after {
            self.find(Fault::Descriptors { before, after });
        }
    }

    pub(crate) fn summary(&self) -> String {
        let c = &self.counts;
        let rows = [
            ("opened", &c.opened),
            ("closed", &c.closed),
            ("responses", &c.responses),
            ("taken over", &c.taken_over),
            ("reused by the same worker", &c.reused),
            ("takeovers refused", &c.skipped),
            ("late reports", &c.late),
            ("closed while idle", &c.closed_while_idle),
            ("requests tried again", &c.retried),
            ("slowest response, us", &c.slowest_micros),
        ];
        let mut table = String::new();
        for (name, count) in rows {
            // A string takes everything.
            let _ = writeln!(table, "{name:>26} {:>12}", count.load(Ordering::SeqCst));
        }
        for (fault, after) in self.found.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = writeln!(table, "{:>25.3}s {fault}", after.as_secs_f64());
        }
        table
    }
}

/// Counts one.
pub(crate) fn one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// How many descriptors this process has.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
