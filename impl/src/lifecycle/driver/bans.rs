//! Bans, and when they end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::discard::Garbage;
use super::state::{State, uncounted};
use crate::lifecycle::{Network, SessionId, StateError};
use crate::runtime::time::Instant;

/// How many bans one step lifts of those that are over, and how many are listed or imported in one step. A hundred
/// thousand that end together took 97 ms under the lock where one step lifted them all.
const AT_ONCE: usize = 64;

/// What is banned.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Banned<K> {
    /// A key.
    Key(K),
    /// The addresses of a network.
    Network(Network),
}

/// A ban, as it is listed, exported and imported.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Ban<K> {
    /// What is banned.
    pub banned: Banned<K>,
    /// How much longer it is banned; none if for good.
    pub left: Option<Duration>,
}

/// When a ban is to end. None is never.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term {
    /// At this moment, whatever was said before.
    Exactly(Option<Instant>),
    /// Not before this moment. A ban that ends later, or never, stays as it is.
    AtLeast(Option<Instant>),
}

/// The bans, with the times at which they end by themselves. What is banned is shared, so that no key is cloned or dropped
/// under the lock.
#[derive(Debug)]
pub(super) struct Bans<K> {
    /// When each ends; none if never.
    ends: BTreeMap<Arc<Banned<K>>, Option<Instant>>,
    /// Those that end, by when.
    order: BTreeSet<(Instant, Arc<Banned<K>>)>,
}

impl<K: Ord> Bans<K> {
    pub(super) fn new() -> Self {
        Self { ends: BTreeMap::new(), order: BTreeSet::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Enters a ban, or when it ends. Returns the entry that it replaces.
    fn set(&mut self, banned: Arc<Banned<K>>, term: Term) -> Option<Arc<Banned<K>>> {
        let until = match (term, self.ends.get(&banned)) {
            (Term::Exactly(until) | Term::AtLeast(until), None) | (Term::Exactly(until), Some(_)) => until,
            (Term::AtLeast(until), Some(before)) => before.zip(until).map(|(before, until)| before.max(until)),
        };
        let replaced = self.remove(&banned);
        self.order.extend(until.map(|until| (until, Arc::clone(&banned))));
        self.ends.insert(banned, until);
        replaced
    }

    fn remove(&mut self, banned: &Banned<K>) -> Option<Arc<Banned<K>>> {
        let (banned, until) = self.ends.remove_entry(banned)?;
        let Some(until) = until else { return Some(banned) };
        let entry = (until, banned);
        self.order.remove(&entry);
        Some(entry.1)
    }

    fn first_over(&self, now: Instant) -> Option<&Arc<Banned<K>>> {
        self.order.first().filter(|(until, _)| *until <= now).map(|(_, banned)| banned)
    }

    fn is_over(&self, banned: &Banned<K>, now: Instant) -> bool {
        self.ends.get(banned).is_some_and(|until| until.is_some_and(|until| until <= now))
    }

    /// Returns the next bans after this one, in order, with what is left of each.
    fn list(&self, after: Option<&Banned<K>>, now: Instant) -> Vec<Listed<K>> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listed = self.ends.range::<Banned<K>, _>((after, Bound::Unbounded)).take(AT_ONCE);
        let left = |until: &Option<Instant>| until.map(|until| until.saturating_duration_since(now));
        listed.map(|(banned, until)| (Arc::clone(banned), left(until))).collect()
    }
}

/// A ban, and what is left of it.
pub(super) type Listed<K> = (Arc<Banned<K>>, Option<Duration>);

/// Each ban that a step relies on is lifted before it if it is over, so that a ban that a step finds is in force, and a
/// record has the end of a ban before the first step that relies on it. The others are lifted a few in each step.
impl<K: Clone + Ord, I> State<K, I> {
    /// Lifts some of the bans that are over. Returns whether none is left.
    pub(super) fn lift_bans(&mut self) -> bool {
        if self.bans.order.is_empty() {
            return true;
        }
        let now = Instant::now();
        for _ in 0..AT_ONCE {
            let Some(banned) = self.bans.first_over(now).cloned() else { return true };
            self.lift(&banned);
        }
        self.bans.first_over(now).is_none()
    }

