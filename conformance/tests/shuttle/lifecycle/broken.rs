//! Drivers that must be rejected, and for which rules.

use model::lifecycle::handfast::{Flaw, variants};

use crate::lifecycle::environments::Environment;
use crate::lifecycle::explore::{Aim, Choice, Explored, explore};
use crate::lifecycle::port::port;

/// In how many executions a broken driver must have shown what it breaks.
const WITHIN: usize = 1_000;

struct Broken {
    /// The mutant of the model whose mistake the port makes, by the name under which the model lists what it violates.
    mutant: &'static str,
    flaw: Flaw,
    environment: Environment,
    /// The rules that it must be seen to break.
    breaks: &'static [&'static str],
}

const BROKEN: [Broken; 12] = [
    // The announcement in two steps, and the lock released in between.
    Broken {
        mutant: "checks-then-registers",
        flaw: Flaw::ChecksThenRegisters,
        environment: Environment::KeepOld,
        breaks: &["PEER-12", "PEER-14"],
    },
    Broken {
        mutant: "checks-then-registers",
        flaw: Flaw::ChecksThenRegisters,
        environment: Environment::Banned,
        breaks: &["PEER-13"],
    },
    // Down is sent if there happens to be room.
    Broken {
        mutant: "lossy-queue",
        flaw: Flaw::LossyQueue,
        environment: Environment::Slow,
        breaks: &["PEER-4", "PEER-18"],
    },
    // A second `established` is not a no-op.
    Broken {
        mutant: "second-greeting-panics",
        flaw: Flaw::SecondGreetingPanics,
        environment: Environment::Established,
        breaks: &["PEER-17"],
    },
    Broken {
        mutant: "guard-runs-twice",
        flaw: Flaw::GuardRunsTwice,
        environment: Environment::EndedFromAllSides,
        breaks: &["PEER-2", "PEER-15"],
    },
    Broken {
        mutant: "abort-skips-down",
        flaw: Flaw::AbortSkipsDown,
        environment: Environment::Aborted,
        breaks: &["PEER-21", "PEER-27", "PEER-28"],
    },
    Broken {
        mutant: "down-after-release",
        flaw: Flaw::DownAfterRelease,
        environment: Environment::ComingAndGoing,
        breaks: &["PEER-4"],
    },
    Broken {
        mutant: "snapshot-then-subscribe",
        flaw: Flaw::SnapshotThenSubscribe,
        environment: Environment::ComingAndGoing,
        breaks: &["PEER-4", "PEER-18"],
    },
    Broken { mutant: "ban-is-queued", flaw: Flaw::BanIsQueued, environment: Environment::Banned, breaks: &["PEER-13"] },
    Broken {
        mutant: "new-does-not-wait",
        flaw: Flaw::NewDoesNotWait,
        environment: Environment::KeepNew,
        breaks: &["PEER-12", "PEER-14"],
    },
    Broken {
        mutant: "checks-then-takes-slot",
        flaw: Flaw::ChecksThenTakesSlot,
        environment: Environment::KeepNew,
        breaks: &["PEER-10"],
    },
    Broken {
        mutant: "slot-returned-twice",
        flaw: Flaw::SlotReturnedTwice,
        environment: Environment::KeepNew,
        breaks: &["PEER-10"],
    },
];

#[test]
fn a_port_without_a_flaw_is_accepted() {
    for environment in Environment::ALL {
        let setup = environment.setup();
        for choice in Choice::ALL {
            let explored = explore(environment, choice, 500, Aim::AllAreFine, move |log| port(setup, Flaw::None, log));
            assert!(explored.records > 1, "{environment:?}, {choice:?}");
        }
    }
}

#[test]
fn broken_drivers_are_rejected() {
    let predicted = variants();
    for Broken { mutant, flaw, environment, breaks } in BROKEN {
        let predicted = predicted.iter().find(|variant| variant.name == mutant).expect("the model lists it").violates;
        for choice in Choice::ALL {
            let setup = environment.setup();
            let explored = explore(environment, choice, WITHIN, Aim::Count, move |log| port(setup, flaw, log));
            let Explored { executions, records, unexplained, violated, .. } = explored;
            println!(
                "{mutant} in {environment:?}, {choice:?}: {executions} executions; rules broken, first after so many: \
                 {violated:?}; {unexplained} of {records} different records unexplained"
            );
            let unpredicted: Vec<_> = violated.keys().filter(|id| !predicted.contains(id)).collect();
            assert!(unpredicted.is_empty(), "{mutant} in {environment:?} breaks {unpredicted:?}");
            let unbroken: Vec<_> = breaks.iter().filter(|id| !violated.contains_key(**id)).collect();
            assert!(unbroken.is_empty(), "{mutant} in {environment:?}, {choice:?} is not seen to break {unbroken:?}");
            assert!(unexplained > 0, "the model explains {mutant}");
        }
    }
}
