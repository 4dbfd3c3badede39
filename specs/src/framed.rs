#![doc = include_str!("../framed.md")]

mod goals;
mod ids;
mod ledger;
mod predicates;
mod show;
mod words;

pub use ids::{End, Forgery, FrameId, Half, Item, Moment, Part, Shape};
pub use ledger::{EndRecord, Ledger, Offence, Offences, Progress, ReaderRecord};
pub use predicates::{DEADLOCK, INVARIANTS, WITNESSES};
pub use words::{Action, Component, Ending, Fact, Given, Outcome, Refusal};

use crate::protocol::{Goal, Predicate, Protocol};

/// Framed connections: a connection ends without losing a frame, or says that it could not.
#[derive(Clone, Copy, Debug)]
pub enum Framed {}

impl Protocol for Framed {
    const NAME: &'static str = "framed";
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
