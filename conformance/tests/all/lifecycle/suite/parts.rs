//! Each part of the repair, taken back alone.

use std::collections::BTreeSet;

use conformance::lifecycle::historical::is_implemented;
use conformance::lifecycle::suite::{Historical, Scenario};
use handfast_spec::Protocol;
use handfast_spec::lifecycle::Lifecycle;
use model::lifecycle::btcd::{Bounds, Variant, variants};

use crate::lifecycle::suite::trials::{design, set, try_any, try_as_predicted, try_own};

/// The order that shows what the part of the repair was for: the design without it violates the rule in it; what was
/// merged does not, nor do the corrected design and handfast, which violate nothing at all.
fn killed_by(name: &str, id: &'static str) {
    let scenario = Scenario { bounds: Bounds::BASE, given: &[], allows: |_| true };
    let (predicted, _) = try_as_predicted(name, &scenario);
    let killer = predicted.counterexamples.into_iter().find(|(violated, _)| *violated == id);
    let (_, order) = killer.unwrap_or_else(|| panic!("the model of {name} does not violate {id}"));
    println!("{id} in {} steps: {order:?}", order.len());
    let orders = [order];
    let of = |other: &str| {
        let switches = design(other).switches;
        try_any(&orders, || Historical::new(switches, Bounds::BASE)).violated
    };
    assert!(of(name).contains(id), "{name}");
    assert!(!of("btcd-merged").contains(id), "what was merged has the part");
    assert_eq!(of("btcd-corrected"), set([]));
    assert_eq!(try_own(&orders).violated, set([]));
}

#[test]
fn t5_two_event_loops() {
    killed_by("btcd-v1", "PEER-3");
}

#[test]
fn t5_two_event_loops_wedge_the_sync_manager() {
    killed_by("btcd-v1", "PEER-21");
}

#[test]
fn t5_two_channels() {
    killed_by("btcd-v2", "PEER-1");
}

#[test]
fn t5_two_senders_and_the_negotiation_timeout() {
    killed_by("btcd-fix1", "PEER-1");
}

#[test]
fn t5_the_gate_on_the_verack_flag() {
    killed_by("btcd-fix2", "PEER-4");
}

/// Every design of the catalogue that is implemented here, mutants of the corrected design included, each in every
/// order of its model.
#[test]
fn t5_each_design_violates_what_it_is_listed_with_and_nothing_else() {
    // A history does not show that a task waits for ever: that is seen where all edges are walked.
    let (stuck, _) = Lifecycle::DEADLOCK;
    let one_peer = |variant: &&Variant| is_implemented(&variant.bounds) && variant.bounds.sessions == 1;
    let mut tried = 0;
    for variant in variants().filter(one_peer) {
        let scenario = Scenario { bounds: variant.bounds, given: &[], allows: |_| true };
        let (_, outcome) = try_as_predicted(variant.name, &scenario);
        let listed: BTreeSet<&str> = variant.violates.iter().copied().filter(|id| *id != stuck).collect();
        assert_eq!(outcome.violated, listed, "{}", variant.name);
        tried += 1;
    }
    println!("{tried} designs");
}
