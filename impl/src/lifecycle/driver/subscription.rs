//! What a subscriber holds.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use super::shared::{Listener, Shared, State};
use crate::lifecycle::{Event, Misuse, Peer, SubscriberId};
use crate::runtime::sync::Notify;
use crate::runtime::time::Instant;

/// A snapshot of the announced peers, and everything that happens after it, in order and without gaps (PEER-3, PEER-8).
///
/// Of each session it hears Up and then Down, or, where the snapshot lists it, Down; and nothing else. If it does not
/// take its events, it holds up announcements, until the [patience](super::NodeConfig::patience) is over; then
/// [`Event::Lagged`] follows what is queued. Nothing is dropped silently. Dropping it releases everything.
pub struct Subscription<K: Clone + Ord, I = ()> {
    shared: Arc<Shared<K, I>>,
    subscriber: SubscriberId,
    wake: Arc<Notify>,
    snapshot: Vec<Arc<Peer<K, I>>>,
    over: bool,
}

impl<K: Clone + Ord, I> Subscription<K, I> {
    pub(super) fn new(shared: &Arc<Shared<K, I>>, patience: Duration) -> Result<Self, Misuse> {
        let wake = Arc::new(Notify::new());
        let subscribed = shared.step(|state| {
            let subscribed = state.core.subscribe()?;
            let listener = Listener { wake: Arc::clone(&wake), patience, holds_up_since: None };
            state.listeners.insert(subscribed.subscriber, listener);
            if let Some(record) = &mut state.record {
                record.subscribed(subscribed.subscriber, subscribed.snapshot.iter().map(|peer| peer.session));
            }
            Ok(subscribed)
        })?;
        let (subscriber, snapshot) = (subscribed.subscriber, subscribed.snapshot);
        Ok(Self { shared: Arc::clone(shared), subscriber, wake, snapshot, over: false })
    }

    /// The peers that were announced when the subscription was made, in order of their sessions.
    pub fn snapshot(&self) -> &[Arc<Peer<K, I>>] {
        &self.snapshot
    }

    /// Waits for the next event. None after [`Event::Lagged`] and [`Event::Closed`].
    ///
    /// Cancel safe: an event that was not returned is returned next time.
    pub async fn next(&mut self) -> Option<Event<K, I>> {
        loop {
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            self.wake.notified().await;
        }
    }

    /// Waits until there may be an event that there was not when [`try_next`](Self::try_next) was last called.
    pub(super) async fn readable(&self) {
        self.wake.notified().await;
    }

    /// The next event if there is one.
    pub fn try_next(&mut self) -> Option<Event<K, I>> {
        if self.over {
            return None;
        }
        let event = self.shared.step(|state| state.receive(self.subscriber))?;
        match event {
            Event::Up(_) | Event::Down(..) => {}
            Event::Lagged | Event::Closed => self.over = true,
        }
        Some(event)
    }
}

impl<K: Clone + Ord, I> State<K, I> {
    fn receive(&mut self, subscriber: SubscriberId) -> Option<Event<K, I>> {
        let event = self.core.receive(subscriber).ok().flatten()?;
        match event {
            Event::Up(_) | Event::Down(..) => {}
            Event::Lagged | Event::Closed => drop(self.listeners.remove(&subscriber)),
        }
        self.forgive();
        if let Some(record) = &mut self.record {
            record.received(subscriber, &event);
        }
        Some(event)
    }

    /// Cuts off one subscriber that has held up announcements for as long as the patience lasts; whether there was one.
    pub(super) fn evict_one(&mut self, now: Instant) -> bool {
        let is_due = |listener: &Listener| listener.patience_ends().is_some_and(|end| end <= now);
        let due = self.listeners.iter().find(|(_, listener)| is_due(listener)).map(|(&subscriber, _)| subscriber);
        let Some(subscriber) = due.filter(|&subscriber| self.core.evict(subscriber).is_ok()) else { return false };
        self.forgive();
        self.metrics.cut_off += 1;
        if let Some(record) = &mut self.record {
            record.evicted(subscriber);
        }
        true
    }
}

impl<K: Clone + Ord, I> Drop for Subscription<K, I> {
    fn drop(&mut self) {
        // What is queued is dropped when the lock has been released: it may be the last that holds a peer's info.
        let queued = self.shared.step(|state| {
            let queued = state.core.unsubscribe(self.subscriber).ok()?;
            state.listeners.remove(&self.subscriber);
            if let Some(record) = &mut state.record {
                record.unsubscribed(self.subscriber);
            }
            Some(queued)
        });
        drop(queued);
    }
}

impl<K: Clone + Ord, I> Debug for Subscription<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("subscriber", &self.subscriber).finish_non_exhaustive()
    }
}
