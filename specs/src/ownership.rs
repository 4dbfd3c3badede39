#![doc = include_str!("../ownership.md")]

mod goals;
mod ids;
mod ledger;
pub mod pool;
mod predicates;
mod records;
mod show;
mod words;

pub use goals::goal;
pub use ids::{Incarnation, Thread, Threads};
pub use ledger::Ledger;
pub use predicates::{DEADLOCK, INVARIANTS, WITNESSES};
pub use records::{DescriptorRecord, Hold, IdleRecord, Offence, Offences, Stage};
pub use words::{Action, Away, Component, Fact, Owner, Refusal};

use crate::protocol::{Goal, Predicate, Protocol};

/// Descriptor ownership: which thread may touch a descriptor, take over an idle one, and close it exactly once.
#[derive(Clone, Copy, Debug)]
pub enum Ownership {}

impl Protocol for Ownership {
    const NAME: &'static str = "ownership";
    const INVARIANTS: &'static [Predicate<Ledger>] = INVARIANTS;
    const WITNESSES: &'static [Predicate<Ledger>] = WITNESSES;
    const GOALS: &'static [Goal<Self>] = goals::GOALS;
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
