//! The destinations of one worker, and the linked lists of the connections to each.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;
use slab::Slab;

use super::types::Destination;

/// Lists of connections by destination. A list has a number for as long as it is remembered, which is until some time
/// after it has become empty.
///
/// No code of a key's runs here: the caller brings the hash, compares the keys, and drops those that are forgotten.
#[derive(Debug)]
pub(super) struct Keys<K> {
    /// The number of the first destination with a hash; the others are chained to it. The hashes are keyed already, so
    /// that a fast hash of them does.
    first: HashMap<u64, usize>,
    destinations: Slab<Entry<K>>,
    /// Keys that ran out of connections, the first to do so first; some have new ones since.
    emptied: VecDeque<usize>,
    forgotten: Vec<Arc<K>>,
    /// Grows with each key that is remembered or forgotten.
    version: u64,
}

#[derive(Debug)]
struct Entry<K> {
    key: Arc<K>,
    hash: u64,
    /// The next one with the same hash.
    next: Option<usize>,
    serial: u64,
    list: LinkedList,
    /// Whether it is in `emptied`.
    noted: bool,
}

/// How many keys without connections are remembered, so that a destination with one connection that comes and goes is
/// not forgotten each time.
const EMPTY_KEYS: usize = 64;

impl<K> Keys<K> {
    pub(super) fn new() -> Self {
        let (first, emptied) = (HashMap::default(), VecDeque::new());
        Self { first, destinations: Slab::new(), emptied, forgotten: Vec::new(), version: 0 }
    }

    /// Returns the number of keys that are remembered.
    pub(super) fn len(&self) -> usize {
        self.destinations.len()
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn with_hash(&self, hash: u64) -> impl Iterator<Item = (Destination, &Arc<K>)> {
        let numbers = std::iter::successors(self.first.get(&hash).copied(), |at| self.destinations[*at].next);
        numbers.map(|number| {
            let Entry { key, serial, .. } = &self.destinations[number];
            (Destination { number, serial: *serial }, key)
        })
    }

    /// Returns the number of the destination's list, if the destination is remembered still.
    pub(super) fn find(&self, destination: Destination) -> Option<usize> {
        let entry = self.destinations.get(destination.number)?;
        (entry.serial == destination.serial).then_some(destination.number)
    }

    pub(super) fn key(&self, number: usize) -> &Arc<K> {
        &self.destinations[number].key
    }

    pub(super) fn destinations(&self) -> impl Iterator<Item = (Destination, &Arc<K>)> {
        self.destinations.iter().map(|(number, entry)| (Destination { number, serial: entry.serial }, &entry.key))
    }

    /// Adds a key that is not there. It has no connection yet, and may be forgotten as others that have none.
    pub(super) fn add(&mut self, hash: u64, key: Arc<K>) -> Destination {
        self.forget();
        self.version += 1;
        let (next, serial) = (self.first.get(&hash).copied(), self.version);
        let number = self.destinations.insert(Entry { key, hash, next, serial, list: LinkedList::EMPTY, noted: false });
        self.first.insert(hash, number);
        self.has_shrunk(number);
        Destination { number, serial }
    }

    pub(super) fn list(&self, number: usize) -> &LinkedList {
        &self.destinations[number].list
    }

    pub(super) fn list_mut(&mut self, number: usize) -> &mut LinkedList {
        &mut self.destinations[number].list
    }

    /// Notes that a list may have become empty. It keeps its number until keys are [forgotten](Self::forget).
    pub(super) fn has_shrunk(&mut self, number: usize) {
        let destination = &mut self.destinations[number];
        if destination.list.len() == 0 && !destination.noted {
            destination.noted = true;
            self.emptied.push_back(number);
        }
    }

    /// Forgets most keys without connections.
    pub(super) fn forget(&mut self) {
        while self.emptied.len() > EMPTY_KEYS
            && let Some(number) = self.emptied.pop_front()
        {
            self.destinations[number].noted = false;
            if self.destinations[number].list.len() == 0 {
                self.unchain(number);
                let Entry { key, .. } = self.destinations.remove(number);
                self.forgotten.push(key);
                self.version += 1;
            }
        }
    }

    pub(super) fn take_forgotten(&mut self) -> Vec<Arc<K>> {
        std::mem::take(&mut self.forgotten)
    }

    fn unchain(&mut self, number: usize) {
        let Entry { hash, next, .. } = self.destinations[number];
        let chain = std::iter::successors(self.first.get(&hash).copied(), |at| self.destinations[*at].next);
        let before = chain.into_iter().find(|at| self.destinations[*at].next == Some(number));
        match (before, next) {
            (Some(before), next) => self.destinations[before].next = next,
            (None, Some(next)) => drop(self.first.insert(hash, next)),
            (None, None) => drop(self.first.remove(&hash)),
        }
    }
}

/// The end of a list.
const NONE: usize = usize::MAX;

/// A node's neighbours in one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    older: usize,
    newer: usize,
}

