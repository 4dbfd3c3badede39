//! The state behind the one lock, and its steps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use smallvec::SmallVec;

use super::bans::Bans;
use super::config::Metrics;
use super::discard::{Garbage, drop_each};
use super::failures::{Failure, FailureQueue};
use super::overdue::Overdue;
use super::patience::Subscriber;
use super::record::Record;
use super::signals::{Attempt, ExitKind, Signals};
use crate::lifecycle::{
    Announcement, Core, Effect, Ended, Event, Reason, SessionId, StateError, Subscribed, SubscriberId,
};
use crate::runtime::sync::{Mutex, MutexGuard, Notify, watch};
use crate::runtime::time::Instant;

/// The state that all handles of a node share.
pub(super) struct Shared<K, I> {
    state: Mutex<State<K, I>>,
    /// Wakes every subscriber that waits.
    pub(super) news: Notify,
    /// Whether the shutdown is complete.
    pub(super) complete: watch::Sender<bool>,
    pub(super) timing: Timing,
}

#[derive(Clone, Copy)]
pub(super) struct Timing {
    pub(super) handshake_timeout: Duration,
    pub(super) slow_subscriber_timeout: Duration,
    pub(super) slow_subscriber_window: Duration,
    pub(super) grace: Duration,
    pub(super) overdue: Duration,
    pub(super) farewell: Duration,
}

/// The state behind the lock.
pub(super) struct State<K, I> {
    pub(super) core: Core<K, I>,
    pub(super) sessions: BTreeMap<SessionId, Arc<Signals>>,
    subscribers: BTreeMap<SubscriberId, Subscriber>,
    pub(super) metrics: Metrics,
    pub(super) record: Option<Box<Record<K>>>,
    pub(super) bans: Bans<K>,
    /// Sessions that were told to end or aborted.
    pub(super) overdue: Overdue,
    /// Sessions that are not announced.
    pub(super) unannounced: Overdue,
    /// Sessions that have ended and whose task has not dropped their connection yet; not those whose task is stuck.
    pub(super) closing: BTreeMap<SessionId, Arc<Signals>>,
    pub(super) timing: Timing,
    /// Sessions that ended in time during the shutdown.
    pub(super) drained: usize,
    /// Sessions that the shutdown did not wait for.
    pub(super) aborted: usize,
    /// Whether a subscriber may hold up announcements. If not, no step needs to look at all of them.
    may_hold_up: bool,
    /// The queues of those that listen for failures.
    pub(super) failures: Vec<Weak<FailureQueue<K, I>>>,
    /// Whether subscribers are to look when the lock is released.
    news: bool,
    /// Most steps wake one task, or two.
    pub(super) wakes: SmallVec<[Wake; 2]>,
    /// Those that listen for failures and have one more.
    pub(super) failed: Vec<Arc<FailureQueue<K, I>>>,
    pub(super) discarded: Vec<Garbage<K, I>>,
}

/// A wake-up that is left for when the lock is released.
pub(super) enum Wake {
    End(Arc<Signals>, Reason),
    Retry(Arc<Signals>),
    Ended(Arc<Signals>, Ended),
    Abort(Arc<Signals>),
    Complete,
}

impl<K: Clone + Ord, I> Shared<K, I> {
    pub(super) fn new(core: Core<K, I>, timing: Timing, record: Option<Box<Record<K>>>) -> Self {
        let state = State {
            core,
            sessions: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            metrics: Metrics::default(),
            record,
            bans: Bans::new(),
            drained: 0,
            aborted: 0,
            overdue: Overdue::default(),
            unannounced: Overdue::default(),
            closing: BTreeMap::new(),
            timing,
            may_hold_up: false,
            failures: Vec::new(),
            news: false,
            wakes: SmallVec::new(),
            failed: Vec::new(),
            discarded: Vec::new(),
        };
        Self { state: Mutex::new(state), news: Notify::new(), complete: watch::channel(false).0, timing }
    }

    /// Runs `step` under the lock. When the lock has been released it wakes tasks, so that none wakes up only to wait for
    /// the lock, and then drops what callers gave us, which may call the node or panic.
    pub(super) fn step<R>(&self, step: impl FnOnce(&mut State<K, I>) -> R) -> R {
        let (result, discarded) = self.step_keeping(step);
        drop_each(discarded);
        result
    }

