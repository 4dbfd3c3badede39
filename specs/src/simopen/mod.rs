#![doc = include_str!("../../simopen.md")]

mod goals;
mod history;
mod invariants;
mod scripts;
mod vocabulary;
mod witnesses;

pub use crate::end::End;
pub use history::{EndRecord, EndpointConfig, History, Outcome, Pair, Roles, Upper, choice};
pub use invariants::{DEADLOCK, INVARIANTS, PARTS, Part};
pub use vocabulary::{Action, Component, Failure, Kind, Name, Nonce, Output, Refusal, Role, Token};
pub use witnesses::WITNESSES;

use goals::GOALS;

use crate::protocol::protocol;

protocol! {
    /// Simultaneous open: two ends that both dialed agree which of them is the initiator.
    Simopen: "simopen"
}
