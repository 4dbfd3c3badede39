//! Which futures of a worker run, and how they end.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use tokio::sync::Notify;

use super::thread::Ended;

/// Counts the futures of one worker.
#[derive(Debug, Default)]
pub(super) struct Census {
    running: Cell<usize>,
    ended: Cell<Ended>,
    all_ended: Notify,
}

impl Census {
    /// A future that is counted from now on, also if it is dropped before it has run.
    pub(super) fn count<F: Future<Output = ()>>(self: &Rc<Self>, future: F) -> impl Future<Output = ()> + use<F> {
        self.running.set(self.running.get() + 1);
        let counted = Counted { census: Rc::clone(self), has_ended: false };
        async move {
            // All of it moves in here, not what is assigned to only.
            let mut counted = counted;
            future.await;
            counted.has_ended = true;
        }
    }

    pub(super) fn ended(&self) -> Ended {
        self.ended.get()
    }

    /// Until none runs.
    pub(super) async fn all_ended(&self) {
        while self.running.get() != 0 {
            self.all_ended.notified().await;
        }
    }
}

struct Counted {
    census: Rc<Census>,
    has_ended: bool,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut ended = self.census.ended.get();
        match (self.has_ended, std::thread::panicking()) {
            (true, _) => ended.finished += 1,
            (false, true) => ended.panicked += 1,
            (false, false) => ended.dropped += 1,
        }
        self.census.ended.set(ended);
        self.census.running.set(self.census.running.get() - 1);
        if self.census.running.get() == 0 {
            self.census.all_ended.notify_one();
        }
    }
}
