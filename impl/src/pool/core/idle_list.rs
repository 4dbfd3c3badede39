//! The idle connections of one worker: the order in which they are given out, and how long they may stay.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use super::lists::{Keys, Link, LinkedList, newer, older};
use super::types::{
    Claim, Closed, Destination, Handle, Limits, Listed, MOST_AT_ONCE, Over, Put, Stamps, TakeResult, Unclaimed, Why,
};

/// The idle connections of one worker, by destination. `T` is a connection's token, by which it is claimed.
///
/// A connection leaves the list before it is closed or given out, and in the same critical section as the claim that says
/// whose it is: so every connection in the list is open, and belongs to no task.
///
/// The list runs no code of its keys', so that it can be kept under a lock and a key cannot leave it half changed: the
/// caller hashes, compares what [`with_hash`](Self::with_hash) offers, and drops what is [forgotten](Self::take_forgotten).
#[derive(Debug)]
pub struct IdleList<K, T> {
    limits: Limits,
    stopped: bool,
    nodes: Slab<Node<T>>,
    all: LinkedList,
    /// Those to be closed before they have been idle for too long: when, their serial numbers and indices.
    aging: BTreeSet<(Duration, u64, usize)>,
    /// When the worker will ask for [`next_expiry`](Self::next_expiry) again, if it will.
    alarm: Option<Duration>,
    keys: Keys<K>,
    serial: u64,
}

#[derive(Debug)]
struct Node<T> {
    token: T,
    serial: u64,
    list: usize,
    stamps: Stamps,
    idle_until: Duration,
    give_until: Duration,
    why: Why,
    in_all: Link,
    in_list: Link,
}

impl<T> Node<T> {
    /// Its entry among those that age first.
    fn aging(&self, index: usize) -> Option<(Duration, u64, usize)> {
        (self.give_until < self.idle_until).then_some((self.give_until, self.serial, index))
    }
}

