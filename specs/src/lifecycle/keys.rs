//! A set of keys, whatever numbers they have.

use std::collections::BTreeSet;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::Key;

/// A set of keys.
///
/// Sessions and subscribers are numbered as they come, so that a table holds them. Keys are not: a log may name any, and
/// a table would be as long as the largest is large. Small keys are bits, so that a checked state allocates nothing.
///
/// ```
/// # use handfast_spec::lifecycle::{Key, Keys};
/// let mut keys = Keys::default();
/// assert!(keys.insert(Key(4_000_000_000)) && keys.insert(Key(0)) && !keys.insert(Key(0)));
/// assert!(keys.iter().eq([Key(0), Key(4_000_000_000)]));
/// assert!(keys.remove(Key(4_000_000_000)) && keys.remove(Key(0)));
/// assert_eq!(keys, Keys::default());
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Keys {
    /// Bit *n* is key *n*.
    small: u64,
    /// Keys from 64 on; absent rather than empty, so that equal sets are equal values.
    #[expect(clippy::box_collection, reason = "one null pointer in every checked state, instead of three words")]
    large: Option<Box<BTreeSet<Key>>>,
}

impl Keys {
    /// Whether the key is in the set.
    pub fn contains(&self, key: Key) -> bool {
        match bit(key) {
            Some(bit) => self.small & bit != 0,
            None => self.large.as_ref().is_some_and(|large| large.contains(&key)),
        }
    }

    /// Adds a key; whether it was not there.
    pub fn insert(&mut self, key: Key) -> bool {
        let is_new = !self.contains(key);
        match bit(key) {
            Some(bit) => self.small |= bit,
            None => {
                self.large.get_or_insert_default().insert(key);
            }
        }
        is_new
    }

    /// Removes a key; whether it was there.
    pub fn remove(&mut self, key: Key) -> bool {
        let was_there = self.contains(key);
        match bit(key) {
            Some(bit) => self.small &= !bit,
            None => {
                self.large = self.large.take().filter(|large| large.len() > 1 || !large.contains(&key));
                if let Some(large) = &mut self.large {
                    large.remove(&key);
                }
            }
        }
        was_there
    }

    /// The keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = Key> {
        let small = (0..u64::BITS).filter(|&number| self.small & (1 << number) != 0).map(Key);
        small.chain(self.large.iter().flat_map(|large| large.iter().copied()))
    }
}

fn bit(key: Key) -> Option<u64> {
    1_u64.checked_shl(key.0)
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Compact formats want to know the length first.
        let mut keys = serializer.serialize_seq(Some(self.iter().count()))?;
        self.iter().try_for_each(|key| keys.serialize_element(&key))?;
        keys.end()
    }
}
