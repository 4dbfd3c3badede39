//! The designs of HAProxy's descriptor table: before the repair, the repair as it was made, and what would have been
//! right.
//!
//! The descriptors' numbers are one: it means one descriptor after another, which is where the races are. Each step is
//! one atomic access to the entry of that number, or one system call, or one visit to a list under its lock; its name
//! is that of the specification's tables.

mod alphabet;
mod display;
mod extent;
mod machine;
mod switches;
mod variants;
mod words;

use handfast_spec::Protocol;
use handfast_spec::ownership::{Component, DEADLOCK, Fact, INVARIANTS, Ledger, Refusal, WITNESSES, goal};
use handfast_spec::protocol::{Goal, Predicate, rule};

pub use self::extent::{Extent, Kind, Who};
pub use self::machine::Haproxy;
pub use self::switches::{
    Closing, Dispatch, Drain, Enter, Foreign, Publish, Queue, Reference, State, Stop, Switches, Unlist, Wait, Walk,
    Wipe,
};
pub use self::variants::{LEFT_OUT, Variant, checked, variants};
pub use self::words::{Action, Step};

/// Descriptor ownership in the words of HAProxy's table, held to the same rules as handfast's.
#[derive(Clone, Copy, Debug)]
pub enum History {}

impl Protocol for History {
    const NAME: &'static str = "ownership";
    const INVARIANTS: &'static [Predicate<Ledger>] = INVARIANTS;
    const WITNESSES: &'static [Predicate<Ledger>] = WITNESSED;
    const GOALS: &'static [Goal<Self>] = GOALS;
    const DEADLOCK: (&'static str, &'static str) = DEADLOCK;

    type Action = Action;
    type Fact = Fact;
    type Refusal = Refusal;
    type Component = Component;
    type Ledger = Ledger;

    fn record(ledger: &mut Ledger, fact: &Fact) {
        ledger.record(fact);
    }

    fn component(action: &Action) -> Option<Component> {
        action.component()
    }
}

/// What every extent reaches.
const WITNESSED: &[Predicate<Ledger>] = &[witness("OWN-33")];

const GOALS: &[Goal<History>] = &[promise("OWN-21"), promise("OWN-22"), promise("OWN-23"), promise("OWN-24")];

const fn promise(id: &'static str) -> Goal<History> {
    goal(id, |_| true, "every thread")
}

/// The situation with this id.
const fn witness(id: &str) -> Predicate<Ledger> {
    rule(WITNESSES, id)
}
