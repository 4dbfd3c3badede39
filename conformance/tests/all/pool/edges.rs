//! Tier 4: every edge of the graph of the pool's model at the small scope, walked on the cores of `handfast::pool` and
//! `handfast::ownership`.

use conformance::edges::{told_apart, walk_all};
use conformance::ownership::pool::{Mistake, PoolMachine};
use model::checker::catalogue::Scope;
use model::checker::target::Instance;
use model::ownership::pool::{Flaw, Mutated, Pool, instances, one_runtime};

/// The instances of the small scope, and threads that share a runtime.
fn small() -> Vec<Instance<Pool>> {
    let mut instances = instances(Scope::Small);
    instances.push(one_runtime());
    instances
}

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_cores() {
    walk_all(env!("CARGO_TARGET_TMPDIR"), small(), |start| PoolMachine::new(start.machine.config(), Mistake::None));
}

/// A check that cannot fail is worthless: cores that are put together wrongly must be told from the model.
#[test]
fn every_mistake_is_told_from_the_design() {
    for mistake in [
        Mistake::KeepsListed,
        Mistake::SaysGone,
        Mistake::StopsSilently,
        Mistake::LeavesLate,
        Mistake::IgnoresTime,
        Mistake::KeepsTheEarly,
    ] {
        told_apart(mistake, small(), 20, |start| PoolMachine::new(start.machine.config(), mistake));
    }
}

/// And so must every mutant of the model, taken for an implementation: also the one that breaks no rule, because what it
/// does is to be observed.
#[test]
fn every_mutant_is_told_from_the_design() {
    for &flaw in Flaw::ALL {
        told_apart(flaw, small(), 20, |start| Mutated::new(*start.machine.config(), flaw));
    }
}
