//! A worker's shelf under its lock, and what is known of it without the lock.

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Limits;
use super::core::Shelf;
use super::metrics::Counters;
use super::watch::Reports;
use crate::ownership::Token;

/// What there is for each worker, away from what its neighbours write.
#[repr(align(128))]
pub(super) struct Seat<K> {
    shelf: Mutex<Shelf<K, Token>>,
    /// How many are on the shelf, or were a moment ago: a worker that looks for something passes by what is empty.
    listed: AtomicUsize,
    /// Whether the shelf has been granted more than it holds, or had a moment ago.
    has_room: AtomicBool,
    pub(super) reports: Arc<Reports>,
    pub(super) counters: Counters,
}

impl<K: Clone + Eq + Hash> Seat<K> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            shelf: Mutex::new(Shelf::new(limits)),
            listed: AtomicUsize::new(0),
            has_room: AtomicBool::new(limits.total != 0),
            reports: Arc::default(),
            counters: Counters::default(),
        }
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf<K, Token>> {
        // A shelf is whole at any time, unless a key's `Hash` or `Eq` panics; then it may have forgotten something.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called when something was put on the shelf or taken off, before it is unlocked.
    pub(super) fn count(&self, shelf: &Shelf<K, Token>) {
        self.listed.store(shelf.len(), Ordering::Relaxed);
        self.has_room.store(shelf.room() != 0, Ordering::Relaxed);
    }

    pub(super) fn listed(&self) -> usize {
        self.listed.load(Ordering::Relaxed)
    }

    pub(super) fn has_room(&self) -> bool {
        self.has_room.load(Ordering::Relaxed)
    }
}
