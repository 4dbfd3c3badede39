//! The idle connections of one worker as a pure state machine: no clock, no lock, no socket, no code of a key's.

mod idle_list;
mod lists;
mod types;

pub use idle_list::IdleList;
pub use types::{
    Claim, Closed, Destination, Handle, Limits, Listed, MOST_AT_ONCE, Over, Put, Stamps, TakeResult, Unclaimed, Why,
};
