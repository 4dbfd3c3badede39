//! The entry of one number, and its references.

use handfast::ownership::AtomicWord;
use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::Ordering;

use super::memory::{Masks, Memory, Strict};

pub(super) const ACTIVE: u64 = 1;
pub(super) const MUST_CLOSE: u64 = 2;

const REFERENCE: u64 = 1 << 16;
const GROUP: u64 = REFERENCE - 1;
/// The group of all threads here.
const OURS: u64 = 1;

/// The entry of one number, on a cache line of its own as it is there.
#[repr(align(64))]
pub struct Entry<M: Memory> {
    /// `refc_tgid`: how many references are held, and the group, none if the entry is free.
    references: M::Word,
    pub(super) running: M::Word,
    pub(super) threads: M::Word,
    pub(super) updates: M::Word,
    pub(super) polled: M::Word,
    pub(super) state: M::Word,
    pub(super) generation: M::Word,
}

type Order<M> = <M as Memory>::Order;

impl<M: Memory> Entry<M> {
    /// A free one.
    pub fn new() -> Self {
        let zero = || M::Word::new(0);
        Self {
            references: zero(),
            running: zero(),
            threads: zero(),
            updates: zero(),
            polled: zero(),
            state: zero(),
            generation: zero(),
        }
    }

    /// Takes a reference, if the entry is in use.
    #[inline]
    pub(super) fn grab(&self) -> bool {
        let is_ours = self.references.fetch_add(REFERENCE, Order::<M>::GRAB) & GROUP == OURS;
        if !is_ours {
            self.references.fetch_sub(REFERENCE, Ordering::Relaxed);
        }
        is_ours
    }

    /// Whether it is in use.
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.references.load(Ordering::Relaxed) & GROUP == OURS
    }

    /// Takes a reference in any case.
    #[inline]
    pub(super) fn hold(&self) {
        self.references.fetch_add(REFERENCE, Order::<M>::GRAB);
    }

    #[inline]
    pub(super) fn release(&self) {
        self.references.fetch_sub(REFERENCE, Order::<M>::DROP);
    }

    /// Takes a free entry that nobody holds, with a reference.
    pub(super) fn claim(&self) -> bool {
        self.references.compare_exchange(0, REFERENCE | OURS, Order::<M>::CLAIM).is_ok()
    }

    /// Nobody can take a reference any more.
    pub(super) fn reset(&self) {
        self.references.fetch_and(!GROUP, Ordering::AcqRel);
    }

    /// Whether all references were returned.
    pub(super) fn is_drained(&self) -> bool {
        self.references.load(Order::<M>::DRAIN) < REFERENCE
    }

    /// Who runs. Relaxed accesses before it stay before it.
    #[inline]
    pub(super) fn runners(&self) -> u64 {
        self.running.load(Order::<M>::LOOK_RUNNING)
    }

    #[inline]
    pub(super) fn allowed(&self) -> u64 {
        self.threads.load(Order::<M>::LOOK_ALLOWED)
    }

    #[inline]
    pub(super) fn announce(&self, own: u64) {
        self.running.fetch_or(own, Order::<M>::ANNOUNCE);
    }

    /// Clears a running bit; who ran before.
    #[inline]
    pub(super) fn clear(&self, own: u64) -> u64 {
        self.running.fetch_and(!own, Order::<M>::CLEAR)
    }

    /// Swaps the running mask.
    #[inline]
    pub(super) fn swap(&self, from: u64, to: u64) -> bool {
        self.running.compare_exchange(from, to, Order::<M>::SWAP).is_ok()
    }

    #[inline]
    pub(super) fn allow(&self, threads: u64) {
        self.threads.store(threads, Order::<M>::ALLOW);
    }

    /// Sets a flag; whether it was set.
    #[inline]
    pub(super) fn set(&self, flag: u64) -> bool {
        self.state.fetch_or(flag, Order::<M>::FLAGS) & flag != 0
    }

    /// Clears a flag; whether it was set.
    #[inline]
    pub(super) fn unset(&self, flag: u64) -> bool {
        self.state.fetch_and(!flag, Order::<M>::FLAGS) & flag != 0
    }

    #[inline]
    pub(super) fn is_active(&self) -> bool {
        self.state.load(Ordering::Relaxed) & ACTIVE != 0
    }
}

impl<M: Memory> Default for Entry<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Memory> Debug for Entry<M> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}
