//! Tasks that a test polls.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Runtime;

/// A future that is polled when it was woken and the test says so.
pub(super) struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<T> Task<T> {
    pub(super) fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    /// Polls it if it was woken. None if it was not, or has ended.
    pub(super) fn poll(&mut self, runtime: &Runtime) -> Option<Poll<T>> {
        let _entered = runtime.enter();
        if !self.woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
        Some(self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.woken)))))
    }
}

/// Lets others go first, once.
pub(super) async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
