//! The one lock, and what is done around each step under it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::config::Metrics;
use super::once::Once;
use super::record::Record;
use super::terms::Terms;
use crate::lifecycle::{Core, Effect, Ended, Misuse, Reason, SessionId, SubscriberId};
use crate::runtime::sync::{Mutex, MutexGuard, Notify, OnceLock, watch};
use crate::runtime::task::AbortHandle;
use crate::runtime::time::Instant;

/// What all handles of a node share.
pub(super) struct Shared<K, I> {
    state: Mutex<State<K, I>>,
    /// Whether the shutdown is complete.
    pub(super) complete: watch::Sender<bool>,
    pub(super) timing: Timing,
}

#[derive(Clone, Copy)]
pub(super) struct Timing {
    pub(super) handshake_timeout: Duration,
    pub(super) patience: Duration,
    pub(super) grace: Duration,
}

/// What is behind the lock.
pub(super) struct State<K, I> {
    pub(super) core: Core<K, I>,
    pub(super) sessions: BTreeMap<SessionId, Arc<Signals>>,
    pub(super) listeners: BTreeMap<SubscriberId, Listener>,
    pub(super) metrics: Metrics,
    pub(super) record: Option<Box<Record<K>>>,
    /// When bans end by themselves.
    pub(super) terms: Terms<K>,
    pub(super) drained: usize,
    pub(super) aborted: usize,
    /// Whether some listener may hold up announcements, so that nobody has to look at all of them after each event.
    may_hold_up: bool,
    wakes: Vec<Wake>,
}

/// How a session's task is spoken to, and speaks.
#[derive(Debug)]
pub(super) struct Signals {
    /// Why the session is to end.
    pub(super) told: Once<Reason>,
    /// How the session ended.
    pub(super) ended: Once<Ended>,
    /// The announcement is worth another attempt. One task waits for it.
    pub(super) retry: Notify,
    /// The task, once it is spawned.
    pub(super) task: OnceLock<AbortHandle>,
}

/// How a subscriber is woken, how long it may hold up announcements, and since when it does.
pub(super) struct Listener {
    pub(super) wake: Arc<Notify>,
    pub(super) patience: Duration,
    pub(super) holds_up_since: Option<Instant>,
}

impl Listener {
    /// When the patience with it ends, if it holds up anything and that moment can be told.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        self.holds_up_since?.checked_add(self.patience)
    }
}

/// How a guard comes to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    /// The task came to its end by itself.
    InOrder,
    /// The task was aborted or dropped, or panicked.
    Dropped,
    /// The shutdown did not wait any longer.
    Overdue,
}

/// What is left to do when the lock is released.
enum Wake {
    End(Arc<Signals>, Reason),
    Retry(Arc<Signals>),
    Subscriber(Arc<Notify>),
    Ended(Arc<Signals>, Ended),
    Complete,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self { told: Once::new(), ended: Once::new(), retry: Notify::new(), task: OnceLock::new() }
    }
}

impl<K: Clone + Ord, I> Shared<K, I> {
    pub(super) fn new(core: Core<K, I>, timing: Timing, record: Option<Box<Record<K>>>) -> Self {
        let state = State {
            core,
            sessions: BTreeMap::new(),
            listeners: BTreeMap::new(),
            metrics: Metrics::default(),
            record,
            terms: Terms::new(),
            drained: 0,
            aborted: 0,
            may_hold_up: false,
            wakes: Vec::new(),
        };
        Self { state: Mutex::new(state), complete: watch::channel(false).0, timing }
    }

    /// One step: what `step` does under the lock is seen by nobody in halves, and who is to be woken is woken when the
    /// lock has been released, so that nobody wakes up only to wait for it.
    pub(super) fn step<R>(&self, step: impl FnOnce(&mut State<K, I>) -> R) -> R {
        let mut state = self.lock();
        state.lift_bans();
        let result = step(&mut state);
        state.settle();
        let wakes = std::mem::take(&mut state.wakes);
        drop(state);
        for wake in wakes {
            match wake {
                Wake::End(signals, reason) => signals.told.set(reason),
                Wake::Retry(signals) => signals.retry.notify_one(),
                Wake::Subscriber(wake) => wake.notify_one(),
                Wake::Ended(signals, ended) => signals.ended.set(ended),
                Wake::Complete => drop(self.complete.send_replace(true)),
            }
        }
        result
    }

