#![doc = include_str!("../../node.md")]

mod components;
mod goals;
mod history;
mod ids;
mod invariants;
mod log;
mod pairs;
mod vocabulary;

pub use crate::end::End;
pub use crate::simopen::Role;
pub use components::Component;
pub use history::{ConnectionRecord, History, NodeRecord, Phase, SocketRecord, State, Violation, Violations};
pub use ids::{ConnectionId, Dialed, Link, NodeId, Socket};
pub use invariants::{DEADLOCK, INVARIANTS, WITNESSES};
pub use log::{Configured, Over, Part, Tag};
pub use vocabulary::{Action, Ending, Output, Refusal};

use goals::GOALS;

use crate::protocol::protocol;

protocol! {
    /// The whole life of a connection between two nodes.
    Node: "node"
}
