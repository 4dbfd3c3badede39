//! A protocol may have more rules than any of ours.

use handfast_spec::protocol::{ActionOf, ObservationOf};
use handfast_spec::{Goal, Machine, Observation, Predicate, Protocol, Recorded};
use model::checker::design::{Checked, Design};
use model::checker::target::{Instance, Instances, Plan, Target};
use serde::Serialize;
use stateright::Model;

/// Counts to 99, and has a rule that each number violates and a witness that each number is.
struct Counting;

macro_rules! each_number {
    ($word:literal, $holds:expr; $($ten:literal)*) => { [$(each_number!(@row $word, $holds, $ten; 0 1 2 3 4 5 6 7 8 9)),*] };
    (@row $word:literal, $holds:expr, $ten:literal; $($one:literal)*) => {
        [$(Predicate {
            id: concat!($word, "-", $ten, $one),
            title: "the count is a number or is not",
            holds: |count| (*count / 10 == $ten && *count % 10 == $one) == $holds,
        }),*]
    };
}

impl Protocol for Counting {
    const NAME: &'static str = "counting";
    type Action = u8;
    type Output = u8;
    type Refusal = u8;
    type Component = u8;
    type History = u8;

    fn record(count: &mut u8, output: &u8) {
        *count = *output;
    }

    fn component(_: &u8) -> Option<u8> {
        None
    }

    const INVARIANTS: &'static [Predicate<u8>] = {
        const TABLE: &[[Predicate<u8>; 10]; 10] = &each_number!("NOT", false; 0 1 2 3 4 5 6 7 8 9);
        TABLE.as_flattened()
    };
    const WITNESSES: &'static [Predicate<u8>] = {
        const TABLE: &[[Predicate<u8>; 10]; 10] = &each_number!("IS", true; 0 1 2 3 4 5 6 7 8 9);
        TABLE.as_flattened()
    };
    const GOALS: &'static [Goal<Self>] = &[];
    const DEADLOCK: (&'static str, &'static str) = ("REST", "it only rests at the last number");
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
struct Counter(u8);

impl Machine for Counter {
    type Protocol = Counting;

    fn step(&mut self, _: &ActionOf<Self>) -> ObservationOf<Self> {
        if self.at_rest() {
            return Observation::Refused(self.0);
        }
        self.0 += 1;
        Observation::Accepted(vec![self.0])
    }
}

impl Design for Counter {
    fn at_rest(&self) -> bool {
        self.0 == 99
    }
}

#[test]
fn two_hundred_rules_are_each_decided_and_the_engines_agree_about_them() {
    let checked = Checked::new(vec![Recorded::new(Counter(0))], vec![0]);
    let properties = checked.properties();
    assert_eq!(properties.len(), 2 + 200);
    let last = &properties[201];
    assert_eq!(last.name, "IS-99");
    assert!((last.condition)(&checked, &Recorded { machine: Counter(99), history: 99 }));
    assert!(!(last.condition)(&checked, &Recorded { machine: Counter(98), history: 98 }));

    let target = Instances::new("counter", vec![Instance { name: "all", checked }]);
    let findings = target.check(&Plan::DEFAULT);
    assert!(findings.engines_agree());
    assert_eq!(findings.instances[0].states, 100);
    // Each rule was decided by its own predicate: the state that violates it or is its witness is so many steps away.
    let steps = |trace: &Option<model::checker::trace::Trace>| trace.as_ref().map(|trace| trace.steps.len());
    let violated: Vec<_> = findings.invariants.iter().map(|result| steps(&result.broken_by)).collect();
    let reached: Vec<_> = findings.witnesses.iter().map(|result| steps(&result.reached_by)).collect();
    let numbers = (0..100).map(Some);
    assert_eq!(violated, numbers.clone().chain([None]).collect::<Vec<_>>(), "the last is the deadlock");
    assert_eq!(reached, numbers.collect::<Vec<_>>());
}
