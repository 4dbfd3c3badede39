//! Locks and signals.

use std::future::Future;

pub(crate) use shuttle::sync::{Mutex, MutexGuard};
pub(crate) use shuttle_tokio::sync::watch;

use super::scheduling_point;

/// `shuttle-tokio`'s, with a scheduling point before each notification.
#[derive(Debug)]
pub(crate) struct Notify(shuttle_tokio::sync::Notify);

impl Notify {
    pub(crate) fn new() -> Self {
        Self(shuttle_tokio::sync::Notify::new())
    }

    pub(crate) fn notify_one(&self) {
        scheduling_point();
        self.0.notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        scheduling_point();
        self.0.notify_waiters();
    }

    /// Registers at once, as tokio's does with regard to `notify_waiters`.
    pub(crate) fn notified(&self) -> impl Future<Output = ()> {
        self.0.notified()
    }
}

/// The standard library's, with a scheduling point before each operation.
#[derive(Debug)]
pub(crate) struct OnceLock<T>(std::sync::OnceLock<T>);

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self(std::sync::OnceLock::new())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        scheduling_point();
        self.0.get()
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        scheduling_point();
        self.0.set(value)
    }
}
