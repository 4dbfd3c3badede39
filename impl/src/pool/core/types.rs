//! The types of an idle list's interface.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::setters::setters;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
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

impl Limits {
    /// Returns these limits; a connection may be idle for 30 seconds and an hour old.
    pub const fn new(per_key: usize, total: usize) -> Self {
        Self { per_key, total, idle: Duration::from_secs(30), age: Duration::from_secs(3600) }
    }

    setters! { const:
        per_key, with_per_key: usize;
        total, with_total: usize;
        idle, with_idle: Duration;
        age, with_age: Duration;
    }
}

/// When things happened, since some moment that all workers agree on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Stamps {
    /// The connection is idle since.
    pub now: Duration,
    /// The connection was established then.
    pub created_at: Duration,
    /// When the connection is given out no more by a limit of its own, whatever the [`Limits`] allow;
    /// [`Duration::MAX`] if it has none.
    pub until: Duration,
}

impl Stamps {
    /// Returns the stamps of a connection without a limit of its own.
    pub const fn new(now: Duration, created_at: Duration) -> Self {
        Self { now, created_at, until: Duration::MAX }
    }
}

/// A destination that an idle list remembers. It is refused after the list has forgotten it, which it may do when there
/// are no connections to it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    pub(super) number: usize,
    pub(super) serial: u64,
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

/// Why a connection is not given out any more.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Why {
    /// It was idle for too long, or is too old.
    #[default]
    Expired,
    /// Connections to its destination are not wanted any more.
    Cleared,
    /// Another connection to its destination has shown that the server may have vanished.
    Suspected,
}

/// A connection that is to be closed, because its time is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Over<G> {
    /// The connection, as it was claimed.
    pub claimed: G,
    /// Why.
    pub why: Why,
}

/// What a list knows of a connection.
#[derive(Debug)]
pub struct Listed<K> {
    /// Its destination's key.
    pub key: Arc<K>,
    /// Its times.
    pub stamps: Stamps,
}

/// The connections that [`IdleList::take`](super::IdleList::take) removed.
#[derive(Debug)]
#[must_use = "what has expired is to be closed"]
pub struct TakeResult<G> {
    /// What was asked for: the newest that could be had.
    pub found: Option<G>,
    /// What was met on the way and is not given any more: to be closed. At most [`MOST_AT_ONCE`].
    pub expired: Vec<Over<G>>,
    /// The number of connections that were passed over because their worker was inside.
    pub busy: usize,
}

/// How many connections are closed before others get their turn: each costs a few system calls.
pub const MOST_AT_ONCE: usize = 16;

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
    /// The destination was forgotten, because there was no connection to it: [remember](super::IdleList::remember) it again.
    #[error("the destination was forgotten")]
    Forgotten,
}
