//! The idle connections of one worker: the order in which they are given out, and how long they may stay.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::time::Duration;

use slab::Slab;

use super::lists::{Keys, Link, LinkedList, newer, older};
use super::types::{Claim, Closed, Handle, Limits, Put, Stamps, TakeResult, Unclaimed};

/// The idle connections of one worker, by destination. `T` is a connection's token, by which it is claimed.
///
/// A connection leaves the list before it is closed or given out, and in the same critical section as the claim that says
/// whose it is: so every connection in the list is open, and belongs to no task.
#[derive(Debug)]
pub struct IdleList<K, T> {
    limits: Limits,
    stopped: bool,
    nodes: Slab<Node<T>>,
    all: LinkedList,
    /// Those that will be too old before they have been idle for too long: when, their serial numbers and indices.
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
    idle_until: Duration,
    give_until: Duration,
    in_all: Link,
    in_list: Link,
}

impl<T> Node<T> {
    /// Its entry among those that age first.
    fn aging(&self, index: usize) -> Option<(Duration, u64, usize)> {
        (self.give_until < self.idle_until).then_some((self.give_until, self.serial, index))
    }
}

impl<K: Clone + Eq + Hash, T: Copy> IdleList<K, T> {
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
    pub fn len_of(&self, key: &K) -> usize {
        self.keys.find(key).map_or(0, |list| self.keys.list(list).len())
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
    /// If the worker has stopped, or there is no room; the connection is not in the list.
    pub fn put<G>(
        &mut self,
        key: K,
        token: T,
        stamps: Stamps,
        claim: impl FnMut(T) -> Claim<G>,
    ) -> Result<Put<G>, Closed> {
        if self.stopped {
            return Err(Closed::Stopped);
        }
        let known = self.keys.find(&key);
        let evicted = self.make_room(known, claim)?;
        let list = known.unwrap_or_else(|| self.keys.add(key));
        self.serial += 1;
        let node = Node {
            token,
            serial: self.serial,
            list,
            idle_until: stamps.now.saturating_add(self.limits.idle),
            give_until: stamps.created_at.saturating_add(self.limits.age),
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
    pub fn take<G>(&mut self, key: &K, now: Duration, mut claim: impl FnMut(T) -> Claim<G>) -> TakeResult<G> {
        let mut taken = TakeResult { found: None, expired: Vec::new(), busy: 0 };
        let Some(list) = self.keys.find(key) else { return taken };
        let mut next = self.keys.list(list).newest();
        while let Some(index) = next {
            let node = &self.nodes[index];
            next = older(node.in_list);
            let is_expired = node.idle_until <= now || node.give_until <= now;
            match self.have(index, &mut claim) {
                Ok(claimed) if is_expired => taken.expired.push(claimed),
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
        let is_there = self.nodes.get(handle.index).is_some_and(|node| node.serial == handle.serial);
        if is_there {
            self.cut(handle.index);
        }
        is_there
    }

    /// Removes what has been idle for too long, then what is too old.
    #[must_use = "what has expired is to be closed"]
    pub fn expire<G>(&mut self, now: Duration, mut claim: impl FnMut(T) -> Claim<G>) -> Vec<G> {
        let mut expired = self.clear(|node| node.idle_until <= now, &mut claim);
        let old: Vec<_> = self.aging.range(..=(now, u64::MAX, usize::MAX)).map(|(_, _, index)| *index).collect();
        expired.extend(old.into_iter().filter_map(|index| self.have(index, &mut claim).ok()));
        expired
    }

    /// When the next connection will have been idle for too long or will be too old, unless it is taken before. Ask
    /// again then. If there is none, or an earlier one comes, that [`put`](Self::put) says so.
    pub fn next_expiry(&mut self) -> Option<Duration> {
        let idle = self.all.oldest().map(|oldest| self.nodes[oldest].idle_until);
        let old = self.aging.first().map(|(until, _, _)| *until);
        self.alarm = idle.into_iter().chain(old).min();
        self.alarm
    }

    /// How many more there may be, to all destinations together.
    pub fn room(&self) -> usize {
        self.limits.total.saturating_sub(self.len())
    }

    /// Whether a connection to this destination can be put only if another one is closed, and that because of how many
    /// there may be to all destinations.
    pub fn is_short(&self, key: &K) -> bool {
        self.room() == 0 && !self.stopped && self.len_of(key) < self.limits.per_key
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
        self.clear(|_| true, claim)
    }

    /// From the oldest on, as long as they `go`.
    fn clear<G>(&mut self, go: impl Fn(&Node<T>) -> bool, mut claim: impl FnMut(T) -> Claim<G>) -> Vec<G> {
        let mut cleared = Vec::new();
        let mut next = self.all.oldest();
        while let Some(index) = next {
            let node = &self.nodes[index];
            if !go(node) {
                break;
            }
            next = newer(node.in_all);
            cleared.extend(self.have(index, &mut claim).ok());
        }
        self.keys.forget();
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

    fn make_room<G>(&mut self, list: Option<usize>, mut claim: impl FnMut(T) -> Claim<G>) -> Result<Option<G>, Closed> {
        let of_key = list.filter(|list| self.keys.list(*list).len() >= self.limits.per_key);
        let (mut next, same_key) = match of_key {
            Some(list) => (self.keys.list(list).oldest(), true),
            None if self.all.len() >= self.limits.total => (self.all.oldest(), false),
            None if self.limits.per_key == 0 => return Err(Closed::Full),
            None => return Ok(None),
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
