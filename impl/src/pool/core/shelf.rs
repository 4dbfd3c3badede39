//! Which connections of one worker are idle, in which order they are given out, and which have been there too long.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use slab::Slab;

use super::chain::{Chain, Link, newer, older};
use super::words::{Claim, Closed, Limits, Place, Put, Stamps, Took, Unclaimed};

/// The idle connections of one worker, by destination. `T` is what names a connection to whoever decides who has it.
///
/// A connection leaves the shelf before it is closed or given out, and in the same critical section as the claim that
/// says whose it is: so whatever is on the shelf is open, and nobody's.
#[derive(Debug)]
pub struct Shelf<K, T> {
    limits: Limits,
    stopped: bool,
    nodes: Slab<Node<T>>,
    all: Chain,
    /// The worker will ask for [`next_expiry`](Self::next_expiry) again at its next expiry.
    alarm: bool,
    /// Where a key's connections are in `lists`.
    keys: HashMap<K, usize>,
    lists: Slab<List<K>>,
    /// Keys that ran out of connections, the first to do so first; some have new ones since.
    emptied: VecDeque<usize>,
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

#[derive(Debug)]
struct List<K> {
    key: K,
    chain: Chain,
    /// It is in `emptied`, once.
    noted: bool,
}

/// How many keys without connections are remembered, so that a destination whose one connection comes and goes is
/// not forgotten each time.
const EMPTY_KEYS: usize = 64;

impl<K: Clone + Eq + Hash, T: Copy> Shelf<K, T> {
    /// An empty shelf.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            stopped: false,
            nodes: Slab::new(),
            all: Chain::EMPTY,
            alarm: false,
            keys: HashMap::new(),
            lists: Slab::new(),
            emptied: VecDeque::new(),
            serial: 0,
        }
    }

    /// How many are there.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are to one destination.
    pub fn len_of(&self, key: &K) -> usize {
        self.keys.get(key).map_or(0, |list| self.lists[*list].chain.len())
    }

    /// How many destinations are remembered.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Puts a connection on the shelf. Where a limit is reached, `claim` is asked for the oldest in its favour, and the
    /// next oldest if that cannot be had; what was claimed is returned, to be closed.
    ///
    /// # Errors
    ///
    /// If the worker has stopped, or there is no room; the connection is not on the shelf.
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
        let evicted = self.make_room(&key, claim)?;
        let list = self.list(key);
        self.serial += 1;
        let node = Node {
            token,
            serial: self.serial,
            list,
            idle_until: stamps.now.saturating_add(self.limits.idle),
            give_until: stamps.born.saturating_add(self.limits.age),
            in_all: Link::LOOSE,
            in_list: Link::LOOSE,
        };
        let index = self.nodes.insert(node);
        self.all.push(&mut self.nodes, |node| &mut node.in_all, index);
        self.lists[list].chain.push(&mut self.nodes, |node| &mut node.in_list, index);
        let needs_alarm = !std::mem::replace(&mut self.alarm, true);
        Ok(Put { place: Place { index, serial: self.serial }, evicted, needs_alarm })
    }

    /// Takes off the newest connection to a destination that `claim` grants.
    pub fn take<G>(&mut self, key: &K, now: Duration, mut claim: impl FnMut(T) -> Claim<G>) -> Took<G> {
        let mut took = Took { found: None, expired: Vec::new(), busy: 0 };
        let Some(&list) = self.keys.get(key) else { return took };
        let mut next = self.lists[list].chain.newest();
        while let Some(index) = next {
            let node = &self.nodes[index];
            next = older(node.in_list);
            let is_expired = node.idle_until <= now || node.give_until <= now;
            match claim(node.token) {
                Ok(claimed) => {
                    self.cut(index);
                    if !is_expired {
                        took.found = Some(claimed);
                        return took;
                    }
                    took.expired.push(claimed);
                }
                Err(Unclaimed::Busy) => took.busy += 1,
                Err(Unclaimed::Gone) => self.cut(index),
            }
        }
        took
    }

    /// Takes off what is at a place, and says whether it was still there.
    pub fn remove(&mut self, place: Place) -> bool {
        let is_there = self.nodes.get(place.index).is_some_and(|node| node.serial == place.serial);
        if is_there {
            self.cut(place.index);
        }
        is_there
    }

    /// Takes off what has been idle for too long.
    #[must_use = "what has expired is to be closed"]
    pub fn expire<G>(&mut self, now: Duration, claim: impl FnMut(T) -> Claim<G>) -> Vec<G> {
        self.clear(|node| node.idle_until <= now, claim)
    }

    /// When the next connection will have been idle for too long, unless it is taken before. Ask again then. If there
    /// is none, the next [`put`](Self::put) says that there is.
    pub fn next_expiry(&mut self) -> Option<Duration> {
        let next = self.all.oldest().map(|oldest| self.nodes[oldest].idle_until);
        self.alarm = next.is_some();
        next
    }

    /// Takes everything off; nothing is put there any more.
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
            match claim(node.token) {
                Ok(claimed) => {
                    self.cut(index);
                    cleared.push(claimed);
                }
                Err(Unclaimed::Busy) => {}
                Err(Unclaimed::Gone) => self.cut(index),
            }
        }
        cleared
    }

    fn make_room<G>(&mut self, key: &K, mut claim: impl FnMut(T) -> Claim<G>) -> Result<Option<G>, Closed> {
        let of_key = self.keys.get(key).filter(|list| self.lists[**list].chain.len() >= self.limits.per_key);
        let (mut next, same_key) = match of_key {
            Some(list) => (self.lists[*list].chain.oldest(), true),
            None if self.all.len() >= self.limits.total => (self.all.oldest(), false),
            None if self.limits.per_key == 0 => return Err(Closed::Full),
            None => return Ok(None),
        };
        while let Some(index) = next {
            let node = &self.nodes[index];
            next = newer(if same_key { node.in_list } else { node.in_all });
            match claim(node.token) {
                Ok(claimed) => {
                    self.cut(index);
                    return Ok(Some(claimed));
                }
                Err(Unclaimed::Busy) => {}
                Err(Unclaimed::Gone) => {
                    self.cut(index);
                    return Ok(None);
                }
            }
        }
        Err(Closed::Full)
    }

    fn list(&mut self, key: K) -> usize {
        if let Some(&list) = self.keys.get(&key) {
            return list;
        }
        let list = self.lists.insert(List { key: key.clone(), chain: Chain::EMPTY, noted: false });
        self.keys.insert(key, list);
        list
    }

    fn cut(&mut self, index: usize) {
        let list = self.nodes[index].list;
        self.all.cut(&mut self.nodes, |node| &mut node.in_all, index);
        self.lists[list].chain.cut(&mut self.nodes, |node| &mut node.in_list, index);
        self.nodes.remove(index);
        if self.lists[list].chain.len() == 0 && !self.lists[list].noted {
            self.lists[list].noted = true;
            self.emptied.push_back(list);
            self.forget_keys();
        }
    }

    fn forget_keys(&mut self) {
        while self.emptied.len() > EMPTY_KEYS
            && let Some(list) = self.emptied.pop_front()
        {
            self.lists[list].noted = false;
            if self.lists[list].chain.len() == 0 {
                let List { key, .. } = self.lists.remove(list);
                self.keys.remove(&key);
            }
        }
    }
}
