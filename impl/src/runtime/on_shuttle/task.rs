//! Tasks.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

pub(crate) use shuttle::future::yield_now;
pub(crate) use shuttle_tokio::task::{AbortHandle, JoinHandle};
// Outside of a runtime of tokio's there is no budget, and it is always there to be spent.
pub(crate) use tokio::task::coop;

use super::Failing;

shuttle::lazy_static! {
    /// How many tasks of this execution are not over.
    pub(super) static ref LIVE: AtomicUsize = AtomicUsize::new(0);
}

struct Counted;

impl Counted {
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Spawns a task that may fail as tasks on tokio may.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let counted = Counted::new();
    shuttle_tokio::spawn(async move {
        // Dropped after what the future owns.
        let _counted = counted;
        let mut future = pin!(future);
        std::future::poll_fn(|cx| poll(future.as_mut(), cx)).await;
    })
}

/// Spawns a task: an execution is always within a runtime.
pub(crate) fn spawn_if_possible(future: impl Future<Output = ()> + Send + 'static) {
    drop(spawn(future));
}

fn poll(future: Pin<&mut impl Future<Output = ()>>, cx: &mut Context<'_>) -> Poll<()> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(poll) => poll,
        Err(payload) if payload.is::<Failing>() => Poll::Ready(()),
        Err(payload) => resume_unwind(payload),
    }
}
