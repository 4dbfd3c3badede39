//! Which session holds which slot.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Direction, Limits, Origin, Reason, SessionId};

/// The sessions that hold a slot, by what is limited.
///
/// Sets of ids and no counters: a slot that was returned cannot be returned again, and each held slot has its holder.
#[derive(Debug, Default)]
pub(super) struct Slots {
    all: BTreeSet<SessionId>,
    pending: BTreeSet<SessionId>,
    inbound: BTreeSet<SessionId>,
    outbound: BTreeSet<SessionId>,
    unprivileged: BTreeSet<SessionId>,
    by_address: BTreeMap<IpAddr, BTreeSet<SessionId>>,
    pending_by_source: BTreeMap<IpAddr, BTreeSet<SessionId>>,
}

impl Slots {
    /// Checks every limit and takes the slot (PEER-9, PEER-10, PEER-41, PEER-42).
    pub(super) fn take(&mut self, session: SessionId, origin: Origin, limits: &Limits) -> Result<(), Reason> {
        self.find_room(origin, limits)?;
        self.all.insert(session);
        self.pending.insert(session);
        self.of_direction(origin.direction).insert(session);
        if !origin.privileged {
            self.unprivileged.insert(session);
        }
        if let Some(address) = origin.address {
            self.by_address.entry(address.to_canonical()).or_default().insert(session);
            self.pending_by_source.entry(source(address)).or_default().insert(session);
        }
        Ok(())
    }

    fn find_room(&self, origin: Origin, limits: &Limits) -> Result<(), Reason> {
        if self.all.len() >= limits.total {
            return Err(Reason::Full);
        }
        if self.pending.len() >= limits.pending {
            return Err(Reason::Pending);
        }
        if origin.privileged {
            return Ok(());
        }
        if self.unprivileged.len() >= limits.total - limits.reserved {
            return Err(Reason::Reserved);
        }
        match origin.direction {
            Direction::Inbound if self.inbound.len() >= limits.inbound => return Err(Reason::Inbound),
            Direction::Outbound if self.outbound.len() >= limits.outbound => return Err(Reason::Outbound),
            Direction::Inbound | Direction::Outbound => {}
        }
        let Some(address) = origin.address else { return Ok(()) };
        let held = |map: &BTreeMap<IpAddr, BTreeSet<SessionId>>, by| map.get(&by).map_or(0, BTreeSet::len);
        if held(&self.by_address, address.to_canonical()) >= limits.per_address {
            return Err(Reason::PerAddress);
        }
        if held(&self.pending_by_source, source(address)) >= limits.pending_per_source {
            return Err(Reason::PendingFromSource);
        }
        Ok(())
    }

    /// Notes that the session is announced: it is not pending any more.
    pub(super) fn announced(&mut self, session: SessionId, origin: Origin) {
        self.pending.remove(&session);
        if let Some(address) = origin.address {
            remove(&mut self.pending_by_source, source(address), session);
        }
    }

    /// The session is over.
    pub(super) fn give_back(&mut self, session: SessionId, origin: Origin) {
        self.announced(session, origin);
        self.all.remove(&session);
        self.unprivileged.remove(&session);
        self.of_direction(origin.direction).remove(&session);
        if let Some(address) = origin.address {
            remove(&mut self.by_address, address.to_canonical(), session);
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The sessions with an address.
    pub(super) fn with_address(&self, address: IpAddr) -> impl Iterator<Item = SessionId> {
        self.by_address.get(&address.to_canonical()).into_iter().flatten().copied()
    }

    fn of_direction(&mut self, direction: Direction) -> &mut BTreeSet<SessionId> {
        match direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        }
    }
}

/// An entry goes with its last session, so that the map is no larger than the number of sessions.
fn remove(map: &mut BTreeMap<IpAddr, BTreeSet<SessionId>>, by: IpAddr, session: SessionId) {
    if let Some(sessions) = map.get_mut(&by) {
        sessions.remove(&session);
        if sessions.is_empty() {
            map.remove(&by);
        }
    }
}

/// What one participant can have many addresses of: a /24 of IPv4, a /64 of IPv6.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => (address.to_bits() & !0xff).to_be_bytes().into(),
        IpAddr::V6(address) => (address.to_bits() & !u128::from(u64::MAX)).to_be_bytes().into(),
    }
}
