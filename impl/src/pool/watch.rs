//! How a worker hears of its idle connections, and what it does then.

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Connection;
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
        self.reports.lock().push(self.token);
        self.reports.prod();
    }
}

/// Runs on each worker for as long as there is the pool: looks at what was reported, and closes what has expired.
/// When the worker stops, which drops this wherever it is, its idle connections are closed.
pub(super) async fn watch<K, C>(pool: Weak<Shared<K, C>>, reports: Arc<Reports>, here: Worker)
where
    K: Clone + Eq + Hash + Send + 'static,
    C: Connection,
{
    let _stop = Stop { pool: pool.clone(), here };
    let mut tokens = Vec::new();
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
        let Some(pool) = pool.upgrade() else { return };
        std::mem::swap(&mut tokens, &mut *reports.lock());
        for token in tokens.drain(..) {
            pool.look(here, token);
        }
        pool.expire(here);
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next).await,
        None => std::future::pending().await,
    }
}

struct Stop<K: Clone + Eq + Hash, C: Connection> {
    pool: Weak<Shared<K, C>>,
    here: Worker,
}

impl<K: Clone + Eq + Hash, C: Connection> Drop for Stop<K, C> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.stop(self.here);
        }
    }
}
