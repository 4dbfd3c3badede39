//! A value that is set once, and whoever waits for it.

use crate::runtime::sync::{Notify, OnceLock};

/// A value that is set once and waited for by any number of tasks. Each session has two, so that their size matters: a
/// `watch` channel is eight times as large and an allocation of its own.
#[derive(Debug)]
pub(super) struct Once<T> {
    value: OnceLock<T>,
    set: Notify,
}

impl<T: Copy> Once<T> {
    pub(super) fn new() -> Self {
        Self { value: OnceLock::new(), set: Notify::new() }
    }

    /// Sets the value, if it was not set before, and wakes whoever waits.
    pub(super) fn set(&self, value: T) {
        let _ = self.value.set(value);
        self.set.notify_waiters();
    }

    pub(super) fn get(&self) -> Option<T> {
        self.value.get().copied()
    }

    /// Waits until the value is set. Cancel safe.
    pub(super) async fn wait(&self) -> T {
        loop {
            // Made before the look, so that a value that is set after it is not missed.
            let set = self.set.notified();
            if let Some(value) = self.get() {
                return value;
            }
            set.await;
        }
    }
}
