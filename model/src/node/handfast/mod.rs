//! handfast's assembly: what a session's task does between the parts, and what lies between two such tasks.
//!
//! The registry of each node is the model of the peer lifecycle itself, stepped with its own actions. The negotiation, the
//! upgrade and the frames of a connection are abstractions: an end settles on the role that simultaneous open would give
//! it, learns its peer's key where the other end has the opposite role, and sends frames that are in the other kernel at
//! once. Tests hold the first and the last to the models that they stand for.
//!
//! The [`machine`] and the [`steps`] of a session are the design alone. What is made wrong in it is in the [`mutants`].

mod bounds;
mod log;
mod machine;
mod mutants;
mod steps;
mod waits;

pub use bounds::{Bounds, checked, instances};
pub use log::Header;
pub use machine::{Config, Handfast};
pub use mutants::{Flaw, Mutant, mutated, variants};