    fn lift(&mut self, banned: &Banned<K>) {
        let lifted = self.unban(banned);
        debug_assert_eq!(lifted, Ok(()), "only what is banned expires: lifting a ban removes its expiry");
    }

    fn lift_if_over(&mut self, banned: &Banned<K>, now: Instant) {
        if self.bans.is_over(banned, now) {
            self.lift(banned);
        }
    }

    /// Lifts the bans that are over of networks with the address.
    pub(super) fn lift_bans_of(&mut self, address: IpAddr) {
        let now = Instant::now();
        if self.bans.first_over(now).is_some() {
            let networks: Vec<Network> = self.core.banned_networks_with(address).collect();
            networks.into_iter().for_each(|network| self.lift_if_over(&Banned::Network(network), now));
        }
    }

    /// Lifts the ban of the session's key, if it is over.
    pub(super) fn lift_ban_of_key_of(&mut self, session: SessionId) {
        let now = Instant::now();
        if self.bans.first_over(now).is_some()
            && let Some(key) = self.core.greeted(session).map(|peer| peer.key.clone())
        {
            let banned = Arc::new(Banned::Key(key));
            self.lift_if_over(&banned, now);
            self.discard_ban(Some(banned));
        }
    }

    /// Bans. Fails if it is banned for good already and the term changes nothing. `kept` is a second copy, made by the
    /// caller outside of the lock.
    pub(super) fn ban(&mut self, banned: Banned<K>, kept: Arc<Banned<K>>, term: Term) -> Result<(), StateError> {
        self.lift_if_over(&kept, Instant::now());
        let before = self.bans.ends.get(&kept).copied();
        let _ = match banned {
            Banned::Key(key) => self.apply(
                |state| state.core.ban(key),
                uncounted,
                |record, outcome, told| {
                    if let Banned::Key(key) = &*kept {
                        record.banned(key, *outcome, told);
                    }
                },
            ),
            Banned::Network(network) => self.apply(
                |state| state.core.ban_network(network),
                uncounted,
                |record, outcome, told| record.network_banned(network, *outcome, told),
            ),
        };
        let replaced = self.bans.set(Arc::clone(&kept), term);
        self.discard_ban(replaced);
        let is_for_good = self.bans.ends.get(&kept).is_some_and(Option::is_none);
        if before == Some(None) && is_for_good { Err(StateError::AlreadyBanned) } else { Ok(()) }
    }

    pub(super) fn unban(&mut self, banned: &Banned<K>) -> Result<(), StateError> {
        let removed = self.bans.remove(banned);
        let unbanned = match banned {
            Banned::Key(key) => self.apply(
                |state| state.core.unban(key),
                uncounted,
                |record, outcome, _| record.unbanned(key, *outcome),
            ),
            &Banned::Network(network) => self.apply(
                |state| state.core.unban_network(network),
                uncounted,
                |record, outcome, _| record.network_unbanned(network, *outcome),
            ),
        };
        self.discard_ban(removed);
        unbanned
    }

    fn discard_ban(&mut self, banned: Option<Arc<Banned<K>>>) {
        self.discarded.extend(banned.map(Garbage::Ban));
    }

    /// Ends a ban for the operator, to whom one that is over is none.
    pub(super) fn unban_if_in_force(&mut self, banned: &Banned<K>) -> Result<(), StateError> {
        self.lift_if_over(banned, Instant::now());
        self.unban(banned)
    }

    pub(super) fn is_in_force(&mut self, banned: &Banned<K>) -> bool {
        self.lift_if_over(banned, Instant::now());
        self.bans.ends.contains_key(banned)
    }

    pub(super) fn is_address_banned(&mut self, address: IpAddr) -> bool {
        self.lift_bans_of(address);
        self.core.is_address_banned(address)
    }

    /// Returns some bans after this one, in order; none if there are no more.
    pub(super) fn list_bans(&self, after: Option<&Banned<K>>) -> Vec<Listed<K>> {
        self.bans.list(after, Instant::now())
    }
}
