//! The destinations of one worker, each with its chain of connections.

use std::collections::VecDeque;
use std::hash::Hash;

use foldhash::HashMap;
use slab::Slab;

use super::chain::Chain;

/// Chains by destination. A chain has a number for as long as it is remembered, which is until some time after it has
/// become empty.
#[derive(Debug)]
pub(super) struct Keys<K> {
    /// Where a key's chain is in `lists`. It is looked into and never walked through, so that its order does not matter;
    /// destinations are the program's own words, so that a fast hash does.
    numbers: HashMap<K, usize>,
    lists: Slab<List<K>>,
    /// Keys that ran out of connections, the first to do so first; some have new ones since.
    emptied: VecDeque<usize>,
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

impl<K: Clone + Eq + Hash> Keys<K> {
    pub(super) fn new() -> Self {
        Self { numbers: HashMap::default(), lists: Slab::new(), emptied: VecDeque::new() }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn find(&self, key: &K) -> Option<usize> {
        self.numbers.get(key).copied()
    }

    /// A key that is not there.
    pub(super) fn add(&mut self, key: K) -> usize {
        self.forget();
        let number = self.lists.insert(List { key: key.clone(), chain: Chain::EMPTY, noted: false });
        self.numbers.insert(key, number);
        number
    }

    pub(super) fn chain(&self, number: usize) -> &Chain {
        &self.lists[number].chain
    }

    pub(super) fn chain_mut(&mut self, number: usize) -> &mut Chain {
        &mut self.lists[number].chain
    }

    /// To be called when a chain may have become empty. It keeps its number until keys are [forgotten](Self::forget).
    pub(super) fn has_shrunk(&mut self, number: usize) {
        let list = &mut self.lists[number];
        if list.chain.len() == 0 && !list.noted {
            list.noted = true;
            self.emptied.push_back(number);
        }
    }

    /// Forgets most keys without connections.
    pub(super) fn forget(&mut self) {
        while self.emptied.len() > EMPTY_KEYS
            && let Some(number) = self.emptied.pop_front()
        {
            self.lists[number].noted = false;
            if self.lists[number].chain.len() == 0 {
                let List { key, .. } = self.lists.remove(number);
                self.numbers.remove(&key);
            }
        }
    }
}
