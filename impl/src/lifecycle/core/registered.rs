//! The registry: which sessions are announced under which key.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::discarded::ByKey;
use super::{Announcement, Core, Event, Peer, SessionId, Stage, StateError};

/// The sessions that are announced under one key: mostly one, which needs no memory of its own.
#[derive(Debug)]
pub(super) struct Holders {
    first: SessionId,
    others: BTreeSet<SessionId>,
}

impl Holders {
    pub(super) fn new(first: SessionId) -> Self {
        Self { first, others: BTreeSet::new() }
    }

    /// Returns the session with the least id.
    pub(super) fn first(&self) -> SessionId {
        self.first
    }

    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// Returns the sessions in order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = SessionId> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// Adds a session.
    pub(super) fn insert(&mut self, session: SessionId) {
        self.others.insert(self.first.max(session));
        self.first = self.first.min(session);
    }

    /// Removes a session. None if no other one is left.
    pub(super) fn without(mut self, session: SessionId) -> Option<Self> {
        if self.first == session {
            self.first = self.others.pop_first()?;
        } else {
            self.others.remove(&session);
        }
        Some(self)
    }
}

impl<K: Clone + Ord, I> Core<K, I> {
    /// The announced sessions under a key, in order of their ids.
    pub fn sessions_of(&self, key: &K) -> impl Iterator<Item = SessionId> {
        self.registered.get(key).into_iter().flat_map(Holders::iter)
    }

    pub(super) fn register(&mut self, session: SessionId, peer: Arc<Peer<K, I>>) -> Result<Announcement, StateError> {
        self.wait_no_more(session);
        // The caller's order of keys runs first, so that nothing has changed if it panics.
        match self.registered.entry(ByKey(Arc::clone(&peer))) {
            Entry::Vacant(entry) => drop(entry.insert(Holders::new(session))),
            Entry::Occupied(mut entry) => entry.get_mut().insert(session),
        }
        self.slots.announced(session, peer.origin);
        self.announced += 1;
        self.session(session)?.stage = Stage::Up(Arc::clone(&peer));
        self.publish(Event::Up(peer));
        Ok(Announcement::Up)
    }

    pub(super) fn unregister(&mut self, peer: &Arc<Peer<K, I>>) {
        let Some((ByKey(holder), holders)) = self.registered.remove_entry(&peer.key) else { return };
        // Of a peer that the caller has, too, nothing is dropped here.
        if !Arc::ptr_eq(&holder, peer) {
            self.discard(holder);
        }
        // The entry is made anew, because a peer that is gone must not be kept for its key.
        if let Some(holders) = holders.without(peer.session)
            && let Some(next) = self.peer(holders.first()).cloned()
        {
            self.registered.insert(ByKey(next), holders);
        }
    }
}
