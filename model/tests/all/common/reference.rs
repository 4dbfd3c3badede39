//! Decides a promise on a small graph by trying out every set of edges that a behaviour could take for ever.

use model::checker::explore::Graph;
use model::checker::liveness::{Lasso, Promise};

use super::grid::{Digraph, Edge};

/// A promise over states that are numbers below eight: sets of states and of components, one bit for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Masks {
    pub(crate) trigger: u8,
    pub(crate) outcome: u8,
    pub(crate) fair: u8,
}

impl Masks {
    pub(crate) fn fair(self, edge: &Edge) -> Option<u8> {
        edge.class.filter(|&class| has(self.fair, class))
    }
}

pub(crate) fn has(set: u8, member: u8) -> bool {
    set >> member & 1 == 1
}

/// What there is to say about a promise.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Truth {
    pub(crate) owing: usize,
    /// The steps to the nearest state that a fair behaviour can come back to for ever without keeping the promise.
    pub(crate) nearest: Option<usize>,
}

/// The number of steps by which each state is reached while it owes the promise.
type Distances = [Option<usize>; 8];

pub(crate) fn decide(graph: &Digraph, masks: Masks) -> Truth {
    let distances = distances(graph, masks);
    let owes = |state: u8| distances[usize::from(state)].is_some();
    let inner: Vec<Edge> =
        graph.edges.iter().copied().filter(|edge| edge.from != edge.to && owes(edge.from) && owes(edge.to)).collect();
    let stutters = (0..8).filter(|&state| owes(state)).map(|state| (1 << state, Vec::new()));
    let cycles = (1..1_u32 << inner.len()).filter_map(|chosen| {
        let edges: Vec<Edge> = (0..inner.len()).filter(|bit| chosen >> bit & 1 == 1).map(|bit| inner[bit]).collect();
        let states = edges.iter().fold(0, |states, edge| states | 1 << edge.from | 1 << edge.to);
        strongly_connected(states, &edges).then_some((states, edges))
    });
    let fair = stutters.chain(cycles).filter(|(states, edges)| is_fair(graph, masks, *states, edges));
    let nearest_of =
        |(states, _): (u8, _)| (0..8).filter(|&s| has(states, s)).filter_map(|s| distances[s as usize]).min();
    Truth { owing: distances.iter().flatten().count(), nearest: fair.filter_map(nearest_of).min() }
}

/// Relaxes every edge until nothing changes: first over all states, then over those that owe.
fn distances(graph: &Digraph, masks: Masks) -> Distances {
    let unkept = |state: u8| !has(masks.outcome, state);
    let mut reached: Distances = [None; 8];
    for &state in &graph.initial {
        reached[usize::from(state)] = Some(0);
    }
    relax(graph, &mut reached, |_| true);
    let mut owed: Distances = [None; 8];
    for state in (0..8).filter(|&state| unkept(state) && has(masks.trigger, state)) {
        owed[usize::from(state)] = reached[usize::from(state)];
    }
    relax(graph, &mut owed, unkept);
    owed
}

fn relax(graph: &Digraph, distances: &mut Distances, enters: impl Fn(u8) -> bool) {
    for _ in 0..8 {
        for edge in graph.edges.iter().filter(|edge| enters(edge.to)) {
            if let Some(distance) = distances[usize::from(edge.from)] {
                let target = &mut distances[usize::from(edge.to)];
                *target = Some(target.map_or(distance + 1, |known| known.min(distance + 1)));
            }
        }
    }
}

fn strongly_connected(states: u8, edges: &[Edge]) -> bool {
    let first = 1 << states.trailing_zeros();
    let closure = |ends: fn(&Edge) -> (u8, u8)| {
        let mut closure: u8 = first;
        for _ in 0..8 {
            for (from, to) in edges.iter().map(ends) {
                closure |= u8::from(has(closure, from)) << to;
            }
        }
        closure
    };
    closure(|edge| (edge.from, edge.to)) == states && closure(|edge| (edge.to, edge.from)) == states
}

/// Whether a behaviour that takes each of `edges` again and again, and no other, gives every component its turn.
fn is_fair(graph: &Digraph, masks: Masks, states: u8, edges: &[Edge]) -> bool {
    (0..8).filter(|&component| has(masks.fair, component)).all(|component| {
        let can_act = |state: u8| {
            graph.edges.iter().any(|edge| edge.from == state && edge.to != state && edge.class == Some(component))
        };
        edges.iter().any(|edge| edge.class == Some(component))
            || (0..8).any(|state| has(states, state) && !can_act(state))
    })
}

// Walks the behaviour that is said to break a promise, and checks each of its claims on the graph.

/// The states of a behaviour: of its path, and of its cycle without the state where it begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Walked {
    pub(crate) prefix: Vec<u8>,
    pub(crate) cycle: Vec<u8>,
}

/// Walks `lasso`.
///
/// # Panics
///
/// If it is not a fair behaviour of the graph that owes the promise from some state on and never keeps it.
pub(crate) fn walk(graph: &Graph<u8, Edge>, promise: &Promise<'_, u8, Edge, u8>, lasso: &Lasso) -> Walked {
    assert!(lasso.prefix[0] < graph.initial(), "the path does not begin where the system does");
    let follow = |from: u32, edge: usize| {
        assert!(graph.edges(from).contains(&edge), "edge {edge} does not leave state {from}");
        graph.target(edge)
    };
    let mut at = lasso.prefix[0];
    let mut prefix = vec![at];
    for &edge in &lasso.prefix_edges {
        at = follow(at, edge);
        prefix.push(at);
    }
    assert_eq!(prefix, lasso.prefix, "the edges of the path do not lead through its states");
    let mut cycle = Vec::new();
    for &edge in &lasso.cycle_edges {
        at = follow(at, edge);
        cycle.push(at);
    }
    assert_eq!(Some(&at), prefix.last(), "the cycle does not close");

    let value = |&number: &u32| graph.state(number).to_owned();
    let walked = Walked { prefix: prefix.iter().map(value).collect(), cycle: cycle.iter().map(value).collect() };
    let kept_last = walked.prefix.iter().rposition(|state| (promise.outcome)(state));
    let since = &walked.prefix[kept_last.map_or(0, |position| position + 1)..];
    assert!(since.iter().any(|state| (promise.trigger)(state)), "the promise is not owed at the end of the path");
    assert!(!walked.cycle.iter().any(|state| (promise.outcome)(state)), "the promise is kept on the cycle");
    assert_fair(graph, promise, *prefix.last().expect("a path has a state"), lasso);
    walked
}

/// Every fair component acts on the cycle, or cannot act in one of its states.
fn assert_fair(graph: &Graph<u8, Edge>, promise: &Promise<'_, u8, Edge, u8>, start: u32, lasso: &Lasso) {
    let on_cycle = || core::iter::once(start).chain(lasso.cycle_edges.iter().map(|&edge| graph.target(edge)));
    let taken_by = |edge: usize| (promise.fair)(&graph.actions()[graph.label(edge)]);
    for component in graph.actions().iter().filter_map(|action| (promise.fair)(action)) {
        let acts = lasso.cycle_edges.iter().any(|&edge| taken_by(edge) == Some(component));
        let can_act = |state: u32| {
            graph.edges(state).any(|edge| graph.target(edge) != state && taken_by(edge) == Some(component))
        };
        assert!(acts || !on_cycle().all(can_act), "component {component} could always act and never does");
    }
}
