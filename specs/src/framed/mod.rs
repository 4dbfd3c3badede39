#![doc = include_str!("../../framed.md")]

pub mod conjuncts;
mod goals;
mod history;
mod ids;
mod invariants;
mod vocabulary;

pub use crate::end::End;
pub use history::{EndRecord, History, Progress, ReaderRecord, Violation, Violations};
pub use ids::{Forgery, FrameId, Half, Item, Moment, Part, Shape};
pub use invariants::{DEADLOCK, INVARIANTS, WITNESSES};
pub use vocabulary::{Action, Component, Ending, Given, Outcome, Output, Refusal};

use goals::GOALS;

use crate::protocol::protocol;

protocol! {
    /// Framed connections: a connection ends without losing a frame, or says that it could not.
    Framed: "framed"
}
