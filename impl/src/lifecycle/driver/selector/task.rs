//! The task of a selector: it takes events, and watches the time of the active peer.

use std::sync::Arc;
use std::time::Duration;

use super::super::{Node, Stalled, Subscription};
use super::{Shared, State};
use crate::lifecycle::{Event, Reason, SessionId, StateError};
use crate::runtime::select;
use crate::runtime::time::{Instant, sleep_until};

/// The task of a selector. However it ends, no peer is active after it.
pub(super) struct SelectorTask<K: Clone + Ord, I> {
    pub(super) node: Node<K, I>,
    pub(super) shared: Arc<Shared<K, I>>,
    /// None after it was evicted.
    pub(super) subscription: Option<Subscription<K, I>>,
}

impl<K: Clone + Ord, I> SelectorTask<K, I> {
    /// Each turn is one step.
    pub(super) async fn run(mut self) {
        loop {
            if let Some(session) = self.find_stalled() {
                crate::trace::debug!(%session, "active peer stalled");
                match self.shared.config.stalled {
                    // A session that was told before, or has ended, is going already.
                    Stalled::Disconnect => drop(self.node.disconnect(session, Reason::Stalled)),
                    Stalled::Keep => {}
                }
            } else if self.subscription.is_none() {
                if self.subscribe().is_err() {
                    return;
                }
                crate::trace::debug!("selector subscribed again");
            } else {
                match self.take_event() {
                    Some(Event::Closed) => return,
                    Some(Event::Lagged) => crate::trace::debug!("selector lagged"),
                    Some(Event::Up(peer) | Event::Down(peer, _)) => {
                        crate::trace::trace!(session = %peer.session, "selector took an event")
                    }
                    None => match self.reconsider() {
                        Some(session) => crate::trace::debug!(%session, "stalled peer looked at again"),
                        None => self.wait().await,
                    },
                }
            }
        }
    }

    pub(super) fn subscribe(&mut self) -> Result<(), StateError> {
        let subscription = self.subscription.insert(self.node.subscribe()?);
        let peers = subscription.snapshot();
        peers.iter().for_each(|peer| self.shared.add(peer));
        self.shared.forget_the_gone();
        for peer in peers {
            let _ = self.shared.look_at(peer.session);
        }
        Ok(())
    }

    /// Takes the next event if there is one, and acts on it.
    fn take_event(&mut self) -> Option<Event<K, I>> {
        let event = self.subscription.as_mut()?.try_next()?;
        match &event {
            Event::Up(peer) => {
                self.shared.add(peer);
                let _ = self.shared.look_at(peer.session);
            }
            Event::Down(peer, _) => self.shared.remove(peer.session),
            Event::Lagged => {
                self.shared.lose_sight();
                self.subscription = None;
            }
            Event::Closed => {
                self.shared.forget_all();
                self.subscription = None;
            }
        }
        Some(event)
    }

    /// Returns the session that was active for too long without progress, when another one has been picked. One that is
    /// level by then is not taken for stalled, but has had its time as if it were kept: it rests.
    fn find_stalled(&self) -> Option<SessionId> {
        let shared = &self.shared;
        let is_over = |state: &State<K, I>| shared.deadline(state).is_some_and(|deadline| deadline <= Instant::now());
        let overdue = |state: &State<K, I>| state.selector.active().filter(|_| is_over(state));
        let question = shared.step(|state| overdue(state).and_then(|active| state.question(active)))?;
        let active = question.peer.session;
        let is_ahead = (shared.is_ahead)(&question.peer);
        shared.step(|state| {
            // It made progress, made place, or was asked again: the next turn looks anew.
            if overdue(state) != Some(active) || !state.is_answered_by(&question) {
                return None;
            }
            let switch = state.selector.stalled();
            state.switched(switch);
            let ends = is_ahead && shared.config.stalled == Stalled::Disconnect;
            let known = state.peers.get_mut(&active)?;
            (known.unproductive, known.stalled_at) = (Duration::ZERO, (!ends).then(Instant::now));
            is_ahead.then_some(active)
        })
    }

    /// Looks again at a kept peer that stalled, when it has rested and no peer is active (PEER-24). Returns it, if there was
    /// one. What is queued comes first: it may be a better one.
    fn reconsider(&self) -> Option<SessionId> {
        let shared = &self.shared;
        let rested = |state: &State<K, I>| shared.rested(state).filter(|(moment, _)| *moment <= Instant::now());
        let question = shared.step(|state| rested(state).and_then(|(_, session)| state.question(session)))?;
        let session = question.peer.session;
        let is_ahead = (shared.is_ahead)(&question.peer);
        shared.step(|state| {
            if state.is_answered_by(&question) {
                let switch = state.selector.reconsider(session, is_ahead);
                state.switched(switch);
            }
        });
        Some(session)
    }

    /// Waits until there may be an event, or a peer's time is over, or another peer was picked.
    async fn wait(&self) {
        let shared = &self.shared;
        let moment =
            shared.step(|state| shared.deadline(state).or_else(|| shared.rested(state).map(|(moment, _)| moment)));
        let passed = async {
            match moment {
                Some(moment) => sleep_until(moment).await,
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
            () = shared.picked.notified() => {}
        }
    }
}

impl<K: Clone + Ord, I> Drop for SelectorTask<K, I> {
    fn drop(&mut self) {
        self.shared.forget_all();
    }
}
