//! Tier 4: every edge of the model's graph at the small scope, walked on the cores of `handfast::framed`.

use conformance::edges::{Difference, Walked, walk};
use conformance::framed::CoreMachine;
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::framed::handfast::{Flaw, Handfast, Mutant, instances};

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_cores() {
    for instance in instances(Scope::Small) {
        let core = |start: &Recorded<Handfast>| CoreMachine::new(start.machine.config());
        let walked = walk(&instance.checked, core).unwrap_or_else(|difference| panic!("{difference}"));
        let Walked { states, edges, walks, steps, refusals } = walked;
        println!(
            "{}: {states} states, {edges} edges, {walks} walks, {steps} steps, {refusals} refusals",
            instance.name
        );
        assert!(walked.refusals > walked.states, "in most states most actions are refused");
    }
}

/// A check that cannot fail is worthless: every mutant of the model, taken for an implementation, must be told from the
/// model.
#[test]
fn every_mutant_is_told_from_the_design() {
    let instances = instances(Scope::Small);
    for &flaw in Flaw::ALL {
        // The first instance is the largest.
        let found = instances.iter().rev().find_map(|instance| {
            let mutant = |start: &Recorded<Handfast>| Mutant::new(start.machine.clone(), flaw);
            walk(&instance.checked, mutant).err()
        });
        let difference: Box<Difference<Handfast>> = found.unwrap_or_else(|| panic!("{flaw:?} was not noticed"));
        println!("{flaw:?}: {difference}");
        assert!(difference.actions.len() <= 20, "{flaw:?} was not shrunk: {difference}");
    }
}