    /// Runs `step` as [`step`](Self::step) does, and hands out what is to be dropped.
    fn step_keeping<R>(&self, step: impl FnOnce(&mut State<K, I>) -> R) -> (R, Vec<Garbage<K, I>>) {
        let mut state = self.lock();
        state.lift_bans();
        let result = step(&mut state);
        // Each step has collected its own effects, unless a key's order or clone panicked in the one before.
        state.collect_effects();
        let news = std::mem::take(&mut state.news);
        let wakes = std::mem::take(&mut state.wakes);
        let failed = std::mem::take(&mut state.failed);
        let discarded = std::mem::take(&mut state.discarded);
        drop(state);
        if news {
            self.news.notify_waiters();
        }
        for wake in wakes {
            match wake {
                Wake::End(signals, reason) => signals.told.set(reason),
                Wake::Retry(signals) => signals.retry.notify_one(),
                Wake::Ended(signals, ended) => signals.ended.set(ended),
                Wake::Abort(signals) => signals.abort(),
                Wake::Complete => drop(self.complete.send_replace(true)),
            }
        }
        failed.iter().for_each(|listener| listener.wake());
        // A listener that is gone since leaves its queue to us.
        (result, discarded.into_iter().chain(failed.into_iter().map(Garbage::Listener)).collect())
    }

    /// Runs the guard of a session (PEER-27). A second call finds nothing to do.
    pub(super) fn run_guard(&self, session: SessionId, otherwise: Reason, exit: ExitKind) {
        drop_each(self.end(session, otherwise, exit));
    }

    /// Runs the guard of a session, and hands out what is to be dropped.
    fn end(&self, session: SessionId, otherwise: Reason, exit: ExitKind) -> Vec<Garbage<K, I>> {
        let (ended, mut discarded) = self.step_keeping(|state| state.end(session, otherwise, exit));
        if let Ok(ended) = ended {
            crate::trace::debug!(%session, announced = ended.announced, reason = %ended.reason, "session ended");
            // Otherwise the task does it when it has dropped its connection.
            if exit == ExitKind::Overdue {
                discarded.extend(self.step_keeping(State::finish_if_closed).1);
            }
        }
        discarded
    }

    /// Runs the guards of these sessions and aborts their tasks, which do not come to an `await` or are not polled.
    pub(super) fn end_all(&self, sessions: impl IntoIterator<Item = SessionId>, otherwise: Reason) {
        let end = |session| self.end(session, otherwise, ExitKind::Overdue);
        let discarded: Vec<_> = sessions.into_iter().flat_map(end).collect();
        drop_each(discarded);
    }

    /// Runs `step` for a newcomer, which finds the slots, keys and the line free of sessions that were told to end too long
    /// ago, or whose handshake timeout is over: they end first, a few at most, because a newcomer does not wait for more than
    /// it needs.
    pub(super) fn step_of_newcomer<R>(&self, mut step: impl FnMut(&mut State<K, I>) -> R) -> R {
        for _ in 0..OVERDUE_AT_ONCE {
            let attempt = self.step(|state| match state.first_overdue() {
                Some(overdue) => Err(overdue),
                None => Ok(step(state)),
            });
            match attempt {
                Ok(result) => return result,
                Err((session, otherwise)) => {
                    crate::trace::debug!(%session, "session is overdue");
                    self.end_all([session], otherwise);
                }
            }
        }
        self.step(step)
    }

    /// A panic under the lock can only come from the order or the clone of a key, or from a record's writer. Guards run
    /// while their task unwinds and must not panic, so that the state is used as it was left.
    fn lock(&self) -> MutexGuard<'_, State<K, I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many overdue sessions one newcomer ends.
const OVERDUE_AT_ONCE: usize = 16;

/// The count of a step that no metric counts.
pub(super) fn uncounted<R>(_: &mut Metrics, _: &R) {}

/// The steps of the core, each through [`apply`](Self::apply).
impl<K: Clone + Ord, I> State<K, I> {
    /// Makes one step: calls the core, collects its effects, counts the result and writes it to the record. Every change
    /// of the core goes through here, so that none is missing in the metrics or the record. `record` is also given the
    /// sessions that the core told to end, in order.
    pub(super) fn apply<R>(
        &mut self,
        call: impl FnOnce(&mut Self) -> R,
        count: impl FnOnce(&mut Metrics, &R),
        record: impl FnOnce(&mut Record<K>, &R, &[SessionId]),
    ) -> R {
        let result = call(self);
        let told = self.collect_effects();
        self.note_holding();
        count(&mut self.metrics, &result);
        if let Some(log) = &mut self.record {
            record(log, &result, &told);
        }
        result
    }

