//! A connection is put.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::ownership::{InsertError, Numbered, Sharing, Token, Worker};
use crate::pool::connection::{Claimed, Entry, why_not_idle};
use crate::pool::core::{Destination, Put, Stamps};
use crate::pool::quota::Guarded;
use crate::pool::{Closed, Connection, Keep, Pooled, PutError, PutRefused};

/// What became of an attempt to list a connection in one critical section.
enum Attempt<'a, C> {
    Listed {
        evicted: Option<Claimed<'a, C>>,
        needs_alarm: bool,
        is_reported: bool,
    },
    /// There is no room; and whether the worker has nothing to close for it.
    Short {
        destination: Destination,
        has_none: bool,
        visit: Claimed<'a, C>,
    },
    /// The list has remembered or forgotten keys since it was searched.
    Changed(Claimed<'a, C>),
    Refused(Closed, Claimed<'a, C>),
}

impl<K: Eq + Hash, C: Connection> Shared<K, C> {
    pub(in crate::pool) fn put(&self, here: Worker, key: K, pooled: Pooled<C>, keep: Keep) -> Result<(), PutError<C>> {
        let put = self.try_put(here, key, pooled, keep);
        let counters = self.counters(here);
        let counter = if put.is_ok() { &counters.put } else { &counters.refused };
        counter.add(1);
        put
    }

    fn try_put(&self, here: Worker, key: K, pooled: Pooled<C>, keep: Keep) -> Result<(), PutError<C>> {
        let stamps = self.stamps(&pooled, keep);
        // The key's own code comes first: nothing is touched yet.
        let hash = self.hash(&key);
        let number = pooled.connection.as_fd().number();
        let inside = match self.table.insert_and_enter(Entry::new(number, pooled), Sharing::Exclusive(here)) {
            Ok(inside) => inside,
            Err(InsertError { descriptor, reason }) => {
                return Err(PutError { pooled: descriptor.into_pooled(), reason: PutRefused::NoSlot(reason) });
            }
        };
        let (shard, token) = (self.shard(here), inside.token());
        let mut visit = Claimed::new(inside, &shard.counters);
        let waker = shard.reports.waker(token);
        if let Some(reason) = why_not_idle(visit.entry().pooled(), &waker) {
            return Err(PutError { pooled: visit.release(), reason: PutRefused::NotIdle(reason) });
        }
        self.list(here, (hash, key), (token, stamps), visit)
    }

    fn stamps(&self, pooled: &Pooled<C>, keep: Keep) -> Stamps {
        let (now, created_at) = (self.now(), self.since_start(pooled.created_at));
        let age = keep.age.min(self.age_of(created_at));
        Stamps { now, created_at, until: now.saturating_add(keep.idle).min(created_at.saturating_add(age)) }
    }

    /// How old a connection may be that was made then: those that were made together do not end together.
    fn age_of(&self, created_at: Duration) -> Duration {
        let age = self.config.limits.age;
        if age == Duration::MAX || self.config.spread == 0 {
            return age;
        }
        // The golden ratio's multiples are spread evenly; the same connection has the same share each time.
        let share = (created_at.as_nanos() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        let percent = u32::from(self.config.spread.min(100));
        age - age.mul_f64(f64::from(percent) / 100.0 * share as f64 / f64::from(1 << 16))
    }

    /// Lists a connection that is watched, and ends the visit.
    fn list<'a>(
        &'a self,
        here: Worker,
        (hash, key): (u64, K),
        (token, stamps): (Token, Stamps),
        mut visit: Claimed<'a, C>,
    ) -> Result<(), PutError<C>> {
        let shard = self.shard(here);
        let (mut found, key) = match self.find(shard, hash, &key) {
            Ok((destination, key)) => (Ok(destination), key),
            Err(version) => (Err(version), Arc::new(key)),
        };
        let mut room = None;
        loop {
            let attempt = shard.with(|guarded| {
                guarded.list.grant(room.unwrap_or(0));
                let destination = match found {
                    Ok(destination) if guarded.list.remembers(destination) => destination,
                    Err(version) if guarded.list.version() == version => guarded.list.remember(hash, Arc::clone(&key)),
                    Ok(_) | Err(_) => return Attempt::Changed(visit),
                };
                if room.is_none() && guarded.list.is_short(destination) {
                    return Attempt::Short { destination, has_none: guarded.list.is_empty(), visit };
                }
                self.attempt(guarded, here, destination, (token, stamps), visit)
            });
            match attempt {
                Attempt::Listed { evicted, needs_alarm, is_reported } => {
                    if needs_alarm {
                        shard.reports.prod();
                    }
                    if is_reported {
                        shard.reports.push(token);
                    }
                    shard.counters.evicted.add(usize::from(evicted.is_some()));
                    return Ok(());
                }
                Attempt::Refused(reason, visit) => {
                    return Err(PutError { pooled: visit.release(), reason: PutRefused::NoRoom(reason) });
                }
                Attempt::Short { destination, has_none, visit: back } => {
                    (found, visit, room) = (Ok(destination), back, Some(self.find_room(here, has_none)));
                }
                Attempt::Changed(back) => {
                    (visit, room) = (back, room.map(|_| 0));
                    found = self.find(shard, hash, &key).map(|(destination, _)| destination);
                }
            }
        }
    }

    /// One critical section with the end of the visit, so that a taker that finds the connection in the list does not find
    /// it busy (OWN-12, OWN-16).
    fn attempt<'a>(
        &'a self,
        guarded: &mut Guarded<K>,
        here: Worker,
        destination: Destination,
        (token, stamps): (Token, Stamps),
        mut visit: Claimed<'a, C>,
    ) -> Attempt<'a, C> {
        match guarded.list.put(destination, token, stamps, |token| self.claim(token, here)) {
            Ok(Put { handle, evicted, needs_alarm }) => {
                visit.entry().handle = Some(handle);
                visit.leave();
                let reported = guarded.early.iter().position(|early| *early == token);
                let is_reported = reported.map(|at| guarded.early.swap_remove(at)).is_some();
                Attempt::Listed { evicted, needs_alarm, is_reported }
            }
            Err(reason) => Attempt::Refused(reason, visit),
        }
    }
}
