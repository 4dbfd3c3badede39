#![doc = include_str!("../../framed.md")]

pub mod conjuncts;
mod goals;
mod history;
mod ids;
mod invariants;
mod show;
mod vocabulary;

pub use history::{EndRecord, History, Progress, ReaderRecord, Violation, Violations};
pub use ids::{End, Forgery, FrameId, Half, Item, Moment, Part, Shape};
pub use invariants::{DEADLOCK, INVARIANTS, WITNESSES};
pub use vocabulary::{Action, Component, Ending, Given, Outcome, Output, Refusal};

use crate::protocol::{Goal, Predicate, Protocol};

/// Framed connections: a connection ends without losing a frame, or says that it could not.
#[derive(Clone, Copy, Debug)]
pub enum Framed {}

impl Protocol for Framed {
    const NAME: &'static str = "framed";
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
