//! One session: its handles, its task, which does everything in program order, and the guard that runs however it ends.

use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use super::state::Shared;
use crate::lifecycle::{Ended, Greeting, Peer, Reason, SessionId, StateError};
use crate::runtime::sync::{Notify, OnceLock};
use crate::runtime::task::AbortHandle;
use crate::runtime::time::{Instant, sleep, sleep_until};
use crate::runtime::{panicking, select};

/// The handshake's handle to its session, to report that it completed.
///
/// Clones report it for the same session, from any task.
pub struct Handshake<K, I = ()> {
    session: SessionId,
    shared: Arc<Shared<K, I>>,
}

impl<K: Clone + Ord, I> Handshake<K, I> {
    /// The session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Makes the session privileged because the handshake says who it is: it no longer counts against any limit but the
    /// total. To be called before [`handshake_done`](Self::handshake_done).
    ///
    /// # Errors
    ///
    /// [`StateError::WrongStage`] if the handshake was reported complete, [`StateError::AlreadyPrivileged`], or
    /// [`StateError::NoSuchSession`] if the session is over.
    pub fn grant_privilege(&self) -> Result<(), StateError> {
        self.shared.step(|state| state.grant_privilege(self.session))
    }

    /// Says what both ends compare where [ties are broken](crate::lifecycle::Duplicates::TieBreak) and the direction does
    /// not tell: a number that both know from the handshake (PEER-43). Where the dialer numbers its connections and says
    /// so, both ends keep its latest one. To be called before [`handshake_done`](Self::handshake_done).
    ///
    /// # Errors
    ///
    /// [`StateError::WrongStage`] if the handshake was reported complete, or [`StateError::NoSuchSession`] if the session is
    /// over.
    pub fn set_rank(&self, rank: u32) -> Result<(), StateError> {
        self.shared.step(|state| state.set_rank(self.session, rank))
    }

    /// Reports that the handshake completed, with whom, and what else it said (PEER-5). The first call counts, also among
    /// concurrent ones; every other one is counted in [`Metrics::duplicate_signals`](super::Metrics::duplicate_signals)
    /// and changes nothing (PEER-17). The session is announced after the handshake's future has returned.
    ///
    /// # Errors
    ///
    /// [`StateError::NoSuchSession`] if the session is over.
    pub fn handshake_done(&self, key: K, info: I) -> Result<Greeting, StateError> {
        self.shared.step(|state| state.handshake_done(self.session, key, info))
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

/// The body's handle to its announced session.
#[derive(Debug)]
pub struct SessionContext<K, I = ()> {
    /// The peer at the other end.
    pub peer: Arc<Peer<K, I>>,
    signals: Arc<Signals>,
}

impl<K, I> SessionContext<K, I> {
    /// Waits until the session is told to end, and says why. The body then has
    /// [`NodeConfig::grace`](super::NodeConfig::grace) to return. Cancel safe.
    pub async fn told_to_end(&mut self) -> Reason {
        self.signals.told.wait().await
    }
}

/// A handle to a session for everyone but its body. Dropping it changes nothing; the session goes on.
pub struct SessionHandle {
    session: SessionId,
    signals: Arc<Signals>,
}

impl SessionHandle {
    pub(super) fn new(session: SessionId, signals: Arc<Signals>) -> Self {
        Self { session, signals }
    }

    /// The session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Aborts the session's task: its handshake or body is dropped at its next `await`, and the guard runs. Nothing
    /// happens if the task is not spawned (see [`Node::prepare`](super::Node::prepare)) or over.
    pub fn abort(&self) {
        self.signals.abort();
    }

    /// Returns how the session ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.signals.ended.get()
    }

    /// Waits until the session has ended, and returns how. Cancel safe.
    pub async fn wait(&self) -> Ended {
        self.signals.ended.wait().await
    }
}

impl Debug for SessionHandle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { session, signals } = self;
        f.debug_struct("SessionHandle").field("session", session).field("ended", &signals.ended).finish_non_exhaustive()
    }
}

/// Runs when the session's task ends, however it ends.
pub(super) struct Guard<K: Clone + Ord, I> {
    session: SessionId,
    shared: Arc<Shared<K, I>>,
    signals: Arc<Signals>,
    exit: ExitKind,
}

impl<K: Clone + Ord, I> Drop for Guard<K, I> {
    fn drop(&mut self) {
        let otherwise = if panicking() { Reason::Panicked } else { Reason::Aborted };
        self.shared.run_guard(self.session, otherwise, self.exit);
    }
}

impl<K: Clone + Ord, I> Guard<K, I> {
    pub(super) fn new(session: SessionId, shared: Arc<Shared<K, I>>, signals: Arc<Signals>) -> Self {
        Self { session, shared, signals, exit: ExitKind::Dropped }
    }

    pub(super) fn handshake(&self) -> Handshake<K, I> {
        Handshake { session: self.session, shared: Arc::clone(&self.shared) }
    }

    async fn told_to_end(&self) -> Reason {
        self.signals.told.wait().await
    }

