//! The pool, as each worker sees it.

use std::fmt::{self, Debug, Formatter};
use std::hash::Hash;
use std::sync::Arc;

use tokio::time::Instant;

use super::core::Closed;
use super::metrics::Metrics;
use super::shared::Shared;
use super::watch::watch;
use super::workers::{Group, Stopped, WorkerHandle, Workers};
use super::{Config, Connection, NotIdle};
use crate::ownership::{InsertRefused, Worker};

/// Idle connections by destination, for all workers of one group. Cloning gives another handle.
///
/// When the last handle is dropped, here and on all workers, the idle connections are closed. A worker that stops
/// closes its own.
pub struct Pool<K, C> {
    shared: Arc<Shared<K, C>>,
    group: Group,
}

/// A pool on one of its workers.
pub struct Local<K, C> {
    shared: Arc<Shared<K, C>>,
    here: WorkerHandle,
    worker: Worker,
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
    /// A connection that was established just now.
    pub fn new(connection: C) -> Self {
        Self { connection, created_at: Instant::now(), uses: 0 }
    }
}

impl<K, C> Pool<K, C>
where
    K: Clone + Eq + Hash + Send + 'static,
    C: Connection,
{
    /// A pool for these workers, on each of which a task watches what is idle there.
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
        Ok(Self { shared, group: workers.group() })
    }

    /// The pool on the worker that calls this.
    ///
    /// # Panics
    ///
    /// If that is not one of the workers that the pool was made for.
    pub fn local(&self, here: &WorkerHandle) -> Local<K, C> {
        assert!(here.is_of(&self.group), "the pool was made for other workers");
        Local { shared: Arc::clone(&self.shared), here: here.clone(), worker: worker(here.number()) }
    }

    /// How many connections are idle.
    pub fn idle(&self) -> usize {
        self.shared.listed()
    }

    /// What was counted.
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }
}

/// There are no more [`Workers`] in a group than a word has numbers for.
fn worker(number: usize) -> Worker {
    Worker::new(number as u16)
}

impl<K, C> Local<K, C>
where
    K: Clone + Eq + Hash + Send + 'static,
    C: Connection,
{
    /// Keeps an idle connection, which must be registered with this worker's runtime: made here, or taken here. From
    /// now on any worker may take it.
    ///
    /// # Errors
    ///
    /// If it is not idle or there is no room; the connection comes back.
    pub fn put(&self, key: K, pooled: Pooled<C>) -> Result<(), PutError<C>> {
        self.shared.put(self.worker, key, pooled)
    }

    /// The idle connection to a destination that was put last, of this worker's, otherwise of another worker's.
    ///
    /// It is the caller's alone, is registered with this worker's runtime and no other, and was open a moment ago. A
    /// server may close an idle connection at any time, so that a first request may fail as it would not on a new one.
    ///
    /// Looks at one worker after the other, so that it may miss a connection that moves meanwhile. Never waits. Call it, as [`put`](Self::put), from within the worker's futures.
    pub fn take(&self, key: &K) -> Option<Pooled<C>> {
        self.shared.take(self.worker, key)
    }

    /// The worker.
    pub fn here(&self) -> &WorkerHandle {
        &self.here
    }
}

impl<K, C> Clone for Pool<K, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), group: self.group.clone() }
    }
}

impl<K, C> Clone for Local<K, C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), here: self.here.clone(), worker: self.worker }
    }
}

impl<K, C> Debug for Pool<K, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl<K, C> Debug for Local<K, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("worker", &self.worker).finish_non_exhaustive()
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
