//! One session's task: everything in program order, and a guard that runs however it ends.

use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use super::handle::Live;
use super::shared::{How, Shared, Signals, State};
use crate::lifecycle::{Announcement, Greeting, Misuse, Peer, Reason, SessionId};
use crate::runtime::time::{Instant, sleep, sleep_until};
use crate::runtime::{panicking, select};

/// What a handshake is given: the way to say that it completed.
///
/// Clones say it for the same session, from any task.
pub struct Handshake<K, I = ()> {
    session: SessionId,
    shared: Arc<Shared<K, I>>,
}

impl<K: Clone + Ord, I> Handshake<K, I> {
    /// The session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Says that the handshake completed, with whom, and what else it said (PEER-5). The first call counts, also among
    /// concurrent ones; every other one is counted in [`Metrics::duplicate_signals`](super::Metrics::duplicate_signals)
    /// and changes nothing (PEER-17). The session is announced after the handshake's future has returned.
    ///
    /// # Errors
    ///
    /// [`Misuse::NoSuchSession`] if the session is over.
    pub fn handshake_done(&self, key: K, info: I) -> Result<Greeting, Misuse> {
        self.shared.step(|state| {
            let named = state.record.is_some().then(|| key.clone());
            let greeting = state.core.handshake_done(self.session, key, info)?;
            let counter = match greeting {
                Greeting::First => &mut state.metrics.greeted,
                Greeting::Again => &mut state.metrics.duplicate_signals,
            };
            *counter += 1;
            if let (Some(record), Some(key)) = (&mut state.record, named) {
                record.greeted(self.session, &key, greeting);
            }
            Ok(greeting)
        })
    }
}

impl<K, I> Clone for Handshake<K, I> {
    fn clone(&self) -> Self {
        Self { session: self.session, shared: Arc::clone(&self.shared) }
    }
}

impl<K, I> Debug for Handshake<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("session", &self.session).finish_non_exhaustive()
    }
}

/// Runs when the session's task ends, however it ends.
pub(super) struct Guard<K: Clone + Ord, I> {
    session: SessionId,
    shared: Arc<Shared<K, I>>,
    signals: Arc<Signals>,
    how: How,
}

impl<K: Clone + Ord, I> Drop for Guard<K, I> {
    fn drop(&mut self) {
        let otherwise = if panicking() { Reason::Panicked } else { Reason::Aborted };
        self.shared.run_guard(self.session, otherwise, self.how);
    }
}

/// What an attempt to have the session announced came to.
enum Attempt<K, I> {
    Up(Arc<Peer<K, I>>),
    /// Nobody hears of the session, and why.
    Rejected(Reason),
    /// Nobody hears of the session: it was told to end, or its handshake has not completed.
    Over,
    /// The patience with whoever holds it up ends then, if somebody does.
    Waits(Option<Instant>),
}

impl<K: Clone + Ord, I> Guard<K, I> {
    pub(super) fn new(session: SessionId, shared: Arc<Shared<K, I>>, signals: Arc<Signals>) -> Self {
        Self { session, shared, signals, how: How::Dropped }
    }

    pub(super) fn handshake(&self) -> Handshake<K, I> {
        Handshake { session: self.session, shared: Arc::clone(&self.shared) }
    }

    async fn told_to_end(&self) -> Reason {
        self.signals.told.wait().await
    }

    fn disconnect(&self, reason: Reason) {
        // Whoever was told before stays told, with the reason that he was given.
        if self.shared.step(|state| state.disconnect(self.session, reason)).is_ok() {
            tracing::debug!(session = %self.session, %reason, "session ends by itself");
        }
    }

    fn expire(&self) {
        let expired = self.shared.step(|state| {
            let expired = state.core.expire(self.session).is_ok();
            if let Some(record) = state.record.as_mut().filter(|_| expired) {
                record.expired(self.session);
            }
            expired
        });
        if expired {
            tracing::debug!(session = %self.session, "handshake timed out");
        }
    }

    fn announce(&self) -> Attempt<K, I> {
        let attempt = self.shared.step(|state| state.announce(self.session));
        match &attempt {
            Attempt::Up(peer) => tracing::debug!(session = %peer.session, "session announced"),
            Attempt::Rejected(reason) => tracing::debug!(session = %self.session, %reason, "session rejected"),
            Attempt::Over | Attempt::Waits(_) => {}
        }
        attempt
    }

