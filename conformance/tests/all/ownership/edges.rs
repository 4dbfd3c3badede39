//! Tier 4: every edge of the model's graph at the small scope, walked on the word of `handfast::ownership`.

use conformance::edges::{told_apart, walk_all};
use conformance::ownership::core::{CoreMachine, ProductWords};
use model::checker::catalogue::Scope;
use model::ownership::handfast::{Flaw, Mutated, instances};

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_word() {
    walk_all(env!("CARGO_TARGET_TMPDIR"), instances(Scope::Small), |start| {
        let config = start.machine.config();
        CoreMachine::around(ProductWords::new(config), *config)
    });
}

/// A check that cannot fail is worthless: every mutant of the model, taken for an implementation, must be told from the
/// model.
#[test]
fn every_mutant_is_told_from_the_design() {
    for &flaw in Flaw::ALL {
        told_apart(flaw, instances(Scope::Small), 17, |start| Mutated::new(*start.machine.config(), flaw));
    }
}
