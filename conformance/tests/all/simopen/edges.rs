//! Tier 4: every edge of the model's graph at the small scope, walked on a pair of negotiations of `handfast::simopen` at
//! the ends of the model's connection.

use conformance::edges::{Difference, Walked, walk};
use conformance::simopen::core_machine;
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::simopen::{Connection, Other, checked, instances};

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_negotiation() {
    for instance in instances(Scope::Small) {
        let core = |start: &Recorded<Connection>| core_machine(start.machine.config());
        let walked = walk(&instance.checked, core).unwrap_or_else(|difference| panic!("{difference}"));
        let Walked { states, edges, walks, steps, refusals } = walked;
        println!(
            "{}: {states} states, {edges} edges, {walks} walks, {steps} steps, {refusals} refusals",
            instance.name
        );
        assert!(walked.refusals > 0, "what the model refuses is attempted");
    }
}

/// Returns how a design other than handfast's is told from it, in one of the instances in which it shows what it does.
fn told_apart(other: Other) -> Option<Box<Difference<Connection>>> {
    other.row().instances.shown.iter().find_map(|&shown| {
        let build = |start: &Recorded<Connection>| other.connection(shown, start.machine.config().clone());
        walk(&checked(shown.bounds()), build).err()
    })
}

/// A check that cannot fail is worthless: every historical design and every mutant, taken for an implementation, is told
/// from handfast's, the one included that violates nothing.
#[test]
fn every_other_design_is_told_from_handfasts() {
    for &other in Other::ALL {
        let name = other.row().name;
        let difference = told_apart(other).unwrap_or_else(|| panic!("{name} was not noticed"));
        println!("{name}: {difference}");
        assert!(difference.actions.len() <= 24, "{name} was not shrunk: {difference}");
    }
}
