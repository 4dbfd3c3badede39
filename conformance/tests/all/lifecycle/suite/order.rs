//! The order of coming and going.

use conformance::lifecycle::suite::{Historical, Node, Observed, Own, Scenario, Trial, paused};
use model::lifecycle::btcd::{Action, Bounds};

use crate::lifecycle::suite::trials::{IN_USE, PEER, design, set, try_all, try_as_predicted, try_own};

const VERACK_THEN_DISCONNECT: Scenario = Scenario {
    bounds: Bounds::BASE,
    given: &[Action::Verack(PEER)],
    allows: |step| !matches!(step, Action::Expire(_)),
};

#[test]
fn t3_verack_then_disconnect_is_up_then_down_and_nothing_third() {
    let [before, fix1, fix2, merged, own] = try_all(&VERACK_THEN_DISCONNECT);
    for out_of_order in [before, fix1] {
        assert!(out_of_order.by_registry().contains("down, up"));
        assert!(out_of_order.violated.contains("PEER-1"));
    }
    // Down alone is within the contract of btcd's events, and a matter of chance.
    for in_order in [fix2, merged] {
        assert_eq!(in_order.by_registry(), set(["up", "up, down", "down"]));
        assert!(!in_order.violated.contains("PEER-1"));
    }
    assert_eq!(own.by_subscriber(), set(["up", "up, down", "nothing"]));
}

/// Everything that a design can do with one peer.
fn everything(name: &str) -> Scenario {
    Scenario { bounds: design(name).bounds, given: &[], allows: |_| true }
}

#[test]
fn t4_each_design_that_was_in_use_fails_with_what_the_catalogue_says_and_handfast_passes() {
    let mut orders = Vec::new();
    for name in IN_USE {
        let (predicted, outcome) = try_as_predicted(name, &everything(name));
        let listed = design(name).violates.iter().copied().collect();
        assert_eq!(outcome.violated, listed, "{name} and its entry in the catalogue");
        orders.extend(predicted.counterexamples.into_iter().map(|(_, order)| order));
        orders.extend(predicted.orders);
    }
    let own = try_own(&orders);
    assert_eq!(own.violated, set([]), "handfast, in {} orders", orders.len());
}

/// The bug as it was reported: the sync manager takes a dead peer for its sync peer, nothing more is going to happen, and
/// a peer that comes after it does not help.
#[test]
fn t4_before_the_repair_the_node_synchronises_from_a_dead_peer_for_ever() {
    let before = design("btcd-before");
    let predicted = everything("btcd-before").predict(before.switches);
    let (_, order) = predicted.counterexamples.iter().find(|(id, _)| *id == "PEER-23").expect("a dead peer is active");
    let stuck = |trial: &mut Trial<Historical>| {
        trial.rest();
        let Observed { registered, active, .. } = trial.node.observed();
        active == Some(PEER) && !registered.contains(&PEER)
    };
    let mut trial = Trial::new(Historical::new(before.switches, before.bounds));
    trial.node.connect();
    assert_eq!(trial.follow(order), []);
    assert!(stuck(&mut trial), "{order:?}");
    let fresh = trial.node.connect();
    assert!(trial.node.complete_handshake(fresh));
    assert!(stuck(&mut trial), "a live peer is there and is not synchronised from");
    assert!(trial.node.observed().believed.contains(&fresh));

    let runtime = paused();
    let mut own = Trial::new(Own::new(&runtime, 4));
    own.node.connect();
    let _ = own.follow(order);
    own.node.disconnect(PEER); // unless it ended on the way
    own.rest();
    let fresh = own.node.connect();
    assert!(own.node.complete_handshake(fresh));
    own.rest();
    assert_eq!(own.node.observed().active, Some(fresh));
    assert_eq!(*own.violated(), set([]));
}

/// What the history says was told is what can be seen of the node, after each step of every order.
#[test]
fn t8_what_is_claimed_is_what_is_observed() {
    let runtime = paused();
    let mut compared = 0;
    for name in IN_USE {
        let (variant, scenario) = (design(name), everything(name));
        let orders = scenario.predict(variant.switches).orders;
        for order in &orders {
            compared += observe_each_step(Historical::new(variant.switches, scenario.bounds), order);
            compared += observe_each_step(Own::new(&runtime, 4), order);
        }
    }
    println!("{compared} times");
}

fn observe_each_step(node: impl Node, order: &[Action]) -> usize {
    let mut trial = Trial::new(node);
    trial.node.connect();
    for step in order {
        let _ = trial.follow(&[*step]);
        assert_eq!(trial.node.observed(), Observed::told(trial.node.history()), "{step:?} of {order:?}");
    }
    order.len()
}
