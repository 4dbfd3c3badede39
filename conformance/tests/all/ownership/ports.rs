//! Tier 7: every edge of the graphs of HAProxy's designs, followed on their ports: one atomic access of the thread that
//! the model names, and then everything is compared.
//!
//! Bounded: the connections of `before` are one, because its graph of two takes more than the rest together; instances with groups of threads beyond deletion from another one, and those of three threads with more than a
//! listening socket, are not followed.

use std::sync::Arc;

use conformance::failure::minimal;
use conformance::ownership::haproxy::follow::{Divergence, Trace, follow};
use conformance::ownership::haproxy::{Before, Closing, Corrected, Design, Enter, Named, Seed, Seen, seen};
use handfast_spec::Recorded;
use model::checker::cover;
use model::checker::explore::{Completeness, Options};
use model::ownership::haproxy::{Action, Bounds, Haproxy, State, Switches, checked};

struct Followed {
    edges: usize,
    walks: usize,
    steps: usize,
}

/// Walks that cover the graph, as traces.
fn cover(switches: Switches, bounds: Bounds) -> (usize, Vec<Trace>) {
    let graph = checked(switches, bounds).explore(&Options::default());
    assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph can be covered");
    let mut states: Vec<Option<Arc<Seen>>> = vec![None; graph.state_count()];
    let mut state = |number: u32| {
        let place = &mut states[number as usize];
        Arc::clone(place.get_or_insert_with(|| Arc::new(seen(&graph.state(number), &bounds))))
    };
    let traces = cover::edges(&graph)
        .into_iter()
        .map(|walk| Trace {
            actions: walk.edges.iter().map(|edge| graph.actions()[graph.label(*edge)]).collect(),
            seen: [walk.initial]
                .into_iter()
                .chain(walk.edges.iter().map(|edge| graph.target(*edge)))
                .map(&mut state)
                .collect(),
        })
        .collect();
    (graph.edge_count(), traces)
}

/// As much of `actions` as the model accepts, as a trace; and which of them that is.
fn accepted(switches: Switches, bounds: Bounds, actions: &[Action]) -> (Trace, Vec<usize>) {
    let mut state: Recorded<Haproxy> = Haproxy::recorded(switches, bounds);
    let mut trace = Trace { actions: Vec::new(), seen: vec![Arc::new(seen(&state, &bounds))] };
    let mut which = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        if !state.step(action).is_refused() {
            which.push(index);
            trace.actions.push(*action);
            trace.seen.push(Arc::new(seen(&state, &bounds)));
        }
    }
    (trace, which)
}

fn shrink<D: Design>(switches: Switches, bounds: Bounds, actions: Vec<Action>) -> (Trace, Box<Divergence>) {
    let fails_after = |actions: &[Action]| {
        let (trace, which) = accepted(switches, bounds, actions);
        let after = follow::<D>(bounds, vec![trace]).err()?.after;
        Some(after.checked_sub(1).map_or(0, |last| which[last] + 1))
    };
    let (trace, _) = accepted(switches, bounds, &minimal(actions, fails_after));
    let divergence = follow::<D>(bounds, vec![trace.clone()]).expect_err("what was shrunk diverges still");
    (trace, divergence)
}

fn followed<D: Design>(switches: Switches, bounds: Bounds) -> Result<Followed, String> {
    let (edges, traces) = cover(switches, bounds);
    let walks = traces.len();
    let kept = traces.clone();
    match follow::<D>(bounds, traces) {
        Ok(steps) => Ok(Followed { edges, walks, steps }),
        Err(first) => {
            let mut actions = kept[first.trace].actions.clone();
            actions.truncate(first.after);
            let (trace, Divergence { expected, got, .. }) = {
                let (trace, divergence) = shrink::<D>(switches, bounds, actions);
                (trace, *divergence)
            };
            let steps: String =
                trace.actions.iter().enumerate().map(|(step, action)| format!("  {}. {action}\n", step + 1)).collect();
            Err(format!("the port leaves the model:\n{steps}  expected: {expected:?}\n  got:      {got:?}"))
        }
    }
}

fn is_followed<D: Design>(name: &str, switches: Switches, bounds: Bounds) {
    let Followed { edges, walks, steps } =
        followed::<D>(switches, bounds).unwrap_or_else(|told| panic!("{name}: {told}"));
    println!("{name}: {edges} edges, {walks} walks, {steps} steps");
    assert!(steps >= edges, "every edge is taken");
}

/// [`Before`] with flags that are changed in one step each. Whether to change them by a read and a write the port decides
/// by the mask that it read at B2, as HAProxy did, and the model by the mask at B3; nothing else is left out by this.
#[derive(Debug)]
enum BeforeInOneStep {}

impl Design for BeforeInOneStep {
    type Orders = <Before as Design>::Orders;
    const ENTER: Enter = Before::ENTER;
    const CLOSING: Closing = Before::CLOSING;
    const WRITES_FLAGS: bool = false;
}

#[test]
fn before_the_repair() {
    let switches = Switches { state: State::OneStep, ..Switches::BEFORE };
    is_followed::<BeforeInOneStep>("before, one", switches, Bounds::ONE);
}

#[test]
fn the_repair() {
    is_followed::<Seed>("seed, one", Switches::SEED, Bounds::ONE);
    is_followed::<Seed>("seed, pair", Switches::SEED, Bounds::PAIR);
    is_followed::<Seed>("seed, socket", Switches::SEED, Bounds::SOCKET);
    is_followed::<Seed>("seed, listener", Switches::SEED, Bounds::LISTENER);
}

#[test]
fn what_would_have_been_right() {
    is_followed::<Corrected>("corrected, pair", Switches::CORRECTED, Bounds::PAIR);
    is_followed::<Corrected>("corrected, socket", Switches::CORRECTED, Bounds::SOCKET);
    is_followed::<Corrected>("corrected, listener", Switches::CORRECTED, Bounds::LISTENER);
    is_followed::<Corrected>("corrected, foreign", Switches::CORRECTED, Bounds::FOREIGN);
    is_followed::<Corrected>("corrected, foreign listener", Switches::CORRECTED, Bounds::FOREIGN_LISTENER);
}

/// The corrected design with one thing forgotten.
#[derive(Debug)]
enum Forgetful {}

impl Design for Forgetful {
    type Orders = Named;
    const ENTER: Enter = Enter::AnnouncesThenLooks;
    const CLOSING: Closing = Closing::Rule;
    const WAITS_FOR_ALL: bool = false;
    const DELETER_HOLDS: bool = true;
    const WRITES_FLAGS: bool = false;
    const CHECKS_REPORTS: bool = true;
    const CLAIMS_WIPED: bool = true;
}

/// A check that cannot fail is worthless: a port that is wrong is told from the model, by a short behaviour.
#[test]
fn a_wrong_port_is_told_from_the_model() {
    let pair = Bounds::PAIR;
    let told = [
        followed::<Forgetful>(Switches::CORRECTED, pair).err(),
        followed::<Seed>(Switches::CORRECTED, pair).err(),
        followed::<Before>(Switches::SEED, pair).err(),
    ];
    for told in told {
        let told = told.expect("the port is another protocol");
        println!("{told}");
        assert!(told.lines().count() <= 60, "it was not shrunk");
    }
}
