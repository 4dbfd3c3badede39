//! What can be seen of single sessions.

use std::sync::Arc;
use std::time::Duration;

use super::node::Node;
use super::state::State;
use crate::lifecycle::{Origin, Peer, Reason, SessionId, SessionStage};
use crate::runtime::time::Instant;

/// A session that holds a slot, as it was when it was asked for.
#[derive(Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SessionStatus<K, I = ()> {
    /// The session.
    pub session: SessionId,
    /// Where its connection comes from. An address is in its [canonical](crate::lifecycle::canonical) form.
    pub origin: Origin,
    /// How far it has come.
    pub stage: SessionStage,
    /// Who it is with, once the handshake has said so and unless it was rejected.
    pub peer: Option<Arc<Peer<K, I>>>,
    /// Why it was told to end, if it was.
    pub ending: Option<Reason>,
    /// How long ago it got its slot.
    pub age: Duration,
    /// How long ago it was announced, if it is.
    pub up_for: Option<Duration>,
}

// Derived, it would ask of a peer's key and info that they can be cloned.
impl<K, I> Clone for SessionStatus<K, I> {
    fn clone(&self) -> Self {
        let Self { session, origin, stage, ref peer, ending, age, up_for } = *self;
        Self { session, origin, stage, peer: peer.clone(), ending, age, up_for }
    }
}

impl<K: Clone + Ord, I> Node<K, I> {
    /// Returns a session, if it holds a slot.
    pub fn session(&self, session: SessionId) -> Option<SessionStatus<K, I>> {
        self.shared.step(|state| state.status(session, Instant::now()))
    }

    /// Returns every session that holds a slot, in order of their ids.
    pub fn sessions(&self) -> Vec<SessionStatus<K, I>> {
        self.shared.step(|state| {
            let now = Instant::now();
            state.core.sessions().filter_map(|session| state.status(session, now)).collect()
        })
    }

    /// Returns the announced sessions of a peer, in order of their ids.
    pub fn sessions_of(&self, key: &K) -> Vec<SessionStatus<K, I>> {
        self.shared.step(|state| {
            let now = Instant::now();
            state.core.sessions_of(key).filter_map(|session| state.status(session, now)).collect()
        })
    }
}

impl<K: Clone + Ord, I> State<K, I> {
    fn status(&self, session: SessionId, now: Instant) -> Option<SessionStatus<K, I>> {
        let (origin, stage, ending) = self.core.status(session)?;
        let signals = self.sessions.get(&session)?;
        let since = |moment: Instant| now.saturating_duration_since(moment);
        Some(SessionStatus {
            session,
            origin,
            stage,
            peer: self.core.greeted(session).cloned(),
            ending,
            age: since(signals.opened_at),
            up_for: signals.announced_at.get().map(|&moment| since(moment)),
        })
    }
}
