//! One session: the handles of its handshake and its body, its task, which does everything in program order, and the guard that runs however it ends.

use std::fmt::{self, Debug, Formatter};
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use super::discard::drop_before;
use super::signals::{Attempt, ExitKind, Gone, Signals};
use super::slot::Farewell;
use super::state::{Shared, State, Timing};
use crate::lifecycle::{Greeting, Peer, Reason, SessionId, StateError};
use crate::runtime::sync::atomic::Ordering;
use crate::runtime::time::{Instant, sleep, sleep_until};
use crate::runtime::{panicking, select};

/// The handshake's handle to its session, to report that it completed.
///
/// Clones report it for the same session, from any task.
pub struct Handshake<K, I = ()> {
    session: SessionId,
    shared: Arc<Shared<K, I>>,
    signals: Arc<Signals>,
}

impl<K: Clone + Ord, I> Handshake<K, I> {
    /// Returns the session.
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

    /// Has `gone` watch the connection while the session waits to be announced: for room in a subscriber's queue, or for
    /// the end of the session that it replaces. No body reads the connection yet, so that nothing else would notice that
    /// the other end has closed it, and the session would keep its slot until the handshake timeout.
    ///
    /// The session's task polls `gone` after the handshake's future has returned. When it completes, the session is told
    /// to end for the reason that it returns. It is dropped when the wait is over, before the body is made, so that a
    /// connection that it shares through an [`Arc`] is the body's alone. A second call replaces the first; one that comes
    /// after the handshake's future has returned drops `gone` at once.
    ///
    /// ```
    /// # use handfast::lifecycle::{Config, Duplicates, Limits, Node, NodeConfig, Origin, Reason};
    /// # use std::sync::Arc;
    /// # use tokio::{io::Interest, net::TcpStream};
    /// # fn accepted(node: &Node<u64>, stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    /// node.open(
    ///     Origin::inbound(Some(stream.peer_addr()?.ip())),
    ///     |handshake| async move {
    ///         let _ = handshake.handshake_done(7, ());
    ///         let stream = Arc::new(stream);
    ///         let watched = Arc::clone(&stream);
    ///         handshake.ends_when(async move {
    ///             match watched.ready(Interest::READABLE).await {
    ///                 // What the peer has sent already is left for the body.
    ///                 Ok(ready) if !ready.is_read_closed() => std::future::pending().await,
    ///                 Ok(_) | Err(_) => Reason::RemoteClosed,
    ///             }
    ///         });
    ///         Ok::<_, std::io::Error>(stream)
    ///     },
    ///     |mut context, _stream| async move { context.told_to_end().await },
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ends_when(&self, gone: impl Future<Output = Reason> + Send + 'static) {
        drop(self.signals.watch_with(Box::pin(gone)));
    }

    /// Ends the session now, and says why: its slot is free while the handshake still has the connection. For a handshake
    /// that closes the connection itself, which the future does when it returns an error: otherwise the other end may come
    /// again first, and be turned away because of its own old session (PEER-49). What the handshake returns then is not
    /// heard.
    ///
    /// The handshake goes on for the [grace](super::NodeConfig::grace) or the time of a
    /// [farewell](super::NodeConfig::farewell), whichever is longer, and is then dropped where it waits. One that was told
    /// to end before by another is dropped where it waits, as always.
    pub fn end(&self, reason: Reason) {
        end(&self.shared, self.session, &self.signals, reason);
    }
}

fn end<K: Clone + Ord, I>(shared: &Shared<K, I>, session: SessionId, signals: &Signals, reason: Reason) {
    // Before it is told to end, which its task takes for another's wish otherwise.
    signals.ends_itself.store(true, Ordering::Relaxed);
    // A session that was told to end before keeps its first reason.
    let _ = shared.step(|state| state.disconnect(session, reason));
    shared.run_guard(session, reason, ExitKind::InOrder);
}

