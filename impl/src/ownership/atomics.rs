//! The atomics that a table is made of: a family, so that the same code runs on those of the standard library and on
//! those of a checker.
#![expect(
    unsafe_code,
    reason = "a table's memory safety rests on its atomics being atomic, which only a contract says"
)]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// A family of atomics, and the ordering of each access.
///
/// The orderings are named here, once, with the reason. A test may weaken one of them in a family of its own to see
/// whether its checker notices; there is no other reason to.
///
/// # Safety
///
/// The word is one atomic of 64 bits that does what its trait says, with at least the orderings that are given to it;
/// the cell gives pointers to the payload that it was made with, valid for as long as the cell, is `Send` where that
/// payload is, and does not access it; and none of the orderings below is weaker than its default.
pub unsafe trait Atomics: 'static {
    /// The word of a slot.
    type Word: AtomicWord;
    /// The payload of a slot.
    type Cell<T>: PayloadCell<T>;

    /// Before a read-modify-write: what it is tried on. The read-modify-write itself validates it.
    const LOAD_HINT: Ordering = Ordering::Relaxed;
    /// Claiming a free slot: what the last closer did with the payload's cell happened before.
    const CLAIM: Ordering = Ordering::Acquire;
    /// The store that publishes a descriptor: its payload is there for the threads that enter.
    const PUBLISH: Ordering = Ordering::Release;
    /// Entering and taking over: what was done to the payload before, from inside, is seen.
    const ENTER: Ordering = Ordering::Acquire;
    /// Leaving: what was done inside is seen by the threads that enter or close; and the last to leave closes,
    /// and sees what all others did.
    const LEAVE: Ordering = Ordering::AcqRel;
    /// Deleting: if there is no guard, the deleter closes, and sees what was done inside; if there is one, the last to
    /// leave sees what the deleter did before.
    const DELETE: Ordering = Ordering::AcqRel;
    /// The store that frees a slot: the payload was taken out before.
    const WIPE: Ordering = Ordering::Release;
}

/// 64 bits that are changed atomically.
pub trait AtomicWord: Send + Sync {
    /// A word with these bits.
    fn new(bits: u64) -> Self;
    /// Its bits.
    fn load(&self, order: Ordering) -> u64;
    /// Sets its bits.
    fn store(&self, bits: u64, order: Ordering);
    /// Sets its bits to `new` if they are `current`, else says what they are; a failed attempt is as relaxed as a
    /// guess. May fail although they are.
    ///
    /// # Errors
    ///
    /// The bits that it has.
    fn compare_exchange_weak(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64>;
    /// Subtracts from its bits and returns what they were. In one step where the family has one; otherwise as often as
    /// other threads are faster.
    fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        let mut bits = self.load(Ordering::Relaxed);
        loop {
            match self.compare_exchange_weak(bits, bits.wrapping_sub(value), order) {
                Ok(before) => return before,
                Err(actual) => bits = actual,
            }
        }
    }
}

/// A place for a payload. Who may access it is known to the word alone.
pub trait PayloadCell<T> {
    /// A place with this in it.
    fn new(payload: T) -> Self;
    /// Calls `f` with a pointer to read through.
    fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R;
    /// Calls `f` with a pointer to write through.
    fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R;
}

/// The atomics of the standard library.
#[derive(Clone, Copy, Debug)]
pub enum Std {}

// SAFETY: they are the standard library's, and every ordering is the default.
unsafe impl Atomics for Std {
    type Word = AtomicU64;
    type Cell<T> = UnsafeCell<T>;
}

impl AtomicWord for AtomicU64 {
    fn new(bits: u64) -> Self {
        Self::new(bits)
    }

    #[inline]
    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    #[inline]
    fn store(&self, bits: u64, order: Ordering) {
        self.store(bits, order);
    }

    #[inline]
    fn compare_exchange_weak(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
        self.compare_exchange_weak(current, new, order, Ordering::Relaxed)
    }

    #[inline]
    fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        self.fetch_sub(value, order)
    }
}

impl<T> PayloadCell<T> for UnsafeCell<T> {
    fn new(payload: T) -> Self {
        Self::new(payload)
    }

    #[inline]
    fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.get())
    }

    #[inline]
    fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.get())
    }
}
