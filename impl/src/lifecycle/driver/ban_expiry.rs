//! The expiry of bans.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::lifecycle::StateError;
use crate::runtime::time::Instant;

/// A key or an address that is banned.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Banned<K> {
    Key(K),
    Address(IpAddr),
}

/// The times at which bans end by themselves; those for good are not in it.
#[derive(Debug)]
pub(super) struct BanExpiry<K> {
    ends: BTreeMap<Banned<K>, Instant>,
    /// The same, by when.
    order: BTreeSet<(Instant, Banned<K>)>,
}

impl<K: Clone + Ord> BanExpiry<K> {
    pub(super) fn new() -> Self {
        Self { ends: BTreeMap::new(), order: BTreeSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Sets when a ban ends by itself, if it does. Returns whether it would have ended by itself before.
    pub(super) fn set(&mut self, banned: Banned<K>, until: Option<Instant>) -> bool {
        let before = self.ends.remove(&banned);
        if let Some(before) = before {
            self.order.remove(&(before, banned.clone()));
        }
        if let Some(until) = until {
            self.order.insert((until, banned.clone()));
            self.ends.insert(banned, until);
        }
        before.is_some()
    }

    /// Replaces the expiry of an earlier ban: the latest ban counts. `outcome` is the core's answer to it: an error where
    /// there is a ban already, which stays an error only if neither ban is for a time.
    pub(super) fn replace(
        &mut self,
        banned: Banned<K>,
        until: Option<Instant>,
        outcome: Result<(), StateError>,
    ) -> Result<(), StateError> {
        let had_expiry = self.set(banned, until);
        if had_expiry || until.is_some() { Ok(()) } else { outcome }
    }

    /// Removes and returns a ban that has expired.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Banned<K>> {
        let (until, _) = self.order.first()?;
        if *until > now {
            return None;
        }
        let (_, banned) = self.order.pop_first()?;
        self.ends.remove(&banned);
        Some(banned)
    }
}
