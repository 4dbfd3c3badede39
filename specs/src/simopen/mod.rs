#![doc = include_str!("../../simopen.md")]

mod goals;
mod history;
mod invariants;
mod scripts;
mod show;
mod vocabulary;
mod witnesses;

pub use history::{EndRecord, EndpointConfig, History, Outcome, Pair, Roles, Upper, choice};
pub use invariants::{DEADLOCK, INVARIANTS, PARTS, Part};
pub use vocabulary::{Action, Component, End, Failure, Kind, Name, Nonce, Output, Refusal, Role, Token};
pub use witnesses::WITNESSES;

use crate::protocol::{Goal, Predicate, Protocol};

/// Simultaneous open: two ends that both dialed agree which of them is the initiator.
#[derive(Clone, Copy, Debug)]
pub enum Simopen {}

impl Protocol for Simopen {
    const NAME: &'static str = "simopen";
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
