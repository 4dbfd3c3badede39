//! What the workers share: the table, whose words decide, and a shelf for each worker.
//!
//! Whoever wants an idle connection asks its word, and has it, alone, when the word says so: the owner that acts on a
//! report by *enter*, a taker by *takeover*, and so whoever closes it for a limit or its age. The shelf only says
//! which there are. Its lock is held for a few steps in memory, one of which is the word's; never around a system
//! call, and never for two shelves.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::core::{Claim, Put, Stamps, Unclaimed};
use super::entry::{Entry, Inside, close, disturbance, entry, release};
use super::metrics::{Counters, Metrics};
use super::room::Ungranted;
use super::seat::Seat;
use super::watch::Reports;
use super::{Config, Connection, Limits, Pooled, Prefer, PutError, PutRefused};
use crate::ownership::{InsertError, Numbered, Refused, Sharing, Table, Token, Worker};

pub(super) struct Shared<K, C> {
    table: Table<Entry<C>>,
    seats: Box<[Seat<K>]>,
    /// What of the pool's [total](super::Limits::total) no shelf has been granted.
    pub(super) ungranted: Ungranted,
    config: Config,
    start: Instant,
}

impl<K: Clone + Eq + Hash, C: Connection> Shared<K, C> {
    pub(super) fn new(workers: usize, config: Config) -> Self {
        let nothing_granted = Limits { total: 0, ..config.limits };
        let seats = (0..workers).map(|_| Seat::new(nothing_granted)).collect();
        let (table, ungranted) = (Table::new(config.descriptors), Ungranted::new(config.limits.total));
        Self { table, seats, ungranted, config, start: Instant::now() }
    }

    pub(super) fn reports(&self, worker: Worker) -> Arc<Reports> {
        Arc::clone(&self.seat(worker).reports)
    }

    pub(super) fn metrics(&self) -> Metrics {
        let mut sum = Metrics::default();
        self.seats.iter().for_each(|seat| seat.counters.add_to(&mut sum));
        sum
    }

    pub(super) fn listed(&self) -> usize {
        self.seats.iter().map(|seat| seat.listed()).sum()
    }

    pub(super) fn seat(&self, worker: Worker) -> &Seat<K> {
        &self.seats[usize::from(worker.number())]
    }

    /// Beginning with its neighbour.
    pub(super) fn seats_of_others(&self, worker: Worker) -> impl Iterator<Item = &Seat<K>> {
        self.others(worker).map(|number| &self.seats[number])
    }

    fn others(&self, worker: Worker) -> impl Iterator<Item = usize> + use<K, C> {
        let (own, count) = (usize::from(worker.number()), self.seats.len());
        (1..count).map(move |step| (own + step) % count)
    }

