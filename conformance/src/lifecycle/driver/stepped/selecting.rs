//! The selector of the active peer, in an instance that has one.

use std::sync::atomic::Ordering;

use handfast_spec::Observation;
use handfast_spec::lifecycle::{Action, Output, SELECTOR, SessionId, SubscriberId};

use super::{News, Step, Stepped, number};
use crate::lifecycle::driver::chooser::STALL_TIMEOUT;

/// The selector, which is subscriber 0 where there is one.
impl Stepped<'_> {
    pub(super) fn chosen_by(&self, subscriber: SubscriberId) -> bool {
        self.chooser.is_some() && subscriber == SELECTOR
    }

    /// The peer of a live session says that it is ahead, to its session's task.
    pub(super) fn get_ahead(&mut self, session: SessionId) -> Vec<Step> {
        let announced = self.node.peers().iter().any(|peer| number(peer.session) == session);
        let Some(state) = self.session(session).filter(|state| announced && !state.told && state.news == News::None)
        else {
            return Vec::new();
        };
        state.news = News::Unheeded;
        state.cell.store(true, Ordering::Relaxed);
        vec![(Action::PeerAhead { session }, Observation::Accepted(vec![Output::PeerAhead(session)]))]
    }

    pub(super) fn notify_selector(&mut self, session: SessionId) -> Vec<Step> {
        let Some(state) = self.session(session).filter(|state| state.news == News::Unheeded) else { return Vec::new() };
        state.news = News::Heeded;
        let id = state.signal.session();
        let _entered = self.runtime.enter();
        let outputs = self.chooser.as_mut().map(|chooser| chooser.notify_selector(session, id)).unwrap_or_default();
        vec![(Action::NotifySelector { session }, Observation::Accepted(outputs))]
    }

    /// Lets the selector take one step, or makes one where there is none.
    pub(super) fn select(&mut self) -> Vec<Step> {
        let exists = self.chooser.as_ref().is_some_and(|chooser| !chooser.is_over());
        if exists {
            return self.select_on();
        }
        let _entered = self.runtime.enter();
        if let Some(chooser) = &mut self.chooser {
            chooser.start(&self.node, self.habits.keeps);
            self.names.insert(SELECTOR, SELECTOR);
        }
        let steps = self.recorded();
        self.chooser.as_mut().map(|chooser| chooser.complete(steps)).unwrap_or_default()
    }

    pub(super) fn select_on(&mut self) -> Vec<Step> {
        let Some(mut chooser) = self.chooser.take() else { return Vec::new() };
        let mut steps = self.recorded();
        while steps.is_empty() && chooser.can_go_on() {
            chooser.go_on(self.pool);
            steps = chooser.complete(self.recorded());
        }
        self.chooser = Some(chooser);
        steps
    }

    pub(super) fn select_no_more(&mut self) -> Vec<Step> {
        let Some(mut chooser) = self.chooser.take() else { return Vec::new() };
        chooser.die(self.pool);
        let steps = chooser.complete(self.recorded());
        self.chooser = Some(chooser);
        steps
    }

    /// The clock is moved on until whoever stalled has rested.
    pub(super) fn reconsider(&mut self) -> Vec<Step> {
        self.advance(STALL_TIMEOUT);
        self.select_on()
    }

    /// The clock is moved on, and the active peer does not make progress.
    pub(super) fn stall(&mut self) -> Vec<Step> {
        self.runtime.block_on(tokio::time::advance(STALL_TIMEOUT));
        self.select_on()
    }
}
