//! What the operator of a node does: ends sessions, bans, sets limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::bans::{Ban, Banned, Term};
use super::node::Node;
use crate::lifecycle::{ConfigError, Limits, Network, Reason, SessionId, StateError};
use crate::runtime::time::Instant;

/// How many bans are imported in one step.
const IMPORTED_AT_ONCE: usize = 64;

/// Ends sessions and sets limits.
impl<K: Clone + Ord, I> Node<K, I> {
    /// Tells a session to end, and why: the reason reaches its Down.
    ///
    /// # Errors
    ///
    /// [`StateError::NoSuchSession`] if it has ended; [`StateError::Ending`] if it was told before; the first
    /// reason stays.
    pub fn disconnect(&self, session: SessionId, reason: Reason) -> Result<(), StateError> {
        self.shared.step(|state| state.disconnect(session, reason))
    }

    /// Tells every session of a peer to end, and why: those that are announced, and those whose handshake said that it is
    /// this peer and that wait to be announced. Returns how many were told; a session that had been told before keeps its
    /// reason.
    ///
    /// The peer may come back at once; see [`ban`](Self::ban).
    pub fn disconnect_key(&self, key: &K, reason: Reason) -> usize {
        self.shared.step(|state| state.disconnect_all(|core| core.disconnect_key(key, reason)))
    }

    /// Tells every session to end that has this address or one of this network, announced or not, and why. Returns how many
    /// were told; a session that had been told before keeps its reason.
    pub fn disconnect_address(&self, network: impl Into<Network>, reason: Reason) -> usize {
        let network = network.into();
        self.shared.step(|state| state.disconnect_all(|core| core.disconnect_network(network, reason)))
    }

    /// Sets other limits, from the next connection on. Sessions that hold a slot keep it; what is too many ends in its time.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new): the capacity of queues stays as it was configured, and is to be greater than the total. Then
    /// nothing has changed.
    pub fn set_limits(&self, limits: Limits) -> Result<(), ConfigError> {
        self.shared.step(|state| state.set_limits(limits))
    }

    /// Returns the limits that hold now.
    pub fn limits(&self) -> Limits {
        self.shared.step(|state| *state.core.limits())
    }
}

/// Bans.
///
/// A ban is for good or for a time. [`ban`](Self::ban) and [`ban_for`](Self::ban_for) never shorten an earlier one:
/// of several bans of one key or network the longest counts. [`ban_only_for`](Self::ban_only_for) replaces it. Lifting a
/// ban lifts them all. A ban for a time is over as soon as the time is: no task waits for it, and every later call finds
/// it gone. Addresses may be given alone or by network; one is banned if any network that has it is.
impl<K: Clone + Ord, I> Node<K, I> {
    /// Bans a key until the ban is lifted. When this returns, no session is announced under it, and those whose handshake
    /// said that they have it were told to end, announced or not (PEER-13).
    ///
    /// # Errors
    ///
    /// [`StateError::AlreadyBanned`] if it is banned for good. A ban for a time becomes one for good.
    pub fn ban(&self, key: K) -> Result<(), StateError> {
        self.ban_with(Banned::Key(key), Term::AtLeast(None))
    }

    /// Bans a key from now on for this long at least: a ban that ends later stays as it is. What is too long for the clock
    /// is for good.
    pub fn ban_for(&self, key: K, duration: Duration) {
        // Only a ban for good of what is banned for good is refused, and changes nothing.
        let _ = self.ban_with(Banned::Key(key), Term::AtLeast(after(duration)));
    }

    /// Bans a key from now on for this long and no longer, also if it was banned for longer or for good.
    pub fn ban_only_for(&self, key: K, duration: Duration) {
        let _ = self.ban_with(Banned::Key(key), Term::Exactly(after(duration)));
    }

    /// Ends the ban of a key.
    ///
    /// # Errors
    ///
    /// [`StateError::NotBanned`].
    pub fn unban(&self, key: &K) -> Result<(), StateError> {
        let banned = Banned::Key(key.clone());
        self.shared.step(|state| state.unban_if_in_force(&banned))
    }

