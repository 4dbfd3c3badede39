//! A future that is polled when it was woken, and not otherwise.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A future that is polled when it was woken, and not otherwise. Whoever forgets to wake it finds that nothing happens.
pub(super) struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    woken: Arc<Flag>,
}

impl<T> Task<T> {
    pub(super) fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), woken: Arc::new(Flag(AtomicBool::new(true))) }
    }

    /// What it has come to, if it was woken and is over.
    pub(super) fn go_on(&mut self) -> Option<T> {
        while self.woken.0.swap(false, Ordering::Relaxed) {
            let waker = Waker::from(Arc::clone(&self.woken));
            if let Poll::Ready(over) = self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(over);
            }
        }
        None
    }
}
