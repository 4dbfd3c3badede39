//! Locks and signals.

use std::future::Future;
use std::sync::{LockResult, TryLockError};

use shuttle::thread::yield_now;

pub use shuttle::sync::MutexGuard;
pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle_tokio::sync::watch;

use super::scheduling_point;

/// Shuttle's, but who waits for it asks again when others had their turn.
///
/// Shuttle's own `lock` waits with the waker of the task. A task that was polled and met a lock would then be polled once more
/// for nothing, two such tasks can keep each other busy for ever, and what the task was really to be woken for can be
/// taken for the lock. On tokio a lock wakes no task.
#[derive(Debug, Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A lock that no task holds.
    pub fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// Returns the value without a lock: no other task can hold it.
    ///
    /// # Errors
    ///
    /// If a task panicked that held it; it is given all the same.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.0.get_mut()
    }

    /// Waits until no task holds it.
    ///
    /// # Errors
    ///
    /// If a task panicked that held it; it is held all the same.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        loop {
            match self.0.try_lock() {
                Ok(guard) => return Ok(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Err(poisoned),
                Err(TryLockError::WouldBlock) => yield_now(),
            }
        }
    }
}

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

    /// One step: no other task runs between the load and the store.
    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        scheduling_point();
        self.0.get_or_init(init)
    }
}
