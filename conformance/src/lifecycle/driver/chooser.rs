//! The selector of the active peer as a subscriber of which every step waits for the test.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use handfast::lifecycle::{self as product, Heard, Node, Selector, SelectorConfig, Stalled};
use handfast_spec::Observation;
use handfast_spec::lifecycle::{Action, Key, Output, SELECTOR, SessionId, SubscriberId};

use crate::lifecycle::driver::stepped::{Step, number};
use crate::lifecycle::driver::task::{Pool, Task};

/// Shorter than the patience, which is shorter than the handshake timeout: who is not to stall makes progress whenever
/// the clock is moved. Who stalled rests for as long.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// What a session's task knows of its peer: whether it is ahead.
pub(crate) type Cell = Arc<AtomicBool>;

#[derive(Default)]
pub(crate) struct Chooser {
    /// None before it was started; the last one, if there is none now.
    selector: Option<Selector<Key, Cell>>,
    task: Option<Task>,
    /// Who was active when that was last looked at.
    active: Option<SessionId>,
    /// Who was found to be ahead since that was last looked at.
    found: Arc<Mutex<Vec<SessionId>>>,
}

impl Chooser {
    pub(crate) fn start(&mut self, node: &Node<Key, Cell>, keeps: bool) {
        let config = SelectorConfig::new(STALL_TIMEOUT, if keeps { Stalled::Keep } else { Stalled::Disconnect });
        let found = Arc::clone(&self.found);
        let prepared = Selector::prepare(node, config, move |peer| {
            let ahead = peer.info.load(Ordering::Relaxed);
            if ahead {
                found.lock().unwrap_or_else(PoisonError::into_inner).push(number(peer.session));
            }
            ahead
        });
        if let Ok((selector, task)) = prepared {
            self.selector = Some(selector);
            self.task = Some(Task::new(task));
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.task.as_ref().is_none_or(Task::is_over)
    }

    pub(crate) fn can_go_on(&self) -> bool {
        self.task.as_ref().is_some_and(Task::can_go_on)
    }

    pub(crate) fn go_on(&mut self, pool: &mut Pool) {
        self.task.iter_mut().for_each(|task| task.go_on(pool));
    }

    pub(crate) fn die(&mut self, pool: &mut Pool) {
        self.task.iter_mut().for_each(|task| task.die(pool));
    }

    pub(crate) fn progress(&self) {
        if let Some(selector) = &self.selector
            && let Some(active) = selector.active()
        {
            selector.progress(active.session);
        }
    }

    /// The selector is told to look at a session's cell.
    pub(crate) fn notify_selector(&mut self, session: SessionId, id: product::SessionId) -> Vec<Output> {
        let heard = self.selector.as_ref().map_or(Heard::Unknown, |selector| selector.look_at(id));
        self.take_found();
        let output = match heard {
            Heard::Noted(_) => Output::Heeded(session),
            Heard::Unknown => Output::Deferred(session),
        };
        [output].into_iter().chain(self.change()).collect()
    }

    /// What the node recorded of the selector's step, and what the selector made of it: who was found to be ahead, and
    /// who is active now. A change that comes with no step of the node is that a peer stalled, or that none was active and
    /// one was looked at again.
    pub(crate) fn complete(&mut self, mut steps: Vec<Step>) -> Vec<Step> {
        let found = self.take_found();
        let before = self.active;
        let change = self.change();
        // Another step than its own is that it disconnected whoever had stalled.
        let own = steps.iter_mut().find(|(action, _)| match action {
            Action::Subscribe { subscriber } | Action::Unsubscribe { subscriber } | Action::Receive { subscriber } => {
                *subscriber == SELECTOR
            }
            _ => false,
        });
        let Some((action, Observation::Accepted(outputs))) = own else {
            steps.extend(change.map(|change| match (before, change) {
                (None, Output::Active(Some(session))) => {
                    (Action::Reconsider { session }, Observation::Accepted(vec![change]))
                }
                (before, change) => {
                    let stalled = before.map(Output::Stalled).into_iter();
                    (Action::Stall, Observation::Accepted(stalled.chain([change]).collect()))
                }
            }));
            return steps;
        };
        // That it is subscribed is told last, after everybody in the snapshot has been looked at.
        let at = if matches!(action, Action::Subscribe { .. }) { outputs.len() - 1 } else { outputs.len() };
        let last = outputs.split_off(at);
        let mut heeded = found.into_iter().map(Output::Heeded);
        outputs.extend(heeded.next());
        outputs.extend(change);
        outputs.extend(heeded);
        outputs.extend(last);
        steps
    }

    fn take_found(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&mut self) -> Option<Output> {
        let active = self.selector.as_ref().and_then(Selector::active).map(|peer| number(peer.session));
        (active != self.active).then(|| {
            self.active = active;
            Output::Active(active)
        })
    }
}

// What a walk does where the model leaves it a choice.

/// Shorter than the handshake timeout.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1_000);

/// What a walk does where the model leaves it a choice that it does not see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// The selector leaves it to others to disconnect a peer that stalled.
    pub(crate) keeps: bool,
    /// There is a selector, which is the first subscriber.
    pub(crate) selects: bool,
    /// With whom the patience is shorter than with the others.
    pub(crate) hasty: SubscriberId,
}

impl Habits {
    pub(crate) const ALL: [Self; 4] = {
        let mut all = [Self { keeps: false, selects: false, hasty: SubscriberId(0) }; 4];
        let mut index = 0;
        while index < all.len() {
            let hasty = SubscriberId(index as u32 & 1);
            all[index] = Self { keeps: index & 2 != 0, hasty, selects: false };
            index += 1;
        }
        all
    };

    pub(crate) fn patience(self, subscriber: SubscriberId) -> Duration {
        if subscriber == self.hasty { PATIENCE / 2 } else { PATIENCE }
    }
}
