//! The pool as all its workers share it.

use std::fmt::{self, Debug, Formatter};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::core::{Closed, Why};
use super::local::{Local, Shard};
use super::metrics::Metrics;
use super::shared::Shared;
use super::watch::watch;
use super::workers::{Group, Stopped, WorkerHandle, Workers};
use super::{Config, Connection, NotIdle};
use crate::ownership::{InsertRefused, Worker};

/// Idle connections by destination, for all workers of one group or for one runtime. Cloning gives another handle.
///
/// When the last handle is dropped, here and on all workers, the idle connections are closed, all at once and by the
/// thread that drops it. A worker that stops closes its own.
pub struct Pool<K, C> {
    pub(super) shared: Arc<Shared<K, C>>,
    /// `None` if it is a runtime's.
    pub(super) group: Option<Group>,
}

/// A connection that a pool may keep, and what is to be known about it besides.
#[derive(Clone, Debug)]
pub struct Pooled<C> {
    /// The connection.
    pub connection: C,
    /// When it was established.
    pub created_at: Instant,
    /// How often it was taken from a pool.
    pub uses: u64,
}

/// The times of an idle connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct IdleTimes {
    /// How long it has been idle.
    pub idle: Duration,
    /// How long ago it was established.
    pub age: Duration,
}

/// A connection that was not put, and why. It is open; drop it to close it.
pub struct PutError<C> {
    /// The connection.
    pub pooled: Pooled<C>,
    /// Why.
    pub reason: PutRefused,
}

/// Why a connection was not put.
#[derive(Clone, Copy, Debug, Eq, thiserror::Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum PutRefused {
    /// It is not idle: the server has closed it, or there is something to read.
    #[error(transparent)]
    NotIdle(NotIdle),
    /// The pool keeps no more, or the worker stops.
    #[error(transparent)]
    NoRoom(Closed),
    /// The table has no slot for its number.
    #[error(transparent)]
    NoSlot(InsertRefused),
}

impl<C> Pooled<C> {
    /// Describes a connection that was established just now.
    pub fn new(connection: C) -> Self {
        Self { connection, created_at: Instant::now(), uses: 0 }
    }
}

impl<K, C> Pool<K, C>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
{
    /// Creates a pool for these workers, on each of which a task watches what is idle there. For a program without
    /// [`Workers`] there is [`RuntimePool`](super::RuntimePool).
    ///
    /// # Errors
    ///
    /// If a worker has stopped.
    ///
    /// # Panics
    ///
    /// If there are more than 2^24 [`descriptors`](Config::descriptors).
    pub fn new(workers: &Workers, config: Config) -> Result<Self, Stopped> {
        let shared = Arc::new(Shared::new(workers.len(), config));
        for number in 0..workers.len() {
            let worker = worker(number);
            let (pool, reports) = (Arc::downgrade(&shared), shared.reports(worker));
            workers.spawn_detached(number, move || watch(pool, reports, worker))?;
        }
        Ok(Self { shared, group: Some(workers.group()) })
    }

    /// Returns the pool on the worker that calls this.
    ///
    /// # Panics
    ///
    /// If that is not one of the workers that the pool was made for.
    pub fn local(&self, here: &WorkerHandle) -> Local<K, C> {
        let is_ours = self.group.as_ref().is_some_and(|group| here.is_of(group));
        assert!(is_ours, "the pool was made for other workers");
        Local::new(Shard::new(self.clone(), worker(here.number())), here.clone())
    }

    /// Gives out none of the connections to a destination that are idle now. The workers that they are on close them, a
    /// few at a time. Returns how many there were.
    ///
    /// For a server that was removed, or an address that now means another server. Connections that are in use are not
    /// touched, and may be put afterwards.
    ///
    /// # Panics
    ///
    /// If the key's `Hash` or `Eq` does.
    pub fn clear(&self, key: &K) -> usize {
        self.shared.end_all(key, Why::Cleared)
    }

    /// Gives out none of the connections to a destination that are idle now, as [`clear`](Self::clear), because the
    /// server may have vanished: a request on another connection to it has timed out.
    ///
    /// A server that vanishes without a word leaves its idle connections as they are, and each of them costs a
    /// request its whole time. The pool itself suspects the siblings of a connection that has failed for want of
    /// acknowledgements ([`Liveness`](super::Liveness)).
    ///
    /// # Panics
    ///
    /// As [`clear`](Self::clear).
    pub fn suspect(&self, key: &K) -> usize {
        self.shared.end_all(key, Why::Suspected)
    }

    /// Asks `keep` about each idle connection, and gives out none of those that it does not want. The workers that
    /// they are on close them, a few at a time. Returns how many there were.
    ///
    /// No lock is held while `keep` runs. It is not asked about connections that are put meanwhile.
    pub fn retain(&self, keep: impl FnMut(&K, &IdleTimes) -> bool) -> usize {
        self.shared.retain(keep)
    }

    /// Closes the connection that has been idle for longest, on whichever worker. Returns whether there was one.
    ///
    /// For a program that has no descriptor left (`EMFILE`) for something more important than an idle connection.
    pub fn close_oldest(&self) -> bool {
        self.shared.close_oldest()
    }

    /// Returns how many connections are idle, those included that are about to be closed.
    pub fn idle(&self) -> usize {
        self.shared.listed()
    }

    /// Returns what was counted.
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }
}

/// There are no more [`Workers`] in a group than a word has numbers for.
fn worker(number: usize) -> Worker {
    Worker::new(number as u16)
}

impl<K, C> Clone for Pool<K, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), group: self.group.clone() }
    }
}

impl<K, C> Debug for Pool<K, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl<C> Debug for PutError<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<C> fmt::Display for PutError<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl<C> std::error::Error for PutError<C> {}
