//! Which session holds which slot.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Limits, Network, Origin, Reason, SessionId};
use crate::direction::Direction;

/// The sessions that hold a slot, by what is limited.
///
/// Sets of ids and no counters: a slot that was returned cannot be returned again, and each held slot has its holder.
#[derive(Debug, Default)]
pub(super) struct Slots {
    privileged: Held,
    /// Sessions without privilege, by direction.
    inbound: Held,
    outbound: Held,
    /// All that have an address: what a ban asks for.
    addresses: BTreeSet<(IpAddr, SessionId)>,
}

/// The sessions of one kind.
#[derive(Debug, Default)]
struct Held {
    all: BTreeSet<SessionId>,
    pending: BTreeSet<SessionId>,
    addresses: BTreeSet<(IpAddr, SessionId)>,
    pending_addresses: BTreeSet<(IpAddr, SessionId)>,
}

impl Held {
    fn take(&mut self, session: SessionId, address: Option<IpAddr>) {
        self.all.insert(session);
        self.pending.insert(session);
        self.addresses.extend(address.map(|address| (address, session)));
        self.pending_addresses.extend(address.map(|address| (address, session)));
    }

    fn announced(&mut self, session: SessionId, address: Option<IpAddr>) {
        self.pending.remove(&session);
        address.map(|address| self.pending_addresses.remove(&(address, session)));
    }

    fn give_back(&mut self, session: SessionId, address: Option<IpAddr>) {
        self.announced(session, address);
        self.all.remove(&session);
        address.map(|address| self.addresses.remove(&(address, session)));
    }
}

impl Slots {
    /// Checks every limit and takes the slot (PEER-9, PEER-10, PEER-41, PEER-42, PEER-48).
    pub(super) fn take(&mut self, session: SessionId, origin: Origin, limits: &Limits) -> Result<(), Reason> {
        self.find_room(origin, limits)?;
        self.addresses.extend(origin.address.map(|address| (address, session)));
        self.of_kind(origin).take(session, origin.address);
        Ok(())
    }

    /// Returns which limit leaves no room for one more session of this origin, if one does.
    pub(super) fn find_room(&self, origin: Origin, limits: &Limits) -> Result<(), Reason> {
        self.find_room_without(None, origin, limits)
    }

    /// Returns which limit leaves no room when `gone` has given its slot back.
    fn find_room_without(&self, gone: Option<SessionId>, origin: Origin, limits: &Limits) -> Result<(), Reason> {
        let count =
            |held: &BTreeSet<SessionId>| held.len() - usize::from(gone.is_some_and(|gone| held.contains(&gone)));
        let ordinary = count(&self.inbound.all) + count(&self.outbound.all);
        if ordinary + count(&self.privileged.all) >= limits.total {
            return Err(Reason::Full);
        }
        // Sessions that are privileged neither wait for a limit of the ordinary ones nor use it up.
        if origin.privileged {
            return Ok(());
        }
        if ordinary >= limits.total.saturating_sub(limits.reserved) {
            return Err(Reason::Reserved);
        }
        let (held, reason) = match origin.direction {
            Direction::Inbound => (&self.inbound, Reason::Inbound),
            Direction::Outbound => (&self.outbound, Reason::Outbound),
        };
        if count(&held.all) >= limits.of(origin.direction) {
            return Err(reason);
        }
        if count(&held.pending) >= limits.pending(origin.direction) {
            return Err(Reason::Pending);
        }
        self.find_room_from(origin, limits)
    }

    /// Returns which limit by address or source leaves no room.
    fn find_room_from(&self, origin: Origin, limits: &Limits) -> Result<(), Reason> {
        let (false, Direction::Inbound, Some(address)) = (origin.privileged, origin.direction, origin.address) else {
            // What is dialed is nothing that the other end could have too much of.
            return Ok(());
        };
        let Held { addresses, pending_addresses, .. } = &self.inbound;
        // Counting stops at the limit, so that it takes no longer than the limit is large.
        let reaches = |limit, set, network| limit != usize::MAX && within(set, network).take(limit).count() >= limit;
        let source = limits.source(address);
        if reaches(limits.per_address, addresses, address.into()) {
            return Err(Reason::PerAddress);
        }
        if reaches(limits.per_source, addresses, source) {
            return Err(Reason::PerSource);
        }
        if reaches(limits.pending_per_source, pending_addresses, source) {
            return Err(Reason::PendingFromSource);
        }
        Ok(())
    }

