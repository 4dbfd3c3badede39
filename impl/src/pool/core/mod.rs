//! The idle connections of one worker as a pure state machine: no clock, no lock, no socket.

mod chain;
mod keys;
mod shelf;
mod types;

pub use shelf::Shelf;
pub use types::{Claim, Closed, Limits, Place, Put, Stamps, Took, Unclaimed};
