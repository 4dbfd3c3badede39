//! The task of a selector.

use std::sync::Arc;

use super::selector::{Shared, Stalled};
use super::{Node, Subscription};
use crate::lifecycle::{Event, Misuse, Reason, SessionId};
use crate::runtime::select;
use crate::runtime::time::{Instant, sleep_until};

/// What the task owns. However it ends, nobody is active after it.
pub(super) struct Listener<K: Clone + Ord, I> {
    pub(super) node: Node<K, I>,
    pub(super) shared: Arc<Shared<K, I>>,
    /// None after it was cut off.
    pub(super) subscription: Option<Subscription<K, I>>,
}

impl<K: Clone + Ord, I> Listener<K, I> {
    /// Each turn is one step under the lock.
    pub(super) async fn run(mut self) {
        loop {
            if let Some(session) = self.find_stalled() {
                tracing::debug!(%session, "active peer stalled");
                match self.shared.config.stalled {
                    // Whoever was told before, or is over, is going already.
                    Stalled::Disconnect => drop(self.node.disconnect(session, Reason::Stalled)),
                    Stalled::Keep => {}
                }
            } else if self.subscription.is_none() {
                if self.subscribe().is_err() {
                    return;
                }
                tracing::debug!("selector subscribed again");
            } else {
                match self.hear() {
                    Some(Event::Closed) => return,
                    Some(Event::Lagged) => tracing::debug!("selector lagged"),
                    Some(Event::Up(peer) | Event::Down(peer, _)) => {
                        tracing::trace!(session = %peer.session, "selector heard")
                    }
                    None => self.wait().await,
                }
            }
        }
    }

    pub(super) fn subscribe(&mut self) -> Result<(), Misuse> {
        let mut state = self.shared.lock();
        let subscription = self.node.subscribe()?;
        subscription.snapshot().iter().for_each(|peer| self.shared.comes(&mut state, peer));
        self.subscription = Some(subscription);
        Ok(())
    }

    /// The next event if there is one, taken in the same step in which it counts.
    fn hear(&mut self) -> Option<Event<K, I>> {
        let mut state = self.shared.lock();
        let event = self.subscription.as_mut()?.try_next()?;
        match &event {
            Event::Up(peer) => self.shared.comes(&mut state, peer),
            Event::Down(peer, _) => {
                let switch = state.selector.down(peer.session);
                self.shared.publish(&mut state, switch);
                state.peers.remove(&peer.session);
            }
            Event::Lagged | Event::Closed => {
                self.subscription = None;
                self.shared.forget_all(&mut state);
            }
        }
        Some(event)
    }

    /// Who had been active for too long without progress, when another one has been picked.
    fn find_stalled(&self) -> Option<SessionId> {
        let mut state = self.shared.lock();
        let active = state.selector.active()?;
        self.shared.deadline(&state).filter(|deadline| *deadline <= Instant::now())?;
        let is_ahead = state.peers.get(&active).is_some_and(|peer| (self.shared.is_ahead)(peer));
        let switch = if is_ahead { state.selector.stalled() } else { state.selector.level(active) };
        self.shared.publish(&mut state, switch);
        is_ahead.then_some(active)
    }

    /// Until there may be an event, or the time of somebody is over, or has to be looked at.
    async fn wait(&self) {
        let deadline = self.shared.deadline(&self.shared.lock());
        let passed = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let readable = async {
            match &self.subscription {
                Some(subscription) => subscription.readable().await,
                None => std::future::pending().await,
            }
        };
        select! {
            biased;
            () = passed => {}
            () = readable => {}
            () = self.shared.picked.notified() => {}
        }
    }
}

impl<K: Clone + Ord, I> Drop for Listener<K, I> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        drop(self.subscription.take());
        self.shared.forget_all(&mut state);
    }
}
