//! The state graph that an exploration leaves behind.

use core::ops::Range;
use std::collections::VecDeque;

use super::edges::Edges;
use super::search::Completeness;
use super::store::States;

/// The number of no state: a parent of the states that an exploration starts from.
const NO_STATE: u32 = u32::MAX;

/// Every reachable state and every edge between them, states numbered in breadth-first order.
pub struct Graph<S, A> {
    pub(super) states: Box<dyn States<S>>,
    pub(super) initial: u32,
    /// Where each level of the search begins; level 0 is the states it started from.
    pub(super) levels: Vec<u32>,
    pub(super) edges: Edges<A>,
    pub(super) completeness: Completeness,
    pub(super) reduction: Reduction,
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

    /// How many states there are.
    pub fn state_count(&self) -> usize {
        self.states.len()
    }

    /// The state with a number.
    pub fn state(&self, number: u32) -> S {
        self.states.get(number)
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

    /// Every action that is taken somewhere, in order of first appearance.
    pub fn actions(&self) -> &[A] {
        self.edges.actions()
    }

    /// The edges that leave a state, in the order in which the model gives them.
    pub fn steps(&self, state: u32) -> impl ExactSizeIterator<Item = Step<'_, A>> + Clone {
        self.edges(state).map(|edge| Step { action: &self.actions()[self.label(edge)], target: self.target(edge) })
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

    /// The lowest-numbered state of which `condition` holds; no path to another such state is shorter.
    pub fn first(&self, mut condition: impl FnMut(&S) -> bool) -> Option<u32> {
        (0..self.state_count() as u32).find(|&number| {
            let mut holds = false;
            self.states.show(number, &mut |state| holds = condition(state));
            holds
        })
    }

    /// A shortest path to a state: the state it starts from, then the steps.
    pub fn path_to(&self, state: u32) -> (u32, Vec<Step<'_, A>>) {
        let parents = self.parents();
        let mut steps = VecDeque::new();
        let mut at = state;
        while parents[at as usize] != NO_STATE {
            let parent = parents[at as usize];
            let step = self.steps(parent).find(|step| step.target == at);
            steps.push_front(step.expect("a parent has an edge to its child"));
            at = parent;
        }
        (at, steps.into())
    }

    /// For each state, the state from which the search found it. They are not kept, because the first edge that leads
    /// to a state tells: states are numbered in the order in which edges found them.
    fn parents(&self) -> Vec<u32> {
        let mut parents = vec![NO_STATE; self.state_count()];
        let mut next = self.initial;
        for state in 0..self.state_count() as u32 {
            for edge in self.edges(state) {
                if self.target(edge) == next {
                    parents[next as usize] = state;
                    next += 1;
                }
            }
        }
        parents
    }

    /// What the graph occupies.
    pub fn memory(&self) -> Memory {
        let (states, index) = self.states.bytes();
        Memory { states, index, edges: self.edges.bytes() }
    }
}
