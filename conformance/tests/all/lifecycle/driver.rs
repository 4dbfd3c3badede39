//! Tier 5: the driver of `handfast::lifecycle` on tokio, under a paused clock, along every edge of the small scope.

use conformance::failure;
use conformance::lifecycle::driver::{Covered, Failure, Step, Walker};
use handfast_spec::Observation;
use handfast_spec::lifecycle::{Action, Output};
use model::checker::catalogue::Scope;
use model::checker::explore::{Completeness, Options, explore};
use model::lifecycle::handfast::instances;

/// How many edges that were not taken are shown.
const SHOWN: usize = 10;

/// Walks over an instance of the small scope, and tampers with what the driver records.
fn cover(instance: &str, tamper: fn(Step) -> Step) -> Result<Covered, Box<Failure>> {
    let instance = instances(Scope::Small).into_iter().find(|known| known.name == instance);
    let instance = instance.expect("there is such an instance");
    let graph = explore(&instance.checked, &Options::default());
    assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph can be covered");
    let mut walker = Walker::new(&graph, tamper);
    let covered = walker.cover()?;
    let Covered { states, edges, walks, prods, steps } = covered;
    println!(
        "{}: {states} of {} states, {edges} of {} edges, {walks} walks, {prods} prods, {steps} steps",
        instance.name,
        graph.state_count(),
        graph.edge_count(),
    );
    for way in walker.untaken().take(SHOWN) {
        let way: Vec<_> = way.iter().map(ToString::to_string).collect();
        println!("not taken: {}", way.join("; "));
    }
    assert_eq!((states, edges), (graph.state_count(), graph.edge_count()), "every state and every edge is taken");
    Ok(covered)
}

fn cover_or_show(instance: &str) {
    cover(instance, |step| step).unwrap_or_else(|failure| panic!("{failure}{}", save(instance, &failure)));
}

fn save(name: &str, failure: &Failure) -> String {
    let name = format!("lifecycle-driver-{name}");
    let saved = failure::save(env!("CARGO_TARGET_TMPDIR"), &name, "lifecycle", &failure.log());
    saved.expect("the directory of temporary files can be written to").told
}

#[test]
fn the_driver_takes_every_edge_of_slots() {
    cover_or_show("slots");
}

#[test]
fn the_driver_takes_every_edge_of_duplicates() {
    cover_or_show("duplicates");
}

#[test]
fn the_driver_takes_every_edge_of_the_line() {
    cover_or_show("line");
}

#[test]
fn the_driver_and_the_selector_take_every_edge_of_selection() {
    cover_or_show("selection");
}

#[test]
fn the_driver_takes_every_edge_of_the_limits_and_policies() {
    for instance in ["origins", "ties", "several", "addresses", "limits"] {
        cover_or_show(instance);
    }
}

/// The small scope has no other instances: a new one is not forgotten here.
#[test]
fn every_setting_of_the_small_scope_is_walked() {
    let names: Vec<_> = instances(Scope::Small).iter().map(|instance| instance.name).collect();
    assert_eq!(
        names,
        ["slots", "duplicates", "line", "selection", "origins", "ties", "several", "addresses", "limits"]
    );
}

/// A check that cannot fail is worthless: a driver is told from its model whose guard leaves no Down behind an abort, or
/// that cuts no subscriber off for good. The difference is shrunk, saved, and rejected by the model at its last line.
#[test]
fn a_broken_driver_is_told_from_the_model() {
    let no_down_after_abort = |(action, mut observation): Step| {
        if let (Action::Abort { .. }, Observation::Accepted(outputs)) = (action, &mut observation) {
            outputs.retain(|output| !matches!(output, Output::Removed(_)));
        }
        (action, observation)
    };
    let twice_active = |(action, mut observation): Step| {
        if let (Action::Stall, Observation::Accepted(outputs)) = (action, &mut observation) {
            outputs.retain(|output| !matches!(output, Output::Active(_)));
        }
        (action, observation)
    };
    type Tamper = fn(Step) -> Step;
    let broken: [(&str, &str, Tamper); 2] =
        [("slots", "abort-without-down", no_down_after_abort), ("selection", "stalled-stays-active", twice_active)];
    for (instance, name, tamper) in broken {
        let failure = cover(instance, tamper).expect_err("a broken driver is noticed");
        println!("{name}: {failure}{}", save(name, &failure));
        assert!(failure.steps.len() <= 8, "it was shrunk");
        let lifecycle = model::registry::find("lifecycle").expect("there is such a protocol");
        let explanation = (lifecycle.explain)(&mut failure.log().as_bytes()).expect("what is saved is a log");
        let rejection = explanation.rejection.expect("the last step is no behaviour of the model");
        assert_eq!(rejection.explained + 1, failure.steps.len());
    }
}