    fn since_start(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.start)
    }

    fn now(&self) -> Duration {
        self.since_start(Instant::now())
    }

    /// Upholds OWN-1: the word says whether the connection is the caller's, in one step.
    pub(super) fn claim(&self, token: Token, here: Worker) -> Claim<Inside<'_, C>> {
        self.table.takeover(token, here).map_err(|refused| match refused {
            Refused::Busy => Unclaimed::Busy,
            // Also what is said of shared descriptors, of which there are none here.
            _ => Unclaimed::Gone,
        })
    }

    pub(super) fn put(&self, here: Worker, key: K, pooled: Pooled<C>) -> Result<(), PutError<C>> {
        let seat = self.seat(here);
        match self.try_put(here, key, pooled) {
            Ok(()) => {
                seat.counters.put.add(1);
                Ok(())
            }
            Err(error) => {
                seat.counters.refused.add(1);
                Err(error)
            }
        }
    }

    fn try_put(&self, here: Worker, key: K, pooled: Pooled<C>) -> Result<(), PutError<C>> {
        let stamps = Stamps { now: self.now(), born: self.since_start(pooled.born) };
        let number = pooled.connection.as_fd().number();
        let mut inside = match self.table.insert_and_enter(Entry::new(number, pooled), Sharing::Exclusive(here)) {
            Ok(inside) => inside,
            Err(InsertError { descriptor, reason }) => {
                return Err(PutError { pooled: descriptor.into_pooled(), reason: PutRefused::NoSlot(reason) });
            }
        };
        let seat = self.seat(here);
        let token = inside.token();
        let waker = seat.reports.waker(token);
        if let Some(disturbance) = disturbance(entry(&mut inside).pooled(), &waker) {
            return Err(PutError { pooled: release(inside), reason: PutRefused::NotIdle(disturbance) });
        }
        // It is watched. It is listed in one critical section with the end of this visit, so that nobody who finds it
        // on the shelf finds anybody inside.
        let mut shelf = self.shelf_with_room(here, &key);
        let Put { place, evicted, needs_alarm } = match shelf.put(key, token, stamps, |token| self.claim(token, here)) {
            Ok(put) => put,
            Err(reason) => {
                drop(shelf);
                return Err(PutError { pooled: release(inside), reason: PutRefused::NoRoom(reason) });
            }
        };
        entry(&mut inside).place = Some(place);
        drop(inside);
        seat.count(&shelf);
        drop(shelf);
        if needs_alarm {
            seat.reports.prod();
        }
        seat.counters.evicted.add(usize::from(evicted.is_some()));
        close(evicted);
        Ok(())
    }

    pub(super) fn take(&self, here: Worker, key: &K) -> Option<Pooled<C>> {
        let own = usize::from(here.number());
        let others = self.others(here);
        let taken = match self.config.prefer {
            Prefer::Own => self.take_from(own, here, key).or_else(|| self.take_from_any(others, here, key)),
            Prefer::Others => self.take_from_any(others, here, key).or_else(|| self.take_from(own, here, key)),
        };
        if taken.is_none() {
            self.seat(here).counters.missed.add(1);
        }
        taken
    }

    fn take_from_any(&self, mut seats: impl Iterator<Item = usize>, here: Worker, key: &K) -> Option<Pooled<C>> {
        seats.find_map(|seat| self.take_from(seat, here, key))
    }

    /// Until there is one that is alive, or none.
    fn take_from(&self, whose: usize, here: Worker, key: &K) -> Option<Pooled<C>> {
        let (seat, counters) = (&self.seats[whose], &self.seat(here).counters);
        while seat.listed() != 0 {
            let now = self.now();
            let took = {
                let mut shelf = seat.shelf();
                let took = shelf.take(key, now, |token| self.claim(token, here));
                seat.count(&shelf);
                took
            };
            counters.busy_skips.add(took.busy);
            counters.expired.add(took.expired.len());
            close(took.expired);
            // Out of its slot, so that nothing that the former owner's poller still says is about it.
            let pooled = release(took.found?);
            let is_own = whose == usize::from(here.number());
            if let Some(pooled) = self.settle(pooled, is_own, counters) {
                return Some(pooled);
            }
        }
        None
    }

    /// Makes a connection that is the caller's its poller's too, unless it is dead.
    fn settle(&self, mut pooled: Pooled<C>, is_own: bool, counters: &Counters) -> Option<Pooled<C>> {
        // What the former owner's poller knows, whether or not that worker has looked.
        if pooled.connection.disturbed().is_some() {
            counters.closed_while_idle.add(1);
            return None;
        }
        if !is_own {
            let Pooled { connection, born, uses } = pooled;
            let Ok(connection) = connection.rehome() else {
                counters.failed_takeovers.add(1);
                return None;
            };
            pooled = Pooled { connection, born, uses };
        }
        if self.config.probe && pooled.connection.probe().is_some() {
            counters.closed_while_idle.add(1);
            return None;
        }
        if is_own {
            counters.reused_local.add(1);
        } else {
            counters.taken_over.add(1);
        }
        pooled.uses += 1;
        Some(pooled)
    }

    /// Acts on a report of the worker's poller.
    pub(super) fn look(&self, here: Worker, token: Token) {
        let seat = self.seat(here);
        // OWN-5: what was reported is inside, or the report is late; there is nothing to forget then, because whoever
        // took the connection over has told the poller.
        let Ok(mut inside) = self.table.enter(token, here) else {
            seat.counters.late_reports.add(1);
            return;
        };
        let waker = seat.reports.waker(token);
        if disturbance(entry(&mut inside).pooled(), &waker).is_none() {
            return;
        }
        // Nobody takes it: it leaves the shelf while this worker is inside, and only then is closed.
        if let Some(place) = entry(&mut inside).place.take() {
            let mut shelf = seat.shelf();
            shelf.remove(place);
            seat.count(&shelf);
        }
        drop(release(inside));
        seat.counters.closed_while_idle.add(1);
    }

    pub(super) fn expire(&self, here: Worker) {
        let seat = self.seat(here);
        let now = self.now();
        let expired = {
            let mut shelf = seat.shelf();
            let expired = shelf.expire(now, |token| self.claim(token, here));
            seat.count(&shelf);
            expired
        };
        seat.counters.expired.add(expired.len());
        close(expired);
    }

    /// When the worker's next idle time ends.
    pub(super) fn next_expiry(&self, here: Worker) -> Option<Instant> {
        let next = self.seat(here).shelf().next_expiry()?;
        self.start.checked_add(next)
    }

    /// Closes what is idle on this worker, which takes nothing any more.
    pub(super) fn stop(&self, here: Worker) {
        let seat = self.seat(here);
        let left = {
            let mut shelf = seat.shelf();
            let left = shelf.stop(|token| self.claim(token, here));
            self.ungranted.give_back(shelf.surrender(usize::MAX));
            seat.count(&shelf);
            left
        };
        close(left);
    }
}

impl<K, C> Drop for Shared<K, C> {
    fn drop(&mut self) {
        self.seats.iter().for_each(|seat| seat.reports.end());
    }
}
