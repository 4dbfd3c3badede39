//! A fingerprint of a whole state set, for certificates.

use core::fmt::{self, Display, Formatter};
use core::hash::Hasher;

use serde::Serialize;
use siphasher::sip128::{Hasher128, SipHasher24};

/// A digest of a set of states: the sum of a 128-bit hash of each state's canonical bytes.
///
/// It depends on neither the order in which states were found nor on the build, only on the states as they are
/// serialised. It never decides whether two states are one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Digest(u128);

impl Digest {
    /// The digest of these states, of which none is there twice.
    pub fn of<S: Serialize>(states: impl Iterator<Item = S>) -> Self {
        states.fold(Self::default(), |digest, state| digest.with(&state))
    }

    /// The digest of the set with one state more.
    #[must_use]
    pub fn with<S: Serialize>(self, state: &S) -> Self {
        let bytes = postcard::to_allocvec(state).expect("states are plain data");
        let mut hasher = SipHasher24::new();
        hasher.write(&bytes);
        Self(self.0.wrapping_add(hasher.finish128().as_u128()))
    }

    /// The digest of the union of two sets that have no state in common, or of a pair of sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
