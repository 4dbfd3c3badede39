//! Who gets a slot, and who a key.

use handfast_spec::lifecycle::{Direction, Duplicates, Key, Limits, NO_LIMIT, Origin, Phase, Reason, SessionId};

use super::Flaw;
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
        if self.slots_held() >= total as usize {
            return Some(Reason::Full);
        }
        if self.pending() >= pending as usize {
            return Some(Reason::Pending);
        }
        if origin.privileged {
            return None;
        }
        let unreserved = if self.config.flaw == Flaw::ReservesNothing { total } else { total - reserved };
        if unreserved < total && self.reaches(unreserved, |session| !session.origin.privileged) {
            return Some(Reason::Reserved);
        }
        match origin.direction {
            Direction::Inbound if self.inbound_reaches(inbound) => return Some(Reason::Inbound),
            Direction::Outbound if self.reaches(outbound, |held| held.origin.direction == Direction::Outbound) => {
                return Some(Reason::Outbound);
            }
            Direction::Inbound | Direction::Outbound => {}
        }
        if origin.address.is_some() && self.reaches(per_address, |held| held.origin.address == origin.address) {
            return Some(Reason::PerAddress);
        }
        let source = origin.source();
        let is_pending_from_there = |held: &Session| {
            let counts = is_pending(held) || self.config.flaw == Flaw::SourceHeldWhileUp;
            counts && held.origin.source() == source
        };
        (source.is_some() && self.reaches(pending_per_source, is_pending_from_there))
            .then_some(Reason::PendingFromSource)
    }

    /// PEER-12, PEER-13, PEER-43, PEER-44: whether a session may be announced under its key.
    pub(super) fn admission(&self, session: SessionId) -> Admission {
        let Session { key, origin, .. } = self.sessions.get(session.index());
        if self.banned.contains(key) {
            return Admission::Rejected(Reason::Banned);
        }
        let is_ourselves = matches!(self.config.duplicates, Duplicates::TieBreak { local } if local == key);
        if is_ourselves && self.config.flaw != Flaw::MeetsItself {
            return Admission::Rejected(Reason::Myself);
        }
        let Some(other) = self.registered_under(key) else { return Admission::Granted };
        let wins = match self.config.duplicates {
            Duplicates::KeepOld => false,
            Duplicates::KeepNew => other < session,
            Duplicates::TieBreak { local } => {
                let preferred = self.preferred(local, key);
                let rank = |session, origin: Origin| (origin.direction == preferred, session);
                rank(other, self.sessions.get(other.index()).origin) < rank(session, origin)
            }
            Duplicates::Allow(most) if self.allows_one_more(key, most) => return Admission::Granted,
            Duplicates::Allow(_) => false,
        };
        if wins { Admission::After(other) } else { Admission::Rejected(Reason::Duplicate) }
    }

    /// PEER-43: both ends prefer the same one of two connections.
    fn preferred(&self, local: Key, peer: Key) -> Direction {
        match self.config.flaw {
            Flaw::PrefersOwnDial => Direction::Outbound,
            _ => Direction::preferred(local, peer),
        }
    }

    /// Whether the other sessions with this key let one more be announced now.
    pub(super) fn has_place_for(&self, key: Key) -> bool {
        match self.config.duplicates {
            Duplicates::TieBreak { local } if local == key => false,
            Duplicates::Allow(most) => self.allows_one_more(key, most),
            Duplicates::KeepOld | Duplicates::KeepNew | Duplicates::TieBreak { .. } => {
                self.registered_under(key).is_none()
            }
        }
    }

    fn allows_one_more(&self, key: Key, most: u32) -> bool {
        let holds = |id: &SessionId| self.is_registered(*id) && self.sessions.get(id.index()).key == key;
        let holders = self.ids().filter(holds).count();
        match self.config.flaw {
            Flaw::AllowsOneMore => holders <= most as usize,
            Flaw::AllowsOneLess => holders + 1 < most as usize,
            _ => holders < most as usize,
        }
    }

    /// Whether as many sessions as the limit says hold a slot and are of this kind. What limits nothing is not counted.
    fn reaches(&self, limit: u32, is_of_kind: impl Fn(&Session) -> bool) -> bool {
        let held = || self.sessions.iter().filter(|session| self.holds_slot(session) && is_of_kind(session));
        limit != NO_LIMIT && held().count() >= limit as usize
    }

    fn inbound_reaches(&self, limit: u32) -> bool {
        if self.counts_inbound() {
            return u32::from(self.counted_slots) >= limit;
        }
        self.reaches(limit, |held| held.origin.direction == Direction::Inbound)
    }

    /// Whether accepted connections are counted instead of looked at.
    pub(super) fn counts_inbound(&self) -> bool {
        matches!(self.config.flaw, Flaw::InboundReturnedTwice | Flaw::InboundLostOnAbort | Flaw::OtherDirectionReturned)
    }

    /// What a mutant that counts accepted connections does when a session ends.
    pub(super) fn count_ended(&mut self, origin: Origin) {
        let returned = match self.config.flaw {
            Flaw::OtherDirectionReturned => Direction::Outbound,
            _ => Direction::Inbound,
        };
        if self.counts_inbound() && origin.direction == returned {
            self.counted_slots = self.counted_slots.saturating_sub(1);
        }
    }

    pub(super) fn counts_slots(&self) -> bool {
        matches!(self.config.flaw, Flaw::SlotReturnedTwice | Flaw::SlotLostOnAbort)
    }

    pub(super) fn slots_held(&self) -> usize {
        if self.counts_slots() {
            return usize::from(self.counted_slots);
        }
        self.sessions.iter().filter(|session| self.holds_slot(session)).count()
    }

    fn holds_slot(&self, session: &Session) -> bool {
        match session.stage {
            Stage::Unused | Stage::Ended => false,
            Stage::Half => {
                !matches!(self.config.flaw, Flaw::DownAfterRelease | Flaw::ChecksThenTakesSlot | Flaw::RemovesByKey)
            }
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected => true,
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.sessions.iter().filter(|session| is_pending(session)).count()
    }
}

fn is_pending(session: &Session) -> bool {
    matches!(session.stage, Stage::Handshaking | Stage::HandshakeDone | Stage::Rejected)
}
