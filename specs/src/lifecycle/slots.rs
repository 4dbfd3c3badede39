//! Whether a slot was free, and a key had room, by what the participants were told.

use super::{Direction, Duplicates, History, Limits, NO_LIMIT, Origin, Reason, SessionId, SessionRecord, Violation};

/// The limits that hold for sessions without privilege, reservation apart.
pub(super) const BY_ORIGIN: [Reason; 4] =
    [Reason::Inbound, Reason::Outbound, Reason::PerAddress, Reason::PendingFromSource];

impl History {
    /// What it gives away that the session is given a slot, or none.
    pub(super) fn judge_opened(&mut self, session: SessionId) {
        let origin = self.sessions.get(session.index()).origin;
        let over = BY_ORIGIN.into_iter().any(|limit| self.is_exhausted(&origin, limit));
        self.violate(Violation::OverLimit, over);
        let taken = self.limits.reserved > 0 && self.is_exhausted(&origin, Reason::Reserved);
        self.violate(Violation::ReservedTaken, taken);
    }

    /// What it gives away that the session is turned away for this reason.
    pub(super) fn judge_rejected(&mut self, session: SessionId, reason: Reason) {
        let record = self.sessions.get(session.index());
        let free = !self.is_exhausted(&record.origin, reason);
        self.violate(Violation::SlotWasFree, free);
        match reason {
            Reason::Duplicate => {
                let room = self.holders(&record).count() < self.duplicates.most() as usize;
                self.violate(Violation::RejectedWithRoom, room);
                let preferred = self.is_preferred_to_a_holder(session, &record);
                self.violate(Violation::PreferredRejected, preferred);
            }
            Reason::Myself => self.violate(Violation::RejectedWithRoom, !self.is_our_own(&record)),
            Reason::Full
            | Reason::Pending
            | Reason::Reserved
            | Reason::Inbound
            | Reason::Outbound
            | Reason::PerAddress
            | Reason::PendingFromSource
            | Reason::Banned
            | Reason::Closing
            | Reason::Vetoed => {}
        }
    }

    /// Whether its key is our own, where the policy asks.
    pub(super) fn is_our_own(&self, record: &SessionRecord) -> bool {
        match self.duplicates {
            Duplicates::TieBreak { local } => record.key == Some(local),
            Duplicates::KeepOld | Duplicates::KeepNew | Duplicates::Allow(_) => false,
        }
    }

    /// Whether the limit that a reason speaks of was reached for one more session of this origin. True of reasons that
    /// speak of no limit.
    fn is_exhausted(&self, origin: &Origin, reason: Reason) -> bool {
        let Limits { total, pending, inbound, outbound, pending_per_source, per_address, reserved } = self.limits;
        match reason {
            Reason::Full => self.reaches(total, |_| true),
            Reason::Pending => self.reaches(pending, SessionRecord::is_pending),
            Reason::Reserved => {
                !origin.privileged && self.reaches(total.saturating_sub(reserved), |held| !held.origin.privileged)
            }
            Reason::Inbound => self.direction_is_exhausted(origin, Direction::Inbound, inbound),
            Reason::Outbound => self.direction_is_exhausted(origin, Direction::Outbound, outbound),
            Reason::PerAddress => {
                !origin.privileged
                    && origin.address.is_some()
                    && self.reaches(per_address, |held| held.origin.address == origin.address)
            }
            Reason::PendingFromSource => {
                let source = origin.source();
                let is_from_there = |held: &SessionRecord| held.is_pending() && held.origin.source() == source;
                !origin.privileged && source.is_some() && self.reaches(pending_per_source, is_from_there)
            }
            Reason::Banned | Reason::Duplicate | Reason::Myself | Reason::Closing | Reason::Vetoed => true,
        }
    }

    fn direction_is_exhausted(&self, origin: &Origin, direction: Direction, limit: u32) -> bool {
        !origin.privileged
            && origin.direction == direction
            && self.reaches(limit, |held| held.origin.direction == direction)
    }

    /// Whether as many sessions as the limit says hold a slot and are of this kind. What limits nothing is not counted,
    /// because a log may have thousands of sessions.
    fn reaches(&self, limit: u32, is_of_kind: impl Fn(&SessionRecord) -> bool) -> bool {
        let held = || self.sessions.iter().filter(|session| session.holds_slot() && is_of_kind(session));
        limit != NO_LIMIT && held().count() >= limit as usize
    }

    /// The sessions that are registered under the key of this one.
    fn holders(&self, record: &SessionRecord) -> impl Iterator<Item = (SessionId, &SessionRecord)> {
        let key = record.key;
        let holds = move |(_, other): &(usize, &SessionRecord)| other.registered && other.key == key;
        let holders = self.sessions.iter().enumerate().filter(holds);
        holders.map(|(index, other)| (SessionId(index as u32), other))
    }

    fn is_preferred_to_a_holder(&self, session: SessionId, record: &SessionRecord) -> bool {
        let (Duplicates::TieBreak { local }, Some(key)) = (self.duplicates, record.key) else { return false };
        let preferred = Direction::preferred(local, key);
        let rank = |session, record: &SessionRecord| (record.origin.direction == preferred, session);
        self.holders(record).any(|(other, holder)| rank(other, holder) < rank(session, record))
    }
}
