//! Who gets a slot, and who a key.

use handfast_spec::lifecycle::{Direction, Duplicates, Key, Limits, NO_LIMIT, Origin, Phase, Reason, SessionId};

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
    /// PEER-9, PEER-10, PEER-13, PEER-41, PEER-42: why there is no slot for a connection, if there is none.
    pub(super) fn turns_away(&self, origin: &Origin) -> Option<Reason> {
        let Limits { total, pending, inbound, outbound, pending_per_source, per_address, reserved } =
            self.config.limits;
        if self.phase != Phase::Open {
            return Some(Reason::Closing);
        }
        if origin.address.is_some_and(|address| self.banned_addresses.contains(&address)) {
            return Some(Reason::Banned);
        }
        if self.reaches(total, |_| true) {
            return Some(Reason::Full);
        }
        if self.reaches(pending, Session::is_pending) {
            return Some(Reason::Pending);
        }
        if origin.privileged {
            return None;
        }
        if reserved > 0 && self.reaches(total - reserved, |held| !held.origin.privileged) {
            return Some(Reason::Reserved);
        }
        let (limit, reason) = match origin.direction {
            Direction::Inbound => (inbound, Reason::Inbound),
            Direction::Outbound => (outbound, Reason::Outbound),
        };
        if self.reaches(limit, |held| held.origin.direction == origin.direction) {
            return Some(reason);
        }
        if origin.address.is_some() && self.reaches(per_address, |held| held.origin.address == origin.address) {
            return Some(Reason::PerAddress);
        }
        let source = origin.source();
        let is_pending_from_there = |held: &Session| held.is_pending() && held.origin.source() == source;
        (source.is_some() && self.reaches(pending_per_source, is_pending_from_there))
            .then_some(Reason::PendingFromSource)
    }

    /// PEER-12, PEER-13, PEER-43, PEER-44: whether a session may be announced under its key.
    pub(super) fn admission(&self, session: SessionId) -> Admission {
        let Session { key, origin, .. } = self.sessions.get(session.index());
        if self.banned.contains(key) {
            return Admission::Rejected(Reason::Banned);
        }
        if matches!(self.config.duplicates, Duplicates::TieBreak { local } if local == key) {
            return Admission::Rejected(Reason::Myself);
        }
        let Some(other) = self.registered_under(key).last() else { return Admission::Granted };
        let wins = match self.config.duplicates {
            Duplicates::KeepOld => false,
            Duplicates::KeepNew => other < session,
            Duplicates::TieBreak { local } => {
                // PEER-43: both ends prefer the same one of two connections.
                let preferred = Direction::preferred(local, key);
                let rank = |session, origin: Origin| (origin.direction == preferred, session);
                rank(other, self.sessions.get(other.index()).origin) < rank(session, origin)
            }
            Duplicates::Allow(most) if self.allows_one_more(key, most) => return Admission::Granted,
            Duplicates::Allow(_) => false,
        };
        if wins { Admission::After(other) } else { Admission::Rejected(Reason::Duplicate) }
    }

    /// Whether the other sessions with this key let one more be announced now.
    pub(super) fn has_place_for(&self, key: Key) -> bool {
        match self.config.duplicates {
            Duplicates::TieBreak { local } if local == key => false,
            Duplicates::Allow(most) => self.allows_one_more(key, most),
            Duplicates::KeepOld | Duplicates::KeepNew | Duplicates::TieBreak { .. } => {
                self.registered_under(key).next().is_none()
            }
        }
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
            Stage::Unused | Stage::Ended => false,
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected => true,
        }
    }

    /// Whether it holds a slot and is not announced.
    pub(super) fn is_pending(&self) -> bool {
        self.holds_slot() && self.stage != Stage::Up
    }
}
