//! Breadth-first search over whole states.

use core::hash::Hash;
use core::ops::Range;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rustc_hash::FxBuildHasher;
use stateright::Model;

use super::graph::{Graph, Memory, Reduction};
use super::parallel;
use super::rows::Rows;
use super::store::{Found, Store, Whole};

/// How to explore.
pub struct Options<'a, S> {
    /// How many threads expand states. The graph does not depend on it.
    pub threads: usize,
    /// How many bytes the graph may occupy before the exploration gives up.
    pub max_bytes: usize,
    /// Replaces a state by the representative of its symmetry class.
    pub symmetry: Option<fn(&S) -> S>,
    /// Makes what states are kept in. The graph does not depend on it.
    pub store: fn() -> Box<dyn Store<S>>,
    /// Is told how far the search is.
    pub observer: &'a dyn Observer,
}

impl<S: Clone + Eq + Hash + Send + Sync + 'static> Default for Options<'_, S> {
    /// One thread, no limit, no symmetry, states as they are, nobody watching.
    fn default() -> Self {
        Self { threads: 1, max_bytes: usize::MAX, symmetry: None, store: || Box::new(Whole::default()), observer: &() }
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

/// How many states are expanded between two looks at the limits. What several threads find out about a block is held
/// until it is entered, so that larger blocks cost memory.
const BLOCK: u32 = 1 << 13;

/// Below this many states in a block, threads cost more than they bring.
const WORTH_THREADS: u32 = 1 << 9;

/// Explores every state of `model` that is reachable within its boundary.
pub fn explore<M: Model + Sync>(model: &M, options: &Options<'_, M::State>) -> Graph<M::State, M::Action>
where
    M::State: Send + Sync,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    let mut search = Search::new(model, options);
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
                search.expand(block)
            };
            options.observer.progress(search.states.len(), search.edges.len(), search.levels.len() - 1);
            if let Err(limit) = expanded.and_then(|()| search.within(options.max_bytes)) {
                if end < search.frontier_end() {
                    search.levels.push(end);
                }
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
    pub(super) states: Box<dyn Store<M::State>>,
    initial: u32,
    levels: Vec<u32>,
    offsets: Rows,
    edges: Rows,
    actions: Vec<M::Action>,
    labels_of: HashMap<M::Action, u16, FxBuildHasher>,
    bounded: bool,
}

impl<'m, M: Model> Search<'m, M>
where
    M::Action: Clone + Eq + Hash,
{
    fn new(model: &'m M, options: &Options<'_, M::State>) -> Self {
        let mut offsets = Rows::new(1);
        offsets.push(&[0]);
        Self {
            model,
            symmetry: options.symmetry,
            states: (options.store)(),
            initial: 0,
            levels: Vec::new(),
            offsets,
            edges: Rows::new(2),
            actions: Vec::new(),
            labels_of: HashMap::default(),
            bounded: false,
        }
    }

    fn start(&mut self) {
        let mut row = vec![0; self.states.columns()];
        for mut state in self.model.init_states() {
            self.represent(&mut state);
            if self.model.within_boundary(&state) {
                self.number(&state, &mut row);
            } else {
                self.bounded = true;
            }
        }
        self.initial = self.frontier_end();
    }

    fn frontier_end(&self) -> u32 {
        self.states.len() as u32
    }

    /// Expands states one after the other and enters their edges and the states that are new.
    fn expand(&mut self, block: Range<u32>) -> Result<(), Limit> {
        let mut row = vec![0; self.states.columns()];
        let mut row_of_next = row.clone();
        for state in block {
            let state = self.states.load(state, &mut row);
            for (action, next) in &mut self.model.next_steps(&state) {
                self.represent(next);
                if !self.model.within_boundary(next) {
                    self.bounded = true;
                    continue;
                }
                row_of_next.copy_from_slice(&row);
                let target = self.number(next, &mut row_of_next);
                let label = match self.find_label(action) {
                    Some(label) => label,
                    None => self.label(action.clone())?,
                };
                self.push_edge(label, target);
            }
            self.close_state()?;
        }
        Ok(())
    }

    /// Replaces a state by its representative.
    pub(super) fn represent(&self, state: &mut M::State) {
        if let Some(representative) = self.symmetry {
            *state = representative(state);
        }
    }

    pub(super) fn note_boundary(&mut self) {
        self.bounded = true;
    }

    /// The number of a state, a new one if it was not found before.
    fn number(&mut self, state: &M::State, row: &mut [u32]) -> u32 {
        match self.states.find(state, row) {
            Found::Known(number) => number,
            Found::Row(hash) => self.states.enter_row(hash, row),
            Found::Unheard(hash) => self.states.enter(hash, state),
        }
    }

    /// The label of an action that was seen before.
    pub(super) fn find_label(&self, action: &M::Action) -> Option<u16> {
        self.labels_of.get(action).copied()
    }

    pub(super) fn label(&mut self, action: M::Action) -> Result<u16, Limit> {
        match self.labels_of.entry(action) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => {
                let label = u16::try_from(self.actions.len()).map_err(|_| Limit::Numbers)?;
                self.actions.push(entry.key().clone());
                Ok(*entry.insert(label))
            }
        }
    }

    pub(super) fn push_edge(&mut self, label: u16, target: u32) {
        self.edges.push(&[target, u32::from(label)]);
    }

    /// Ends the list of edges of the state being expanded.
    pub(super) fn close_state(&mut self) -> Result<(), Limit> {
        // Numbers are 32 bits wide. One block can add many states, so that there is room to spare for it.
        let spare = u32::MAX / 2;
        if self.states.len() as u64 > u64::from(spare) || self.edges.len() as u64 > u64::from(u32::MAX) {
            return Err(Limit::Numbers);
        }
        self.offsets.push(&[self.edges.len() as u32]);
        Ok(())
    }

    fn within(&self, max_bytes: usize) -> Result<(), Limit> {
        let memory = Memory::of(&*self.states, &self.offsets, &self.edges);
        if memory.total() > max_bytes { Err(Limit::Memory) } else { Ok(()) }
    }

    fn finish(self, completeness: Completeness) -> Graph<M::State, M::Action> {
        Graph {
            states: self.states,
            initial: self.initial,
            levels: self.levels,
            offsets: self.offsets,
            edges: self.edges,
            actions: self.actions,
            completeness,
            reduction: Reduction { bounded: self.bounded, symmetric: self.symmetry.is_some() },
        }
    }
}
