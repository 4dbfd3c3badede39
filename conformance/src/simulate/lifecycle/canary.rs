//! Drivers with one fault each, which the world must find.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::lifecycle::{Event, Metrics, Node, Reason, Report, Subscription};
use serde::{Deserialize, Serialize};

use super::users::{Info, Key};

/// A fault of a driver.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// Every third wait of a subscriber is one that nothing ends.
    LosesWakeUp,
    /// One session in five is forgotten with its slot.
    LosesSlots,
    /// A subscriber misses one event in four.
    SkipsEvents,
    /// A subscriber hears every second Down twice.
    RepeatsDowns,
    /// Every Down has the same reason.
    MistakesReasons,
    /// A shutdown takes longer than it was given.
    OverrunsShutdown,
    /// A connection that was turned away counts as one that got a slot.
    Miscounts,
    /// A peer's info is kept for ever.
    KeepsInfos,
    /// User code runs under the lock: the record is written there, and calls the node.
    CallsUnderLock,
    /// A line of the record is left out.
    LiesInRecord,
    /// A session goes on long after it was told to end.
    IgnoresOrders,
}

pub(super) const CANARIES: &[Canary] = &[
    Canary::LosesWakeUp,
    Canary::LosesSlots,
    Canary::SkipsEvents,
    Canary::RepeatsDowns,
    Canary::MistakesReasons,
    Canary::OverrunsShutdown,
    Canary::Miscounts,
    Canary::KeepsInfos,
    Canary::CallsUnderLock,
    Canary::LiesInRecord,
    Canary::IgnoresOrders,
];

type Heard = Option<Event<Key, Info>>;

/// Takes events with a fault, if there is one.
#[derive(Default)]
pub(super) struct Hearing {
    pub(super) canary: Option<Canary>,
    count: u32,
    waits: u32,
    again: VecDeque<Event<Key, Info>>,
}

impl Hearing {
    pub(super) fn new(canary: Option<Canary>) -> Self {
        Self { canary, ..Self::default() }
    }

    pub(super) async fn next(&mut self, subscription: &mut Subscription<Key, Info>) -> Heard {
        if let Some(event) = self.again.pop_front() {
            return Some(event);
        }
        let event = self.take(subscription).await;
        self.count += 1;
        match (self.canary, event) {
            (Some(Canary::SkipsEvents), Some(Event::Up(_) | Event::Down(..))) if self.count.is_multiple_of(4) => {
                self.take(subscription).await
            }
            (Some(Canary::RepeatsDowns), Some(Event::Down(peer, reason))) => {
                if self.count.is_multiple_of(2) {
                    self.again.push_back(Event::Down(peer.clone(), reason));
                }
                Some(Event::Down(peer, reason))
            }
            (Some(Canary::MistakesReasons), Some(Event::Down(peer, _))) => Some(Event::Down(peer, Reason::Failed)),
            (Some(Canary::KeepsInfos), Some(Event::Up(peer))) => {
                std::mem::forget(peer.clone());
                Some(Event::Up(peer))
            }
            (_, event) => event,
        }
    }

    async fn take(&mut self, subscription: &mut Subscription<Key, Info>) -> Heard {
        let mut next = pin!(subscription.next());
        poll_fn(|cx| {
            let polled = next.as_mut().poll(cx);
            if polled.is_ready() || self.canary != Some(Canary::LosesWakeUp) {
                return polled;
            }
            self.waits += 1;
            if self.waits.is_multiple_of(3) {
                return next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            Poll::Pending
        })
        .await
    }
}

pub(super) async fn shut_down(canary: Option<Canary>, node: &Node<Key, Info>, within: Duration) -> Report {
    match canary {
        Some(Canary::OverrunsShutdown) => node.shutdown(2 * within + Duration::from_millis(3)).await,
        _ => node.shutdown(within).await, // the others shut down in time
    }
}

pub(super) fn metrics(canary: Option<Canary>, node: &Node<Key, Info>) -> Metrics {
    let mut metrics = node.metrics();
    if canary == Some(Canary::Miscounts) {
        metrics.opened += metrics.refused.values().sum::<u64>();
    }
    metrics
}
