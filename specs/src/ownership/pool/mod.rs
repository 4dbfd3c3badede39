//! The pool on top of the word: idle connections that any worker may take.
//!
//! The same protocol in other words. A worker is a [`Thread`](super::Thread), a connection a descriptor; what
//! participants are told are the same facts, kept in the same ledger and held to the same rules, and to some more.

mod rules;
mod words;

pub use rules::{GOALS, INVARIANTS, WITNESSES};
pub use words::Action;

use super::{Component, DEADLOCK, Fact, Ledger, Ownership, Refusal};
use crate::protocol::{Goal, Predicate, Protocol};

/// Descriptor ownership by the workers of a pool.
#[derive(Clone, Copy, Debug)]
pub enum Pool {}

impl Protocol for Pool {
    const NAME: &'static str = Ownership::NAME;
    const INVARIANTS: &'static [Predicate<Ledger>] = INVARIANTS;
    const WITNESSES: &'static [Predicate<Ledger>] = WITNESSES;
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
