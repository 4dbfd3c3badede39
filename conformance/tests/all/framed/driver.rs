//! Tier 5: the driver of `handfast::framed` on tokio, under a paused clock for each end, along every edge of the small scope.
//!
//! The wire between the two drivers lets one half pass when it is told, and one question be answered; whoever was woken by
//! that is polled, and nobody else. What everybody was told is compared with the model, step by step.

use conformance::edges::{Difference, Walked, walk_taken};
use conformance::failure;
use conformance::framed::{Clocks, DriverMachine};
use handfast_spec::Recorded;
use model::checker::catalogue::Scope;
use model::framed::handfast::{Flaw, Handfast, instances};

/// Walks along the edges of an instance of the small scope, of the design or of a mutant of it.
fn walk(name: &str, flaw: Flaw) -> Result<Walked, Box<Difference<Handfast>>> {
    let instance = instances(Scope::Small, flaw).into_iter().find(|instance| instance.name == name);
    let clocks = Clocks::default();
    let driver = |start: &Recorded<Handfast>| DriverMachine::new(start.machine.config(), &clocks);
    walk_taken(&instance.expect("there is such an instance").checked, driver)
}

fn cover(name: &str) {
    let walked = walk(name, Flaw::None);
    let Walked { states, edges, walks, steps, .. } = walked.unwrap_or_else(|difference| {
        let saved =
            failure::save(env!("CARGO_TARGET_TMPDIR"), &format!("framed-driver-{name}"), "framed", &difference.log());
        panic!("{difference}{}", saved.expect("the directory of temporary files can be written to").told)
    });
    println!("{name}: {states} of {states} states, {edges} of {edges} edges, {walks} walks, {steps} steps");
}

#[test]
fn the_driver_takes_every_edge_of_both() {
    cover("both");
}

#[test]
fn the_driver_takes_every_edge_of_one_way() {
    cover("one-way");
}

#[test]
fn the_driver_takes_every_edge_of_leaving() {
    cover("leaving");
}

#[test]
fn the_driver_takes_every_edge_of_hostile() {
    cover("hostile");
}

#[test]
fn the_driver_takes_every_edge_of_silent() {
    cover("silent");
}

/// The small scope has no other instances: a new one is not forgotten here.
#[test]
fn every_setting_of_the_small_scope_is_walked() {
    let names: Vec<_> = instances(Scope::Small, Flaw::None).iter().map(|instance| instance.name).collect();
    assert_eq!(names, ["both", "one-way", "leaving", "hostile", "silent"]);
}

/// A check that cannot fail is worthless: a driver that did as it should is told from a design with a mistake, wherever the
/// mistake is that a step is taken, or that something else is told. A step that is not taken any more is for the promises.
#[test]
fn the_driver_is_told_from_every_mutant_that_does_something_else() {
    let mistakes = [
        (Flaw::PanicsOnPayload, "one-way"),
        (Flaw::TrustsLength, "hostile"),
        (Flaw::DropsHeader, "one-way"),
        (Flaw::DropsPayload, "one-way"),
        (Flaw::TruncationIsEnd, "one-way"),
        (Flaw::EndIsMarker, "one-way"),
        (Flaw::Prefetches, "one-way"),
        (Flaw::LoadedMarkerCounts, "hostile"),
        (Flaw::GivesReserved, "hostile"),
        (Flaw::ForgetsEnding, "leaving"),
        (Flaw::LatestDeadline, "one-way"),
        (Flaw::WritesBehindMarker, "both"),
        (Flaw::TearsFrame, "both"),
        (Flaw::CleanAtDeadline, "both"),
        (Flaw::SwallowsErrors, "leaving"),
        (Flaw::StopsReader, "both"),
        (Flaw::UnboundedDrain, "leaving"),
        (Flaw::SecondFails, "both"),
        (Flaw::ResetStopsReader, "leaving"),
        (Flaw::ClosesAfterMarker, "both"),
    ];
    for (flaw, instance) in mistakes {
        let difference = walk(instance, flaw).expect_err("the driver was taken for a mutant");
        println!("{flaw:?}: {difference}");
        assert!(difference.actions.len() <= 20, "{flaw:?} was not shrunk: {difference}");
    }
}
