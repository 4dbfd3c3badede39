//! A model of many states that are easy to count, and a way to let a timeout pass while it is explored.

use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use model::checker::design::TO_THE_END;
use stateright::{Checker, Model, Property};

/// A walk right and up from the origin of a square to the opposite corner.
#[derive(Clone)]
pub(crate) struct Grid {
    pub(crate) last: u8,
    properties: Vec<Property<Self>>,
    /// Holds up whoever asks what can be done at the origin.
    gate: Option<Arc<Gate>>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Walk {
    Right,
    Up,
}

impl Grid {
    /// A square of 101 by 101 states.
    pub(crate) fn new(properties: Vec<Property<Self>>) -> Self {
        Self { last: 100, properties, gate: None }
    }

    pub(crate) fn guard() -> Property<Self> {
        Property::always(TO_THE_END, |_, _| true)
    }

    /// First violated three steps from the origin, and in every state further right.
    pub(crate) fn stays_left() -> Property<Self> {
        Property::always("stays left", |_, state: &(u8, u8)| state.0 < 3)
    }

    /// Violated in the state that is farthest from the origin only.
    pub(crate) fn misses_corner() -> Property<Self> {
        Property::always("misses the corner", |grid: &Self, state| *state != (grid.last, grid.last))
    }

    pub(crate) fn goes_right() -> Property<Self> {
        Property::sometimes("goes right", |_, state: &(u8, u8)| state.0 == 1)
    }
}

impl Model for Grid {
    type State = (u8, u8);
    type Action = Walk;

    fn init_states(&self) -> Vec<Self::State> {
        vec![(0, 0)]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        if let (Some(gate), (0, 0)) = (&self.gate, state) {
            gate.pass();
        }
        actions.extend((state.0 < self.last).then_some(Walk::Right));
        actions.extend((state.1 < self.last).then_some(Walk::Up));
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        Some(match action {
            Walk::Right => (state.0 + 1, state.1),
            Walk::Up => (state.0, state.1 + 1),
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.properties.clone()
    }
}

/// Somewhere to hold up a search until its timeout has passed.
#[derive(Default)]
pub(crate) struct Gate {
    reached: AtomicBool,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        self.reached.store(true, Ordering::SeqCst);
        drop(self.opened.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Runs a search whose timeout passes while it visits the first state. Stateright says that it is done as soon as the
/// timeout has passed, which is how this is told from outside.
pub(crate) fn time_out_in_the_first_state<C: Checker<Grid>>(grid: &Grid, spawn: impl Fn(Grid, Duration) -> C) -> C {
    let mut timeout = Duration::from_millis(1);
    loop {
        let gate = Arc::new(Gate::default());
        let checker = spawn(Grid { gate: Some(Arc::clone(&gate)), ..grid.clone() }, timeout);
        // Only a Stateright that is not done while it is at work makes this wait in vain.
        let given_up = Instant::now() + timeout + Duration::from_secs(120);
        while !checker.is_done() {
            assert!(Instant::now() < given_up, "Stateright no longer says that it is done while it is at work");
            thread::yield_now();
        }
        assert_eq!(checker.unique_state_count(), 1, "it says that it is done, and has only just begun");
        gate.open();
        let checker = checker.join();
        if gate.reached.load(Ordering::SeqCst) {
            return checker;
        }
        // The timeout passed before the search began; it needs more time on a busy machine.
        timeout *= 2;
    }
}

// A graph that is given edge by edge, as a model.

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
