//! Tier 4: every edge of the model's graph at the small scope, walked on the word of `handfast::ownership`.

use conformance::edges::{Difference, Walked, walk};
use conformance::ownership::core::{CoreMachine, ProductWords};
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::ownership::handfast::{Flaw, Handfast, Mutated, instances};

fn core(start: &Recorded<Handfast>) -> CoreMachine {
    let config = start.machine.config();
    CoreMachine::around(ProductWords::new(config), *config)
}

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_word() {
    for instance in instances(Scope::Small) {
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
    for &flaw in Flaw::ALL {
        let found = instances(Scope::Small).into_iter().find_map(|instance| {
            let mutant = |start: &Recorded<Handfast>| Mutated::new(*start.machine.config(), flaw);
            walk(&instance.checked, mutant).err()
        });
        let difference: Box<Difference<Handfast>> = found.unwrap_or_else(|| panic!("{flaw:?} was not noticed"));
        println!("{flaw:?}: {difference}");
        assert!(difference.actions.len() <= 17, "{flaw:?} was not shrunk: {difference}");
    }
}