    fn disconnect(&self, reason: Reason) {
        // A session that was told to end before keeps its first reason.
        if self.shared.step(|state| state.disconnect(self.session, reason)).is_ok() {
            tracing::debug!(session = %self.session, %reason, "session ends by itself");
        }
    }

    fn expire(&self) {
        if self.shared.step(|state| state.expire(self.session)).is_ok() {
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

    /// Evicts a subscriber that has timed out. Returns whether there was one.
    fn evict_one(&self) -> bool {
        let evicted = self.shared.step(|state| state.evict_one(Instant::now()));
        if evicted {
            tracing::debug!(session = %self.session, "subscriber evicted, which held up an announcement");
        }
        evicted
    }

    async fn be_announced(&self, deadline: Option<Instant>) -> Option<Arc<Peer<K, I>>> {
        loop {
            let evicts_at = match self.announce() {
                Attempt::Up(peer) => return Some(peer),
                Attempt::Rejected(_) | Attempt::Over => return None,
                Attempt::Waits(evicts_at) => evicts_at,
            };
            // The timers come before the retries, which a busy subscriber can make come for ever.
            select! {
                biased;
                _ = self.told_to_end() => return None,
                () = until(deadline) => {
                    self.expire();
                    return None;
                }
                () = until(evicts_at) => {
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
    E: Into<Reason>,
    HF: Future<Output = Result<C, E>>,
    B: FnOnce(SessionContext<K, I>, C) -> BF,
    BF: Future<Output = Reason>,
{
    let deadline = Instant::now().checked_add(guard.shared.timing.handshake_timeout);
    live(&guard, deadline, handshake, body).await;
    guard.exit = ExitKind::InOrder;
}

async fn live<K, I, C, E, HF, B, BF>(guard: &Guard<K, I>, deadline: Option<Instant>, handshake: HF, body: B)
where
    K: Clone + Ord,
    E: Into<Reason>,
    HF: Future<Output = Result<C, E>>,
    B: FnOnce(SessionContext<K, I>, C) -> BF,
    BF: Future<Output = Reason>,
{
    // Where several are ready the first of them wins: a session that is told to end is not announced, and a handshake
    // that completed is not too late because the task was polled late.
    let connection = select! {
        biased;
        _ = guard.told_to_end() => return,
        result = handshake => match result {
            Ok(connection) => connection,
            Err(error) => return guard.disconnect(error.into()),
        },
        () = until(deadline) => return guard.expire(),
    };
    let Some(peer) = guard.be_announced(deadline).await else {
        // It was told to end or rejected, or else its handshake has returned without naming the peer.
        return guard.shared.step(|state| {
            if !state.core.is_to_end(guard.session) {
                let _ = state.disconnect(guard.session, Reason::HandshakeFailed);
            }
        });
    };
    let mut body = pin!(body(SessionContext { peer, signals: Arc::clone(&guard.signals) }, connection));
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

/// The signals between a session's task and its handles.
#[derive(Debug)]
pub(super) struct Signals {
    /// Why the session is to end, once it was told to.
    pub(super) told: SetOnce<Reason>,
    /// How the session ended.
    pub(super) ended: SetOnce<Ended>,
    /// The announcement is worth another attempt. One task waits for it.
    pub(super) retry: Notify,
    /// The task, once it is spawned.
    pub(super) task: OnceLock<AbortHandle>,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self { told: SetOnce::new(), ended: SetOnce::new(), retry: Notify::new(), task: OnceLock::new() }
    }

    /// Aborts the task, if it is spawned.
    pub(super) fn abort(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// A value that is set once and waited for by any number of tasks. Each session has two, so that their size matters: a
/// `watch` channel is eight times as large and an allocation of its own.
#[derive(Debug)]
pub(super) struct SetOnce<T> {
    value: OnceLock<T>,
    set: Notify,
}

impl<T: Copy> SetOnce<T> {
    fn new() -> Self {
        Self { value: OnceLock::new(), set: Notify::new() }
    }

    /// Sets the value, if it was not set before, and wakes the tasks that wait for it.
    pub(super) fn set(&self, value: T) {
        let _ = self.value.set(value);
        self.set.notify_waiters();
    }

    pub(super) fn get(&self) -> Option<T> {
        self.value.get().copied()
    }

    /// Waits until the value is set. Cancel safe.
    pub(super) async fn wait(&self) -> T {
        loop {
            // Made before the look, so that a value that is set after it is not missed.
            let set = self.set.notified();
            if let Some(value) = self.get() {
                return value;
            }
            set.await;
        }
    }
}

/// How the guard of a session comes to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ExitKind {
    /// The task came to its end by itself.
    InOrder,
    /// The task was aborted or dropped, or panicked.
    Dropped,
    /// The shutdown did not wait any longer.
    Overdue,
}

/// The result of an attempt to have a session announced.
pub(super) enum Attempt<K, I> {
    Up(Arc<Peer<K, I>>),
    /// No subscriber hears of the session, for this reason.
    Rejected(Reason),
    /// No subscriber hears of the session: it was told to end, or its handshake has not completed.
    Over,
    /// The session waits. The moment is when the first subscriber that holds it up is to be evicted, if one does.
    Waits(Option<Instant>),
}
