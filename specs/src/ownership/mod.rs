#![doc = include_str!("../../ownership.md")]

mod goals;
mod history;
mod ids;
mod invariants;
pub mod pool;
mod records;
mod show;
mod vocabulary;

pub use goals::goal;
pub use history::History;
pub use ids::{Incarnation, Thread, Threads};
pub use invariants::{DEADLOCK, INVARIANTS, WITNESSES};
pub use records::{DescriptorRecord, Hold, IdleRecord, Stage, Violation, Violations};
pub use vocabulary::{Action, Away, Component, Output, Owner, Refusal};

use crate::protocol::{Goal, Predicate, Protocol};

/// Descriptor ownership: which thread may touch a descriptor, take over an idle one, and close it exactly once.
#[derive(Clone, Copy, Debug)]
pub enum Ownership {}

impl Protocol for Ownership {
    const NAME: &'static str = "ownership";
    const INVARIANTS: &'static [Predicate<History>] = INVARIANTS;
    const WITNESSES: &'static [Predicate<History>] = WITNESSES;
    const GOALS: &'static [Goal<Self>] = goals::GOALS;
    const DEADLOCK: (&'static str, &'static str) = DEADLOCK;

    type Action = Action;
    type Output = Output;
    type Refusal = Refusal;
    type Component = Component;
    type History = History;

    fn record(history: &mut History, output: &Output) {
        history.record(output);
    }

    fn component(action: &Action) -> Option<Component> {
        action.component()
    }
}
