//! The state that the workers share: the table, whose words decide, and a shard for each worker.
//!
//! A worker that wants an idle connection asks its word, and has it, alone, when the word says so: the owner that acts on a
//! report by *enter*, a taker by *takeover*, and so a worker that closes it for a limit or its age. The idle list only says
//! which there are. Its lock is held for a few steps in memory, one of which is the word's; never around a system call,
//! and never for two lists.

use std::hash::Hash;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Entry, Inside, close, entry, release, why_not_idle};
use super::core::{Claim, IdleList, Put, Stamps, Unclaimed};
use super::metrics::{Counters, Metrics};
use super::quota::{SharedBudget, WorkerShard};
use super::watch::Reports;
use super::{Config, Connection, Limits, Pooled, Prefer, PutError, PutRefused};
use crate::ownership::{InsertError, Numbered, Refused, Sharing, Table, Token, Worker};

pub(super) struct Shared<K, C> {
    table: Table<Entry<C>>,
    shards: Box<[WorkerShard<K>]>,
    budget: SharedBudget,
    config: Config,
    start: Instant,
}

impl<K: Clone + Eq + Hash, C: Connection> Shared<K, C> {
    pub(super) fn new(workers: usize, config: Config) -> Self {
        let nothing_granted = Limits { total: 0, ..config.limits };
        let shards = (0..workers).map(|_| WorkerShard::new(nothing_granted)).collect();
        let (table, budget) = (Table::new(config.descriptors), SharedBudget::new(config.limits.total));
        Self { table, shards, budget, config, start: Instant::now() }
    }

    pub(super) fn reports(&self, worker: Worker) -> Arc<Reports> {
        Arc::clone(&self.shard(worker).reports)
    }

    pub(super) fn metrics(&self) -> Metrics {
        let mut sum = Metrics::default();
        self.shards.iter().for_each(|shard| shard.counters.add_to(&mut sum));
        sum
    }

    pub(super) fn listed(&self) -> usize {
        self.shards.iter().map(|shard| shard.listed()).sum()
    }

    fn shard(&self, worker: Worker) -> &WorkerShard<K> {
        &self.shards[usize::from(worker.number())]
    }

    /// Returns the shards of the other workers, beginning with the neighbour's.
    fn shards_of_others(&self, worker: Worker) -> impl Iterator<Item = &WorkerShard<K>> {
        self.others(worker).map(|number| &self.shards[number])
    }

    fn others(&self, worker: Worker) -> impl Iterator<Item = usize> + use<K, C> {
        let (own, count) = (usize::from(worker.number()), self.shards.len());
        (1..count).map(move |step| (own + step) % count)
    }

