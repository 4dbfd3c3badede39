//! Whether a slot was free, and a key had room, by what the participants were told.

use super::{
    DIALED_BY_BOTH, Direction, Duplicates, History, Key, NO_LIMIT, Origin, Reason, SessionId, SessionRecord, Violation,
};

/// The limits that hold for ordinary sessions, reservation and what is pending in all apart.
pub(super) const BY_ORIGIN: [Reason; 5] =
    [Reason::Inbound, Reason::Outbound, Reason::PerAddress, Reason::PerSource, Reason::PendingFromSource];

impl History {
    /// What it gives away that the session is given a slot.
    pub(super) fn judge_opened(&mut self, session: SessionId) {
        let origin = self.sessions.get(session.index()).origin;
        let over = [Reason::Full, Reason::Pending].into_iter().any(|limit| self.is_exhausted(&origin, limit));
        self.violate(Violation::NoSlotLeft, over);
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
        let by_others = self.is_turned_away_by_others(&record.origin, reason);
        self.violate(Violation::TurnedAwayByOthers, by_others);
        let by_closed = self.is_turned_away_by_closed(&record, reason);
        self.violate(Violation::TurnedAwayByClosed, by_closed);
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
            | Reason::PerSource
            | Reason::PendingFromSource
            | Reason::Banned
            | Reason::Closing
            | Reason::Vetoed => {}
        }
    }

    /// Whether a session with a closed connection still holds a slot, where the reason speaks of slots, or the key.
    fn is_turned_away_by_closed(&self, record: &SessionRecord, reason: Reason) -> bool {
        match reason {
            Reason::Duplicate => self.holders(record).any(|(_, holder)| holder.closed),
            Reason::Full
            | Reason::Pending
            | Reason::Reserved
            | Reason::Inbound
            | Reason::Outbound
            | Reason::PerAddress
            | Reason::PerSource
            | Reason::PendingFromSource => self.sessions.iter().any(|held| held.holds_slot() && held.closed),
            Reason::Banned | Reason::Myself | Reason::Closing | Reason::Vetoed => false,
        }
    }

    /// What it gives away that the session is announced: that it passes one that waits for room, and for nothing else.
    pub(super) fn judge_announced(&mut self, session: SessionId) {
        let waits_for_room_alone = |waiting: &&SessionId| {
            let record = self.sessions.get(waiting.index());
            let is_admitted = record.key.is_some_and(|key| !self.banned.contains(key)) && !self.is_our_own(&record);
            is_admitted && self.holders(&record).count() < self.duplicates.most() as usize
        };
        let mut before = self.waiting.iter().take_while(|waiting| **waiting != session);
        let overtaken = before.any(|waiting| waits_for_room_alone(&waiting));
        self.violate(Violation::Overtaken, overtaken);
    }

    /// Whether its key is our own.
    pub(super) fn is_our_own(&self, record: &SessionRecord) -> bool {
        record.key.is_some() && record.key == self.local
    }

    /// Whether the limit that a reason speaks of was reached for one more session of this origin. True of reasons that
    /// speak of no limit.
    fn is_exhausted(&self, origin: &Origin, reason: Reason) -> bool {
        let limits = self.limits;
        let of_kind = |held: &SessionRecord| !held.origin.privileged && held.origin.direction == origin.direction;
        let is_stranger = !origin.privileged && origin.direction == Direction::Inbound;
        let is_held_by_strangers = |limit, is_from_there: &dyn Fn(&SessionRecord) -> bool| {
            is_stranger && origin.address.is_some() && self.reaches(limit, |held| of_kind(held) && is_from_there(held))
        };
        let has_source = |held: &SessionRecord| limits.source(&held.origin) == limits.source(origin);
        match reason {
            Reason::Full => self.reaches(limits.total, |_| true),
            Reason::Reserved => {
                let unreserved = limits.total.saturating_sub(limits.reserved);
                !origin.privileged && self.reaches(unreserved, |held| !held.origin.privileged)
            }
            Reason::Pending => {
                let limit = limits.pending(origin.direction);
                !origin.privileged && self.reaches(limit, |held| held.is_pending() && of_kind(held))
            }
            Reason::Inbound => is_stranger && self.reaches(limits.inbound, of_kind),
            Reason::Outbound => !origin.privileged && !is_stranger && self.reaches(limits.outbound, of_kind),
            Reason::PerAddress => {
                is_held_by_strangers(limits.per_address, &|held| held.origin.address == origin.address)
            }
            Reason::PerSource => is_held_by_strangers(limits.per_source, &has_source),
            Reason::PendingFromSource => {
                is_held_by_strangers(limits.pending_per_source, &|held| held.is_pending() && has_source(held))
            }
            Reason::Banned | Reason::Duplicate | Reason::Myself | Reason::Closing | Reason::Vetoed => true,
        }
    }

    /// Whether the limit that the reason speaks of does not hold for a session of this origin, or was reached by sessions
    /// of other kinds alone.
    fn is_turned_away_by_others(&self, origin: &Origin, reason: Reason) -> bool {
        let is_dialed = origin.direction == Direction::Outbound;
        match reason {
            Reason::Full | Reason::Banned | Reason::Duplicate | Reason::Myself | Reason::Closing | Reason::Vetoed => {
                false
            }
            Reason::Reserved => origin.privileged,
            Reason::Pending => origin.privileged || is_dialed && !self.is_exhausted(origin, reason),
            Reason::Outbound => origin.privileged || !is_dialed,
            Reason::Inbound | Reason::PerAddress | Reason::PerSource | Reason::PendingFromSource => {
                origin.privileged || is_dialed
            }
        }
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
        let (Duplicates::TieBreak, Some(local), Some(key)) = (self.duplicates, self.local, record.key) else {
            return false;
        };
        let own = preference(local, key, session, record);
        self.holders(record).any(|(other, holder)| preference(local, key, other, holder) < own)
    }
}

/// How much both ends prefer a session: first by who dialed, then by rank, then what is newer.
fn preference(local: Key, key: Key, session: SessionId, record: &SessionRecord) -> (bool, u32, SessionId) {
    let is_preferred = record.origin.direction == Direction::preferred(local, key);
    (is_preferred || record.rank == DIALED_BY_BOTH, record.rank, session)
}
