//! The pool on top of the word: idle connections that any worker may take.
//!
//! The same protocol in other words. A worker is a [`Thread`](super::Thread), a connection a descriptor; what
//! participants are told are the same outputs, kept in the same history and held to the same rules, and to some more.

mod invariants;
mod vocabulary;

pub use invariants::{GOALS, INVARIANTS, WITNESSES};
pub use vocabulary::Action;

use super::{Component, DEADLOCK, History, Output, Ownership, Refusal};
use crate::protocol::{Goal, Predicate, Protocol};

/// Descriptor ownership by the workers of a pool.
#[derive(Clone, Copy, Debug)]
pub enum Pool {}

impl Protocol for Pool {
    const NAME: &'static str = Ownership::NAME;
    const INVARIANTS: &'static [Predicate<History>] = INVARIANTS;
    const WITNESSES: &'static [Predicate<History>] = WITNESSES;
    const GOALS: &'static [Goal<Self>] = GOALS;
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
