//! When bans end by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::lifecycle::Misuse;
use crate::runtime::time::Instant;

/// What is banned.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Banned<K> {
    Key(K),
    Address(IpAddr),
}

/// When bans end by themselves; those for good are not in it.
#[derive(Debug)]
pub(super) struct Terms<K> {
    ends: BTreeMap<Banned<K>, Instant>,
    /// The same, by when.
    order: BTreeSet<(Instant, Banned<K>)>,
}

impl<K: Clone + Ord> Terms<K> {
    pub(super) fn new() -> Self {
        Self { ends: BTreeMap::new(), order: BTreeSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The ban ends then, or not by itself. Whether it would have ended by itself before.
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

    /// The latest ban counts. `outcome` is what the core said to it: an error where there is a ban already, which stays
    /// one only if neither ban is for a time.
    pub(super) fn replace(
        &mut self,
        banned: Banned<K>,
        until: Option<Instant>,
        outcome: Result<(), Misuse>,
    ) -> Result<(), Misuse> {
        let had_term = self.set(banned, until);
        if had_term || until.is_some() { Ok(()) } else { outcome }
    }

    /// Takes out a ban whose time is over.
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
