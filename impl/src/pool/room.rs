//! How many idle connections a pool keeps, on all its workers together.
//!
//! Each shelf has been granted so many, and never holds more than that; what is granted and what is left here make the
//! pool's total, at any time. So a worker asks nobody while it stays below what it once had, and the total is not
//! exceeded, whoever puts at the same time.

use std::hash::Hash;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Connection;
use super::core::Shelf;
use super::entry::{Inside, close};
use super::seat::Seat;
use super::shared::Shared;
use crate::ownership::{Token, Worker};

/// What no shelf has been granted.
#[derive(Debug)]
pub(super) struct Ungranted(AtomicUsize);

impl Ungranted {
    pub(super) fn new(total: usize) -> Self {
        Self(AtomicUsize::new(total))
    }

    /// One, if there is any. It counts and orders nothing: who puts what where is decided under the shelves' locks.
    fn one(&self) -> usize {
        let one_less = |left: usize| left.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).map_or(0, |_| 1)
    }

    /// What a shelf has given up.
    pub(super) fn give_back(&self, room: usize) {
        self.0.fetch_add(room, Ordering::Relaxed);
    }
}

impl<K: Clone + Eq + Hash, C: Connection> Shared<K, C> {
    /// The worker's shelf with room for another connection, if any can be found: ungranted, unused elsewhere, or, if
    /// this worker has nothing to close in favour of it, by closing the oldest of another worker's.
    ///
    /// Two shelves are never locked at once. What is found on the way belongs to nobody else until it is granted.
    pub(super) fn shelf_with_room<'a>(&'a self, here: Worker, key: &K) -> MutexGuard<'a, Shelf<K, Token>> {
        let seat = self.seat(here);
        let mut shelf = seat.shelf();
        if !shelf.is_short(key) {
            return shelf;
        }
        let mut found = self.ungranted.one();
        if found == 0 {
            let has_none = shelf.is_empty();
            drop(shelf);
            found = self.find_unused(here);
            if found == 0 && has_none {
                found = self.evict_elsewhere(here);
            }
            shelf = seat.shelf();
        }
        // It has not been stopped meanwhile: only its own worker does that, and this is its own worker.
        shelf.grant(found);
        shelf
    }

    /// Half of what another shelf has been granted and does not use.
    fn find_unused(&self, here: Worker) -> usize {
        let give_up = |seat: &Seat<K>| {
            let mut shelf = seat.shelf();
            let half = shelf.room().div_ceil(2);
            let unused = shelf.surrender(half);
            seat.count(&shelf);
            unused
        };
        let mut unused = self.seats_of_others(here).filter(|seat| seat.has_room()).map(give_up);
        unused.find(|unused| *unused != 0).unwrap_or(0)
    }

    /// Closes the oldest of another worker's.
    fn evict_elsewhere(&self, here: Worker) -> usize {
        let evict = |seat: &Seat<K>| -> Option<(Inside<'_, C>, usize)> {
            let mut shelf = seat.shelf();
            let evicted = shelf.evict(|token| self.claim(token, here))?;
            let unused = shelf.surrender(1);
            seat.count(&shelf);
            Some((evicted, unused))
        };
        let Some((evicted, unused)) = self.seats_of_others(here).filter(|seat| seat.listed() != 0).find_map(evict)
        else {
            return 0;
        };
        self.seat(here).counters.evicted.add(1);
        close([evicted]);
        unused
    }
}
