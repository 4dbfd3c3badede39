//! How many idle connections a pool keeps, on all its workers together.
//!
//! Each shard has been granted so many, and never holds more than that; what is granted and what is left in the budget make
//! the pool's total, at any time. So a worker asks no other while it stays below what it once had, and the total is not
//! exceeded, whichever workers put at the same time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Limits;
use super::contain::contain;
use super::core::IdleList;
use super::metrics::Counters;
use super::watch::Reports;
use crate::ownership::Token;

/// The part of the pool's [total](Limits::total) that no shard has been granted.
#[derive(Debug)]
pub(super) struct SharedBudget(AtomicUsize);

impl SharedBudget {
    pub(super) fn new(total: usize) -> Self {
        Self(AtomicUsize::new(total))
    }

    /// Takes one connection's worth, if there is any. Relaxed, because the locks of the shards order what is put where.
    pub(super) fn take_one(&self) -> usize {
        let one_less = |left: usize| left.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).map_or(0, |_| 1)
    }

    /// Returns what a shard has given up.
    pub(super) fn give_back(&self, room: usize) {
        self.0.fetch_add(room, Ordering::Relaxed);
    }
}

/// One worker's part of the pool, on cache lines of its own. What is read without the lock may be a moment old.
#[repr(align(128))]
pub(super) struct WorkerShard<K> {
    guarded: Mutex<Guarded<K>>,
    /// The number of idle connections: a worker that looks for one skips empty shards.
    listed: AtomicUsize,
    /// Whether the shard has been granted more than it holds.
    has_room: AtomicBool,
    pub(super) reports: Arc<Reports>,
    pub(super) counters: Counters,
}

/// What is under a shard's lock.
pub(super) struct Guarded<K> {
    pub(super) list: IdleList<K, Token>,
    /// Reports about connections that another thread of the same runtime is inside, putting or taking them.
    pub(super) early: Vec<Token>,
}

impl<K> WorkerShard<K> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            guarded: Mutex::new(Guarded { list: IdleList::new(limits), early: Vec::new() }),
            listed: AtomicUsize::new(0),
            has_room: AtomicBool::new(limits.total != 0),
            reports: Arc::default(),
            counters: Counters::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guarded<K>> {
        // No code of a key's or a connection's runs under this lock, so a panic leaves a consistent list.
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read<R>(&self, work: impl FnOnce(&IdleList<K, Token>) -> R) -> R {
        work(&self.lock().list)
    }

    /// Runs a critical section, and drops the keys that it made the list forget after it: their code is the user's.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Guarded<K>) -> R) -> R {
        let mut guarded = self.lock();
        let result = work(&mut guarded);
        self.listed.store(guarded.list.len(), Ordering::Relaxed);
        self.has_room.store(guarded.list.room() != 0, Ordering::Relaxed);
        let forgotten = guarded.list.take_forgotten();
        drop(guarded);
        for key in forgotten {
            let _ = contain(&self.counters, || drop(key));
        }
        result
    }

    pub(super) fn listed(&self) -> usize {
        self.listed.load(Ordering::Relaxed)
    }

    pub(super) fn has_room(&self) -> bool {
        self.has_room.load(Ordering::Relaxed)
    }
}