/// What a body returns: why it ended, or that and its connection, as a pair. What comes with the reason is dropped after
/// the session has ended, so that a peer that sees its connection close finds its key and its slot free when it comes
/// again (PEER-49). A body that returns the reason alone has dropped its connection by then, and calls
/// [`SessionContext::end`] before it does, if the peer may come again.
pub trait BodyOutput {
    /// What is dropped after the session has ended.
    type Rest;

    /// Returns the reason, and the rest.
    fn into_parts(self) -> (Reason, Self::Rest);
}

impl BodyOutput for Reason {
    type Rest = ();

    fn into_parts(self) -> (Reason, ()) {
        (self, ())
    }
}

impl<T> BodyOutput for (Reason, T) {
    type Rest = T;

    fn into_parts(self) -> (Reason, T) {
        self
    }
}

impl<K, I> Clone for Handshake<K, I> {
    fn clone(&self) -> Self {
        Self { session: self.session, shared: Arc::clone(&self.shared), signals: Arc::clone(&self.signals) }
    }
}

impl<K, I> Debug for Handshake<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("session", &self.session).finish_non_exhaustive()
    }
}

/// The body's handle to its announced session.
pub struct SessionContext<K, I = ()> {
    /// The peer at the other end.
    pub peer: Arc<Peer<K, I>>,
    shared: Arc<Shared<K, I>>,
    signals: Arc<Signals>,
}

impl<K: Clone + Ord, I> SessionContext<K, I> {
    /// Ends the session now, and says why: subscribers hear Down, and its key and slot are free, while the body still has
    /// the connection. A body that closes the connection itself calls it first, or returns the connection with its reason
    /// (see [`BodyOutput`]): otherwise the other end may come again before the session has ended, and be turned away as its
    /// own duplicate (PEER-49). What the body returns then is not heard.
    ///
    /// The body then has the [grace](super::NodeConfig::grace) to return, as when it is told to end, or the time of a
    /// [farewell](super::NodeConfig::farewell) if that is longer: without grace, too, it can close its connection in order.
    /// A session that was told to end before keeps its reason, and what is left of its grace.
    pub fn end(&self, reason: Reason) {
        end(&self.shared, self.peer.session, &self.signals, reason);
    }
}

impl<K, I> SessionContext<K, I> {
    /// Waits until the session is told to end, and says why. The body then has
    /// [`NodeConfig::grace`](super::NodeConfig::grace) to return. Cancel safe.
    pub async fn told_to_end(&mut self) -> Reason {
        self.signals.told.wait().await
    }
}

