//! A worker, as its futures see it, and the count of its futures.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

use tokio::sync::{Notify, watch};

use super::Group;
use super::thread::{Ended, Order};

/// A handle to the worker on which a future runs; the future never leaves it.
#[derive(Clone, Debug)]
pub struct WorkerHandle(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    number: usize,
    group: Group,
    order: watch::Receiver<Order>,
    census: Rc<Census>,
}

impl WorkerHandle {
    pub(super) fn new(number: usize, group: Group, order: watch::Receiver<Order>) -> Self {
        Self(Rc::new(Inner { number, group, order, census: Rc::default() }))
    }

    /// Returns the worker's number, from 0.
    pub fn number(&self) -> usize {
        self.0.number
    }

    /// Runs another future on this worker.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(self.0.census.count(future)));
    }

    /// Waits until the worker is told to stop. Cancel safe. A future that does not end soon after is dropped at the
    /// deadline.
    pub async fn stopping(&self) {
        let mut order = self.0.order.clone();
        // An error says that the workers were dropped: that is the same.
        let _ = order.wait_for(|order| !matches!(order, Order::Run)).await;
    }

    pub(in crate::pool) fn is_of(&self, group: &Group) -> bool {
        self.0.group.is(group)
    }

    pub(super) fn census(&self) -> &Rc<Census> {
        &self.0.census
    }
}

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
