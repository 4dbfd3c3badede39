//! Walks the behaviour that is said to break a promise, and checks each of its claims on the graph.

use model::checker::explore::Graph;
use model::checker::liveness::{Lasso, Promise};

use super::digraph::Edge;

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