impl Link {
    /// The link of a node that is in no list yet.
    pub(super) const LOOSE: Self = Self { older: NONE, newer: NONE };
}

/// Selects the link of a node that a list is made of.
pub(super) type Which<N> = fn(&mut N) -> &mut Link;

/// The ends of a doubly linked list with its nodes in a slab. They are in the order in which they came, and any of them
/// can be removed in constant time.
#[derive(Debug)]
pub(super) struct LinkedList {
    oldest: usize,
    newest: usize,
    len: usize,
}

impl LinkedList {
    pub(super) const EMPTY: Self = Self { oldest: NONE, newest: NONE, len: 0 };

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn oldest(&self) -> Option<usize> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    pub(super) fn newest(&self) -> Option<usize> {
        (self.newest != NONE).then_some(self.newest)
    }

    /// Adds a node at the new end.
    pub(super) fn push<N>(&mut self, nodes: &mut Slab<N>, which: Which<N>, at: usize) {
        *which(&mut nodes[at]) = Link { older: self.newest, newer: NONE };
        match self.newest() {
            Some(before) => which(&mut nodes[before]).newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
        self.len += 1;
    }

    /// Removes a node, which must be in this list.
    pub(super) fn cut<N>(&mut self, nodes: &mut Slab<N>, which: Which<N>, at: usize) {
        let Link { older, newer } = *which(&mut nodes[at]);
        if older == NONE {
            self.oldest = newer;
        } else {
            which(&mut nodes[older]).newer = newer;
        }
        if newer == NONE {
            self.newest = older;
        } else {
            which(&mut nodes[newer]).older = older;
        }
        self.len -= 1;
    }
}

/// Returns the node that came before this one.
pub(super) fn older(link: Link) -> Option<usize> {
    (link.older != NONE).then_some(link.older)
}

/// Returns the node that came after this one.
pub(super) fn newer(link: Link) -> Option<usize> {
    (link.newer != NONE).then_some(link.newer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(list: &LinkedList, nodes: &Slab<Link>) -> Vec<usize> {
        std::iter::successors(list.oldest(), |at| newer(nodes[*at])).collect()
    }

    #[test]
    fn a_node_is_taken_out_of_any_place() {
        for out in 0..4 {
            let mut nodes = Slab::new();
            let mut list = LinkedList::EMPTY;
            for _ in 0..4 {
                let at = nodes.insert(Link::LOOSE);
                list.push(&mut nodes, |link| link, at);
            }
            list.cut(&mut nodes, |link| link, out);
            let left: Vec<usize> = (0..4).filter(|at| *at != out).collect();
            assert_eq!(walk(&list, &nodes), left);
            let back: Vec<usize> = std::iter::successors(list.newest(), |at| older(nodes[*at])).collect();
            assert_eq!(back.into_iter().rev().collect::<Vec<_>>(), left);
            assert_eq!(list.len(), 3);
        }
    }

    #[test]
    fn an_emptied_list_has_no_ends() {
        let mut nodes = Slab::new();
        let mut list = LinkedList::EMPTY;
        let at = nodes.insert(Link::LOOSE);
        list.push(&mut nodes, |link| link, at);
        list.cut(&mut nodes, |link| link, at);
        assert_eq!((list.oldest(), list.newest(), list.len()), (None, None, 0));
    }
}
