//! The pool on top of the word: idle connections that any worker may take.
//!
//! The same protocol in other words. A worker is a [`Thread`](super::Thread), a connection a descriptor; what
//! participants are told are the same outputs, kept in the same history and held to the same rules, and to some more.

mod invariants;
mod vocabulary;

pub use invariants::{GOALS, INVARIANTS, WITNESSES};
pub use vocabulary::Action;

use super::{Component, DEADLOCK, History, Output, Ownership, Refusal};
use crate::protocol::protocol;

protocol! {
    /// Descriptor ownership by the workers of a pool.
    Pool: Ownership::NAME
}
