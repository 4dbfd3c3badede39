//! Protocols that say who may touch a descriptor.

mod before;
mod word;

use std::sync::Arc;

use super::worker::Conn;

pub(crate) use before::Before;
pub(crate) use word::{Noted, OneWord, Slow};

/// What a callback wants of its descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum After {
    Keep,
    Delete,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reported {
    Ran,
    /// Somebody else has the descriptor: the poller is to forget it.
    NotOwner,
    /// It is closed, or being closed.
    Gone,
}

/// A protocol under test.
pub(crate) trait Subject: Send + Sync {
    /// A descriptor belongs to a worker. What is given names it from now on.
    fn insert(&self, conn: &Arc<Conn>, worker: usize) -> u64;

    /// A worker's poller has reported something.
    fn report(&self, name: u64, worker: usize, callback: &mut dyn FnMut(&Arc<Conn>) -> After) -> Reported;

    /// A worker takes over an idle descriptor, at once or not at all.
    fn takeover(&self, name: u64, worker: usize, callback: &mut dyn FnMut(&Arc<Conn>) -> After) -> bool;
}
