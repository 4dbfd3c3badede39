//! Room for another connection, and for descriptors that are none of the pool's.

use std::hash::Hash;

use super::Shared;
use crate::ownership::Worker;
use crate::pool::core::{Handle, Listed, MOST_AT_ONCE, Why};
use crate::pool::quota::WorkerShard;
use crate::pool::{Connection, IdleTimes};

impl<K: Eq + Hash, C: Connection> Shared<K, C> {
    /// Finds room for one connection: in the budget, unused elsewhere, or, if this worker has nothing to close in favour of
    /// it, by closing the oldest of another worker's.
    ///
    /// Two lists are never locked at once. Room that was found is in no list until it is granted.
    pub(super) fn find_room(&self, here: Worker, has_none: bool) -> usize {
        let found = match self.budget.take_one() {
            0 => self.find_unused(here),
            found => found,
        };
        if found == 0 && has_none { self.evict_elsewhere(here) } else { found }
    }

    /// Takes half of what another shard has been granted and does not use.
    fn find_unused(&self, here: Worker) -> usize {
        let give_up = |shard: &WorkerShard<K>| {
            shard.with(|guarded| {
                let half = guarded.list.room().div_ceil(2);
                guarded.list.surrender(half)
            })
        };
        let mut unused = self.shards_of_others(here).filter(|shard| shard.has_room()).map(give_up);
        unused.find(|unused| *unused != 0).unwrap_or(0)
    }

    /// Closes the oldest of another worker's.
    fn evict_elsewhere(&self, here: Worker) -> usize {
        let evict = |shard: &WorkerShard<K>| {
            shard.with(|guarded| {
                let evicted = guarded.list.evict(|token| self.claim(token, here))?;
                Some((evicted, guarded.list.surrender(1)))
            })
        };
        let Some((evicted, unused)) = self.shards_of_others(here).filter(|shard| shard.listed() != 0).find_map(evict)
        else {
            return 0;
        };
        self.counters(here).evicted.add(1);
        drop(evicted);
        unused
    }

    /// Closes the connection that has been idle for longest, on any worker. Returns whether there was one.
    pub(in crate::pool) fn close_oldest(&self) -> bool {
        let oldest = |(number, shard): (usize, &WorkerShard<K>)| Some((shard.read(|list| list.oldest())?, number));
        let mut shards: Vec<_> = self.shards.iter().enumerate().filter_map(oldest).collect();
        shards.sort_unstable();
        shards.into_iter().any(|(_, number)| {
            let shard = &self.shards[number];
            // The caller may be no worker. A claim is the caller's alone, whichever number it bears.
            let owner = Worker::new(number as u16);
            let evicted = shard.with(|guarded| guarded.list.evict(|token| self.claim(token, owner)));
            shard.counters.closed_for_room.add(usize::from(evicted.is_some()));
            evicted.is_some()
        })
    }

    /// Ends the time of connections that `keep` does not want. Their workers close them, a few at a time.
    pub(in crate::pool) fn retain(&self, mut keep: impl FnMut(&K, &IdleTimes) -> bool) -> usize {
        let mut ended = 0;
        for shard in &self.shards {
            for handles in shard.read(|list| list.handles()).chunks(MOST_AT_ONCE) {
                // Asked without the lock: it is the user's code.
                let there: Vec<_> = shard.read(|list| {
                    handles.iter().filter_map(|handle| list.get(*handle).map(|listed| (*handle, listed))).collect()
                });
                let now = self.now();
                let is_unwanted = |(_, Listed { key, stamps }): &(Handle, Listed<K>)| {
                    let (idle, age) = (now.saturating_sub(stamps.now), now.saturating_sub(stamps.created_at));
                    !keep(key, &IdleTimes { idle, age })
                };
                let unwanted: Vec<_> = there.into_iter().filter(is_unwanted).collect();
                ended += shard.with(|guarded| {
                    unwanted.iter().filter(|(handle, _)| guarded.list.end(*handle, Why::Cleared)).count()
                });
            }
            shard.reports.prod();
        }
        ended
    }
}
