//! A connection is taken.

use std::hash::Hash;
use std::mem;

use super::{Shared, has_vanished};
use crate::ownership::Worker;
use crate::pool::core::Why;
use crate::pool::metrics::Counters;
use crate::pool::{Connection, NotIdle, Pooled, Prefer};

/// Why a connection that was taken out of its slot is not given.
enum Dead {
    NotIdle(NotIdle),
    TakeoverFailed,
}

/// A connection whose own code runs. A panic in it is the caller's, and closes the connection: that is counted.
struct Unsettled<'c>(&'c Counters);

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.0.closed_by_panic.add(1);
    }
}

impl<K: Eq + Hash, C: Connection> Shared<K, C> {
    pub(in crate::pool) fn take(&self, here: Worker, key: &K) -> Option<Pooled<C>> {
        let own = usize::from(here.number());
        let hash = self.hash(key);
        let from = |shard| self.take_from(shard, here, hash, key);
        let from_any = || self.others(here).find_map(from);
        let taken = match self.config.prefer {
            Prefer::Own => from(own).or_else(from_any),
            Prefer::Others => from_any().or_else(|| from(own)),
            Prefer::OnlyOwn => from(own),
        };
        if taken.is_none() {
            self.counters(here).missed.add(1);
        }
        taken
    }

    /// Until there is one that is alive, or none.
    fn take_from(&self, whose: usize, here: Worker, hash: u64, key: &K) -> Option<Pooled<C>> {
        let (shard, counters) = (&self.shards[whose], self.counters(here));
        if shard.listed() == 0 {
            return None;
        }
        let (destination, _known) = self.find(shard, hash, key).ok()?;
        while shard.listed() != 0 {
            let now = self.now();
            let taken = shard.with(|guarded| guarded.list.take(destination, now, |token| self.claim(token, here)));
            counters.busy_skips.add(taken.busy);
            counters.over(&taken.expired);
            drop(taken.expired);
            // OWN-13: out of its slot, so that nothing that the former owner's poller still says is about it.
            let pooled = taken.found?.release();
            let is_own = whose == usize::from(here.number());
            let unsettled = Unsettled(counters);
            let settled = self.settle(pooled, is_own);
            mem::forget(unsettled);
            match settled {
                Ok(pooled) => {
                    let taken = if is_own { &counters.reused_local } else { &counters.taken_over };
                    taken.add(1);
                    return Some(pooled);
                }
                Err(dead) => self.bury(dead, counters, key),
            }
        }
        None
    }

    /// OWN-14: makes a connection that is the caller's its poller's too, unless it is dead. OWN-15: what is known of it is
    /// asked for before, and the kernel after.
    fn settle(&self, mut pooled: Pooled<C>, is_own: bool) -> Result<Pooled<C>, Dead> {
        // What the former owner's poller knows, whether or not that worker has looked.
        if let Some(reason) = pooled.connection.not_idle() {
            return Err(Dead::NotIdle(reason));
        }
        if !is_own {
            let Pooled { connection, created_at, uses } = pooled;
            let connection = connection.reregister().map_err(|_| Dead::TakeoverFailed)?;
            pooled = Pooled { connection, created_at, uses };
        }
        if self.config.probe
            && let Some(reason) = pooled.connection.probe()
        {
            return Err(Dead::NotIdle(reason));
        }
        pooled.uses += 1;
        Ok(pooled)
    }

    fn bury(&self, dead: Dead, counters: &Counters, key: &K) {
        match dead {
            Dead::NotIdle(reason) => {
                counters.closed_while_idle.add(1);
                if has_vanished(reason) {
                    self.end_all(key, Why::Suspected);
                }
            }
            Dead::TakeoverFailed => counters.failed_takeovers.add(1),
        }
    }
}