impl<K: Debug, I: Debug> Debug for SessionContext<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionContext").field("peer", &self.peer).finish_non_exhaustive()
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
        let Self { session, shared, signals, .. } = self;
        Handshake { session: *session, shared: Arc::clone(shared), signals: Arc::clone(signals) }
    }

    fn context(&self, peer: Arc<Peer<K, I>>) -> SessionContext<K, I> {
        SessionContext { peer, shared: Arc::clone(&self.shared), signals: Arc::clone(&self.signals) }
    }

    async fn told_to_end(&self) -> Reason {
        self.signals.told.wait().await
    }

    /// How long the handshake or the body goes on that has ended its session itself, and has a connection to close. None if
    /// another has told it to end.
    fn time_to_close(&self) -> Option<Duration> {
        let Timing { grace, farewell, .. } = self.shared.timing;
        self.signals.ends_itself.load(Ordering::Relaxed).then_some(grace.max(farewell))
    }

    fn disconnect(&self, reason: Reason) {
        // A session that was told to end before keeps its first reason.
        if self.shared.step(|state| state.disconnect(self.session, reason)).is_ok() {
            crate::trace::debug!(session = %self.session, %reason, "session ends by itself");
        }
    }

    fn expire(&self) {
        if self.shared.step(|state| state.expire(self.session)).is_ok() {
            crate::trace::debug!(session = %self.session, "handshake timed out");
        }
    }

    fn announce(&self) -> Attempt<K, I> {
        let attempt = self.shared.step_of_newcomer(|state| state.announce(self.session));
        match &attempt {
            Attempt::Up(peer) => crate::trace::debug!(session = %peer.session, "session announced"),
            Attempt::Rejected(reason) => crate::trace::debug!(session = %self.session, %reason, "session rejected"),
            Attempt::Over | Attempt::Waits(_) => {}
        }
        attempt
    }

    /// Waits until the session is announced. None if it is not to be, and is told to end.
    async fn admitted(&self, deadline: Option<Instant>) -> Option<Arc<Peer<K, I>>> {
        let peer = self.be_announced(deadline).await;
        if peer.is_none() {
            // It was told to end or rejected, or else its handshake has returned without naming the peer.
            self.shared.step(|state| {
                if !state.core.is_to_end(self.session) {
                    let _ = state.disconnect(self.session, Reason::HandshakeFailed);
                }
            });
        }
        peer
    }

    /// Lets something be said to a peer that is not announced, for as long as is configured.
    async fn say_farewell<C>(
        &self,
        farewell: impl for<'c> FnOnce(&'c mut C, Reason) -> Farewell<'c>,
        connection: Option<&mut C>,
    ) {
        let timeout = self.shared.timing.farewell;
        let reason = self.shared.step(|state| state.core.reason_to_end(self.session));
        if let (Some(connection), Some(reason), false) = (connection, reason, timeout.is_zero()) {
            let farewell = farewell(connection, reason);
            select! {
                biased;
                () = farewell => {}
                () = sleep(timeout) => {}
            }
        }
    }

    /// Evicts a subscriber that has timed out. Returns whether there was one.
    fn evict_one(&self) -> bool {
        let evicted = self.shared.step(|state| state.evict_one(Instant::now()));
        if evicted {
            crate::trace::debug!(session = %self.session, "subscriber evicted, which held up an announcement");
        }
        evicted
    }

    /// Waits until the session is announced. None if it is not to be.
    async fn be_announced(&self, deadline: Option<Instant>) -> Option<Arc<Peer<K, I>>> {
        let mut gone = self.signals.take_watch();
        loop {
            let acts_at = match self.announce() {
                Attempt::Up(peer) => return Some(peer),
                Attempt::Rejected(_) | Attempt::Over => return None,
                Attempt::Waits(acts_at) => acts_at,
            };
            // The timers come before the retries, which a busy subscriber can make come for ever.
            select! {
                biased;
                _ = self.told_to_end() => return None,
                () = until(deadline) => {
                    self.expire();
                    return None;
                }
                reason = watched(&mut gone) => {
                    self.disconnect(reason);
                    return None;
                }
                () = until(acts_at) => {
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

/// Waits until the connection is gone, if the handshake left what tells.
async fn watched(gone: &mut Option<Gone>) -> Reason {
    match gone {
        Some(gone) => gone.as_mut().await,
        None => pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Dropped when nothing of a session's task is left, its connection included.
pub(super) struct Closed<K: Clone + Ord, I> {
    session: SessionId,
    shared: Arc<Shared<K, I>>,
    signals: Arc<Signals>,
}

impl<K: Clone + Ord, I> Closed<K, I> {
    pub(super) fn new(session: SessionId, shared: Arc<Shared<K, I>>, signals: Arc<Signals>) -> Self {
        Self { session, shared, signals }
    }
}

impl<K: Clone + Ord, I> Drop for Closed<K, I> {
    fn drop(&mut self) {
        // It may share the connection, and the handles keep the signals.
        drop_before(self.signals.take_watch(), || {
            if self.shared.step(|state| state.closed(self.session)) {
                crate::trace::trace!(session = %self.session, "connection dropped");
                self.shared.step(State::finish_if_closed);
            }
        });
    }
}

/// The life of a session. The guard is dropped first and runs before the connection is dropped, wherever the task ends:
/// who sees the connection close and comes again finds the key and the slot free (PEER-49).
///
/// A task that was never polled drops its arguments in order; one that was drops its locals in reverse.
pub(super) async fn run<K, I, C, E, HF, F, B, BF>(
    guard: Guard<K, I>,
    handshake: HF,
    farewell: Option<F>,
    body: B,
    closed: Closed<K, I>,
) where
    K: Clone + Ord,
    Reason: for<'e> From<&'e E>,
    HF: Future<Output = Result<C, E>>,
    F: for<'c> FnOnce(&'c mut C, Reason) -> Farewell<'c>,
    B: FnOnce(SessionContext<K, I>, C) -> BF,
    BF: Future<Output: BodyOutput>,
{
    let deadline = Instant::now().checked_add(guard.shared.timing.handshake_timeout);
    let _closed = closed;
    let body = body;
    let mut failed = None;
    let mut connection = None;
    let mut rest = None;
    let mut life = pin!(None);
    let mut handshake = pin!(Some(handshake));
    let mut guard = guard;
    match shake_hands(&guard, deadline, handshake.as_mut()).await {
        Some(Ok(made)) => {
            connection = Some(made);
            handshake.set(None);
            match (guard.admitted(deadline).await, farewell) {
                (Some(peer), _) => {
                    let body = connection.take().map(|connection| body(guard.context(peer), connection));
                    life.set(body);
                    rest = live(&guard, life.as_mut()).await;
                }
                (None, Some(farewell)) => guard.say_farewell(farewell, connection.as_mut()).await,
                (None, None) => {}
            }
        }
        Some(Err(error)) => {
            // The error may hold the connection, so that it is dropped after the guard has run.
            guard.disconnect(Reason::from(&error));
            failed = Some(error);
        }
        None => {}
    }
    guard.exit = ExitKind::InOrder;
    drop(guard);
    drop((failed, connection, rest));
}

/// Where several are ready the first of them wins: a session that is told to end is not announced, and a handshake that
/// completed is not too late because the task was polled late.
async fn shake_hands<K: Clone + Ord, I, HF: Future>(
    guard: &Guard<K, I>,
    deadline: Option<Instant>,
    mut handshake: Pin<&mut Option<HF>>,
) -> Option<HF::Output> {
    select! {
        biased;
        _ = guard.told_to_end() => {}
        result = completed(handshake.as_mut()) => return Some(result),
        () = until(deadline) => {
            guard.expire();
            return None;
        }
    }
    completed_within(handshake, guard.time_to_close().unwrap_or_default()).await
}

/// Returns what the body leaves to be dropped after the guard has run.
async fn live<K: Clone + Ord, I, BF: Future<Output: BodyOutput>>(
    guard: &Guard<K, I>,
    mut life: Pin<&mut Option<BF>>,
) -> Option<<BF::Output as BodyOutput>::Rest> {
    select! {
        biased;
        _ = guard.told_to_end() => {}
        returned = completed(life.as_mut()) => {
            let (reason, rest) = returned.into_parts();
            guard.disconnect(reason);
            return Some(rest);
        }
    }
    let time = guard.time_to_close().unwrap_or(guard.shared.timing.grace);
    completed_within(life, time).await.map(|returned| returned.into_parts().1)
}

/// Polls what has been told to end for this long; with zero not once.
async fn completed_within<F: Future>(future: Pin<&mut Option<F>>, time: Duration) -> Option<F::Output> {
    if time.is_zero() {
        return None;
    }
    select! {
        biased;
        output = completed(future) => Some(output),
        () = sleep(time) => None,
    }
}

async fn completed<F: Future>(future: Pin<&mut Option<F>>) -> F::Output {
    match future.as_pin_mut() {
        Some(future) => future.await,
        None => pending().await,
    }
}
