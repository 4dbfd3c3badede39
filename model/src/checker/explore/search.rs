//! Breadth-first search over whole states.

use core::hash::Hash;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock};
use std::thread;

use rustc_hash::FxBuildHasher;
use stateright::Model;

use super::graph::{Edges, Graph, Reduction, Shape};
use super::rows::{Sought, Store, Whole};
use super::snapshot::Keeper;

/// Makes what states are kept in.
pub type NewStore<S> = fn() -> Box<dyn Store<S>>;

/// How to explore.
#[derive(Clone, Copy)]
pub struct Options<'a, S> {
    /// How many threads expand states. The graph does not depend on it.
    pub threads: usize,
    /// How many bytes the graph may occupy before the exploration gives up.
    pub max_bytes: usize,
    /// Replaces a state by the representative of its symmetry class.
    pub symmetry: Option<fn(&S) -> S>,
    /// Makes what states are kept in, [`Whole`] if nothing is said. The graph does not depend on it.
    pub store: Option<NewStore<S>>,
    /// Is told how far the search is.
    pub observer: &'a dyn Observer,
    /// Keeps snapshots of the exploration of a design; those of other models are not kept.
    pub keeper: Option<&'a dyn Keeper>,
}

impl<S> Default for Options<'_, S> {
    /// One thread, no limit, no symmetry, states as they are, no observer, no snapshots.
    fn default() -> Self {
        Self { threads: 1, max_bytes: usize::MAX, symmetry: None, store: None, observer: &(), keeper: None }
    }
}

/// Watches an exploration.
pub trait Observer: Sync {
    /// Called now and then with the numbers of states and edges found, and of steps to the states being expanded.
    fn progress(&self, states: usize, edges: usize, depth: usize);

    /// Called before that with the number of states that were found and are still to be expanded.
    fn remaining(&self, _states: usize) {}
}

impl Observer for () {
    fn progress(&self, _: usize, _: usize, _: usize) {}
}

impl<'a, S> Options<'a, S> {
    pub(super) fn limits(&self) -> Limits<'a> {
        Limits { threads: self.threads, max_bytes: self.max_bytes, observer: self.observer }
    }
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
const BLOCK: u32 = 1 << 12;

/// How states are expanded.
pub(super) trait Expand {
    /// Enters the states to start from.
    fn start(&mut self);

    /// What is found out about states before anything is entered.
    type Ahead: Send;

    /// Does what must be done before a block of states is looked at.
    fn prepare(&mut self, block: Range<u32>, threads: usize);

    /// Looks at the successors of states.
    fn look(&self, states: Range<u32>) -> Self::Ahead;

    /// Enters the edges that were found out, and the states that are new, in order.
    fn enter(&mut self, ahead: Self::Ahead, edges: &mut Edges) -> Result<(), Limit>;

    /// How many states were found.
    fn len(&self) -> usize;

    /// How many bytes of heap are occupied.
    fn bytes(&self) -> usize;
}

/// How far a search goes; see [`Options`].
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) threads: usize,
    pub(super) max_bytes: usize,
    pub(super) observer: &'a dyn Observer,
}

/// Where a search is between two levels.
pub(super) struct Position {
    /// How many states it started from.
    pub(super) initial: u32,
    /// Where each level begins that was expanded.
    pub(super) levels: Vec<u32>,
    pub(super) edges: Edges,
}

impl Position {
    /// Before the first level.
    pub(super) fn start(expander: &mut impl Expand) -> Self {
        expander.start();
        Self { initial: expander.len() as u32, levels: Vec::new(), edges: Edges::new() }
    }
}

