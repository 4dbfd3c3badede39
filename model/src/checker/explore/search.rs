//! Breadth-first search over whole states.

use core::hash::Hash;
use core::ops::Range;

use stateright::Model;

use super::edges::Edges;
use super::graph::{Graph, Reduction};
use super::parallel::{STRETCH, look_ahead};
use super::steps::Steps;
use super::store::{States, Store, Whole};

/// How to explore.
#[derive(Clone, Copy)]
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
const BLOCK: u32 = 1 << 12;

/// Explores every state of `model` that is reachable within its boundary.
pub fn explore<M: Model + Sync>(model: &M, options: &Options<'_, M::State>) -> Graph<M::State, M::Action>
where
    M::State: Send + Sync + 'static,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    search(Steps::new(model, options), options)
}

/// How states are expanded.
pub(super) trait Expand<S, A> {
    /// Enters the states to start from.
    fn start(&mut self);

    /// What is found out about states before anything is entered.
    type Ahead: Send;

    /// Does what must be done before a block of states is looked at.
    fn prepare(&mut self, block: Range<u32>, threads: usize);

    /// Looks at the successors of states.
    fn look(&self, states: Range<u32>, edges: &Edges<A>) -> Self::Ahead;

    /// Enters the edges that were found out, and the states that are new, in order.
    fn enter(&mut self, ahead: Self::Ahead, edges: &mut Edges<A>) -> Result<(), Limit>;

    /// How many states were found.
    fn len(&self) -> usize;

    /// How many bytes of heap are occupied.
    fn bytes(&self) -> usize;

    /// The states, and whether some were left out beyond a boundary.
    fn finish(self) -> (Box<dyn States<S>>, bool);
}

/// Searches breadth-first, a level after the other, a level block by block.
pub(super) fn search<S, A: Sync>(mut expander: impl Expand<S, A> + Sync, options: &Options<'_, S>) -> Graph<S, A> {
    let mut edges = Edges::new();
    let mut levels = Vec::new();
    let mut completeness = Completeness::Complete;
    expander.start();
    let initial = expander.len() as u32;
    let (mut begin, mut end) = (0, initial);
    'search: while begin < end {
        levels.push(begin);
        while begin < end {
            let block = begin..end.min(begin + BLOCK);
            begin = block.end;
            let expanded = expand(&mut expander, block, options.threads, &mut edges);
            options.observer.progress(expander.len(), edges.len(), levels.len() - 1);
            let within = expander.bytes() + edges.bytes() <= options.max_bytes;
            if let Err(limit) = expanded.and(within.then_some(()).ok_or(Limit::Memory)) {
                completeness = Completeness::Incomplete(limit);
                if end < expander.len() as u32 {
                    levels.push(end);
                }
                break 'search;
            }
        }
        end = expander.len() as u32;
    }
    let (states, bounded) = expander.finish();
    let reduction = Reduction { bounded, symmetric: options.symmetry.is_some() };
    Graph { states, initial, levels, edges, completeness, reduction }
}

/// Expands a block of states. One thread enters what it found before it looks further, so that it finds it.
fn expand<S, A: Sync, E: Expand<S, A> + Sync>(
    expander: &mut E,
    block: Range<u32>,
    threads: usize,
    edges: &mut Edges<A>,
) -> Result<(), Limit> {
    expander.prepare(block.clone(), threads);
    let together = if threads > 1 { BLOCK } else { STRETCH };
    block.clone().step_by(together as usize).try_for_each(|begin| {
        let states = begin..block.end.min(begin + together);
        let stretches = look_ahead(states, threads, |states| expander.look(states, edges));
        stretches.into_iter().try_for_each(|ahead| expander.enter(ahead, edges))
    })
}
