//! When things are to be over.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use super::record::SessionLog;
use crate::lifecycle::{Peer, Reason, SessionContext};
use crate::runtime::sync::watch;
use crate::runtime::time::Instant;

/// The share of a time to end that frames are drained in. What is left is for the session to report and to return: a
/// session that used all of it would be aborted, and nothing would be known of its frames.
fn for_draining(time: Duration) -> Duration {
    time - time / 8
}

/// The moment after this time; in thirty years if the clock does not go as far.
pub(super) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(30 * 365 * 86400))
}

/// Knows when the node's shutdown is to be over, once it has begun.
pub(super) struct Closing {
    grace: Duration,
    /// When frames are to be drained. Each listener and redialer has a receiver, so that all are gone when it is closed.
    deadline: watch::Sender<Option<Instant>>,
}

impl Closing {
    pub(super) fn new(grace: Duration) -> Self {
        Self { grace, deadline: watch::channel(None).0 }
    }

    /// Begins the shutdown, or makes it shorter.
    pub(super) fn begin(&self, timeout: Duration) {
        let deadline = after(for_draining(timeout));
        self.deadline.send_modify(|known| *known = Some(known.map_or(deadline, |known| known.min(deadline))));
    }

    /// When the frames are to be drained of a session that begins to end now.
    pub(super) fn drained_by(&self) -> Instant {
        let own = after(for_draining(self.grace));
        self.deadline.borrow().map_or(own, |deadline| own.min(deadline))
    }

    /// Returns what a task holds that the shutdown waits for.
    pub(super) fn hold(&self) -> watch::Receiver<Option<Instant>> {
        self.deadline.subscribe()
    }

    /// Waits until no task of that kind is left.
    pub(super) async fn released(&self) {
        self.deadline.closed().await;
    }
}

/// Waits until the shutdown has begun.
pub(super) async fn begun(closing: &mut watch::Receiver<Option<Instant>>) {
    // The sender is gone only if the node is, with all its tasks.
    let _ = closing.wait_for(Option::is_some).await;
}

/// The body's handle to its announced session.
pub struct Context<K, I = ()> {
    session: SessionContext<K, I>,
    closing: Arc<Closing>,
    log: Option<SessionLog>,
}

impl<K, I> Context<K, I> {
    pub(super) fn new(session: SessionContext<K, I>, closing: Arc<Closing>, log: Option<SessionLog>) -> Self {
        Self { session, closing, log }
    }

    /// Returns the peer at the other end.
    pub fn peer(&self) -> &Arc<Peer<K, I>> {
        &self.session.peer
    }

    /// Waits until the session is told to end. Returns why, and by when its connection is to be closed in order: the body
    /// is dropped some time after that. A shutdown that begins later, or is shortened, makes that moment earlier: another
    /// call returns at once and tells. Cancel safe.
    pub async fn told_to_end(&mut self) -> (Reason, Instant) {
        let reason = self.session.told_to_end().await;
        (reason, self.closing.drained_by())
    }

    pub(super) fn closing(&self) -> &Arc<Closing> {
        &self.closing
    }

    /// Returns what records the session, if the node is recorded.
    pub(super) fn log(&self) -> Option<&SessionLog> {
        self.log.as_ref()
    }
}

impl<K: Clone + Ord, I> Context<K, I> {
    /// Ends the session now, while the body still has the connection: see [`SessionContext::end`].
    pub fn end(&self, reason: Reason) {
        self.session.end(reason);
    }
}

impl<K: Debug, I: Debug> Debug for Context<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("peer", self.peer()).finish_non_exhaustive()
    }
}
