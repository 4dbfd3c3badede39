//! The state graph that an exploration leaves behind.

use core::ops::{Deref, Range};
use std::sync::OnceLock;

use super::rows::{Rows, States};
use super::search::{Completeness, Limit};

/// Every reachable state and every edge between them, states numbered in breadth-first order.
pub struct Graph<S, A> {
    pub(super) states: Box<dyn States<S>>,
    /// Every action that is taken somewhere, in order of first appearance.
    pub(super) actions: Vec<A>,
    pub(super) shape: Shape,
}

/// A graph as numbers: what does not depend on the types of its states and actions.
pub struct Shape {
    pub(super) states: usize,
    pub(super) initial: u32,
    /// Where each level of the search begins; level 0 is the states it started from.
    pub(super) levels: Vec<u32>,
    pub(super) edges: Edges,
    pub(super) completeness: Completeness,
    pub(super) reduction: Reduction,
    /// Made when a path is first asked for.
    pub(super) found_by: OnceLock<FoundBy>,
}

/// Whether the graph is that of the model, or a part or an image of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reduction {
    /// States beyond the model's boundary were left out.
    pub bounded: bool,
    /// States were replaced by representatives.
    pub symmetric: bool,
}

/// One edge, as seen from the state it leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step<'a, A> {
    /// What is done.
    pub action: &'a A,
    /// The number of the state it leads to.
    pub target: u32,
}

/// What the graph occupies, in bytes of heap: what is allocated, not what is in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Memory {
    /// The states themselves, without what they own on the heap.
    pub states: usize,
    /// The index that finds a state.
    pub index: usize,
    /// The edges.
    pub edges: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> usize {
        self.states + self.index + self.edges
    }
}

impl<S, A> Graph<S, A> {
    /// The states, in order of their numbers. Each is put together when it is asked for.
    pub fn states(&self) -> impl ExactSizeIterator<Item = S> + '_ {
        (0..self.state_count()).map(|number| self.states.get(number as u32))
    }

    /// Shows every state, in order of their numbers.
    pub fn each(&self, to: impl FnMut(&S)) {
        self.each_of(0..self.state_count() as u32, to);
    }

    /// Shows the states with these numbers, in order.
    pub fn each_of(&self, numbers: Range<u32>, mut to: impl FnMut(&S)) {
        numbers.into_iter().for_each(|number| self.states.show(number, &mut to));
    }

    /// The numbers of the machine and the history of a state, where they are kept apart.
    pub(crate) fn pair(&self, number: u32) -> Option<[u32; 2]> {
        self.states.pair(number)
    }

    /// The state with a number.
    pub fn state(&self, number: u32) -> S {
        self.states.get(number)
    }

    /// The lowest-numbered state of which `condition` holds; no path to another such state is shorter.
    pub fn first(&self, mut condition: impl FnMut(&S) -> bool) -> Option<u32> {
        (0..self.state_count() as u32).find(|&number| {
            let mut holds = false;
            self.states.show(number, &mut |state| holds = condition(state));
            holds
        })
    }

    /// Every action that is taken somewhere, in order of first appearance.
    pub fn actions(&self) -> &[A] {
        &self.actions
    }

    /// The action of an edge.
    pub fn action(&self, edge: usize) -> &A {
        &self.actions[self.label(edge)]
    }

    /// The edges that leave a state, in the order in which the model gives them.
    pub fn steps(&self, state: u32) -> impl ExactSizeIterator<Item = Step<'_, A>> + Clone {
        self.edges(state).map(|edge| self.step(edge))
    }

    /// A shortest path to a state: the state it starts from, then the steps.
    pub fn path_to(&self, state: u32) -> (u32, Vec<Step<'_, A>>) {
        let (initial, edges) = self.shape.path_to(state);
        (initial, edges.into_iter().map(|edge| self.step(edge)).collect())
    }

    fn step(&self, edge: usize) -> Step<'_, A> {
        Step { action: self.action(edge), target: self.target(edge) }
    }

    /// What the graph occupies.
    pub fn memory(&self) -> Memory {
        let (states, index) = self.states.bytes();
        Memory { states, index, edges: self.shape.edges.bytes() }
    }
}

/// What a graph is apart from its states and actions is asked of it directly.
impl<S, A> Deref for Graph<S, A> {
    type Target = Shape;

    fn deref(&self) -> &Shape {
        &self.shape
    }
}

/// The number of no state: where the search found the states that it started from.
const NO_STATE: u32 = u32::MAX;

