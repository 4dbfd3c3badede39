//! The designs of btcd's peer lifecycle: before the repair, its steps, what was merged, and what would have been right.

mod alphabet;
mod display;
mod extent;
mod machine;
mod switches;
mod variants;
mod words;

use handfast_spec::Protocol;
use handfast_spec::lifecycle::{Component, DEADLOCK, Fact, INVARIANTS, Ledger, Refusal, WITNESSES, goal};
use handfast_spec::protocol::{Goal, Predicate, rule};

pub use self::extent::{Extent, Part};
pub use self::machine::Btcd;
pub use self::switches::{
    Adder, Attach, Channels, Drain, Evictor, Gate, Guard, OnVersion, Relay, Retract, Select, Signal, Spawn, StartWait,
    Switches, Teller,
};
pub use self::variants::{Variant, checked, variants};
pub use self::words::{Action, Event, Message, Ready, Task, Verdict};

/// The peer lifecycle in the words of btcd's tasks, held to the same rules as handfast's.
#[derive(Clone, Copy, Debug)]
pub enum History {}

impl Protocol for History {
    const NAME: &'static str = "lifecycle";
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

/// What is reachable with one peer and nothing else around it.
const WITNESSED: &[Predicate<Ledger>] = &[witness("PEER-31"), witness("PEER-32"), witness("PEER-38")];

/// Every promise, under the fairness of every task and timer.
const GOALS: &[Goal<History>] = &[
    promise("PEER-21"),
    promise("PEER-22"),
    promise("PEER-23"),
    promise("PEER-24"),
    promise("PEER-27"),
    promise("PEER-28"),
    promise("PEER-29"),
    promise("PEER-30"),
];

const fn promise(id: &'static str) -> Goal<History> {
    goal(id, |_| true, "every task of every connection, its handshake timer, the server loop and the sync manager")
}

/// The situation with this id.
const fn witness(id: &str) -> Predicate<Ledger> {
    rule(WITNESSES, id)
}
