//! Tier 5: the driver of `handfast::framed` on tokio, under a paused clock for each end, along every edge of the small scope.
//!
//! The wire between the two drivers lets one half pass when it is told, and one question be answered; a task that was woken by
//! that is polled, and no other. What each was told is compared with the model, step by step.

use conformance::edges::{Difference, Refused, Walked, walk_with};
use conformance::framed::DriverMachine;
use conformance::paused::Clocks;
use handfast_spec::Recorded;
use handfast_spec::framed::Framed;
use model::checker::catalogue::Scope;
use model::checker::design::{Checked, Design};
use model::framed::handfast::{Flaw, Handfast, Mutant, instances, mutated};

/// The driver is brought to take a step by letting it: what the model refuses cannot be attempted on it.
fn walk_taken<D: Design<Protocol = Framed>>(
    checked: &Checked<D>,
    driver: impl Fn(&Recorded<D>) -> DriverMachine,
) -> Result<Walked, Box<Difference<D>>> {
    walk_with(checked, driver, |observation| observation, Refused::LeftOut)
}

fn cover(name: &str) {
    let instance = instances(Scope::Small).into_iter().find(|instance| instance.name == name);
    let clocks = Clocks::default();
    let driver = |start: &Recorded<Handfast>| DriverMachine::new(start.machine.config(), &clocks);
    let walked = walk_taken(&instance.expect("there is such an instance").checked, driver);
    let walked = walked.unwrap_or_else(|difference| {
        let saved = difference.save(env!("CARGO_TARGET_TMPDIR"), &format!("driver-{name}"));
        panic!("{difference}{}", saved.told)
    });
    println!("{name}: {walked}");
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
fn the_driver_takes_every_edge_of_unread() {
    cover("unread");
}

#[test]
fn the_driver_takes_every_edge_of_hostile() {
    cover("hostile");
}

#[test]
fn the_driver_takes_every_edge_of_silent() {
    cover("silent");
}

#[test]
fn the_driver_takes_every_edge_of_answering() {
    cover("answering");
}

/// The small scope has no other instances: a new one is not forgotten here.
#[test]
fn every_setting_of_the_small_scope_is_walked() {
    let names: Vec<_> = instances(Scope::Small).iter().map(|instance| instance.name).collect();
    assert_eq!(names, ["both", "one-way", "leaving", "unread", "hostile", "silent", "answering"]);
}

/// Mutants that leave steps out and do nothing else: what they still do is done by the driver, too. What they owe is found
/// by the goals of the model.
const LEAVE_STEPS_OUT: &[(Flaw, &str)] = &[
    (Flaw::RenewsDeadline, "its timer never fires, and is refused nothing else"),
    (Flaw::DrainsLate, "it refuses to read until the marker is handed over"),
    (Flaw::KeepsFirstTimer, "its timer fires later, and is refused until then"),
];

/// A check that cannot fail is worthless: a driver that did as it should is told from a design with a mistake, wherever the
/// mistake is that a step is taken, or that something else is told.
#[test]
fn the_driver_is_told_from_every_mutant_that_does_something_else() {
    let clocks = Clocks::default();
    for &flaw in Flaw::ALL {
        let driver = |start: &Recorded<Mutant>| DriverMachine::new(start.machine.config(), &clocks);
        let mut instances = mutated(flaw);
        // Where the catalogue lists it, it shows soonest.
        instances.sort_by_key(|instance| !flaw.row().instances.contains(&instance.name));
        let found = instances.iter().find_map(|instance| walk_taken(&instance.checked, driver).err());
        let reason = LEAVE_STEPS_OUT.iter().find(|(excused, _)| *excused == flaw);
        match (found, reason) {
            (Some(difference), None) => {
                println!("{flaw:?}: {difference}");
                assert!(difference.actions.len() <= 20, "{flaw:?} was not shrunk: {difference}");
            }
            (None, Some((_, reason))) => println!("{flaw:?}: {reason}"),
            (None, None) => panic!("{flaw:?}: the driver was taken for the mutant"),
            (Some(difference), Some(_)) => panic!("{flaw:?} shows, so that it needs no excuse: {difference}"),
        }
    }
}
