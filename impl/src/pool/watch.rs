//! How a worker hears of its idle connections, and what it does then.

use std::collections::VecDeque;
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Connection;
use super::contain::contain;
use super::core::MOST_AT_ONCE;
use super::shared::Shared;
use crate::ownership::{Token, Worker};

/// What a worker's poller has reported about idle connections, until the worker looks.
#[derive(Debug, Default)]
pub(super) struct Reports {
    tokens: Mutex<Vec<Token>>,
    has_ended: AtomicBool,
    notify: Notify,
}

impl Reports {
    /// What is woken when the poller reports something about this connection. It names the connection for ever, also
    /// after another worker has it: what it says then is late, and is refused.
    pub(super) fn waker(self: &Arc<Self>, token: Token) -> Waker {
        Waker::from(Arc::new(Watched { reports: Arc::clone(self), token }))
    }

    pub(super) fn push(&self, token: Token) {
        self.lock().push(token);
        self.prod();
    }

    /// There is a new expiry to wait for, or the pool is gone.
    pub(super) fn prod(&self) {
        self.notify.notify_one();
    }

    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.prod();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Token>> {
        // A vector of tokens is whole at any time.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Watched {
    reports: Arc<Reports>,
    token: Token,
}

impl Wake for Watched {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reports.push(self.token);
    }
}

/// Runs on each worker for as long as there is the pool: looks at what was reported, and closes what has expired, a few
/// connections at a time, so that the worker's other tasks wait for no more than that.
/// When the worker stops, which drops this wherever it is, its idle connections are closed.
pub(super) fn watch<K, C>(
    pool: Weak<Shared<K, C>>,
    reports: Arc<Reports>,
    here: Worker,
) -> impl Future<Output = ()> + Send
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
{
    // Made before the task runs, which it may never do.
    let stop = Stop { pool: pool.clone(), here };
    async move {
        let _stop = stop;
        watch_until_the_end(pool, reports, here).await;
    }
}

async fn watch_until_the_end<K, C>(pool: Weak<Shared<K, C>>, reports: Arc<Reports>, here: Worker)
where
    K: Eq + Hash + Send + Sync + 'static,
    C: Connection,
{
    let mut tokens = VecDeque::new();
    loop {
        // The task must not keep the pool alive.
        let Some(next) = pool.upgrade().map(|pool| pool.next_expiry(here)) else { return };
        tokio::select! {
            () = reports.notify.notified() => {}
            () = until(next) => {}
        }
        if reports.has_ended.load(Ordering::Acquire) {
            return;
        }
        let is_more = {
            let Some(pool) = pool.upgrade() else { return };
            take_turn(&pool, &reports, here, &mut tokens)
        };
        if is_more {
            reports.prod();
            tokio::task::yield_now().await;
        }
    }
}

/// Looks at some of what was reported, and closes some of what has expired. Returns whether there may be more.
fn take_turn<K, C>(pool: &Shared<K, C>, reports: &Reports, here: Worker, tokens: &mut VecDeque<Token>) -> bool
where
    K: Eq + Hash,
    C: Connection,
{
    // All of them: one that stays behind here has used up its wake-up. And the first ones first.
    tokens.extend(reports.lock().drain(..));
    for token in tokens.drain(..tokens.len().min(MOST_AT_ONCE)) {
        // A key's `Eq` runs in this, when a connection has shown that its siblings may be dead.
        let _ = contain(pool.counters(here), || pool.look(here, token));
    }
    let expired_many = pool.expire(here);
    expired_many || !tokens.is_empty()
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next).await,
        None => std::future::pending().await,
    }
}

struct Stop<K: Eq + Hash, C: Connection> {
    pool: Weak<Shared<K, C>>,
    here: Worker,
}

impl<K: Eq + Hash, C: Connection> Drop for Stop<K, C> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.stop(self.here);
        }
    }
}