/// Searches breadth-first, a level after the other, a level block by block. `after_level` sees what was found so far.
pub(super) fn search<E: Expand + Sync>(
    expander: &mut E,
    limits: Limits<'_>,
    mut at: Position,
    after_level: &mut dyn FnMut(&E, &Position),
) -> Shape {
    let mut completeness = Completeness::Complete;
    let (mut begin, mut end) = (at.edges.states(), expander.len() as u32);
    'search: while begin < end {
        at.levels.push(begin);
        while begin < end {
            let block = begin..end.min(begin + BLOCK);
            begin = block.end;
            let expanded = expand(expander, block, limits.threads, &mut at.edges);
            limits.observer.remaining(expander.len() - begin as usize);
            limits.observer.progress(expander.len(), at.edges.len(), at.levels.len() - 1);
            let within = expander.bytes() + at.edges.bytes() <= limits.max_bytes;
            if let Err(limit) = expanded.and(within.then_some(()).ok_or(Limit::Memory)) {
                completeness = Completeness::Incomplete(limit);
                if end < expander.len() as u32 {
                    at.levels.push(end);
                }
                break 'search;
            }
        }
        end = expander.len() as u32;
        after_level(expander, &at);
    }
    let Position { initial, levels, edges } = at;
    let (states, reduction, found_by) = (expander.len(), Reduction::default(), OnceLock::new());
    Shape { states, initial, levels, edges, completeness, reduction, found_by }
}

/// Expands a block of states. One thread enters what it found before it looks further, so that it finds it.
fn expand<E: Expand + Sync>(
    expander: &mut E,
    block: Range<u32>,
    threads: usize,
    edges: &mut Edges,
) -> Result<(), Limit> {
    expander.prepare(block.clone(), threads);
    let together = if threads > 1 { BLOCK } else { STRETCH };
    block.clone().step_by(together as usize).try_for_each(|begin| {
        let states = begin..block.end.min(begin + together);
        let stretches = look_ahead(states, STRETCH, threads, |states| expander.look(states));
        stretches.into_iter().try_for_each(|ahead| expander.enter(ahead, edges))
    })
}

/// How many states are handed out in one go. Threads come for more when they are done, because some are longer work than
/// others.
pub(super) const STRETCH: u32 = 1 << 8;

/// Below this many in a block, threads cost more than they bring.
const WORTH_THREADS: usize = 1 << 9;

/// Returns what `look` makes of each stretch of a block, in their order.
///
/// Several threads give the result of one. They do the expensive part, each on its own stretches: they look ahead, and
/// change nothing. What they found is entered afterwards by one thread in the order of the block, so that numbers do not
/// depend on who was faster. Little is left to it: where a new row is known, entering it is one look into the index.
pub(crate) fn look_ahead<T: Send>(
    block: Range<u32>,
    stretch: u32,
    threads: usize,
    look: impl Fn(Range<u32>) -> T + Sync,
) -> Vec<T> {
    if threads <= 1 || block.len() < WORTH_THREADS {
        return vec![look(block)];
    }
    let begins = block.clone().step_by(stretch as usize);
    let stretches: Vec<(Range<u32>, Mutex<Option<T>>)> =
        begins.map(|begin| (begin..block.end.min(begin + stretch), Mutex::new(None))).collect();
    spread(stretches.len(), threads, &|number| {
        let (stretch, seen) = &stretches[number];
        let found = look(stretch.clone());
        *seen.lock().expect("a stretch is looked at once") = Some(found);
    });
    let seen = stretches.into_iter().map(|(_, seen)| seen.into_inner().ok().flatten());
    seen.map(|seen| seen.expect("every stretch was looked at")).collect()
}

/// Has threads call `work` with each number below `count`.
fn spread(count: usize, threads: usize, work: &(dyn Fn(usize) + Sync)) {
    let next = AtomicUsize::new(0);
    let take = || {
        loop {
            // Nothing else is published through the number.
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            work(number);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        take();
        workers.into_iter().for_each(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
    });
}

// Expanding the states of any model.

type Representative<S> = fn(&S) -> S;

/// Explores every state of `model` that is reachable within its boundary.
pub fn explore<M: Model + Sync>(model: &M, options: &Options<'_, M::State>) -> Graph<M::State, M::Action>
where
    M::State: Clone + Eq + Hash + Send + Sync + 'static,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    let Options { symmetry, store, .. } = *options;
    let store = store.unwrap_or(|| Box::new(Whole::default()));
    let labels = Labels { actions: Vec::new(), numbers: HashMap::default() };
    let mut steps = Steps { model, symmetry, states: store(), labels, bounded: false };
    let at = Position::start(&mut steps);
    let mut shape = search(&mut steps, options.limits(), at, &mut |_, _| {});
    shape.reduction = Reduction { bounded: steps.bounded, symmetric: symmetry.is_some() };
    Graph { states: steps.states, actions: steps.labels.actions, shape }
}

/// Takes the steps of a model.
struct Steps<'m, M: Model> {
    model: &'m M,
    symmetry: Option<Representative<M::State>>,
    states: Box<dyn Store<M::State>>,
    labels: Labels<M::Action>,
    bounded: bool,
}

