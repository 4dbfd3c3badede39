//! Which sessions may be announced: bans, what becomes of a second session with the same key, and the end of all sessions of one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{
    Announcement, Core, DIALED_BY_BOTH, Discarded, Duplicates, Effect, Holders, Network, Peer, Reason, SessionId,
    Stage, StateError,
};
use crate::direction::Direction;

/// Why a session is not announced now.
pub(super) enum Objection {
    Reject(Reason),
    /// This session must end first.
    Replace(SessionId),
}

impl<K: Clone + Ord, I> Core<K, I> {
    /// Bans a key: when this returns, no session is announced under it, and those whose handshake said that they have it
    /// were told to end, announced or not (PEER-13). A session of which the handshake says so later is rejected then.
    ///
    /// # Errors
    ///
    /// If it is banned already.
    pub fn ban(&mut self, key: K) -> Result<(), StateError> {
        if self.banned.contains(&key) {
            self.effects.push_back(Effect::Discard(Discarded::key(key)));
            return Err(StateError::AlreadyBanned);
        }
        self.disconnect_key(&key, Reason::Banned);
        self.banned.insert(key);
        Ok(())
    }

    /// Ends a ban.
    ///
    /// # Errors
    ///
    /// If the key is not banned.
    pub fn unban(&mut self, key: &K) -> Result<(), StateError> {
        let key = self.banned.take(key).ok_or(StateError::NotBanned)?;
        self.effects.push_back(Effect::Discard(Discarded::key(key)));
        Ok(())
    }

    /// Whether a key is banned.
    pub fn is_banned(&self, key: &K) -> bool {
        self.banned.contains(key)
    }

    /// Bans the addresses of a network: when this returns, no session with one of them gets a slot, and those that have
    /// one, announced or not, were told to end. Privileged sessions are not spared.
    ///
    /// # Errors
    ///
    /// If this very network is banned already.
    pub fn ban_network(&mut self, network: Network) -> Result<(), StateError> {
        if !self.banned_networks.insert(network) {
            return Err(StateError::AlreadyBanned);
        }
        self.disconnect_network(network, Reason::Banned);
        Ok(())
    }

    /// Ends the ban of a network. Its addresses stay banned as far as another network that has them is.
    ///
    /// # Errors
    ///
    /// If this very network is not banned.
    pub fn unban_network(&mut self, network: Network) -> Result<(), StateError> {
        if self.banned_networks.remove(network) { Ok(()) } else { Err(StateError::NotBanned) }
    }

    /// Whether an address is banned, alone or with a network that has it.
    pub fn is_address_banned(&self, address: IpAddr) -> bool {
        self.banned_networks.containing(address).next().is_some()
    }

    /// Returns the banned networks that have the address.
    pub fn banned_networks_with(&self, address: IpAddr) -> impl Iterator<Item = Network> {
        self.banned_networks.containing(address)
    }

    /// Tells every session to end that holds a slot and has an address of the network. Returns the number of sessions that
    /// were told; those that had been told before are not counted.
    pub fn disconnect_network(&mut self, network: Network, reason: Reason) -> usize {
        let sessions = self.slots.in_network(network);
        sessions.into_iter().filter(|&session| self.tell_to_end(session, reason)).count()
    }

    /// Tells every session to end whose handshake said that it has this key, announced or not, and why. Returns the number
    /// of sessions that were told; those that had been told before, or are rejected, are not counted. Later sessions with
    /// the key are not affected: that is a [ban](Self::ban).
    pub fn disconnect_key(&mut self, key: &K, reason: Reason) -> usize {
        let waits = |session: &SessionId| match self.sessions.get(session).map(|state| &state.stage) {
            Some(Stage::HandshakeDone(peer)) => peer.key == *key,
            Some(Stage::Handshaking | Stage::Up(_) | Stage::Rejected(_)) | None => false,
        };
        let waiting = self.slots.pending().filter(waits);
        let sessions: BTreeSet<SessionId> = self.sessions_of(key).chain(waiting).collect();
        sessions.into_iter().filter(|&session| self.tell_to_end(session, reason)).count()
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
        if self.config.local.as_ref() == Some(&peer.key) {
            return Err(Objection::Reject(Reason::Myself));
        }
        let Some(holders) = self.registered.get(&peer.key) else { return Ok(()) };
        let loser = match &self.config.duplicates {
            Duplicates::KeepOld => None,
            Duplicates::KeepNew => Some(holders.first()).filter(|&other| other < peer.session),
            Duplicates::TieBreak => self.beaten(holders, peer),
            Duplicates::Allow(most) if holders.len() < *most => return Ok(()),
            Duplicates::Allow(_) => None,
        };
        Err(loser.map_or(Objection::Reject(Reason::Duplicate), Objection::Replace))
    }

    /// The holder of the key that `peer` takes the place of: both ends prefer what the lesser key dialed, then what is of
    /// greater rank, and what is newer only where neither tells. A total order, so that two sessions cannot push out each
    /// other for ever.
    fn beaten(&self, holders: &Holders, peer: &Peer<K, I>) -> Option<SessionId> {
        let is_lesser = self.config.local.as_ref().is_some_and(|local| *local < peer.key);
        let preferred = if is_lesser { Direction::Outbound } else { Direction::Inbound };
        let is_preferred = |peer: &Peer<K, I>| peer.origin.direction == preferred || peer.rank == DIALED_BY_BOTH;
        let preference = |peer: &Peer<K, I>| (is_preferred(peer), peer.rank, peer.session);
        let holder = self.peer(holders.first())?;
        (preference(holder) < preference(peer)).then_some(holder.session)
    }

    pub(super) fn object(&mut self, session: SessionId, objection: Objection) -> Result<Announcement, StateError> {
        match objection {
            Objection::Reject(reason) => {
                let stage = std::mem::replace(&mut self.session(session)?.stage, Stage::Rejected(reason));
                if let Stage::HandshakeDone(peer) = stage {
                    self.discard(peer);
                }
                self.wait_no_more(session);
                Ok(Announcement::Rejected(reason))
            }
            Objection::Replace(other) => {
                self.tell_to_end(other, Reason::Replaced);
                self.wait_for_older(session, other);
                Ok(Announcement::WaitsForOlder(other))
            }
        }
    }
}
