//! Who gets a slot, and who a key.

use std::net::IpAddr;

use handfast_spec::lifecycle::{
    DIALED_BY_BOTH, Direction, Duplicates, Key, NO_LIMIT, Origin, Phase, Reason, SessionId,
};

use super::machine::{Handfast, Session, Stage};

/// What admission by key comes to.
pub(super) enum Admission {
    /// The session may be announced.
    Granted,
    /// It must not.
    Rejected(Reason),
    /// It may when this one has ended.
    After(SessionId),
}

impl Handfast {
    /// PEER-9, PEER-10, PEER-13, PEER-41, PEER-42, PEER-48: why there is no slot for a connection, if there is none.
    pub(super) fn turns_away(&self, origin: &Origin) -> Option<Reason> {
        let limits = &self.config.limits;
        if self.phase != Phase::Open {
            return Some(Reason::Closing);
        }
        if origin.address.is_some_and(|address| self.is_banned_address(address)) {
            return Some(Reason::Banned);
        }
        if self.reaches(limits.total, |_| true) {
            return Some(Reason::Full);
        }
        // Sessions that are privileged neither wait for a limit of the ordinary ones nor use it up.
        if origin.privileged {
            return None;
        }
        if limits.reserved > 0 && self.reaches(limits.total - limits.reserved, |held| !held.origin.privileged) {
            return Some(Reason::Reserved);
        }
        let is_of_kind = |held: &Session| !held.origin.privileged && held.origin.direction == origin.direction;
        if self.reaches(limits.of(origin.direction), is_of_kind) {
            return Some(match origin.direction {
                Direction::Inbound => Reason::Inbound,
                Direction::Outbound => Reason::Outbound,
            });
        }
        if self.reaches(limits.pending(origin.direction), |held| held.is_pending() && is_of_kind(held)) {
            return Some(Reason::Pending);
        }
        match origin.direction {
            Direction::Inbound => self.turns_away_from(origin, is_of_kind),
            // What is dialed is nothing that the other end could have too much of.
            Direction::Outbound => None,
        }
    }

    /// Why there is no slot for one more session from where this one comes from, if there is none.
    fn turns_away_from(&self, origin: &Origin, is_of_kind: impl Fn(&Session) -> bool + Copy) -> Option<Reason> {
        let limits = &self.config.limits;
        let source = limits.source(origin)?;
        let is_from_there = |held: &Session| is_of_kind(held) && limits.source(&held.origin) == Some(source);
        if self.reaches(limits.per_address, |held| is_of_kind(held) && held.origin.address == origin.address) {
            return Some(Reason::PerAddress);
        }
        if self.reaches(limits.per_source, is_from_there) {
            return Some(Reason::PerSource);
        }
        self.reaches(limits.pending_per_source, |held| held.is_pending() && is_from_there(held))
            .then_some(Reason::PendingFromSource)
    }

    pub(super) fn is_banned_address(&self, address: IpAddr) -> bool {
        self.banned_networks.iter().any(|network| network.contains(address))
    }

    /// PEER-12, PEER-13, PEER-43, PEER-44: whether a session may be announced under its key.
    pub(super) fn admission(&self, session: SessionId) -> Admission {
        let state = self.sessions.get(session.index());
        let key = state.key;
        if self.banned.contains(key) {
            return Admission::Rejected(Reason::Banned);
        }
        if self.config.local == Some(key) {
            return Admission::Rejected(Reason::Myself);
        }
        let Some(other) = self.registered_under(key).last() else { return Admission::Granted };
        let wins = match self.config.duplicates {
            Duplicates::KeepOld => false,
            Duplicates::KeepNew => other < session,
            // PEER-43: both ends prefer the same one of two connections.
            Duplicates::TieBreak => {
                self.preference(other, &self.sessions.get(other.index())) < self.preference(session, &state)
            }
            Duplicates::Allow(most) if self.allows_one_more(key, most) => return Admission::Granted,
            Duplicates::Allow(_) => false,
        };
        if wins { Admission::After(other) } else { Admission::Rejected(Reason::Duplicate) }
    }

    /// How much both ends prefer a session: first by who dialed, then by rank. A greater rank is that of a later connection
    /// where the dialer numbers its connections; of equal rank the newer one is preferred, as each end sees it. A connection
    /// that both dialed has no direction that both see, and goes before every other one.
    fn preference(&self, session: SessionId, state: &Session) -> (bool, u32, SessionId) {
        let direction = self.config.local.map(|local| Direction::preferred(local, state.key));
        let is_preferred = direction == Some(state.origin.direction) || state.rank == DIALED_BY_BOTH;
        (is_preferred, state.rank, session)
    }

    fn allows_one_more(&self, key: Key, most: u32) -> bool {
        self.registered_under(key).count() < most as usize
    }

    /// Whether as many sessions as the limit says hold a slot and are of this kind. What limits nothing is not counted.
    fn reaches(&self, limit: u32, is_of_kind: impl Fn(&Session) -> bool) -> bool {
        let held = || self.sessions.iter().filter(|session| session.holds_slot() && is_of_kind(session));
        limit != NO_LIMIT && held().count() >= limit as usize
    }
}

impl Session {
    pub(super) fn holds_slot(&self) -> bool {
        match self.stage {
            Stage::Unused | Stage::Closing | Stage::Ended => false,
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected => true,
        }
    }

    /// Whether it holds a slot and is not announced.
    pub(super) fn is_pending(&self) -> bool {
        self.holds_slot() && self.stage != Stage::Up
    }
}