    /// The guard of a session (PEER-27). Whoever runs it second finds nothing to do.
    pub(super) fn run_guard(&self, session: SessionId, otherwise: Reason, how: How) {
        let ended = self.step(|state| state.end(session, otherwise, how));
        if let Ok(ended) = ended {
            tracing::debug!(%session, announced = ended.announced, reason = %ended.reason, "session ended");
            self.step(State::finish);
        }
    }

    /// A panic under the lock can only come from the order or the clone of a key, or from a record's writer. Guards run
    /// while their task unwinds and must not panic, so that the state is used as it was left.
    fn lock(&self) -> MutexGuard<'_, State<K, I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Ord, I> State<K, I> {
    /// Takes note of what the core wants done. The sessions that it told to end, in order.
    pub(super) fn settle(&mut self) -> Vec<SessionId> {
        let mut told = Vec::new();
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::End(session, reason) => {
                    told.push(session);
                    self.wakes.extend(self.sessions.get(&session).map(|signals| Wake::End(signals.clone(), reason)));
                }
                Effect::Retry(session) => {
                    self.wakes.extend(self.sessions.get(&session).cloned().map(Wake::Retry));
                }
                Effect::Wake(subscriber) => {
                    if self.wakes.is_empty() {
                        // Whoever wakes one subscriber wakes all of them, and perhaps one more.
                        self.wakes.reserve(self.listeners.len() + 1);
                    }
                    let listener = self.listeners.get(&subscriber);
                    self.wakes.extend(listener.map(|listener| Wake::Subscriber(listener.wake.clone())));
                }
            }
        }
        told
    }

    fn end(&mut self, session: SessionId, otherwise: Reason, how: How) -> Result<Ended, Misuse> {
        let ended = self.core.end(session, otherwise)?;
        let signals = self.sessions.remove(&session);
        self.wakes.extend(signals.map(|signals| Wake::Ended(signals, ended)));
        let Metrics { downs, ended_unannounced, .. } = &mut self.metrics;
        let counted = if ended.announced { downs } else { ended_unannounced };
        *counted.entry(ended.reason.name()).or_default() += 1;
        if self.core.is_shutting_down() {
            match how {
                How::InOrder | How::Dropped => self.drained += 1,
                How::Overdue => self.aborted += 1,
            }
        }
        self.settle();
        self.forgive();
        if let Some(record) = &mut self.record {
            record.ended(session, ended, how);
        }
        Ok(ended)
    }

    /// Completes the shutdown when the last session has ended, whoever ended it.
    pub(super) fn finish(&mut self) {
        if self.core.finish() == Ok(true) {
            self.settle();
            self.wakes.push(Wake::Complete);
            if let Some(record) = &mut self.record {
                record.finished();
            }
        }
    }

    /// Notes who has no room for an announcement that waits. When the patience with the first of them ends.
    pub(super) fn note_holding(&mut self, now: Instant) -> Option<Instant> {
        let holding: Vec<SubscriberId> = self.core.holding().collect();
        for subscriber in holding {
            if let Some(listener) = self.listeners.get_mut(&subscriber) {
                listener.holds_up_since.get_or_insert(now);
                self.may_hold_up = true;
            }
        }
        self.listeners.values().filter_map(Listener::patience_ends).min()
    }

    /// Forgives whoever has room again: he has not held up anything without interruption.
    pub(super) fn forgive(&mut self) {
        if !self.may_hold_up {
            return;
        }
        let holding: BTreeSet<SubscriberId> = self.core.holding().collect();
        for (_, listener) in self.listeners.iter_mut().filter(|(subscriber, _)| !holding.contains(subscriber)) {
            listener.holds_up_since = None;
        }
        self.may_hold_up = self.listeners.values().any(|listener| listener.holds_up_since.is_some());
    }
}
