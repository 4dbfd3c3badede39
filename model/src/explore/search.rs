//! Breadth-first search over whole states.

use core::hash::{BuildHasher, Hash};
use core::mem::size_of;
use std::collections::HashMap;
use std::collections::hash_map;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;
use stateright::Model;

use super::graph::{Graph, Reduction};
use super::parallel;

/// How to explore.
pub struct Options<'a, S> {
    /// How many threads expand states. The graph does not depend on it.
    pub threads: usize,
    /// How many bytes the graph may occupy before the exploration gives up.
    pub max_bytes: usize,
    /// Replaces a state by the representative of its symmetry class.
    pub symmetry: Option<fn(&S) -> S>,
    /// Is told how far the search is.
    pub observer: &'a dyn Observer,
}

impl<S> Default for Options<'_, S> {
    /// One thread, no limit, no symmetry, nobody watching.
    fn default() -> Self {
        Self { threads: 1, max_bytes: usize::MAX, symmetry: None, observer: &() }
    }
}

/// Somebody who watches an exploration.
pub trait Observer: Sync {
    /// Called now and then with the numbers of states and edges found, and of steps to the states being expanded.
    fn progress(&self, states: usize, edges: usize, depth: usize);
}

impl Observer for () {
    fn progress(&self, _: usize, _: usize, _: usize) {}
}

/// Whether an exploration visited everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Completeness {
    /// Every reachable state was expanded.
    Complete,
    /// It gave up when it met this limit; states remain that were not visited or not expanded.
    Incomplete(Limit),
}

/// What an exploration may run into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// The memory that it was allowed.
    Memory,
    /// The number of states, edges or distinct actions that the graph can number.
    Numbers,
}

/// How many states are expanded between two looks at the limits.
const BLOCK: u32 = 1 << 14;

/// Below this many states in a level, threads cost more than they bring.
const WORTH_THREADS: u32 = 1 << 10;

/// Explores every state of `model` that is reachable within its boundary.
pub fn explore<M: Model + Sync>(model: &M, options: &Options<'_, M::State>) -> Graph<M::State, M::Action>
where
    M::State: Clone + Eq + Hash + Send + Sync,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    let mut search = Search::new(model, options.symmetry);
    search.start();
    let mut begin = 0;
    while begin < search.frontier_end() {
        let end = search.frontier_end();
        search.levels.push(begin);
        while begin < end {
            let block = begin..end.min(begin + BLOCK);
            begin = block.end;
            let expanded = if options.threads > 1 && block.len() as u32 >= WORTH_THREADS {
                parallel::expand(&mut search, block, options.threads)
            } else {
                block.into_iter().try_for_each(|state| search.expand(state))
            };
            options.observer.progress(search.states.len(), search.targets.len(), search.levels.len() - 1);
            if let Err(limit) = expanded.and_then(|()| search.within(options.max_bytes)) {
                return search.finish(Completeness::Incomplete(limit));
            }
        }
    }
    search.finish(Completeness::Complete)
}

/// A search under way.
pub(super) struct Search<'m, M: Model> {
    pub(super) model: &'m M,
    pub(super) symmetry: Option<fn(&M::State) -> M::State>,
    pub(super) states: Vec<M::State>,
    index: HashTable<u32>,
    initial: u32,
    levels: Vec<u32>,
    offsets: Vec<u32>,
    targets: Vec<u32>,
    labels: Vec<u16>,
    actions: Vec<M::Action>,
    labels_of: HashMap<M::Action, u16, FxBuildHasher>,
    bounded: bool,
}

