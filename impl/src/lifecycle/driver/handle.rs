//! The handle to a session for everyone but its body.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::signals::Signals;
use super::state::Shared;
use crate::lifecycle::{Ended, Reason, SessionId};
use crate::runtime::select;
use crate::runtime::task::spawn_if_possible;
#[cfg(feature = "node")]
use crate::runtime::time::Instant;
use crate::runtime::time::sleep;

/// A handle to a session for everyone but its body. Dropping it changes nothing; the session goes on.
pub struct SessionHandle {
    session: SessionId,
    signals: Arc<Signals>,
    /// What runs the guard of an aborted task that goes on. None of a task that is not spawned, and cannot be aborted.
    overdue: Option<Arc<dyn EndOverdue>>,
}

/// A node, without the types of its keys and infos.
pub(super) trait EndOverdue: Send + Sync {
    /// Ends an aborted session when it is overdue, if it has not ended by then.
    fn end_when_overdue(self: Arc<Self>, session: SessionId, signals: Arc<Signals>);
}

impl<K: Clone + Ord + Send + Sync + 'static, I: Send + Sync + 'static> EndOverdue for Shared<K, I> {
    fn end_when_overdue(self: Arc<Self>, session: SessionId, signals: Arc<Signals>) {
        let overdue = self.timing.overdue;
        self.step(|state| {
            if state.core.contains(session) {
                state.note_overdue(session, overdue);
            }
        });
        let timer = async move {
            select! {
                biased;
                _ = signals.ended.wait() => {}
                () = sleep(overdue) => self.end_all([session], Reason::Aborted),
            }
        };
        spawn_if_possible(timer);
    }
}

impl SessionHandle {
    pub(super) fn new(session: SessionId, signals: Arc<Signals>, overdue: Option<Arc<dyn EndOverdue>>) -> Self {
        Self { session, signals, overdue }
    }

    /// Returns the session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Aborts the session's task: the guard runs, and its handshake or body is dropped, at its next `await`. Nothing
    /// happens if the task is not spawned (see [`Node::prepare`](super::Node::prepare)) or over.
    ///
    /// If the task does not come to an `await`, the guard runs without it after the time
    /// [`overdue`](super::NodeConfig::overdue), provided that this is called within a tokio runtime, which has the timer;
    /// otherwise when a newcomer needs the slot or the key.
    pub fn abort(&self) {
        if self.signals.task.get().is_none() {
            return;
        }
        self.signals.abort();
        if let Some(overdue) = self.overdue.as_ref().filter(|_| self.ended().is_none()) {
            Arc::clone(overdue).end_when_overdue(self.session, Arc::clone(&self.signals));
        }
    }

    /// Returns how the session ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.signals.ended.get()
    }

    /// Returns when the session was announced, if it was.
    #[cfg(feature = "node")]
    pub(crate) fn announced_at(&self) -> Option<Instant> {
        self.signals.announced_at.get().copied()
    }

    /// Waits until the session has ended, and returns how. Its task then drops the connection, if the body has not done so.
    /// Cancel safe.
    pub async fn wait(&self) -> Ended {
        self.signals.ended.wait().await
    }
}

impl Debug for SessionHandle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { session, signals, .. } = self;
        f.debug_struct("SessionHandle").field("session", session).field("ended", &signals.ended).finish_non_exhaustive()
    }
}
