//! Tier 4: every edge of the model's graph at the small scope, walked on the core of `handfast::lifecycle`.

use std::fs::File;
use std::io::BufReader;

use conformance::edges::{Difference, Fault, Walked, walk};
use conformance::failure::{self, Saved};
use conformance::lifecycle::CoreMachine;
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::lifecycle::handfast::{Flaw, Handfast, Mutated, instances};

fn core(start: &Recorded<Handfast>) -> CoreMachine {
    CoreMachine::new(start.machine.config(), start.machine.subscribers())
}

#[test]
fn every_edge_of_the_small_scope_is_an_edge_of_the_core() {
    for instance in instances(Scope::Small) {
        let walked = walk(&instance.checked, core).unwrap_or_else(|difference| {
            panic!("{difference}{}", save(&format!("lifecycle-core-{}", instance.name), &difference).told)
        });
        let Walked { states, edges, walks, steps, refusals } = walked;
        println!(
            "{}: {states} states, {edges} edges, {walks} walks, {steps} steps, {refusals} refusals",
            instance.name
        );
        assert!(walked.refusals > walked.states, "in most states most actions are refused");
    }
}

fn save(name: &str, difference: &Difference<Handfast>) -> Saved {
    let saved = failure::save(env!("CARGO_TARGET_TMPDIR"), name, "lifecycle", &difference.log());
    saved.expect("the directory of temporary files can be written to")
}

/// A check that cannot fail is worthless: every mutant of the model, taken for an implementation, must be told from the
/// model, the equivalent one included, because it tells other outputs.
#[test]
fn every_mutant_is_told_from_the_design() {
    for &flaw in Flaw::ALL {
        let found = instances(Scope::Small).into_iter().find_map(|instance| {
            let mutant = |start: &Recorded<Handfast>| Mutated::new(start.machine.clone(), flaw);
            walk(&instance.checked, mutant).err()
        });
        let difference: Box<Difference<Handfast>> = found.unwrap_or_else(|| panic!("{flaw:?} was not noticed"));
        let saved = save(&format!("lifecycle-core-{flaw:?}"), &difference);
        println!("{flaw:?}: {difference}{}", saved.told);
        the_model_shows(&saved, &difference);
        assert!(difference.actions.len() <= 12, "{flaw:?} was not shrunk: {difference}");
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
