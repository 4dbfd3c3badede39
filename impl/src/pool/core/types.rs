//! The types of an idle list's interface.

use std::time::Duration;

use thiserror::Error;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limits {
    /// Idle connections to one destination on one worker. One more than that closes the oldest of them; none are kept
    /// if it is 0.
    pub per_key: usize,
    /// Idle connections to all destinations, on all workers of a pool together, or in one list if it is used by
    /// itself. Never exceeded. One more than that closes the oldest of the same worker's, or, if that worker has none,
    /// of another's; none are kept if it is 0.
    pub total: usize,
    /// How long a connection may be idle. [`Duration::MAX`] is for ever.
    pub idle: Duration,
    /// How old a connection may be, since it was established: when it is given out, and while it is idle. One that
    /// passes this age is closed then; how long it may be idle does not matter. [`Duration::MAX`] is any age.
    pub age: Duration,
}

/// When things happened, since some moment that all workers agree on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Stamps {
    /// The connection is idle since.
    pub now: Duration,
    /// The connection was established then.
    pub created_at: Duration,
}

/// The handle of a connection in an idle list, until it is removed. Never given again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Handle {
    pub(super) index: usize,
    pub(super) serial: u64,
}

/// Why a connection in the list cannot be claimed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Unclaimed {
    /// Its worker is inside, looking whether it was closed. It stays in the list; if it was closed, that worker removes
    /// it.
    Busy,
    /// It is being closed, or is closed. It is removed.
    Gone,
}

/// The result of an attempt to claim a connection in the list, by the one word that decides it.
pub type Claim<G> = Result<G, Unclaimed>;

/// A connection was put into the list.
#[derive(Debug)]
#[must_use = "what was evicted is to be closed"]
pub struct Put<G> {
    /// Its handle.
    pub handle: Handle,
    /// The one that was there for longest, to be closed because there was no room.
    pub evicted: Option<G>,
    /// No task waits for the next expiry, or only for a later one: ask when it is.
    pub needs_alarm: bool,
}

/// The connections that [`IdleList::take`](super::IdleList::take) removed.
#[derive(Debug)]
#[must_use = "what has expired is to be closed"]
pub struct TakeResult<G> {
    /// What was asked for: the newest that could be had.
    pub found: Option<G>,
    /// What was met on the way and is too old: to be closed.
    pub expired: Vec<G>,
    /// The number of connections that were passed over because their worker was inside.
    pub busy: usize,
}

/// The list takes nothing, or nothing any more.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum Closed {
    /// The worker has stopped.
    #[error("the worker has stopped")]
    Stopped,
    /// A limit is 0, or nothing that is there could be closed in its favour.
    #[error("there is no room for another idle connection")]
    Full,
}
