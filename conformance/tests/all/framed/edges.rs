//! Tier 4: every edge of the model's graph at the small scope, walked on the cores of `handfast::framed`.

use conformance::edges::{told_apart, walk_all};
use conformance::framed::CoreMachine;
use model::checker::catalogue::Scope;
use model::framed::handfast::{Flaw, Mutant, instances};

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_cores() {
    walk_all(env!("CARGO_TARGET_TMPDIR"), instances(Scope::Small), |start| CoreMachine::new(start.machine.config()));
}

/// A check that cannot fail is worthless: every mutant of the model, taken for an implementation, must be told from the
/// model.
#[test]
fn every_mutant_is_told_from_the_design() {
    for &flaw in Flaw::ALL {
        // The first instance is the largest.
        let instances = instances(Scope::Small).into_iter().rev();
        told_apart(flaw, instances, 20, |start| Mutant::new(start.machine.clone(), flaw));
    }
}
