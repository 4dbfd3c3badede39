//! The state that the workers share: the table, with the words that decide, and a shard for each worker.
//!
//! A worker that wants an idle connection asks its word, and has it, alone, when the word says so: the owner that acts on a
//! report by *enter*, a taker by *takeover*, and so a worker that closes it for a limit or its age. The idle list only says
//! which there are. Its lock is held for a few steps in memory, one of which is the word's; never around a system call or
//! code of a user's type, and never for two lists.

mod listing;
mod room;
mod taking;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Claimed, Entry, why_not_idle};
use super::contain::contain;
use super::core::{Claim, Destination, MOST_AT_ONCE, Unclaimed, Why};
use super::metrics::{Counters, Metrics};
use super::quota::{SharedBudget, WorkerShard};
use super::watch::Reports;
use super::{Config, Connection, Limits, NotIdle};
use crate::ownership::{Guard, Refused, Table, Token, Worker};

pub(super) struct Shared<K, C> {
    table: Table<Entry<C>>,
    shards: Box<[WorkerShard<K>]>,
    budget: SharedBudget,
    config: Config,
    /// Keyed at random, so that keys that strangers choose, as names of hosts, cannot be aimed at one place.
    hasher: RandomState,
    start: Instant,
}

impl<K: Eq + Hash, C: Connection> Shared<K, C> {
    pub(super) fn new(workers: usize, config: Config) -> Self {
        let nothing_granted = Limits { total: 0, ..config.limits };
        let shards = (0..workers).map(|_| WorkerShard::new(nothing_granted)).collect();
        let (table, budget) = (Table::new(config.descriptors), SharedBudget::new(config.limits.total));
        Self { table, shards, budget, config, hasher: RandomState::new(), start: Instant::now() }
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

    pub(super) fn counters(&self, worker: Worker) -> &Counters {
        &self.shard(worker).counters
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

    fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Finds a key in a shard's list. Its `Eq` is the user's code, which may panic or call the pool: so no lock is held
    /// while it runs. With the destination comes the list's own key; without one, the [version](super::core::IdleList::version)
    /// of the list in which it was not.
    fn find(&self, shard: &WorkerShard<K>, hash: u64, key: &K) -> Result<(Destination, Arc<K>), u64> {
        let (mut nth, mut version) = (0, None);
        loop {
            let (candidate, seen) = shard.read(|list| {
                let candidate = list.with_hash(hash).nth(nth).map(|(destination, key)| (destination, Arc::clone(key)));
                (candidate, list.version())
            });
            if version.replace(seen).is_some_and(|version| version != seen) {
                nth = 0;
                continue;
            }
            match candidate {
                Some((destination, known)) if *known == *key => return Ok((destination, known)),
                Some(_) => nth += 1,
                None => return Err(seen),
            }
        }
    }

    /// Upholds OWN-1: the word says whether the connection is the caller's, in one step.
    fn claim(&self, token: Token, here: Worker) -> Claim<Claimed<'_, C>> {
        match self.table.takeover(token, here) {
            Ok(inside) => Ok(Claimed::new(inside, self.counters(here))),
            Err(Refused::Busy) => Err(Unclaimed::Busy),
            // Also what is said of shared descriptors, of which there are none here.
            Err(_) => Err(Unclaimed::Gone),
        }
    }

    /// Acts on a report of the worker's poller.
    pub(super) fn look(&self, here: Worker, token: Token) {
        let shard = self.shard(here);
        // OWN-5: either the connection is this worker's, or the report is late. Then there is nothing to forget, because
        // the worker that took the connection over has told the poller.
        let inside = match self.enter_reported(shard, token, here) {
            Ok(inside) => inside,
            // A thread of this runtime is inside, and sees to the report when it has listed the connection.
            Err(Refused::Busy) => return,
            Err(_) => return shard.counters.late_reports.add(1),
        };
        let mut claimed = Claimed::new(inside, &shard.counters);
        let waker = shard.reports.waker(token);
        let handle = claimed.entry().handle;
        // A connection whose own code panics is closed, as one that has failed.
        let why = contain(&shard.counters, || why_not_idle(claimed.entry().pooled(), &waker));
        if let Some(None) = why {
            return claimed.leave();
        }
        // OWN-12: it leaves the list while this worker is inside, so that no other takes it, and only then is closed.
        let key = handle.and_then(|handle| {
            shard.with(|guarded| {
                let key = guarded.list.get(handle).map(|listed| listed.key);
                guarded.list.remove(handle);
                key
            })
        });
        drop(claimed);
        let Some(Some(reason)) = why else { return shard.counters.closed_by_panic.add(1) };
        shard.counters.closed_while_idle.add(1);
        if let Some(key) = key.filter(|_| has_vanished(reason)) {
            self.end_all(&key, Why::Suspected);
        }
    }

    /// Upholds OWN-25 where several threads share the shard: a thread that is inside because it puts the connection leaves
    /// it under the lock. So the question is asked again there, and the report left for that thread if it is inside still.
    fn enter_reported(
        &self,
        shard: &WorkerShard<K>,
        token: Token,
        here: Worker,
    ) -> Result<Guard<'_, Entry<C>>, Refused> {
        let entered = self.table.enter(token, here);
        if !matches!(entered, Err(Refused::Busy)) {
            return entered;
        }
        shard.with(|guarded| {
            let entered = self.table.enter(token, here);
            if matches!(entered, Err(Refused::Busy)) {
                // Those whose connections were taken meanwhile are of no use to any thread.
                guarded.early.retain(|early| self.table.state(*early).is_ok());
                guarded.early.push(token);
            }
            entered
        })
    }