    /// Cuts off a subscriber with whom the patience is over; whether there was one.
    fn evict_one(&self) -> bool {
        let evicted = self.shared.step(|state| state.evict_one(Instant::now()));
        if evicted {
            tracing::debug!(session = %self.session, "subscriber cut off, which held up an announcement");
        }
        evicted
    }

    async fn be_announced(&self, deadline: Option<Instant>) -> Option<Arc<Peer<K, I>>> {
        loop {
            let patience_ends = match self.announce() {
                Attempt::Up(peer) => return Some(peer),
                Attempt::Rejected(_) | Attempt::Over => return None,
                Attempt::Waits(patience_ends) => patience_ends,
            };
            // The timers come before the retries, which a busy subscriber can make come for ever.
            select! {
                biased;
                _ = self.told_to_end() => return None,
                () = until(deadline) => {
                    self.expire();
                    return None;
                }
                () = until(patience_ends) => {
                    let is_overdue = || deadline.is_some_and(|deadline| deadline <= Instant::now());
                    while !is_overdue() && self.evict_one() {}
                    if is_overdue() {
                        self.expire();
                        return None;
                    }
                }
                () = self.signals.retry.notified() => {}
            }
        }
    }
}

impl<K: Clone + Ord, I> State<K, I> {
    pub(super) fn disconnect(&mut self, session: SessionId, reason: Reason) -> Result<(), Misuse> {
        let outcome = self.core.disconnect(session, reason);
        if let Some(record) = &mut self.record {
            record.disconnected(session, outcome);
        }
        outcome
    }

    fn announce(&mut self, session: SessionId) -> Attempt<K, I> {
        let outcome = self.core.announce(session);
        let told = self.settle();
        if let Some(record) = &mut self.record {
            record.announced(session, &outcome, &told);
        }
        match outcome {
            Ok(Announcement::Up) => {
                self.metrics.announced += 1;
                self.core.peer(session).cloned().map_or(Attempt::Over, Attempt::Up)
            }
            Ok(Announcement::WaitsForRoom) => {
                self.metrics.waits_for_room += 1;
                Attempt::Waits(self.note_holding(Instant::now()))
            }
            Ok(Announcement::WaitsForOlder(_)) => Attempt::Waits(None),
            Ok(Announcement::Rejected(reason)) => Attempt::Rejected(reason),
            Err(_) => Attempt::Over,
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The life of a session. The guard is the last to be dropped, after the connection: a task that was never polled drops
/// its arguments in order.
pub(super) async fn run<K, I, C, E, HF, B, BF>(handshake: HF, body: B, mut guard: Guard<K, I>)
where
    K: Clone + Ord,
    HF: Future<Output = Result<C, E>>,
    B: FnOnce(Live<K, I>, C) -> BF,
    BF: Future<Output = Reason>,
{
    let deadline = Instant::now().checked_add(guard.shared.timing.handshake_timeout);
    live(&guard, deadline, handshake, body).await;
    guard.how = How::InOrder;
}

async fn live<K, I, C, E, HF, B, BF>(guard: &Guard<K, I>, deadline: Option<Instant>, handshake: HF, body: B)
where
    K: Clone + Ord,
    HF: Future<Output = Result<C, E>>,
    B: FnOnce(Live<K, I>, C) -> BF,
    BF: Future<Output = Reason>,
{
    // Where several are ready the first of them wins: whoever is told to end is not announced, and a handshake that
    // completed is not too late because the task was polled late.
    let connection = select! {
        biased;
        _ = guard.told_to_end() => return,
        result = handshake => match result {
            Ok(connection) => connection,
            Err(_) => return guard.disconnect(Reason::HandshakeFailed),
        },
        () = until(deadline) => return guard.expire(),
    };
    let Some(peer) = guard.be_announced(deadline).await else {
        // Told to end or rejected already, if it is not that nobody ever said who this is.
        return guard.shared.step(|state| {
            if !state.core.is_to_end(guard.session) {
                let _ = state.disconnect(guard.session, Reason::HandshakeFailed);
            }
        });
    };
    let mut body = pin!(body(Live { peer, signals: Arc::clone(&guard.signals) }, connection));
    select! {
        biased;
        _ = guard.told_to_end() => {}
        reason = &mut body => return guard.disconnect(reason),
    }
    let grace = guard.shared.timing.grace;
    if !grace.is_zero() {
        select! {
            biased;
            _ = body => {}
            () = sleep(grace) => {}
        }
    }
}
