//! What the operator does: disconnects and bans.

use std::net::IpAddr;
use std::time::Duration;

use super::Node;
use super::shared::State;
use super::terms::Banned;
use crate::lifecycle::{Misuse, Reason, SessionId};
use crate::runtime::time::Instant;

/// The operator.
///
/// A ban is for good or for a time. Of several bans of one key or address the latest counts, whichever ends sooner, and
/// lifting it lifts them all. A ban for a time is over as soon as the time is: nothing waits for it, whoever asks or is
/// asked about finds it gone.
impl<K: Clone + Ord, I> Node<K, I> {
    /// Tells a session to end, and why: the reason reaches its Down.
    ///
    /// # Errors
    ///
    /// [`Misuse::NoSuchSession`] if it is over; [`Misuse::Ending`] if it was told before, whose reason stays.
    pub fn disconnect(&self, session: SessionId, reason: Reason) -> Result<(), Misuse> {
        self.shared.step(|state| state.disconnect(session, reason))
    }

    /// Tells every session of a peer to end, and why: those that are announced, and those whose handshake said that it is
    /// this peer and that wait to be announced. How many were told; who had been told before keeps his reason.
    ///
    /// The peer may come back at once; see [`ban`](Self::ban).
    pub fn disconnect_key(&self, key: &K, reason: Reason) -> usize {
        self.shared.step(|state| {
            let count = state.core.disconnect_key(key, reason);
            let told = state.settle();
            if let Some(record) = &mut state.record {
                record.all_disconnected(&told);
            }
            count
        })
    }

    /// Bans a key until the ban is lifted. When this returns, no session is announced under it, and those that are were
    /// told to end (PEER-13).
    ///
    /// # Errors
    ///
    /// [`Misuse::AlreadyBanned`] if it is banned for good. A ban for a time becomes one for good.
    pub fn ban(&self, key: K) -> Result<(), Misuse> {
        self.shared.step(|state| state.ban(key, None))
    }

    /// Bans a key from now on for this long, whether it was banned or not. What is too long for the clock is for good.
    pub fn ban_for(&self, key: K, duration: Duration) {
        // Only a ban for good in place of another is refused, and changes nothing.
        let _ = self.shared.step(|state| state.ban(key, Instant::now().checked_add(duration)));
    }

    /// Ends the ban of a key.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotBanned`].
    pub fn unban(&self, key: &K) -> Result<(), Misuse> {
        self.shared.step(|state| {
            state.terms.set(Banned::Key(key.clone()), None);
            state.unban(key)
        })
    }

    /// Whether a key is banned.
    pub fn is_banned(&self, key: &K) -> bool {
        self.shared.step(|state| state.core.is_banned(key))
    }

    /// Bans an address until the ban is lifted. When this returns, no session with it gets a slot, and those that have one
    /// were told to end (PEER-13).
    ///
    /// # Errors
    ///
    /// [`Misuse::AlreadyBanned`] if it is banned for good. A ban for a time becomes one for good.
    pub fn ban_address(&self, address: IpAddr) -> Result<(), Misuse> {
        self.shared.step(|state| state.ban_address(address, None))
    }

    /// Bans an address from now on for this long, whether it was banned or not. What is too long for the clock is for
    /// good.
    pub fn ban_address_for(&self, address: IpAddr, duration: Duration) {
        // As with keys.
        let _ = self.shared.step(|state| state.ban_address(address, Instant::now().checked_add(duration)));
    }

    /// Ends the ban of an address.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotBanned`].
    pub fn unban_address(&self, address: IpAddr) -> Result<(), Misuse> {
        self.shared.step(|state| {
            state.terms.set(Banned::Address(address.to_canonical()), None);
            state.unban_address(address)
        })
    }

    /// Whether an address is banned.
    pub fn is_address_banned(&self, address: IpAddr) -> bool {
        self.shared.step(|state| state.core.is_address_banned(address))
    }
}

impl<K: Clone + Ord, I> State<K, I> {
    fn ban(&mut self, key: K, until: Option<Instant>) -> Result<(), Misuse> {
        let outcome = self.core.ban(key.clone());
        let told = self.settle();
        if let Some(record) = &mut self.record {
            record.banned(&key, outcome, &told);
        }
        self.terms.replace(Banned::Key(key), until, outcome)
    }

    fn ban_address(&mut self, address: IpAddr, until: Option<Instant>) -> Result<(), Misuse> {
        let outcome = self.core.ban_address(address);
        let told = self.settle();
        if let Some(record) = &mut self.record {
            record.address_banned(address, outcome, &told);
        }
        self.terms.replace(Banned::Address(address.to_canonical()), until, outcome)
    }

    fn unban(&mut self, key: &K) -> Result<(), Misuse> {
        let outcome = self.core.unban(key);
        if let Some(record) = &mut self.record {
            record.unbanned(key, outcome);
        }
        outcome
    }

    fn unban_address(&mut self, address: IpAddr) -> Result<(), Misuse> {
        let outcome = self.core.unban_address(address);
        if let Some(record) = &mut self.record {
            record.address_unbanned(address, outcome);
        }
        outcome
    }

    /// Lifts the bans whose time is over. Each step under the lock begins with it, so that what a step finds banned is
    /// banned, and a record has the end of a ban before the first step that relies on it.
    pub(super) fn lift_bans(&mut self) {
        if self.terms.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(banned) = self.terms.pop_due(now) {
            // Whoever has a term is banned: lifting takes the term away, and only here is it taken away first.
            let lifted = match banned {
                Banned::Key(key) => self.unban(&key),
                Banned::Address(address) => self.unban_address(address),
            };
            debug_assert_eq!(lifted, Ok(()), "a term is that of a ban");
        }
    }
}
