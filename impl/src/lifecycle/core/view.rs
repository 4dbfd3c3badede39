//! What can be seen of a core.

use std::sync::Arc;

use super::{Core, Peer, Phase, SessionId, Stage};

impl<K: Clone + Ord, I> Core<K, I> {
    /// Whether a completed shutdown ended everything.
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// Whether a shutdown has begun and is not complete.
    pub fn is_shutting_down(&self) -> bool {
        self.phase == Phase::ShuttingDown
    }

    /// The announced peers, in order of their sessions.
    pub fn peers(&self) -> impl Iterator<Item = &Arc<Peer<K, I>>> {
        self.announced.iter().filter_map(|session| self.peer(*session))
    }

    /// The peer of an announced session.
    pub fn peer(&self, session: SessionId) -> Option<&Arc<Peer<K, I>>> {
        match &self.sessions.get(&session)?.stage {
            Stage::Up(peer) => Some(peer),
            Stage::Handshaking | Stage::HandshakeDone(_) | Stage::Rejected(_) => None,
        }
    }

    /// The announced sessions under a key, in order of their ids.
    pub fn sessions_of(&self, key: &K) -> impl Iterator<Item = SessionId> {
        self.registered.get(key).into_iter().flatten().copied()
    }

    /// The sessions that hold a slot, in order of their ids.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.keys().copied()
    }

    /// Whether a session holds a slot: it was opened, and its guard has not run.
    pub fn contains(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// How many sessions hold a slot.
    pub fn slots_held(&self) -> usize {
        self.sessions.len()
    }

    /// How many sessions hold a slot and are not announced.
    pub fn pending(&self) -> usize {
        self.slots.pending()
    }
}
