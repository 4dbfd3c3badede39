//! What the entry is made of, and how each access to it is ordered.

use std::sync::atomic::{AtomicU64, Ordering};

use handfast::ownership::{AtomicWord, Atomics, Std};

use crate::ownership::families::{Loom, LoomWord, Shuttle, ShuttleWord};

/// A word with the read-modify-writes that HAProxy uses.
pub trait Masks: AtomicWord {
    /// Sets bits; what they were.
    fn fetch_or(&self, bits: u64, order: Ordering) -> u64;
    /// Clears the bits that are not given; what they were.
    fn fetch_and(&self, bits: u64, order: Ordering) -> u64;
    /// Adds; what it was.
    fn fetch_add(&self, value: u64, order: Ordering) -> u64;
    /// Subtracts; what it was.
    fn fetch_sub(&self, value: u64, order: Ordering) -> u64;
    /// Sets it to `new` if it is `current`; a failed attempt is relaxed.
    ///
    /// # Errors
    ///
    /// What it is.
    fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64>;
}

macro_rules! masks {
    ($($word:ty $(, $field:tt)?;)*) => { $(
        impl Masks for $word {
            #[inline]
            fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
                self$(.$field)?.fetch_or(bits, order)
            }
            #[inline]
            fn fetch_and(&self, bits: u64, order: Ordering) -> u64 {
                self$(.$field)?.fetch_and(bits, order)
            }
            #[inline]
            fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
                self$(.$field)?.fetch_add(value, order)
            }
            #[inline]
            fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
                self$(.$field)?.fetch_sub(value, order)
            }
            #[inline]
            fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
                self$(.$field)?.compare_exchange(current, new, order, Ordering::Relaxed)
            }
        }
    )* };
}

masks! {
    AtomicU64;
    LoomWord, 0;
    ShuttleWord, 0;
}

/// The ordering of each access to the entry. Each default is the weakest that loom is content with, or says why it is
/// stronger; a test weakens one at a time.
pub trait Strict: 'static {
    /// Taking a reference: what the last one who wiped or inserted did is seen.
    const GRAB: Ordering = Ordering::Acquire;
    /// Returning one: what was done under it is seen by whoever finds that there is none.
    const DROP: Ordering = Ordering::Release;
    /// Waiting until there is none.
    const DRAIN: Ordering = Ordering::Acquire;
    /// Whoever inserts sees that the entry was wiped.
    const CLAIM: Ordering = Ordering::Acquire;
    /// A thread announces itself.
    const ANNOUNCE: Ordering = Ordering::AcqRel;
    /// Who runs? It must come before the look at who is allowed.
    const LOOK_RUNNING: Ordering = Ordering::Acquire;
    /// Who is allowed?
    const LOOK_ALLOWED: Ordering = Ordering::Acquire;
    /// A running bit is cleared: what was done meanwhile is seen by the next, and what others did by the last.
    const CLEAR: Ordering = Ordering::AcqRel;
    /// The running mask is swapped from empty.
    const SWAP: Ordering = Ordering::AcqRel;
    /// Who is allowed is changed.
    const ALLOW: Ordering = Ordering::Release;
    /// The flags.
    const FLAGS: Ordering = Ordering::AcqRel;
}

/// The defaults.
#[derive(Debug)]
pub enum Named {}

impl Strict for Named {}

/// What the entry is made of.
pub trait Memory: 'static {
    /// A word.
    type Word: Masks;
    /// How each access is ordered.
    type Order: Strict;
}

impl Memory for Std {
    type Word = <Std as Atomics>::Word;
    type Order = Named;
}

impl Memory for Shuttle {
    type Word = <Shuttle as Atomics>::Word;
    type Order = Named;
}

impl<O: Strict> Memory for Loom<O> {
    type Word = LoomWord;
    type Order = O;
}
