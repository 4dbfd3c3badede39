//! What the body of a session and whoever looks at a session from outside hold.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::shared::Signals;
use crate::lifecycle::{Ended, Peer, Reason, SessionId};

/// What the body of an announced session is given.
#[derive(Debug)]
pub struct Live<K, I = ()> {
    /// Who is at the other end.
    pub peer: Arc<Peer<K, I>>,
    pub(super) signals: Arc<Signals>,
}

impl<K, I> Live<K, I> {
    /// Waits until the session is told to end, and says why. The body then has
    /// [`NodeConfig::grace`](super::NodeConfig::grace) to return. Cancel safe.
    pub async fn told_to_end(&mut self) -> Reason {
        self.signals.told.wait().await
    }
}

/// A session, from outside. Dropping it changes nothing; the session goes on.
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
        if let Some(task) = self.signals.task.get() {
            task.abort();
        }
    }

    /// How the session ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.signals.ended.get()
    }

    /// Waits until the session has ended, and says how. Cancel safe.
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
