//! Tier 4: every edge of the model's graph at the small scope, walked on a pair of negotiations of `handfast::simopen` that
//! are joined by the model's wire.

use conformance::edges::{Walked, walk};
use conformance::simopen::CoreMachine;
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::simopen::{Connection, Flaw, Flaws, instances};

fn core(start: &Recorded<Connection>) -> CoreMachine {
    CoreMachine::new(start.machine.config())
}

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_negotiation() {
    for instance in instances(Scope::Small) {
        let walked = walk(&instance.checked, core).unwrap_or_else(|difference| panic!("{difference}"));
        let Walked { states, edges, walks, steps, refusals } = walked;
        println!(
            "{}: {states} states, {edges} edges, {walks} walks, {steps} steps, {refusals} refusals",
            instance.name
        );
        assert!(walked.refusals > 0, "what the model refuses is attempted");
    }
}

/// A check that cannot fail is worthless: an end that makes one of these mistakes, taken for an implementation, is told
/// from the model.
#[test]
fn ends_with_a_mistake_are_told_from_the_design() {
    let mistakes = [
        Flaw::HeaderFirst,
        Flaw::HeaderOptional,
        Flaw::RepeatedHeaders,
        Flaw::SkipsNothing,
        Flaw::SkipsAny,
        Flaw::LaxNonce,
        Flaw::Reversed,
        Flaw::EqualIsResponder,
        Flaw::RoleUnchecked,
        Flaw::RestartsSelection,
        Flaw::StartsAtSecond,
        Flaw::AnswersSkipped,
        Flaw::UnboundedProposals,
        Flaw::SettlesUnwritten,
        Flaw::WritesAfterFailure,
        Flaw::NoDeadline,
    ];
    for flaw in mistakes {
        let flaws = [Flaws::of(&[flaw]); 2];
        let found = instances(Scope::Small).into_iter().find_map(|instance| {
            let mutant = |start: &Recorded<Connection>| start.machine.clone().with_flaws(flaws);
            walk(&instance.checked, mutant).err()
        });
        let difference = found.unwrap_or_else(|| panic!("{flaw:?} was not noticed"));
        println!("{flaw:?}: {difference}");
        assert!(difference.actions.len() <= 24, "{flaw:?} was not shrunk: {difference}");
    }
}
