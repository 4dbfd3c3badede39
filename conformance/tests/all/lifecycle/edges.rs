//! Tier 4: every edge of the model's graph at the small scope, walked on the core of `handfast::lifecycle`.

use std::fs::File;
use std::io::BufReader;

use conformance::edges::{Difference, Fault, told_apart, walk_all};
use conformance::failure::Saved;
use conformance::lifecycle::CoreMachine;
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::lifecycle::handfast::{Flaw, Handfast, Mutated, instances};

const DIRECTORY: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_core() {
    walk_all(DIRECTORY, instances(Scope::Small), |start| {
        CoreMachine::new(start.machine.config(), start.machine.subscribers())
    });
}

/// A check that cannot fail is worthless: every mutant of the model, taken for an implementation, must be told from the
/// model, the equivalent one included, because it tells other outputs.
#[test]
fn every_mutant_is_told_from_the_design() {
    for &flaw in Flaw::ALL {
        let mutant = |start: &Recorded<Handfast>| Mutated::new(start.machine.clone(), flaw);
        let difference = told_apart(flaw, instances(Scope::Small), 12, mutant);
        the_model_shows(&difference.save(DIRECTORY, &format!("core-{flaw:?}")), &difference);
    }
}

/// What was saved is read by `model explain`, and leaves the model where the difference is.
fn the_model_shows(saved: &Saved, difference: &Difference<Handfast>) {
    let file = File::open(&saved.path).expect("what was saved can be read");
    let lifecycle = model::registry::find("lifecycle").expect("there is such a protocol");
    let explanation = (lifecycle.explain)(&mut BufReader::new(file)).expect("what was saved is a log");
    let last = difference.actions.last().expect("nothing differs before anything is done");
    match (&difference.fault, explanation.rejection) {
        (Fault::Observed { .. }, Some(rejection)) => {
            assert_eq!(rejection.recorded.action, last.to_string());
            assert_eq!(rejection.explained + 1, difference.actions.len());
        }
        (Fault::Violated(id), None) => assert!(explanation.violated.contains(id)),
        (fault, rejection) => panic!("{fault:?} was shown as {rejection:?}"),
    }
}