impl Shape {
    /// How many states there are.
    pub fn state_count(&self) -> usize {
        self.states
    }

    /// How many states the exploration started from; they have the lowest numbers.
    pub fn initial(&self) -> u32 {
        self.initial
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// The number of steps to the state that is farthest away.
    pub fn depth(&self) -> usize {
        self.levels.len().saturating_sub(1)
    }

    /// The length of a shortest path to a state, in steps.
    pub fn depth_of(&self, state: u32) -> usize {
        self.levels.partition_point(|&begin| begin <= state) - 1
    }

    /// Whether everything was visited, and if not, why.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// Whether this is the graph of the model itself.
    pub fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// The numbers of the edges that leave a state.
    pub fn edges(&self, state: u32) -> Range<usize> {
        self.edges.of(state)
    }

    /// The state that an edge leads to.
    pub fn target(&self, edge: usize) -> u32 {
        self.edges.target(edge)
    }

    /// The number of the action of an edge, an index into [`Graph::actions`].
    pub fn label(&self, edge: usize) -> usize {
        self.edges.label(edge)
    }

    /// A shortest path to a state: the state it starts from, then the edges.
    pub fn path_to(&self, state: u32) -> (u32, Vec<usize>) {
        let found_by = self.found_by();
        let mut edges = Vec::new();
        let mut at = state;
        while let Some((from, edge)) = found_by.of(at) {
            edges.push(edge);
            at = from;
        }
        edges.reverse();
        (at, edges)
    }

    /// For each state, the edge by which the search found it. The search does not keep them, because the first edge that
    /// leads to a state tells: states are numbered in the order in which edges found them.
    pub fn found_by(&self) -> &FoundBy {
        self.found_by.get_or_init(|| self.find_edges())
    }

    fn find_edges(&self) -> FoundBy {
        let mut found_by = vec![(NO_STATE, 0); self.states];
        let mut next = self.initial;
        for state in 0..self.states as u32 {
            for edge in self.edges(state) {
                if self.target(edge) == next {
                    found_by[next as usize] = (state, edge as u32);
                    next += 1;
                }
            }
        }
        FoundBy(found_by)
    }
}

/// The edge by which each state was found.
pub struct FoundBy(Vec<(u32, u32)>);

impl FoundBy {
    /// The edge by which a state was found, after the state that it leaves; none for those the search started from.
    pub fn of(&self, state: u32) -> Option<(u32, usize)> {
        let (from, edge) = self.0[state as usize];
        (from != NO_STATE).then_some((from, edge as usize))
    }
}

/// Edges in the order of the states that they leave, each with its target and the number of its action.
pub(super) struct Edges {
    /// Where the edges of each state begin; one entry more than states that were expanded.
    offsets: Rows,
    edges: Rows,
}

/// The columns of an edge.
const TARGET: usize = 0;
const LABEL: usize = 1;

impl Edges {
    pub(super) fn new() -> Self {
        let mut offsets = Rows::new(1);
        offsets.push(&[0]);
        Self { offsets, edges: Rows::new(2) }
    }

    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// How many states were expanded.
    pub(super) fn states(&self) -> u32 {
        self.offsets.len() as u32 - 1
    }

    fn of(&self, state: u32) -> Range<usize> {
        let begin_of = |state: usize| match state < self.offsets.len() {
            true => self.offsets.get(state, 0) as usize,
            // States that were found and not expanded have no edges.
            false => self.edges.len(),
        };
        begin_of(state as usize)..begin_of(state as usize + 1)
    }

    pub(super) fn target(&self, edge: usize) -> u32 {
        self.edges.get(edge, TARGET)
    }

    fn label(&self, edge: usize) -> usize {
        self.edges.get(edge, LABEL) as usize
    }

    pub(super) fn push(&mut self, label: u16, target: u32) {
        self.edges.push(&[target, u32::from(label)]);
    }

    /// Ends the list of edges of the state being expanded, when there are this many states.
    pub(super) fn close_state(&mut self, states: usize) -> Result<(), Limit> {
        // Numbers are 32 bits wide. One block can add many states, so that there is room to spare for it.
        let spare = u32::MAX / 2;
        if states as u64 > u64::from(spare) || self.edges.len() as u64 > u64::from(u32::MAX) {
            return Err(Limit::Numbers);
        }
        self.offsets.push(&[self.edges.len() as u32]);
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.offsets.bytes() + self.edges.bytes()
    }
}
