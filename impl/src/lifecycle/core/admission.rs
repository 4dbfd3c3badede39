//! Which sessions may be announced: bans, what becomes of a second session with the same key, and the end of all sessions of one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Announcement, Core, Direction, Duplicates, Peer, Reason, Session, SessionId, Stage, StateError};

/// Why a session is not announced now.
pub(super) enum Objection {
    Reject(Reason),
    /// This session must end first.
    Replace(SessionId),
}

impl<K: Clone + Ord, I> Core<K, I> {
    /// Bans a key: when this returns, no session is announced under it, and those that are were told to end (PEER-13).
    /// Sessions whose handshake goes on are rejected when it has said that they have this key.
    ///
    /// # Errors
    ///
    /// If it is banned already.
    pub fn ban(&mut self, key: K) -> Result<(), StateError> {
        if self.banned.contains(&key) {
            return Err(StateError::AlreadyBanned);
        }
        let sessions: Vec<SessionId> = self.sessions_of(&key).collect();
        sessions.into_iter().for_each(|session| self.tell_to_end(session, Reason::Banned));
        self.banned.insert(key);
        Ok(())
    }

    /// Ends a ban.
    ///
    /// # Errors
    ///
    /// If the key is not banned.
    pub fn unban(&mut self, key: &K) -> Result<(), StateError> {
        if self.banned.remove(key) { Ok(()) } else { Err(StateError::NotBanned) }
    }

    /// Whether a key is banned.
    pub fn is_banned(&self, key: &K) -> bool {
        self.banned.contains(key)
    }

    /// Bans an address: when this returns, no session with it gets a slot, and those that have one, announced or not,
    /// were told to end. Privileged sessions are not spared.
    ///
    /// # Errors
    ///
    /// If it is banned already.
    pub fn ban_address(&mut self, address: IpAddr) -> Result<(), StateError> {
        if !self.banned_addresses.insert(address.to_canonical()) {
            return Err(StateError::AlreadyBanned);
        }
        let sessions: Vec<SessionId> = self.slots.with_address(address).collect();
        sessions.into_iter().for_each(|session| self.tell_to_end(session, Reason::Banned));
        Ok(())
    }

    /// Ends the ban of an address.
    ///
    /// # Errors
    ///
    /// If the address is not banned.
    pub fn unban_address(&mut self, address: IpAddr) -> Result<(), StateError> {
        if self.banned_addresses.remove(&address.to_canonical()) { Ok(()) } else { Err(StateError::NotBanned) }
    }

    /// Whether an address is banned.
    pub fn is_address_banned(&self, address: IpAddr) -> bool {
        self.banned_addresses.contains(&address.to_canonical())
    }

    /// Tells every session to end whose handshake said that it has this key, announced or not, and why. Returns the number
    /// of sessions that were told; those that had been told before, or are rejected, are not counted. Later sessions with
    /// the key are not affected: that is a [ban](Self::ban).
    pub fn disconnect_key(&mut self, key: &K, reason: Reason) -> usize {
        let has_key = |state: &Session<K, I>| match &state.stage {
            Stage::HandshakeDone(peer) | Stage::Up(peer) => state.ending.is_none() && peer.key == *key,
            Stage::Handshaking | Stage::Rejected(_) => false,
        };
        let with_key = self.sessions.iter().filter(|(_, state)| has_key(state)).map(|(&session, _)| session);
        let sessions: Vec<SessionId> = with_key.collect();
        sessions.iter().for_each(|&session| self.tell_to_end(session, reason));
        sessions.len()
    }

    /// PEER-11, PEER-12, PEER-13, PEER-43, PEER-44.
    pub(super) fn admit(&self, peer: &Arc<Peer<K, I>>) -> Result<(), Objection> {
        if self.banned.contains(&peer.key) {
            return Err(Objection::Reject(Reason::Banned));
        }
        self.admit_beside_others(peer)
    }

    /// Whether the key's other sessions let it be announced.
    pub(super) fn admit_beside_others(&self, peer: &Peer<K, I>) -> Result<(), Objection> {
        if let Duplicates::TieBreak { local } = &self.config.duplicates
            && *local == peer.key
        {
            return Err(Objection::Reject(Reason::Myself));
        }
        let Some(holders) = self.registered.get(&peer.key) else { return Ok(()) };
        let loser = match &self.config.duplicates {
            Duplicates::KeepOld => None,
            Duplicates::KeepNew => holders.first().copied().filter(|&other| other < peer.session),
            Duplicates::TieBreak { local } => self.beaten(holders, peer, local),
            Duplicates::Allow(most) if holders.len() < *most => return Ok(()),
            Duplicates::Allow(_) => None,
        };
        Err(loser.map_or(Objection::Reject(Reason::Duplicate), Objection::Replace))
    }

    /// The holder of the key that `peer` takes the place of: both ends prefer what the lesser key dialed, and what is
    /// newer only where that does not tell. A total order, so that two sessions cannot push out each other for ever.
    fn beaten(&self, holders: &BTreeSet<SessionId>, peer: &Peer<K, I>, local: &K) -> Option<SessionId> {
        let preferred = if *local < peer.key { Direction::Outbound } else { Direction::Inbound };
        let rank = |session, direction| (direction == preferred, session);
        let holder = self.peer(*holders.first()?)?;
        let loses = rank(holder.session, holder.origin.direction) < rank(peer.session, peer.origin.direction);
        loses.then_some(holder.session)
    }

    pub(super) fn object(&mut self, session: SessionId, objection: Objection) -> Result<Announcement, StateError> {
        match objection {
            Objection::Reject(reason) => {
                let stage = std::mem::replace(&mut self.session(session)?.stage, Stage::Rejected(reason));
                if let Stage::HandshakeDone(peer) = stage {
                    self.discard(peer);
                }
                Ok(Announcement::Rejected(reason))
            }
            Objection::Replace(other) => {
                self.tell_to_end(other, Reason::Replaced);
                self.waiting.insert(session);
                Ok(Announcement::WaitsForOlder(other))
            }
        }
    }
}
