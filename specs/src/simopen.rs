#![doc = include_str!("../simopen.md")]

mod goals;
mod ids;
mod ledger;
mod predicates;
mod records;
mod scripts;
mod show;
mod witnesses;
mod words;

pub use ids::{End, Kind, Name, Nonce, Role, Token};
pub use ledger::{Ledger, Pair, Party, choice};
pub use predicates::{DEADLOCK, INVARIANTS};
pub use records::{EndRecord, Outcome, Roles, Upper};
pub use witnesses::WITNESSES;
pub use words::{Action, Component, Fact, Failure, Refusal};

use crate::protocol::{Goal, Predicate, Protocol};

/// Simultaneous open: two ends that both dialed agree which of them is the initiator.
#[derive(Clone, Copy, Debug)]
pub enum Simopen {}

impl Protocol for Simopen {
    const NAME: &'static str = "simopen";
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
