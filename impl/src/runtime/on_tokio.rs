//! tokio and the standard library, as they are.
#![allow(dead_code, unused_imports, reason = "each module takes its own")]

pub(crate) use std::thread::panicking;
#[cfg(any(feature = "lifecycle", feature = "simopen"))]
pub(crate) use tokio::select;

pub(crate) mod sync {
    pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock, atomic};
    pub(crate) use tokio::sync::{Notify, watch};
}

pub(crate) mod task {
    use std::future::Future;

    use tokio::runtime::Handle;

    pub(crate) use tokio::spawn;
    pub(crate) use tokio::task::{AbortHandle, JoinHandle, coop, yield_now};

    /// Spawns a task, if this is within a runtime.
    pub(crate) fn spawn_if_possible(future: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(future));
        }
    }
}

pub(crate) mod time {
    pub(crate) use tokio::time::{Instant, Sleep, sleep, sleep_until};
}