    fn since_start(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.start)
    }

    fn now(&self) -> Duration {
        self.since_start(Instant::now())
    }

    /// Upholds OWN-1: the word says whether the connection is the caller's, in one step.
    fn claim(&self, token: Token, here: Worker) -> Claim<Inside<'_, C>> {
        self.table.takeover(token, here).map_err(|refused| match refused {
            Refused::Busy => Unclaimed::Busy,
            // Also what is said of shared descriptors, of which there are none here.
            _ => Unclaimed::Gone,
        })
    }

    pub(super) fn put(&self, here: Worker, key: K, pooled: Pooled<C>) -> Result<(), PutError<C>> {
        let shard = self.shard(here);
        match self.try_put(here, key, pooled) {
            Ok(()) => {
                shard.counters.put.add(1);
                Ok(())
            }
            Err(error) => {
                shard.counters.refused.add(1);
                Err(error)
            }
        }
    }

    fn try_put(&self, here: Worker, key: K, pooled: Pooled<C>) -> Result<(), PutError<C>> {
        let stamps = Stamps { now: self.now(), created_at: self.since_start(pooled.created_at) };
        let number = pooled.connection.as_fd().number();
        let mut inside = match self.table.insert_and_enter(Entry::new(number, pooled), Sharing::Exclusive(here)) {
            Ok(inside) => inside,
            Err(InsertError { descriptor, reason }) => {
                return Err(PutError { pooled: descriptor.into_pooled(), reason: PutRefused::NoSlot(reason) });
            }
        };
        let shard = self.shard(here);
        let token = inside.token();
        let waker = shard.reports.waker(token);
        if let Some(reason) = why_not_idle(entry(&mut inside).pooled(), &waker) {
            return Err(PutError { pooled: release(inside), reason: PutRefused::NotIdle(reason) });
        }
        // It is watched. It is listed in one critical section with the end of this visit, so that a taker that finds it
        // in the list does not find it busy.
        let mut list = self.list_with_room(here, &key);
        let Put { handle, evicted, needs_alarm } = match list.put(key, token, stamps, |token| self.claim(token, here)) {
            Ok(put) => put,
            Err(reason) => {
                drop(list);
                return Err(PutError { pooled: release(inside), reason: PutRefused::NoRoom(reason) });
            }
        };
        entry(&mut inside).handle = Some(handle);
        drop(inside);
        shard.count(&list);
        drop(list);
        if needs_alarm {
            shard.reports.prod();
        }
        shard.counters.evicted.add(usize::from(evicted.is_some()));
        close(evicted);
        Ok(())
    }

    /// Locks the worker's list, with room for another connection if any can be found: in the budget, unused elsewhere, or,
    /// if this worker has nothing to close in favour of it, by closing the oldest of another worker's.
    ///
    /// Two lists are never locked at once. Room that was found is in no other list until it is granted.
    fn list_with_room<'a>(&'a self, here: Worker, key: &K) -> MutexGuard<'a, IdleList<K, Token>> {
        let shard = self.shard(here);
        let mut list = shard.idle_list();
        if !list.is_short(key) {
            return list;
        }
        let mut found = self.budget.take_one();
        if found == 0 {
            let has_none = list.is_empty();
            drop(list);
            found = self.find_unused(here);
            if found == 0 && has_none {
                found = self.evict_elsewhere(here);
            }
            list = shard.idle_list();
        }
        // The list was not stopped meanwhile: only its own worker does that, and this is its own worker.
        list.grant(found);
        list
    }

    /// Takes half of what another shard has been granted and does not use.
    fn find_unused(&self, here: Worker) -> usize {
        let give_up = |shard: &WorkerShard<K>| {
            let mut list = shard.idle_list();
            let half = list.room().div_ceil(2);
            let unused = list.surrender(half);
            shard.count(&list);
            unused
        };
        let mut unused = self.shards_of_others(here).filter(|shard| shard.has_room()).map(give_up);
        unused.find(|unused| *unused != 0).unwrap_or(0)
    }

    /// Closes the oldest of another worker's.
    fn evict_elsewhere(&self, here: Worker) -> usize {
        let evict = |shard: &WorkerShard<K>| -> Option<(Inside<'_, C>, usize)> {
            let mut list = shard.idle_list();
            let evicted = list.evict(|token| self.claim(token, here))?;
            let unused = list.surrender(1);
            shard.count(&list);
            Some((evicted, unused))
        };
        let Some((evicted, unused)) = self.shards_of_others(here).filter(|shard| shard.listed() != 0).find_map(evict)
        else {
            return 0;
        };
        self.shard(here).counters.evicted.add(1);
        close([evicted]);
        unused
    }

    pub(super) fn take(&self, here: Worker, key: &K) -> Option<Pooled<C>> {
        let own = usize::from(here.number());
        let others = self.others(here);
        let taken = match self.config.prefer {
            Prefer::Own => self.take_from(own, here, key).or_else(|| self.take_from_any(others, here, key)),
            Prefer::Others => self.take_from_any(others, here, key).or_else(|| self.take_from(own, here, key)),
        };
        if taken.is_none() {
            self.shard(here).counters.missed.add(1);
        }
        taken
    }

    fn take_from_any(&self, mut shards: impl Iterator<Item = usize>, here: Worker, key: &K) -> Option<Pooled<C>> {
        shards.find_map(|shard| self.take_from(shard, here, key))
    }

    /// Until there is one that is alive, or none.
    fn take_from(&self, whose: usize, here: Worker, key: &K) -> Option<Pooled<C>> {
        let (shard, counters) = (&self.shards[whose], &self.shard(here).counters);
        while shard.listed() != 0 {
            let now = self.now();
            let taken = {
                let mut list = shard.idle_list();
                let taken = list.take(key, now, |token| self.claim(token, here));
                shard.count(&list);
                taken
            };
            counters.busy_skips.add(taken.busy);
            counters.expired.add(taken.expired.len());
            close(taken.expired);
            // Out of its slot, so that nothing that the former owner's poller still says is about it.
            let pooled = release(taken.found?);
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
        if pooled.connection.not_idle().is_some() {
            counters.closed_while_idle.add(1);
            return None;
        }
        if !is_own {
            let Pooled { connection, created_at, uses } = pooled;
            let Ok(connection) = connection.reregister() else {
                counters.failed_takeovers.add(1);
                return None;
            };
            pooled = Pooled { connection, created_at, uses };
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
        let shard = self.shard(here);
        // OWN-5: either the connection is this worker's, or the report is late. Then there is nothing to forget, because
        // the worker that took the connection over has told the poller.
        let Ok(mut inside) = self.table.enter(token, here) else {
            shard.counters.late_reports.add(1);
            return;
        };
        let waker = shard.reports.waker(token);
        if why_not_idle(entry(&mut inside).pooled(), &waker).is_none() {
            return;
        }
        // It leaves the list while this worker is inside, so that no other takes it, and only then is closed.
        if let Some(handle) = entry(&mut inside).handle.take() {
            let mut list = shard.idle_list();
            list.remove(handle);
            shard.count(&list);
        }
        drop(release(inside));
        shard.counters.closed_while_idle.add(1);
    }

    pub(super) fn expire(&self, here: Worker) {
        let shard = self.shard(here);
        let now = self.now();
        let expired = {
            let mut list = shard.idle_list();
            let expired = list.expire(now, |token| self.claim(token, here));
            shard.count(&list);
            expired
        };
        shard.counters.expired.add(expired.len());
        close(expired);
    }

    /// When the worker's next idle time ends.
    pub(super) fn next_expiry(&self, here: Worker) -> Option<Instant> {
        let next = self.shard(here).idle_list().next_expiry()?;
        self.start.checked_add(next)
    }

    /// Closes what is idle on this worker, which takes nothing any more.
    pub(super) fn stop(&self, here: Worker) {
        let shard = self.shard(here);
        let left = {
            let mut list = shard.idle_list();
            let left = list.stop(|token| self.claim(token, here));
            self.budget.give_back(list.surrender(usize::MAX));
            shard.count(&list);
            left
        };
        close(left);
    }
}

impl<K, C> Drop for Shared<K, C> {
    fn drop(&mut self) {
        self.shards.iter().for_each(|shard| shard.reports.end());
    }
}
