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
        let ordinary = self.inbound.all.len() + self.outbound.all.len();
        if ordinary + self.privileged.all.len() >= limits.total {
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
        if held.all.len() >= limits.of(origin.direction) {
            return Err(reason);
        }
        if held.pending.len() >= limits.pending(origin.direction) {
            return Err(Reason::Pending);
        }
        match (origin.direction, origin.address) {
            (Direction::Inbound, Some(address)) => self.find_room_from(address, limits),
            // What is dialed is nothing that the other end could have too much of.
            (Direction::Outbound, _) | (Direction::Inbound, None) => Ok(()),
        }
    }

    fn find_room_from(&self, address: IpAddr, limits: &Limits) -> Result<(), Reason> {
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
    /// origin that is turned away for this reason. `may_go` has the origins of sessions that may be evicted.
    pub(super) fn worst(
        &self,
        origin: Origin,
        reason: Reason,
        limits: &Limits,
        may_go: impl Fn(SessionId) -> Option<Origin>,
    ) -> Option<SessionId> {
        let candidates = match reason {
            Reason::Full | Reason::Reserved | Reason::Inbound => &self.inbound.all,
            Reason::Pending if origin.direction == Direction::Inbound => &self.inbound.pending,
            // The source itself has too much already, or no end of an accepted session would help.
            _ => return None,
        };
        let candidates: Vec<(SessionId, Option<Network>)> = candidates
            .iter()
            .filter_map(|&session| Some((session, may_go(session)?.address.map(|address| limits.source(address)))))
            .collect();
        let mut sources: BTreeMap<Option<Network>, usize> = BTreeMap::new();
        candidates.iter().for_each(|(_, source)| *sources.entry(*source).or_default() += 1);
        let unprotected = candidates.iter().skip(candidates.len().div_ceil(2));
        let worst = unprotected.max_by_key(|(session, source)| (sources.get(source), *session));
        worst.map(|(session, _)| *session)
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

/// Returns the sessions of a set with an address in the network.
fn within(set: &BTreeSet<(IpAddr, SessionId)>, network: Network) -> impl Iterator<Item = SessionId> {
    let range = (network.address(), SessionId(0))..=(network.last(), SessionId(u64::MAX));
    set.range(range).map(|(_, session)| *session)
}
