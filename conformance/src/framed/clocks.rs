//! A clock for each end, so that a timer of one may fire long after the other's.

use std::rc::Rc;
use std::time::Duration;

use handfast_spec::framed::End;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::{Instant, advance};

/// A deadline by the clock that the driver was built on. On shuttle what calls this is built, and other machines run.
#[cfg(not(handfast_shuttle))]
pub(super) fn deadline(moment: Instant) -> Instant {
    moment
}

#[cfg(handfast_shuttle)]
pub(super) fn deadline(moment: Instant) -> handfast::environment::Instant {
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
