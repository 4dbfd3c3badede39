//! The designs of btcd's peer lifecycle: before the repair, its steps, what was merged, and what would have been right.

mod bounds;
mod machine;
mod switches;
mod variants;
mod vocabulary;

use handfast_spec::lifecycle::{
    self as spec, Component, DEADLOCK, History, INVARIANTS, Lifecycle, Output, PROMISES, Refusal,
};
use handfast_spec::protocol::{Goal, Predicate, promised, protocol, rule};

pub use self::bounds::{Bounds, Part};
pub use self::machine::Btcd;
pub use self::switches::{
    Adder, Attach, Channels, Drain, Evictor, Gate, Guard, OnVersion, Relay, Retract, Select, Signal, Spawn, StartWait,
    Switches, Teller,
};
pub use self::variants::{Variant, checked, variants};
pub use self::vocabulary::{Action, Event, Message, Ready, Task, Verdict};

protocol! {
    /// The peer lifecycle in the words of btcd's tasks, held to the same rules as handfast's.
    Historical: Lifecycle::NAME
}

/// What is reachable with one peer and nothing else around it.
const WITNESSES: &[Predicate<History>] = &[witness_of("PEER-31"), witness_of("PEER-32"), witness_of("PEER-38")];

/// Every promise, under the fairness of every task and timer.
const GOALS: &[Goal<Historical>] = &[
    promise("PEER-21"),
    promise("PEER-22"),
    promise("PEER-23"),
    promise("PEER-24"),
    promise("PEER-27"),
    promise("PEER-28"),
    promise("PEER-29"),
    promise("PEER-30"),
];

const fn promise(id: &'static str) -> Goal<Historical> {
    promised(
        PROMISES,
        id,
        |_| true,
        "every task of every connection, its handshake timer, the server loop and the sync manager",
    )
}

/// The situation with this id.
const fn witness_of(id: &str) -> Predicate<History> {
    rule(spec::WITNESSES, id)
}
