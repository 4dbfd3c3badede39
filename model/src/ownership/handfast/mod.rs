//! handfast's own design of descriptor ownership.
//!
//! All that must change together is in one word for each number: generation, owner, how many are inside, whether
//! deletion was asked for. Each operation is one read-modify-write of it, and the thread that ends the
//! descriptor holds the slot until it has freed it. Around the word is the kernel: it gives the lowest number that is
//! free, and gives it again as soon as it is closed; each thread's poller watches what it was told to until it is told
//! otherwise or the descriptor is closed; and a report that a thread has been given stays with it, whatever happens
//! meanwhile.

mod any_number;
mod bounds;
mod kernel;
mod log;
mod machine;
mod mutants;
mod steps;
mod waits;
mod word;

pub use any_number::{Local, Writable, any_number, any_number_of};
pub use bounds::{Bounds, checked, instances};
pub use log::Header;
pub(in crate::ownership) use log::describe;
pub(super) use machine::Report;
pub use machine::{Config, Handfast, World};
pub(super) use mutants::Flawed;
pub use mutants::{Flaw, Mutated, mutated, mutated_for_any_number, variants};
pub use word::{Slots, State, Token, Want, Words};
