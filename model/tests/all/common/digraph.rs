//! A graph that is given edge by edge, as a model.

use stateright::{Model, Property};

/// A graph of a few states; those it starts from, and its edges.
#[derive(Clone)]
pub(crate) struct Digraph {
    pub(crate) initial: Vec<u8>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) properties: Vec<Property<Self>>,
    /// States above this one are beyond the boundary.
    pub(crate) boundary: u8,
}

/// One edge, which is an action of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Edge {
    pub(crate) from: u8,
    /// The component that takes it; none if it is the environment.
    pub(crate) class: Option<u8>,
    pub(crate) to: u8,
}

impl Digraph {
    pub(crate) fn new(initial: &[u8]) -> Self {
        Self { initial: initial.to_vec(), edges: Vec::new(), properties: Vec::new(), boundary: u8::MAX }
    }

    /// Adds the edges of a path that one component takes.
    pub(crate) fn path(self, class: u8, states: &[u8]) -> Self {
        self.way(Some(class), states)
    }

    /// Adds the edges of a path that the environment takes.
    pub(crate) fn environment(self, states: &[u8]) -> Self {
        self.way(None, states)
    }

    fn way(mut self, class: Option<u8>, states: &[u8]) -> Self {
        self.edges.extend(states.windows(2).map(|ends| Edge { from: ends[0], class, to: ends[1] }));
        self
    }
}

impl Model for Digraph {
    type State = u8;
    type Action = Edge;

    fn init_states(&self) -> Vec<Self::State> {
        self.initial.clone()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        actions.extend(self.edges.iter().filter(|edge| edge.from == *state));
    }

    fn next_state(&self, _: &Self::State, action: Self::Action) -> Option<Self::State> {
        Some(action.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.properties.clone()
    }

    fn within_boundary(&self, state: &Self::State) -> bool {
        *state <= self.boundary
    }
}