    /// OWN-26: closes some of what has expired. Returns whether there may be more.
    pub(super) fn expire(&self, here: Worker) -> bool {
        let shard = self.shard(here);
        let now = self.now();
        let expired = shard.with(|guarded| guarded.list.expire(now, MOST_AT_ONCE, |token| self.claim(token, here)));
        shard.counters.over(&expired);
        expired.len() == MOST_AT_ONCE
    }

    /// When the worker's next idle time ends.
    pub(super) fn next_expiry(&self, here: Worker) -> Option<Instant> {
        let next = self.shard(here).with(|guarded| guarded.list.next_expiry())?;
        self.start.checked_add(next)
    }

    /// Ends the time of all connections to a destination: none of those that are idle now is given out any more. Their
    /// workers close them, a few at a time. Returns how many there were.
    pub(super) fn end_all(&self, key: &K, why: Why) -> usize {
        let hash = self.hash(key);
        let end = |shard: &WorkerShard<K>| {
            let Ok((destination, _)) = self.find(shard, hash, key) else { return 0 };
            let ended = shard.with(|guarded| guarded.list.end_all(destination, why));
            shard.reports.prod();
            ended
        };
        self.shards.iter().filter(|shard| shard.listed() != 0).map(end).sum()
    }

    /// OWN-25, OWN-26: closes what is idle on this worker, which takes nothing any more.
    pub(super) fn stop(&self, here: Worker) {
        let shard = self.shard(here);
        let left = shard.with(|guarded| {
            let left = guarded.list.stop(|token| self.claim(token, here));
            self.budget.give_back(guarded.list.surrender(usize::MAX));
            left
        });
        shard.counters.closed_by_stop.add(left.len());
    }
}

/// Whether a connection has failed because nothing came back from its server.
fn has_vanished(reason: NotIdle) -> bool {
    use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    match reason {
        NotIdle::Failed(kind) => matches!(kind, TimedOut | HostUnreachable | NetworkUnreachable),
        NotIdle::Closed | NotIdle::Bytes => false,
    }
}

impl<K, C> Drop for Shared<K, C> {
    fn drop(&mut self) {
        self.shards.iter().for_each(|shard| shard.reports.end());
    }
}