impl<K, T: Copy> IdleList<K, T> {
    /// Creates an empty list.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            stopped: false,
            nodes: Slab::new(),
            all: LinkedList::EMPTY,
            aging: BTreeSet::new(),
            alarm: None,
            keys: Keys::new(),
            serial: 0,
        }
    }

    /// Returns the number of connections.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of connections to one destination.
    pub fn len_of(&self, destination: Destination) -> usize {
        self.keys.find(destination).map_or(0, |list| self.keys.list(list).len())
    }

    /// Returns the destinations that are remembered with keys of this hash.
    pub fn with_hash(&self, hash: u64) -> impl Iterator<Item = (Destination, &Arc<K>)> {
        self.keys.with_hash(hash)
    }

    /// Returns the destinations that are remembered.
    pub fn destinations(&self) -> impl Iterator<Item = (Destination, &Arc<K>)> {
        self.keys.destinations()
    }

    /// Whether a destination is remembered still.
    pub fn remembers(&self, destination: Destination) -> bool {
        self.keys.find(destination).is_some()
    }

    /// Returns a number that changes whenever a destination is remembered or forgotten.
    pub fn version(&self) -> u64 {
        self.keys.version()
    }

    /// Remembers a destination without an entry for its key, until there has been no connection to it for some time.
    pub fn remember(&mut self, hash: u64, key: Arc<K>) -> Destination {
        self.keys.add(hash, key)
    }

    /// Returns the keys of destinations that were forgotten, to be dropped where no lock is held.
    pub fn take_forgotten(&mut self) -> Vec<Arc<K>> {
        self.keys.take_forgotten()
    }

    /// Returns the number of destinations that are remembered.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Puts a connection into the list. Where a limit is reached, `claim` is asked for the oldest in its favour, and the
    /// next oldest if that cannot be had; what was claimed is returned, to be closed.
    ///
    /// # Errors
    ///
    /// If the worker has stopped, the destination was forgotten, or there is no room; the connection is not in the list.
    pub fn put<G>(
        &mut self,
        destination: Destination,
        token: T,
        stamps: Stamps,
        claim: impl FnMut(T) -> Claim<G>,
    ) -> Result<Put<G>, Closed> {
        if self.stopped {
            return Err(Closed::Stopped);
        }
        let list = self.keys.find(destination).ok_or(Closed::Forgotten)?;
        let evicted = self.make_room(list, claim)?;
        self.serial += 1;
        let node = Node {
            token,
            serial: self.serial,
            list,
            stamps,
            idle_until: stamps.now.saturating_add(self.limits.idle),
            give_until: stamps.created_at.saturating_add(self.limits.age).min(stamps.until),
            why: Why::Expired,
            in_all: Link::LOOSE,
            in_list: Link::LOOSE,
        };
        let expiry = node.idle_until.min(node.give_until);
        let index = self.nodes.insert(node);
        self.aging.extend(self.nodes[index].aging(index));
        self.all.push(&mut self.nodes, |node| &mut node.in_all, index);
        self.keys.list_mut(list).push(&mut self.nodes, |node| &mut node.in_list, index);
        let needs_alarm = self.alarm.is_none_or(|alarm| expiry < alarm);
        if needs_alarm {
            self.alarm = Some(expiry);
        }
        Ok(Put { handle: Handle { index, serial: self.serial }, evicted, needs_alarm })
    }

    /// Removes the newest connection to a destination that `claim` grants.
    pub fn take<G>(
        &mut self,
        destination: Destination,
        now: Duration,
        mut claim: impl FnMut(T) -> Claim<G>,
    ) -> TakeResult<G> {
        let mut taken = TakeResult { found: None, expired: Vec::new(), busy: 0 };
        let Some(list) = self.keys.find(destination) else { return taken };
        let mut next = self.keys.list(list).newest();
        while let Some(index) = next {
            let node = &self.nodes[index];
            next = older(node.in_list);
            let (why, is_expired) = (node.why, node.idle_until <= now || node.give_until <= now);
            if is_expired && taken.expired.len() == MOST_AT_ONCE {
                // Its worker closes it, a few at a time.
                continue;
            }
            match self.have(index, &mut claim) {
                Ok(claimed) if is_expired => taken.expired.push(Over { claimed, why }),
                Ok(claimed) => {
                    taken.found = Some(claimed);
                    return taken;
                }
                Err(Unclaimed::Busy) => taken.busy += 1,
                Err(Unclaimed::Gone) => {}
            }
        }
        taken
    }

    /// Removes the connection with a handle. Returns whether it was still there.
    pub fn remove(&mut self, handle: Handle) -> bool {
        let is_there = self.is_there(handle);
        if is_there {
            self.cut(handle.index);
        }
        is_there
    }

    fn is_there(&self, handle: Handle) -> bool {
        self.nodes.get(handle.index).is_some_and(|node| node.serial == handle.serial)
    }

    /// Removes what has been idle for too long, then what is too old or was [ended](Self::end), `most` at most. If there
    /// was more, [`next_expiry`](Self::next_expiry) is not after `now`.
    #[must_use = "what has expired is to be closed"]
    pub fn expire<G>(&mut self, now: Duration, most: usize, mut claim: impl FnMut(T) -> Claim<G>) -> Vec<Over<G>> {
        let mut expired = self.clear(|node| node.idle_until <= now, most, &mut claim);
        let (mut from, to) = (Bound::Unbounded, Bound::Included((now, u64::MAX, usize::MAX)));
        while expired.len() < most
            && let Some(&aging) = self.aging.range((from, to)).next()
        {
            let (_, _, index) = aging;
            let why = self.nodes[index].why;
            expired.extend(self.have(index, &mut claim).ok().map(|claimed| Over { claimed, why }));
            from = Bound::Excluded(aging);
        }
        self.keys.forget();
        expired
    }

    /// Ends the time of a connection: it is not given out any more, and is due to [expire](Self::expire) at once. Returns
    /// whether it was there.
    pub fn end(&mut self, handle: Handle, why: Why) -> bool {
        let is_there = self.is_there(handle);
        if is_there {
            self.end_at(handle.index, why);
        }
        is_there
    }

    /// Ends the time of all connections to a destination. Returns how many there were.
    pub fn end_all(&mut self, destination: Destination, why: Why) -> usize {
        let Some(list) = self.keys.find(destination) else { return 0 };
        let mut next = self.keys.list(list).oldest();
        while let Some(index) = next {
            next = newer(self.nodes[index].in_list);
            self.end_at(index, why);
        }
        self.keys.list(list).len()
    }

    fn end_at(&mut self, index: usize, why: Why) {
        let node = &mut self.nodes[index];
        let before = node.aging(index);
        // The first reason counts, if there are two.
        if node.why == Why::Expired {
            (node.why, node.give_until) = (why, Duration::ZERO);
            let after = node.aging(index);
            before.map(|before| self.aging.remove(&before));
            self.aging.extend(after);
        }
    }

    /// Returns the handles of all connections, the oldest first.
    pub fn handles(&self) -> Vec<Handle> {
        let oldest_first = std::iter::successors(self.all.oldest(), |index| newer(self.nodes[*index].in_all));
        oldest_first.map(|index| Handle { index, serial: self.nodes[index].serial }).collect()
    }

    /// Returns what is known of a connection, if it is there.
    pub fn get(&self, handle: Handle) -> Option<Listed<K>> {
        let node = self.nodes.get(handle.index).filter(|node| node.serial == handle.serial)?;
        Some(Listed { key: Arc::clone(self.keys.key(node.list)), stamps: node.stamps })
    }

    /// Returns since when the connection that was put first is idle.
    pub fn oldest(&self) -> Option<Duration> {
        self.all.oldest().map(|oldest| self.nodes[oldest].stamps.now)
    }

    /// Returns when the next connection will have been idle for too long or will be too old, unless it is taken before.
    /// Ask again then. If there is none, or an earlier one comes, that [`put`](Self::put) says so.
    pub fn next_expiry(&mut self) -> Option<Duration> {
        let idle = self.all.oldest().map(|oldest| self.nodes[oldest].idle_until);
        let old = self.aging.first().map(|(until, _, _)| *until);
        self.alarm = idle.into_iter().chain(old).min();
        self.alarm
    }

    /// Returns how many more there may be, to all destinations together.
    pub fn room(&self) -> usize {
        self.limits.total.saturating_sub(self.len())
    }

    /// Whether a connection to this destination can be put only if another one is closed, and that because of how many
    /// there may be to all destinations.
    pub fn is_short(&self, destination: Destination) -> bool {
        self.room() == 0 && !self.stopped && self.len_of(destination) < self.limits.per_key
    }

    /// Allows so many more to all destinations.
    pub fn grant(&mut self, more: usize) {
        self.limits.total = self.limits.total.saturating_add(more);
    }

    /// Gives up so much of its [room](Self::room), or all if it has less, and says how much that is.
    #[must_use = "another worker may have it"]
    pub fn surrender(&mut self, most: usize) -> usize {
        let given_up = self.room().min(most);
        self.limits.total -= given_up;
        given_up
    }

    /// Removes the oldest that `claim` grants.
    #[must_use = "what was there is to be closed"]
    pub fn evict<G>(&mut self, mut claim: impl FnMut(T) -> Claim<G>) -> Option<G> {
        let mut next = self.all.oldest();
        while let Some(index) = next {
            next = newer(self.nodes[index].in_all);
            if let Ok(claimed) = self.have(index, &mut claim) {
                return Some(claimed);
            }
        }
        None
    }

    /// Removes everything; nothing is put there any more.
    #[must_use = "what was there is to be closed"]
    pub fn stop<G>(&mut self, claim: impl FnMut(T) -> Claim<G>) -> Vec<G> {
        self.stopped = true;
        let all = self.clear(|_| true, usize::MAX, claim).into_iter().map(|over| over.claimed).collect();
        self.keys.forget();
        all
    }

    /// From the oldest on, as long as they `go`.
    fn clear<G>(
        &mut self,
        go: impl Fn(&Node<T>) -> bool,
        most: usize,
        mut claim: impl FnMut(T) -> Claim<G>,
    ) -> Vec<Over<G>> {
        let mut cleared = Vec::new();
        let mut next = self.all.oldest();
        while let Some(index) = next
            && cleared.len() < most
        {
            let node = &self.nodes[index];
            if !go(node) {
                break;
            }
            next = newer(node.in_all);
            let why = node.why;
            cleared.extend(self.have(index, &mut claim).ok().map(|claimed| Over { claimed, why }));
        }
        cleared
    }

    /// Removes it if `claim` grants it, or if it is gone.
    fn have<G>(&mut self, index: usize, claim: &mut impl FnMut(T) -> Claim<G>) -> Claim<G> {
        let claimed = claim(self.nodes[index].token);
        match claimed {
            Ok(_) | Err(Unclaimed::Gone) => self.cut(index),
            Err(Unclaimed::Busy) => {}
        }
        claimed
    }

    fn make_room<G>(&mut self, list: usize, mut claim: impl FnMut(T) -> Claim<G>) -> Result<Option<G>, Closed> {
        let (mut next, same_key) = if self.keys.list(list).len() >= self.limits.per_key {
            (self.keys.list(list).oldest(), true)
        } else if self.all.len() >= self.limits.total {
            (self.all.oldest(), false)
        } else {
            return Ok(None);
        };
        while let Some(index) = next {
            let node = &self.nodes[index];
            next = newer(if same_key { node.in_list } else { node.in_all });
            match self.have(index, &mut claim) {
                Ok(claimed) => return Ok(Some(claimed)),
                Err(Unclaimed::Busy) => {}
                Err(Unclaimed::Gone) => return Ok(None),
            }
        }
        Err(Closed::Full)
    }

    fn cut(&mut self, index: usize) {
        let list = self.nodes[index].list;
        self.all.cut(&mut self.nodes, |node| &mut node.in_all, index);
        self.keys.list_mut(list).cut(&mut self.nodes, |node| &mut node.in_list, index);
        if let Some(aging) = self.nodes.remove(index).aging(index) {
            self.aging.remove(&aging);
        }
        self.keys.has_shrunk(list);
    }
}
