//! A connection that goes back into its pool.

use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use tokio::time::Instant;

use super::idle::Pooled;
use super::local::Shard;
use super::{Connection, Keep};

/// A connection from a pool, which is put back when this is dropped.
///
/// It is closed instead if it is [not to be reused](Self::set_reusable), if the thread panics, or if the pool
/// [refuses](super::PutRefused) it, as it does one that has unread bytes.
///
/// # An answer that is still to come
///
/// A task that is dropped between its request and the answer, because of a timeout or a client that left, drops its
/// lease too. What it put back would look idle, and the next one to take it would be given the answer to the wrong request.
/// Say [`set_reusable(false)`](Self::set_reusable) before a request is written, and `true` when its answer was read
/// whole.
#[must_use = "dropping a lease puts its connection back"]
pub struct Lease<K, C, H>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
    H: Deref<Target = Shard<K, C>>,
{
    shard: H,
    /// `None` once the connection has gone elsewhere.
    held: Option<(K, Pooled<C>)>,
    keep: Keep,
    is_reusable: bool,
}

impl<K, C, H> Lease<K, C, H>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
    H: Deref<Target = Shard<K, C>>,
{
    pub(super) async fn take_or_connect<F, E>(shard: H, key: K, connect: impl FnOnce() -> F) -> Result<Self, E>
    where
        F: Future<Output = Result<C, E>>,
    {
        let pooled = match shard.take(&key) {
            Some(pooled) => pooled,
            None => Pooled::new(connect().await?),
        };
        Ok(Self { shard, held: Some((key, pooled)), keep: Keep::default(), is_reusable: true })
    }

    fn held(&self) -> &(K, Pooled<C>) {
        match &self.held {
            Some(held) => held,
            None => unreachable!("a connection leaves its lease together with it"),
        }
    }

    /// Returns the destination.
    pub fn key(&self) -> &K {
        &self.held().0
    }

    /// Returns when the connection was established.
    pub fn created_at(&self) -> Instant {
        self.held().1.created_at
    }

    /// Returns how often the connection was taken from a pool: 0 if it was made for this lease.
    pub fn uses(&self) -> u64 {
        self.held().1.uses
    }

    /// Says whether the connection may be put back. It may at first.
    pub fn set_reusable(&mut self, is_reusable: bool) {
        self.is_reusable = is_reusable;
    }

    /// Limits for how long the connection is kept once it is put back.
    pub fn keep_for(&mut self, keep: Keep) {
        self.keep = keep;
    }

    /// Closes the connection.
    pub fn discard(self) {
        drop(self.into_inner());
    }

    /// Closes the connection, because its server has not answered in time, and has the pool
    /// [suspect](super::Pool::suspect) those to the same destination that are idle.
    pub fn timed_out(mut self) {
        if let Some((key, pooled)) = self.held.take() {
            drop(pooled);
            self.shard.pool().suspect(&key);
        }
    }

    /// Takes the connection out of the lease: it does not go back by itself.
    pub fn into_inner(mut self) -> Pooled<C> {
        match self.held.take() {
            Some((_, pooled)) => pooled,
            None => unreachable!("a connection leaves its lease together with it"),
        }
    }
}

impl<K, C, H> Deref for Lease<K, C, H>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
    H: Deref<Target = Shard<K, C>>,
{
    type Target = C;

    fn deref(&self) -> &C {
        &self.held().1.connection
    }
}

impl<K, C, H> DerefMut for Lease<K, C, H>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
    H: Deref<Target = Shard<K, C>>,
{
    fn deref_mut(&mut self) -> &mut C {
        match &mut self.held {
            Some((_, pooled)) => &mut pooled.connection,
            None => unreachable!("a connection leaves its lease together with it"),
        }
    }
}

impl<K, C, H> Drop for Lease<K, C, H>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
    H: Deref<Target = Shard<K, C>>,
{
    fn drop(&mut self) {
        let Some((key, pooled)) = self.held.take() else { return };
        // In what state a panic has left the connection is not known.
        if self.is_reusable && !std::thread::panicking() {
            // What is refused is closed.
            let _ = self.shard.put_for(key, pooled, self.keep);
        }
    }
}

impl<K, C, H> Debug for Lease<K, C, H>
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
    H: Deref<Target = Shard<K, C>>,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("is_reusable", &self.is_reusable).finish_non_exhaustive()
    }
}
