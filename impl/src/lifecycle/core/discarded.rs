//! What the core no longer holds and did not make.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::Peer;

/// A value of the caller's that the core no longer holds: a key, an info, or a peer with both.
///
/// Dropping it may run the caller's code, so that a driver drops it where it holds no lock.
pub struct Discarded<K, I> {
    _value: Value<K, I>,
}

/// What is only kept to be dropped.
#[expect(dead_code, reason = "a value that is discarded is only dropped")]
enum Value<K, I> {
    Peer(Arc<Peer<K, I>>),
    Report(K, I),
    Key(K),
}

impl<K, I> Discarded<K, I> {
    pub(super) fn peer(peer: Arc<Peer<K, I>>) -> Self {
        Self { _value: Value::Peer(peer) }
    }

    /// What a handshake said that is not heard.
    pub(super) fn report(key: K, info: I) -> Self {
        Self { _value: Value::Report(key, info) }
    }

    pub(super) fn key(key: K) -> Self {
        Self { _value: Value::Key(key) }
    }
}

impl<K, I> Debug for Discarded<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discarded").finish_non_exhaustive()
    }
}

/// A peer as its key, so that the registry needs no copy of the key.
pub(super) struct ByKey<K, I>(pub(super) Arc<Peer<K, I>>);

impl<K, I> Borrow<K> for ByKey<K, I> {
    fn borrow(&self) -> &K {
        &self.0.key
    }
}

impl<K: Ord, I> Ord for ByKey<K, I> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl<K: Ord, I> PartialOrd for ByKey<K, I> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, I> PartialEq for ByKey<K, I> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord, I> Eq for ByKey<K, I> {}

impl<K: Debug, I> Debug for ByKey<K, I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.key.fmt(f)
    }
}
