//! What drivers run on when they are brought through their steps one by one: a clock for each end, so that a timer of one
//! may fire long after the other's, and futures that are polled when they were woken.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use handfast_spec::framed::End;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::{Instant, advance};

/// A deadline by the clock that the driver was built on. On shuttle what calls this is built, and other machines run.
#[cfg(not(handfast_shuttle))]
pub(in crate::framed) fn deadline(moment: Instant) -> Instant {
    moment
}

#[cfg(handfast_shuttle)]
pub(in crate::framed) fn deadline(moment: Instant) -> handfast::environment::Instant {
    handfast::environment::Instant::now() + moment.saturating_duration_since(Instant::now())
}

/// A paused clock for each end. Clones share them.
#[derive(Clone, Debug)]
pub struct Clocks(Rc<[Runtime; 2]>);

impl Default for Clocks {
    fn default() -> Self {
        let paused = || Builder::new_current_thread().enable_time().start_paused(true).build();
        Self(Rc::new([(); 2].map(|()| paused().expect("a runtime without IO needs nothing"))))
    }
}

impl Clocks {
    /// What is done until the guard is dropped is done by an end's clock.
    pub(super) fn enter(&self, end: End) -> EnterGuard<'_> {
        self.0[end.index()].enter()
    }

    pub(super) fn now(&self, end: End) -> Instant {
        let _entered = self.enter(end);
        Instant::now()
    }

    /// Moves an end's clock; every timer that is due then has fired.
    pub(super) fn advance(&self, end: End, by: Duration) {
        self.0[end.index()].block_on(advance(by));
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A future that is polled when it was woken, and not otherwise. A driver that forgets to wake it is found, because then nothing happens.
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
