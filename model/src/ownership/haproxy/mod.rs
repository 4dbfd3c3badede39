//! The designs of HAProxy's descriptor table: before the repair, the repair as it was made, and what would have been
//! right.
//!
//! The descriptors' numbers are one: it means one descriptor after another, which is where the races are. Each step is
//! one atomic access to the entry of that number, or one system call, or one visit to a list under its lock; its name
//! is that of the specification's tables.

mod bounds;
mod machine;
mod switches;
mod variants;
mod vocabulary;

use handfast_spec::ownership::{
    self as spec, Component, DEADLOCK, History, INVARIANTS, Output, Ownership, PROMISES, Refusal,
};
use handfast_spec::protocol::{Goal, Predicate, promised, protocol, rule};

pub use self::bounds::{Bounds, Kind, Who};
pub use self::machine::Haproxy;
pub use self::switches::{
    Closing, Dispatch, Drain, Enter, Foreign, Publish, Queue, Reference, State, Stop, Switches, Unlist, Wait, Walk,
    Wipe,
};
pub use self::variants::{LEFT_OUT, Variant, checked, variants};
pub use self::vocabulary::{Action, Step};

protocol! {
    /// Descriptor ownership in the words of HAProxy's table, held to the same rules as handfast's.
    Historical: Ownership::NAME
}

/// What every bounds reaches.
const WITNESSES: &[Predicate<History>] = &[witness_of("OWN-33")];

const GOALS: &[Goal<Historical>] = &[promise("OWN-21"), promise("OWN-22"), promise("OWN-23"), promise("OWN-24")];

const fn promise(id: &'static str) -> Goal<Historical> {
    promised(PROMISES, id, |_| true, "every thread")
}

/// The situation with this id.
const fn witness_of(id: &str) -> Predicate<History> {
    rule(spec::WITNESSES, id)
}
