//! Tier 4: every edge of the model's graph at the small scope, walked on a pair of negotiations of `handfast::simopen` at
//! the ends of the model's connection.

use conformance::edges::{noticed, walk, walk_all};
use conformance::simopen::core_machine;
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::simopen::{Connection, Other, checked, instances};

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_negotiation() {
    walk_all(env!("CARGO_TARGET_TMPDIR"), instances(Scope::Small), |start| core_machine(start.machine.config()));
}

/// A check that cannot fail is worthless: every historical design and every mutant, taken for an implementation, is told
/// from handfast's, the one included that violates nothing.
#[test]
fn every_other_design_is_told_from_handfasts() {
    for &other in Other::ALL {
        // In one of the instances in which it shows what it does.
        let found = other.row().instances.shown.iter().find_map(|&shown| {
            let build = |start: &Recorded<Connection>| other.connection(shown, start.machine.config().clone());
            walk(&checked(shown.bounds()), build).err()
        });
        noticed(other.row().name, 24, found);
    }
}
