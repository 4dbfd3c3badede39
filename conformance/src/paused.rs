//! What drivers run on when a test brings them through their steps one by one: clocks that stand still, and futures that
//! are polled when they were woken.

use std::future::Future;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use handfast_spec::End;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::{Instant, advance};
use tokio_test::task::{Spawn, spawn};

/// Creates a runtime with a clock that stands still until everything waits for it.
///
/// # Panics
///
/// If it cannot be built, which needs nothing.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without IO needs nothing")
}

/// A paused clock for each end, so that a timer of one may fire long after the other's. Clones share them.
#[derive(Clone, Debug)]
pub struct Clocks(Rc<[Runtime; 2]>);

impl Default for Clocks {
    fn default() -> Self {
        Self(Rc::new([runtime(), runtime()]))
    }
}

impl Clocks {
    /// Makes an end's clock the current one until the guard is dropped.
    pub fn enter(&self, end: End) -> EnterGuard<'_> {
        self.0[end.index()].enter()
    }

    /// Returns the time by an end's clock.
    pub fn now(&self, end: End) -> Instant {
        let _entered = self.enter(end);
        Instant::now()
    }

    /// Moves an end's clock; every timer that is due then has fired.
    pub fn advance(&self, end: End, by: Duration) {
        self.0[end.index()].block_on(advance(by));
    }
}

/// A future that is polled when it was woken, and not otherwise. A driver that forgets to wake it is found, because then
/// nothing happens.
#[derive(Debug)]
pub struct Task<F> {
    future: Spawn<F>,
    has_begun: bool,
}

impl<F: Future> Task<F> {
    /// Creates a task that has not begun, which is as good as woken.
    pub fn new(future: F) -> Self {
        Self { future: spawn(future), has_begun: false }
    }

    /// Whether it would be polled.
    pub fn is_woken(&self) -> bool {
        !self.has_begun || self.future.is_woken()
    }

    /// Polls it if it was woken. Returns `None` if it was not.
    pub fn poll(&mut self) -> Option<Poll<F::Output>> {
        self.is_woken().then(|| {
            self.has_begun = true;
            self.future.poll()
        })
    }

    /// Polls it as often as it is woken. Returns what it has come to, if it has.
    pub fn go_on(&mut self) -> Option<F::Output> {
        while let Some(polled) = self.poll() {
            if let Poll::Ready(output) = polled {
                return Some(output);
            }
        }
        None
    }
}