    /// Turns the effects of the core into wake-ups. Returns the sessions that it told to end, in order, for the record.
    fn collect_effects(&mut self) -> Vec<SessionId> {
        let mut told = Vec::new();
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::End(session, reason) => {
                    if self.record.is_some() {
                        told.push(session);
                    }
                    self.note_overdue(session, self.timing.grace.saturating_add(self.timing.overdue));
                    self.wakes.extend(self.sessions.get(&session).map(|signals| Wake::End(signals.clone(), reason)));
                }
                Effect::Retry(session) => {
                    self.wakes.extend(self.sessions.get(&session).cloned().map(Wake::Retry));
                }
                Effect::Wake => self.news = true,
                Effect::Discard(discarded) => self.discarded.push(Garbage::Core(discarded)),
            }
        }
        told
    }

    /// Returns when a session that waits for room is to act: when the first subscriber that holds it up is to be evicted, or
    /// when one in front of it may be overdue, which would otherwise hold up the line.
    fn acts_at(&self) -> Option<Instant> {
        let evicted_at = self.subscribers.values().filter_map(Subscriber::evicted_at).min();
        let moments = [evicted_at, self.overdue.next_moment(), self.unannounced.next_moment()];
        moments.into_iter().flatten().min()
    }

    /// Starts the time of subscribers that hold up an announcement, and stops that of the others.
    fn note_holding(&mut self) {
        let waits = self.core.waits_for_room();
        if !waits && !self.may_hold_up {
            return;
        }
        let now = Instant::now();
        let holding: BTreeSet<SubscriberId> = self.core.holding().filter(|_| waits).collect();
        for (id, subscriber) in &mut self.subscribers {
            subscriber.note(holding.contains(id), now);
        }
        self.may_hold_up = !holding.is_empty();
    }

    pub(super) fn announce(&mut self, session: SessionId) -> Attempt<K, I> {
        self.lift_ban_of_key_of(session);
        let announced = self.apply(
            |state| state.core.announce(session),
            |metrics, announced| match announced {
                Ok(Announcement::Up) => metrics.announced += 1,
                Ok(Announcement::Queued | Announcement::WaitsForRoom) => metrics.waits_for_room += 1,
                Ok(Announcement::WaitsForOlder(_) | Announcement::Rejected(_)) | Err(_) => {}
            },
            |record, announced, told| record.announced(session, announced, told),
        );
        match announced {
            Ok(Announcement::Up) => self.up(session),
            Ok(Announcement::Queued | Announcement::WaitsForRoom) => Attempt::Waits(self.acts_at()),
            Ok(Announcement::WaitsForOlder(older)) => Attempt::Waits(self.overdue.moment(older)),
            Ok(Announcement::Rejected(reason)) => Attempt::Rejected(reason),
            Err(_) => Attempt::Over,
        }
    }

    fn up(&mut self, session: SessionId) -> Attempt<K, I> {
        self.unannounced.forget(session);
        // Set once: a session is announced once.
        let _ = self.sessions.get(&session).map(|signals| signals.announced_at.set(Instant::now()));
        self.core.peer(session).cloned().map_or(Attempt::Over, Attempt::Up)
    }

    pub(super) fn expire(&mut self, session: SessionId) -> Result<(), StateError> {
        self.apply(
            |state| state.core.expire(session),
            uncounted,
            |record, expired, _| {
                if expired.is_ok() {
                    record.expired(session);
                }
            },
        )
    }

    pub(super) fn disconnect(&mut self, session: SessionId, reason: Reason) -> Result<(), StateError> {
        self.apply(
            |state| state.core.disconnect(session, reason),
            uncounted,
            |record, disconnected, _| record.disconnected(session, *disconnected),
        )
    }

    /// Tells several sessions to end, which the core knows. Returns how many.
    pub(super) fn disconnect_all(&mut self, disconnect: impl FnOnce(&mut Core<K, I>) -> usize) -> usize {
        self.apply(|state| disconnect(&mut state.core), uncounted, |record, _, told| record.all_disconnected(told))
    }

    pub(super) fn end(&mut self, session: SessionId, otherwise: Reason, exit: ExitKind) -> Result<Ended, StateError> {
        let origin = self.core.status(session).map(|(origin, ..)| origin);
        let peer = self.core.unannounced(session).cloned();
        let ended = self.apply(
            |state| {
                let ended = state.core.end(session, otherwise)?;
                state.overdue.forget(session);
                state.unannounced.forget(session);
                let signals = state.sessions.remove(&session);
                // Without the guard the task goes on, if it comes to an `await`. One that is not spawned yet, or that is the
                // caller's, cannot be aborted: it is told.
                if matches!(exit, ExitKind::Overdue | ExitKind::Evicted)
                    && let Some(signals) = &signals
                {
                    state.wakes.push(Wake::End(Arc::clone(signals), ended.reason));
                    state.wakes.push(Wake::Abort(Arc::clone(signals)));
                }
                // A task that is stuck is not waited for.
                if exit != ExitKind::Overdue {
                    state.closing.extend(signals.clone().map(|signals| (session, signals)));
                }
                state.wakes.extend(signals.map(|signals| Wake::Ended(signals, ended)));
                if state.core.is_shutting_down() {
                    match exit {
                        ExitKind::InOrder | ExitKind::Dropped => state.drained += 1,
                        ExitKind::Overdue | ExitKind::Evicted => state.aborted += 1,
                    }
                }
                Ok(ended)
            },
            |Metrics { downs, ended_unannounced, .. }, ended: &Result<Ended, StateError>| {
                if let Ok(Ended { announced, reason }) = ended {
                    let counted = if *announced { downs } else { ended_unannounced };
                    *counted.entry(reason.name()).or_default() += 1;
                }
            },
            |record, ended, _| {
                if let Ok(ended) = ended {
                    record.ended(session, *ended, exit);
                }
            },
        );
        if let (Ok(Ended { announced: false, reason }), Some(origin)) = (ended, origin) {
            let failure = Failure { session, origin, peer, reason };
            self.fail(&failure);
            self.discarded.push(Garbage::Failure(failure));
        } else {
            self.discarded.extend(peer.map(Garbage::Peer));
        }
        ended
    }

    pub(super) fn subscribe(&mut self, timeout: Duration) -> Result<Subscribed<K, I>, StateError> {
        self.apply(
            |state| {
                let subscribed = state.core.subscribe()?;
                let subscriber = Subscriber::new(timeout, state.timing.slow_subscriber_window);
                state.subscribers.insert(subscribed.subscriber, subscriber);
                Ok(subscribed)
            },
            uncounted,
            |record, subscribed: &Result<Subscribed<K, I>, StateError>, _| {
                if let Ok(Subscribed { subscriber, snapshot }) = subscribed {
                    record.subscribed(*subscriber, snapshot.iter().map(|peer| peer.session));
                }
            },
        )
    }

    pub(super) fn receive(&mut self, subscriber: SubscriberId) -> Option<Event<K, I>> {
        self.apply(
            |state| {
                let event = state.core.receive(subscriber).ok().flatten()?;
                match event {
                    Event::Up(_) | Event::Down(..) => {}
                    Event::Lagged | Event::Closed => drop(state.subscribers.remove(&subscriber)),
                }
                Some(event)
            },
            uncounted,
            |record, event, _| {
                if let Some(event) = event {
                    record.received(subscriber, event);
                }
            },
        )
    }

    pub(super) fn unsubscribe(&mut self, subscriber: SubscriberId) -> Option<VecDeque<Event<K, I>>> {
        self.apply(
            |state| {
                let queued = state.core.unsubscribe(subscriber).ok()?;
                state.subscribers.remove(&subscriber);
                Some(queued)
            },
            uncounted,
            |record, queued, _| {
                if queued.is_some() {
                    record.unsubscribed(subscriber);
                }
            },
        )
    }

    /// Evicts one subscriber that has held up announcements for its whole timeout. Returns whether there was one.
    pub(super) fn evict_one(&mut self, now: Instant) -> bool {
        let is_due = |subscriber: &Subscriber| subscriber.evicted_at().is_some_and(|moment| moment <= now);
        let due = self.subscribers.iter().find(|(_, subscriber)| is_due(subscriber)).map(|(&id, _)| id);
        let Some(subscriber) = due else { return false };
        let evicted = self.apply(
            |state| state.core.evict(subscriber),
            |metrics, evicted| metrics.evicted += u64::from(evicted.is_ok()),
            |record, evicted, _| {
                if evicted.is_ok() {
                    record.evicted(subscriber);
                }
            },
        );
        evicted.is_ok()
    }

    /// Begins the shutdown. Returns whether this call began it.
    pub(super) fn shut_down(&mut self) -> bool {
        let begun = self.apply(
            |state| state.core.shut_down(),
            uncounted,
            |record, begun, told| {
                if begun.is_ok() {
                    record.shutting_down(told);
                }
            },
        );
        begun.is_ok()
    }

    /// Completes the shutdown if the last session has ended.
    pub(super) fn finish(&mut self) {
        let finished = self.apply(
            |state| state.core.finish(),
            uncounted,
            |record, finished, _| {
                if *finished == Ok(true) {
                    record.finished();
                }
            },
        );
        if finished == Ok(true) {
            self.wakes.push(Wake::Complete);
        }
    }

    /// Completes the shutdown if the last session has ended and no task has a connection to drop.
    pub(super) fn finish_if_closed(&mut self) {
        if self.closing.is_empty() {
            self.finish();
        }
    }

    /// Notes that nothing of a session's task is left, its connection included. Returns whether that may complete a shutdown.
    pub(super) fn closed(&mut self, session: SessionId) -> bool {
        self.closing.remove(&session);
        if let Some(record) = &mut self.record {
            record.closed(session);
        }
        self.core.is_shutting_down()
    }
}