impl<'m, M: Model> Search<'m, M>
where
    M::State: Clone + Eq + Hash,
    M::Action: Clone + Eq + Hash,
{
    fn new(model: &'m M, symmetry: Option<fn(&M::State) -> M::State>) -> Self {
        Self {
            model,
            symmetry,
            states: Vec::new(),
            index: HashTable::new(),
            initial: 0,
            levels: Vec::new(),
            offsets: vec![0],
            targets: Vec::new(),
            labels: Vec::new(),
            actions: Vec::new(),
            labels_of: HashMap::default(),
            bounded: false,
        }
    }

    fn start(&mut self) {
        for state in self.model.init_states() {
            let state = self.representative(state);
            match self.admit(state) {
                Some((hash, state)) => self.intern(hash, state),
                None => continue,
            };
        }
        self.initial = self.states.len() as u32;
    }

    fn frontier_end(&self) -> u32 {
        self.states.len() as u32
    }

    /// Expands one state and enters its edges and the states that are new.
    fn expand(&mut self, state: u32) -> Result<(), Limit> {
        for (action, next) in self.model.next_steps(&self.states[state as usize]) {
            let next = self.representative(next);
            if let Some((hash, next)) = self.admit(next) {
                let target = self.intern(hash, next);
                let label = self.label(action)?;
                self.push_edge(label, target);
            }
        }
        self.close_state()
    }

    pub(super) fn representative(&self, state: M::State) -> M::State {
        match self.symmetry {
            Some(representative) => representative(&state),
            None => state,
        }
    }

    /// Hashes a state; none if it is beyond the boundary.
    fn admit(&mut self, state: M::State) -> Option<(u64, M::State)> {
        let within = self.model.within_boundary(&state);
        self.bounded |= !within;
        within.then(|| (hash(&state), state))
    }

    pub(super) fn note_boundary(&mut self) {
        self.bounded = true;
    }

    /// The number of a state that was found before.
    pub(super) fn find(&self, hash: u64, state: &M::State) -> Option<u32> {
        self.index.find(hash, |&number| self.states[number as usize] == *state).copied()
    }

    /// The number of a state, a new one if it was not found before.
    pub(super) fn intern(&mut self, hash_of_state: u64, state: M::State) -> u32 {
        let states = &mut self.states;
        let equal = |&number: &u32| states[number as usize] == state;
        let rehash = |&number: &u32| hash(&states[number as usize]);
        match self.index.entry(hash_of_state, equal, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = states.len() as u32;
                entry.insert(number);
                states.push(state);
                number
            }
        }
    }

    /// The label of an action that was seen before.
    pub(super) fn find_label(&self, action: &M::Action) -> Option<u16> {
        self.labels_of.get(action).copied()
    }

    pub(super) fn label(&mut self, action: M::Action) -> Result<u16, Limit> {
        match self.labels_of.entry(action) {
            hash_map::Entry::Occupied(entry) => Ok(*entry.get()),
            hash_map::Entry::Vacant(entry) => {
                let label = u16::try_from(self.actions.len()).map_err(|_| Limit::Numbers)?;
                self.actions.push(entry.key().clone());
                Ok(*entry.insert(label))
            }
        }
    }

    pub(super) fn push_edge(&mut self, label: u16, target: u32) {
        self.labels.push(label);
        self.targets.push(target);
    }

    /// Ends the list of edges of the state being expanded.
    pub(super) fn close_state(&mut self) -> Result<(), Limit> {
        // Numbers are 32 bits wide. One level can add many states, so that there is room to spare for a block.
        let spare = u32::MAX / 2;
        if self.states.len() as u64 > u64::from(spare) || self.targets.len() as u64 > u64::from(u32::MAX) {
            return Err(Limit::Numbers);
        }
        self.offsets.push(self.targets.len() as u32);
        Ok(())
    }

    fn within(&self, max_bytes: usize) -> Result<(), Limit> {
        let states = self.states.capacity() * size_of::<M::State>();
        let edges = self.targets.capacity() * 4 + self.labels.capacity() * 2 + self.offsets.capacity() * 4;
        let bytes = states + edges + self.index.allocation_size();
        if bytes > max_bytes { Err(Limit::Memory) } else { Ok(()) }
    }

    fn finish(mut self, completeness: Completeness) -> Graph<M::State, M::Action> {
        // States that were found and not expanded have no edges.
        self.offsets.resize(self.states.len() + 1, self.targets.len() as u32);
        Graph {
            states: self.states,
            initial: self.initial,
            levels: self.levels,
            offsets: self.offsets,
            targets: self.targets,
            labels: self.labels,
            actions: self.actions,
            completeness,
            reduction: Reduction { bounded: self.bounded, symmetric: self.symmetry.is_some() },
            index_bytes: self.index.allocation_size(),
        }
    }
}

pub(super) fn hash<S: Hash>(state: &S) -> u64 {
    FxBuildHasher.hash_one(state)
}
