//! A subscriber's handle.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use super::discard::drop_each;
use super::state::Shared;
use crate::lifecycle::{Event, Peer, StateError, Subscribed, SubscriberId};

/// A snapshot of the announced peers, and everything that happens after it, in order and without gaps (PEER-3, PEER-8).
///
/// Of each session it hears Up and then Down, or, where the snapshot lists it, Down; and nothing else. If it does not
/// take its events, it holds up announcements, for as long as the
/// [timeout](super::NodeConfig::slow_subscriber_timeout) allows; then [`Event::Lagged`] follows what is queued. Nothing is
/// dropped silently. Dropping it releases everything.
///
/// # Panics
///
/// Where it holds the last handle to a key or an info whose drop panics, its own drop does, when all are dropped.
pub struct Subscription<K: Clone + Ord, I = ()> {
    shared: Arc<Shared<K, I>>,
    subscriber: SubscriberId,
    snapshot: Vec<Arc<Peer<K, I>>>,
    over: bool,
}

impl<K: Clone + Ord, I> Subscription<K, I> {
    pub(super) fn new(shared: &Arc<Shared<K, I>>, timeout: Duration) -> Result<Self, StateError> {
        let Subscribed { subscriber, snapshot } = shared.step(|state| state.subscribe(timeout))?;
        Ok(Self { shared: Arc::clone(shared), subscriber, snapshot, over: false })
    }

    /// Returns the peers that were announced when the subscription was made, in order of their sessions.
    pub fn snapshot(&self) -> &[Arc<Peer<K, I>>] {
        &self.snapshot
    }

    /// Waits for the next event. None after [`Event::Lagged`] and [`Event::Closed`].
    ///
    /// Cancel safe: an event that was not returned is returned next time.
    pub async fn next(&mut self) -> Option<Event<K, I>> {
        let Self { shared, subscriber, over, .. } = self;
        loop {
            // Made before the look, so that what comes after it is not missed.
            let news = shared.news.notified();
            let event = take(shared, *subscriber, over);
            if event.is_some() || *over {
                return event;
            }
            news.await;
        }
    }

    /// Waits until [`try_next`](Self::try_next) has an event, or may have.
    pub(super) async fn readable(&self) {
        let news = self.shared.news.notified();
        if !self.shared.step(|state| state.core.has_event(self.subscriber)) {
            news.await;
        }
    }

    /// Returns the next event if there is one.
    pub fn try_next(&mut self) -> Option<Event<K, I>> {
        take(&self.shared, self.subscriber, &mut self.over)
    }
}

/// Takes the next event of a subscriber if there is one, and notes whether it was the last.
fn take<K: Clone + Ord, I>(shared: &Shared<K, I>, subscriber: SubscriberId, over: &mut bool) -> Option<Event<K, I>> {
    if *over {
        return None;
    }
    let event = shared.step(|state| state.receive(subscriber))?;
    match event {
        Event::Up(_) | Event::Down(..) => {}
        Event::Lagged | Event::Closed => *over = true,
    }
    Some(event)
}

impl<K: Clone + Ord, I> Drop for Subscription<K, I> {
    fn drop(&mut self) {
        // What was kept for it alone is dropped when the lock has been released: it may be the last that holds a peer's info.
        let queued = self.shared.step(|state| state.unsubscribe(self.subscriber));
        drop_each(queued.into_iter().flatten());
    }
}

impl<K: Clone + Ord, I> Debug for Subscription<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("subscriber", &self.subscriber).finish_non_exhaustive()
    }
}
