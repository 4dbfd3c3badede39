//! The idle connections of one worker as a pure state machine: no clock, no lock, no socket.

mod idle_list;
mod lists;
mod types;

pub use idle_list::IdleList;
pub use types::{Claim, Closed, Handle, Limits, Put, Stamps, TakeResult, Unclaimed};
