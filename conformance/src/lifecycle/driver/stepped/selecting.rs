//! The selector of the active peer, in an instance that has one.

use std::sync::atomic::Ordering;

use handfast_spec::Observation;
use handfast_spec::lifecycle::{Action, Key, Output, Refusal, SELECTOR, SessionId, SubscriberId};

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
        let Some(state) =
            self.session(session).filter(|state| announced && !state.is_to_end && state.news == News::None)
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

    /// The clock is moved on until the peers that stalled have rested.
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

// What the record calls things, and what the model does.

/// The record's numbers of subscribers, in the model's.
impl Stepped<'_> {
    pub(super) fn name(&self, subscriber: SubscriberId) -> SubscriberId {
        self.names.get(&subscriber).copied().unwrap_or(subscriber)
    }

    pub(super) fn renamed(&self, action: Action) -> Action {
        match action {
            Action::Subscribe { subscriber } => Action::Subscribe { subscriber: self.name(subscriber) },
            Action::Unsubscribe { subscriber } => Action::Unsubscribe { subscriber: self.name(subscriber) },
            Action::Receive { subscriber } => Action::Receive { subscriber: self.name(subscriber) },
            Action::Evict { subscriber } => Action::Evict { subscriber: self.name(subscriber) },
            Action::HandshakeDone { session, key } => Action::HandshakeDone { session, key: self.keys.of(key) },
            Action::Ban { key } => Action::Ban { key: self.keys.of(key) },
            Action::Unban { key } => Action::Unban { key: self.keys.of(key) },
            other => other,
        }
    }

    pub(super) fn renamed_in(&self, observation: Observation<Output, Refusal>) -> Observation<Output, Refusal> {
        let rename = |output| match output {
            Output::Listed(subscriber, session) => Output::Listed(self.name(subscriber), session),
            Output::Subscribed(subscriber, count) => Output::Subscribed(self.name(subscriber), count),
            Output::Unsubscribed(subscriber) => Output::Unsubscribed(self.name(subscriber)),
            Output::CutOff(subscriber) => Output::CutOff(self.name(subscriber)),
            Output::HandshakeDone(session, key) => Output::HandshakeDone(session, self.keys.of(key)),
            Output::Banned(key) => Output::Banned(self.keys.of(key)),
            Output::Unbanned(key) => Output::Unbanned(self.keys.of(key)),
            Output::Heard(subscriber, event) => Output::Heard(self.name(subscriber), event),
            other => other,
        };
        match observation {
            Observation::Accepted(outputs) => Observation::Accepted(outputs.into_iter().map(rename).collect()),
            Observation::Refused(refusal) => Observation::Refused(refusal),
        }
    }
}

/// Keys in the order in which they appear, which is how a record numbers them: from zero; or, where the node's own key
/// matters, on both sides of that.
#[derive(Default)]
pub(super) struct Keys {
    /// The node's own key, and the record's number of it.
    own: Option<(Key, Key)>,
    seen: Vec<Key>,
}

impl Keys {
    /// Of a node with this own key, which its record calls by that number.
    pub(super) fn around(own: Key, recorded: Key) -> Self {
        Self { own: Some((own, recorded)), seen: Vec::new() }
    }

    pub(super) fn see(&mut self, key: Key) {
        if !self.seen.contains(&key) && self.own.is_none_or(|(own, _)| own != key) {
            self.seen.push(key);
        }
    }

    pub(super) fn of(&self, recorded: Key) -> Key {
        let Some((own, middle)) = self.own else { return self.seen[recorded.0 as usize] };
        let side = |is_below: bool, nth: u32| {
            let mut side = self.seen.iter().filter(|key| (**key < own) == is_below);
            *side.nth(nth as usize).expect("a record names keys that were seen")
        };
        match recorded.cmp(&middle) {
            std::cmp::Ordering::Less => side(true, middle.0 - 1 - recorded.0),
            std::cmp::Ordering::Equal => own,
            std::cmp::Ordering::Greater => side(false, recorded.0 - middle.0 - 1),
        }
    }
}
