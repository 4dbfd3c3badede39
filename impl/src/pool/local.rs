//! The pool as one worker sees it, or the tasks of one runtime.

use std::fmt::{self, Debug, Formatter};
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use super::idle::{Pool, Pooled, PutError};
use super::lease::Lease;
use super::shared::Shared;
use super::watch::watch;
use super::workers::WorkerHandle;
use super::{Config, Connection, Keep};
use crate::ownership::Worker;

/// A part of a pool: its connections are registered with one runtime, from which they are put and taken.
/// [`Local`] and [`RuntimePool`] lead to one.
pub struct Shard<K, C> {
    pool: Pool<K, C>,
    worker: Worker,
}

/// A pool on one of its workers.
pub struct Local<K, C> {
    shard: Shard<K, C>,
    here: WorkerHandle,
}

/// A pool of one tokio runtime, of a single thread or of many: whatever task of it may put and take. Cloning gives
/// another handle.
///
/// There is one list of idle connections, and nothing is taken over. A program with a thread and a runtime for each core
/// wants [`Workers`](super::Workers) and a [`Pool`] for them.
///
/// ```
/// use handfast::pool::{Config, RuntimePool};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::{TcpListener, TcpStream};
///
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let server = TcpListener::bind("127.0.0.1:0").await?;
///     let address = server.local_addr()?;
///     tokio::spawn(async move {
///         while let Ok((mut client, _)) = server.accept().await {
///             tokio::spawn(async move {
///                 while let Ok(byte) = client.read_u8().await {
///                     let _ = client.write_u8(byte).await;
///                 }
///             });
///         }
///     });
///
///     let pool = RuntimePool::new(Config::default())?;
///     for byte in 0..10 {
///         let mut lease = pool.take_or_connect(address, || TcpStream::connect(address)).await?;
///         // Until the answer has been read whole, the connection is of no use to another task.
///         lease.set_reusable(false);
///         lease.write_u8(byte).await?;
///         assert_eq!(lease.read_u8().await?, byte);
///         lease.set_reusable(true);
///     }
///     assert_eq!(pool.pool().metrics().reused_local, 9);
///     Ok(())
/// }
/// ```
pub struct RuntimePool<K, C>(Shard<K, C>);

/// The pool was to be made outside of a tokio runtime.
#[derive(Debug, thiserror::Error)]
#[error("a pool of a runtime is made within that runtime: {0}")]
pub struct NoRuntime(#[from] tokio::runtime::TryCurrentError);

impl<K, C> Shard<K, C>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
{
    pub(super) fn new(pool: Pool<K, C>, worker: Worker) -> Self {
        Self { pool, worker }
    }

    /// Keeps an idle connection, which must be registered with this runtime: made here, or taken here. From
    /// now on any worker may take it.
    ///
    /// # Errors
    ///
    /// If it is not idle or there is no room; the connection comes back.
    ///
    /// # Panics
    ///
    /// If the key's `Hash` or `Eq`, or the connection's own code does. The connection is closed then.
    pub fn put(&self, key: K, pooled: Pooled<C>) -> Result<(), PutError<C>> {
        self.put_for(key, pooled, Keep::default())
    }

    /// As [`put`](Self::put), for a time that is limited besides, as a server's `Keep-Alive: timeout=` says.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    pub fn put_for(&self, key: K, pooled: Pooled<C>, keep: Keep) -> Result<(), PutError<C>> {
        self.pool.shared.put(self.worker, key, pooled, keep)
    }

    /// Takes the idle connection to a destination that was put last, of this worker's, otherwise of another worker's.
    ///
    /// It is the caller's alone, is registered with this runtime and no other, and was open a moment ago. A
    /// server may close an idle connection at any time, so that a first request may fail as it would not on a new one.
    ///
    /// Looks at one worker after the other, so that it may miss a connection that moves meanwhile. Never waits. Call it, as
    /// [`put`](Self::put), from within the runtime's tasks.
    ///
    /// # Panics
    ///
    /// If the key's `Hash` or `Eq`, or the connection's own code does. A connection that was taken by then is closed.
    pub fn take(&self, key: &K) -> Option<Pooled<C>> {
        self.pool.shared.take(self.worker, key)
    }

    /// Returns the pool as a whole.
    pub fn pool(&self) -> &Pool<K, C> {
        &self.pool
    }
}

impl<K, C> Local<K, C>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
{
    pub(super) fn new(shard: Shard<K, C>, here: WorkerHandle) -> Self {
        Self { shard, here }
    }

    /// Takes a connection to a destination, or makes one. The lease puts it back when it is dropped, on this worker,
    /// which it cannot leave.
    ///
    /// Cancel safe: a connection that was taken is put back, and one that is being made is what dropping `connect`'s
    /// future makes of it.
    ///
    /// # Errors
    ///
    /// Those of `connect`.
    ///
    /// # Panics
    ///
    /// As [`take`](Shard::take).
    pub async fn take_or_connect<F, E>(&self, key: K, connect: impl FnOnce() -> F) -> Result<Lease<K, C, Self>, E>
    where
        F: Future<Output = Result<C, E>>,
    {
        Lease::take_or_connect(self.clone(), key, connect).await
    }

    /// Returns the worker.
    pub fn here(&self) -> &WorkerHandle {
        &self.here
    }
}

impl<K, C> RuntimePool<K, C>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
{
    /// Creates a pool of the current runtime, on which a task watches what is idle. When the runtime shuts down, what
    /// is idle is closed, and nothing is put any more.
    ///
    /// # Errors
    ///
    /// If this is not called within a tokio runtime.
    ///
    /// # Panics
    ///
    /// If there are more than 2^24 [`descriptors`](Config::descriptors).
    pub fn new(config: Config) -> Result<Self, NoRuntime> {
        let runtime = tokio::runtime::Handle::try_current()?;
        let (shared, worker) = (Arc::new(Shared::new(1, config)), Worker::new(0));
        runtime.spawn(watch(Arc::downgrade(&shared), shared.reports(worker), worker));
        Ok(Self(Shard::new(Pool { shared, group: None }, worker)))
    }

    /// Takes a connection to a destination, or makes one. The lease puts it back when it is dropped.
    ///
    /// Cancel safe: a connection that was taken is put back, and one that is being made is what dropping `connect`'s
    /// future makes of it.
    ///
    /// # Errors
    ///
    /// Those of `connect`.
    ///
    /// # Panics
    ///
    /// As [`take`](Shard::take).
    pub async fn take_or_connect<F, E>(&self, key: K, connect: impl FnOnce() -> F) -> Result<Lease<K, C, Self>, E>
    where
        F: Future<Output = Result<C, E>>,
    {
        Lease::take_or_connect(self.clone(), key, connect).await
    }
}

impl<K, C> Deref for Local<K, C> {
    type Target = Shard<K, C>;

    fn deref(&self) -> &Shard<K, C> {
        &self.shard
    }
}

impl<K, C> Deref for RuntimePool<K, C> {
    type Target = Shard<K, C>;

    fn deref(&self) -> &Shard<K, C> {
        &self.0
    }
}

impl<K, C> Clone for Shard<K, C> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), worker: self.worker }
    }
}

impl<K, C> Clone for Local<K, C> {
    fn clone(&self) -> Self {
        Self { shard: self.shard.clone(), here: self.here.clone() }
    }
}

impl<K, C> Clone for RuntimePool<K, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, C> Debug for Shard<K, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl<K, C> Debug for Local<K, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("worker", &self.shard.worker).finish_non_exhaustive()
    }
}

impl<K, C> Debug for RuntimePool<K, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimePool").finish_non_exhaustive()
    }
}
