#![doc = include_str!("../../ownership.md")]

mod goals;
mod history;
mod ids;
mod invariants;
pub mod pool;
mod records;
mod vocabulary;

pub use goals::PROMISES;
pub use history::History;
pub use ids::{Incarnation, Thread, Threads};
pub use invariants::{DEADLOCK, INVARIANTS, WITNESSES};
pub use records::{DescriptorRecord, Hold, IdleRecord, Stage, Violation, Violations};
pub use vocabulary::{Action, Away, Component, Output, Owner, Refusal};

use goals::GOALS;

use crate::protocol::protocol;

protocol! {
    /// Descriptor ownership: which thread may touch a descriptor, take over an idle one, and close it exactly once.
    Ownership: "ownership"
}