/// Actions, each under the number that counts those that were seen before it.
struct Labels<A> {
    actions: Vec<A>,
    numbers: HashMap<A, u16, FxBuildHasher>,
}

impl<A: Clone + Eq + Hash> Labels<A> {
    /// The label of an action, a new one if it was not seen before.
    fn enter(&mut self, action: A) -> Result<u16, Limit> {
        match self.numbers.entry(action) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => {
                let label = u16::try_from(self.actions.len()).map_err(|_| Limit::Numbers)?;
                self.actions.push(entry.key().clone());
                Ok(*entry.insert(label))
            }
        }
    }
}

impl<M: Model> Steps<'_, M> {
    /// Replaces a state by its representative.
    fn represent(&self, state: &mut M::State) {
        if let Some(representative) = self.symmetry {
            *state = representative(state);
        }
    }
}

/// What was found out about some states.
struct Stretch<S, A> {
    /// How many edges leave each of them.
    degrees: Vec<usize>,
    targets: Sought<S>,
    labels: Vec<Label>,
    /// For each new label, its action.
    actions: Vec<A>,
    beyond_boundary: bool,
}

#[derive(Clone, Copy)]
enum Label {
    Known(u16),
    New,
}

impl<M: Model + Sync> Expand for Steps<'_, M>
where
    M::State: Send + Sync + 'static,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    type Ahead = Stretch<M::State, M::Action>;

    fn start(&mut self) {
        for mut state in self.model.init_states() {
            self.represent(&mut state);
            if self.model.within_boundary(&state) {
                let mut initial = Sought::new(self.states.columns());
                initial.seek(&*self.states, state, &mut vec![0; self.states.columns()]);
                initial.enter(&mut *self.states);
            } else {
                self.bounded = true;
            }
        }
    }

    fn prepare(&mut self, _: Range<u32>, _: usize) {}

    fn look(&self, states: Range<u32>) -> Stretch<M::State, M::Action> {
        let mut stretch = Stretch {
            degrees: Vec::with_capacity(states.len()),
            targets: Sought::new(self.states.columns()),
            labels: Vec::new(),
            actions: Vec::new(),
            beyond_boundary: false,
        };
        let mut row = vec![0; self.states.columns()];
        let mut row_of_next = row.clone();
        for state in states {
            let before = stretch.labels.len();
            let state = self.states.load(state, &mut row);
            for (action, mut next) in self.model.next_steps(&state) {
                self.represent(&mut next);
                if !self.model.within_boundary(&next) {
                    stretch.beyond_boundary = true;
                    continue;
                }
                row_of_next.copy_from_slice(&row);
                stretch.targets.seek(&*self.states, next, &mut row_of_next);
                let label = self.labels.numbers.get(&action).map_or(Label::New, |&label| Label::Known(label));
                if matches!(label, Label::New) {
                    stretch.actions.push(action);
                }
                stretch.labels.push(label);
            }
            stretch.degrees.push(stretch.labels.len() - before);
        }
        stretch
    }

    fn enter(&mut self, stretch: Stretch<M::State, M::Action>, edges: &mut Edges) -> Result<(), Limit> {
        self.bounded |= stretch.beyond_boundary;
        let targets = stretch.targets.enter(&mut *self.states);
        let mut actions = stretch.actions.into_iter();
        let mut found = stretch.labels.into_iter().zip(targets);
        for degree in stretch.degrees {
            for (label, target) in found.by_ref().take(degree) {
                let label = match label {
                    Label::Known(label) => label,
                    Label::New => self.labels.enter(actions.next().expect("a new action was kept"))?,
                };
                edges.push(label, target);
            }
            edges.close_state(self.states.len())?;
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn bytes(&self) -> usize {
        let (states, index) = self.states.bytes();
        states + index
    }
}
