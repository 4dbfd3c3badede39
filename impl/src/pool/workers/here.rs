//! A worker, as its futures see it.

use std::future::Future;
use std::rc::Rc;

use tokio::sync::watch;

use super::Group;
use super::census::Census;
use super::thread::Order;

/// The worker that this is on, which it never leaves.
#[derive(Clone, Debug)]
pub struct Here(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    number: usize,
    group: Group,
    order: watch::Receiver<Order>,
    census: Rc<Census>,
}

impl Here {
    pub(super) fn new(number: usize, group: Group, order: watch::Receiver<Order>) -> Self {
        Self(Rc::new(Inner { number, group, order, census: Rc::default() }))
    }

    /// The worker's number, from 0.
    pub fn number(&self) -> usize {
        self.0.number
    }

    /// Runs another future on this worker.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        drop(tokio::task::spawn_local(self.0.census.count(future)));
    }

    /// Until the worker is told to stop. A future that does not end soon after is dropped at the deadline.
    pub async fn stopping(&self) {
        let mut order = self.0.order.clone();
        // Nobody who could tell it is left: the same.
        let _ = order.wait_for(|order| !matches!(order, Order::Run)).await;
    }

    pub(in crate::pool) fn is_of(&self, group: &Group) -> bool {
        self.0.group.is(group)
    }

    pub(super) fn census(&self) -> &Rc<Census> {
        &self.0.census
    }
}