    /// Notes that the session is announced: it is not pending any more.
    pub(super) fn announced(&mut self, session: SessionId, origin: Origin) {
        self.of_kind(origin).announced(session, origin.address);
    }

    /// Makes a session privileged that is not announced.
    pub(super) fn grant_privilege(&mut self, session: SessionId, origin: Origin) {
        self.of_kind(Origin { privileged: false, ..origin }).give_back(session, origin.address);
        self.privileged.take(session, origin.address);
    }

    /// The session is over.
    pub(super) fn give_back(&mut self, session: SessionId, origin: Origin) {
        origin.address.map(|address| self.addresses.remove(&(address, session)));
        self.of_kind(origin).give_back(session, origin.address);
    }

    /// Returns the sessions that are not announced.
    pub(super) fn pending(&self) -> impl Iterator<Item = SessionId> {
        self.kinds().into_iter().flat_map(|held| &held.pending).copied()
    }

    /// Returns how many sessions are not announced.
    pub(super) fn count_pending(&self) -> usize {
        self.kinds().into_iter().map(|held| held.pending.len()).sum()
    }

    /// Returns the sessions with an address in the network.
    pub(super) fn in_network(&self, network: Network) -> BTreeSet<SessionId> {
        within(&self.addresses, network).collect()
    }

    /// Returns the session that [`WhenFull::EvictWorst`](super::WhenFull::EvictWorst) ends for one more session of this
    /// origin, if that is turned away and would have a slot then. `may_go` has the origins of sessions that may be evicted.
    pub(super) fn worst(
        &self,
        origin: Origin,
        limits: &Limits,
        may_go: impl Fn(SessionId) -> Option<Origin>,
    ) -> Option<SessionId> {
        let reason = self.find_room(origin, limits).err()?;
        // A source that has too much already pushes out nobody, itself included.
        self.find_room_from(origin, limits).ok()?;
        let Held { all, pending, .. } = &self.inbound;
        let is_ordinary = origin.direction == Direction::Inbound && !origin.privileged;
        let lacks_pending = is_ordinary && pending.len() >= limits.pending_inbound;
        let makes_room = |gone: &SessionId| self.find_room_without(Some(*gone), origin, limits).is_ok();
        // To every limit that is left those that are pending count alike: where one would not make room, nobody would.
        let most_useful = if lacks_pending { pending } else { all };
        most_useful.first().filter(|session| makes_room(session))?;
        let worst_of = |held| worst_of(held, limits, &may_go).filter(makes_room);
        let worst = if reason == Reason::Pending { None } else { worst_of(all) };
        worst.or_else(|| if lacks_pending { worst_of(pending) } else { None })
    }

    fn kinds(&self) -> [&Held; 3] {
        [&self.privileged, &self.inbound, &self.outbound]
    }

    fn of_kind(&mut self, origin: Origin) -> &mut Held {
        match (origin.privileged, origin.direction) {
            (true, _) => &mut self.privileged,
            (false, Direction::Inbound) => &mut self.inbound,
            (false, Direction::Outbound) => &mut self.outbound,
        }
    }
}

/// Returns the youngest of the source that has the most, where the older half is protected.
fn worst_of(
    held: &BTreeSet<SessionId>,
    limits: &Limits,
    may_go: impl Fn(SessionId) -> Option<Origin>,
) -> Option<SessionId> {
    let candidates: Vec<(SessionId, Option<Network>)> = held
        .iter()
        .filter_map(|&session| Some((session, may_go(session)?.address.map(|address| limits.source(address)))))
        .collect();
    let mut sources: BTreeMap<Option<Network>, usize> = BTreeMap::new();
    candidates.iter().for_each(|(_, source)| *sources.entry(*source).or_default() += 1);
    let unprotected = candidates.iter().skip(candidates.len().div_ceil(2));
    let worst = unprotected.max_by_key(|(session, source)| (sources.get(source), *session));
    worst.map(|(session, _)| *session)
}

/// Returns the sessions of a set with an address in the network.
fn within(set: &BTreeSet<(IpAddr, SessionId)>, network: Network) -> impl Iterator<Item = SessionId> {
    let range = (network.address(), SessionId(0))..=(network.last(), SessionId(u64::MAX));
    set.range(range).map(|(_, session)| *session)
}