    /// Whether a key is banned.
    pub fn is_banned(&self, key: &K) -> bool {
        let banned = Banned::Key(key.clone());
        self.shared.step(|state| state.is_in_force(&banned))
    }

    /// Bans an address or a network until the ban is lifted. When this returns, no session with it gets a slot, and those
    /// that have one were told to end (PEER-13).
    ///
    /// # Errors
    ///
    /// [`StateError::AlreadyBanned`] if this very network is banned for good. A ban for a time becomes one for good.
    pub fn ban_address(&self, network: impl Into<Network>) -> Result<(), StateError> {
        self.ban_with(Banned::Network(network.into()), Term::AtLeast(None))
    }

    /// Bans an address or a network from now on for this long at least: a ban that ends later stays as it is. What is too
    /// long for the clock is for good.
    pub fn ban_address_for(&self, network: impl Into<Network>, duration: Duration) {
        let _ = self.ban_with(Banned::Network(network.into()), Term::AtLeast(after(duration)));
    }

    /// Bans an address or a network from now on for this long and no longer, also if it was banned for longer or for good.
    pub fn ban_address_only_for(&self, network: impl Into<Network>, duration: Duration) {
        let _ = self.ban_with(Banned::Network(network.into()), Term::Exactly(after(duration)));
    }

    fn ban_with(&self, banned: Banned<K>, term: Term) -> Result<(), StateError> {
        let kept = Arc::new(banned.clone());
        self.shared.step(|state| state.ban(banned, kept, term))
    }

    /// Ends the ban of an address or a network. An address stays banned as far as another network that has it is.
    ///
    /// # Errors
    ///
    /// [`StateError::NotBanned`] if this very network is not.
    pub fn unban_address(&self, network: impl Into<Network>) -> Result<(), StateError> {
        let banned = Banned::Network(network.into());
        self.shared.step(|state| state.unban_if_in_force(&banned))
    }

    /// Whether an address is banned, alone or with a network that has it.
    pub fn is_address_banned(&self, address: IpAddr) -> bool {
        self.shared.step(|state| state.is_address_banned(address))
    }

    /// Returns the number of bans that are in force.
    pub fn ban_count(&self) -> usize {
        self.lift_all_that_are_over();
        self.shared.step(|state| state.bans.len())
    }

    /// Returns the bans that are in force, with what is left of each: keys first, then networks, in order. They can be
    /// written down, and [imported](Self::import_bans) by the next process.
    ///
    /// It takes the lock for a few of them at a time, so that a ban that comes or goes in the meantime may be in it or not.
    pub fn bans(&self) -> Vec<Ban<K>> {
        self.lift_all_that_are_over();
        let mut bans: Vec<Ban<K>> = Vec::new();
        loop {
            let after = bans.last().map(|ban| &ban.banned);
            let more = self.shared.step(|state| state.list_bans(after));
            if more.is_empty() {
                // What came to its end while they were listed.
                bans.retain(|ban| ban.left != Some(Duration::ZERO));
                return bans;
            }
            // Keys are cloned where no lock is held.
            bans.extend(more.into_iter().map(|(banned, left)| Ban { banned: Banned::clone(&banned), left }));
        }
    }

    /// Imports bans: each is in force from now on for what was left of it at least.
    pub fn import_bans(&self, bans: impl IntoIterator<Item = Ban<K>>) {
        let mut bans = bans.into_iter();
        loop {
            // The iterator is the caller's code, and so is the clone of a key: neither is run under the lock.
            let some = bans.by_ref().take(IMPORTED_AT_ONCE);
            let some: Vec<(Ban<K>, Arc<Banned<K>>)> = some
                .map(|ban| {
                    let kept = Arc::new(ban.banned.clone());
                    (ban, kept)
                })
                .collect();
            if some.is_empty() {
                return;
            }
            self.shared.step(|state| {
                for (Ban { banned, left }, kept) in some {
                    // As with a ban for a time.
                    let _ = state.ban(banned, kept, Term::AtLeast(left.and_then(after)));
                }
            });
        }
    }

    fn lift_all_that_are_over(&self) {
        while !self.shared.step(|state| state.lift_bans()) {}
    }
}

fn after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}
