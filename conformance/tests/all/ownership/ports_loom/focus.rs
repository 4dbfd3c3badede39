//! An entry of which loom watches some fields, and takes the others as they are.
//!
//! With a deletion in it, loom does not come to the end of a scenario in which every field is watched. With those fields
//! that a question is about, it does. What is not watched is no place where another thread goes first, and says nothing to
//! anybody: fewer interleavings are explored than there are, and no order comes from such a field. So a race that is found
//! may be one that a field that is not watched prevents, and each focus is chosen so that it has those that are to; and a
//! run that finds none says so of what was watched.
#![expect(unsafe_code, reason = "a family of atomics is promised to be one")]

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use conformance::ownership::families::{LoomCell, LoomWord};
use conformance::ownership::haproxy::{Field, LoomPlain, Mask, Plain};
use handfast::ownership::{AtomicWord, Atomics};

/// Which fields are watched, and what is asked.
pub(crate) trait Focus: Send + Sync + 'static {
    /// The fields.
    const FIELDS: &'static [Field];
    /// What is wrong.
    const ASKS: Asks;
}

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asks {
    /// Two accesses to the object that nothing orders, of which one writes.
    Races,
    /// The object is closed while somebody is in the callback: also where a race between the two is none, or is another
    /// finding.
    Overlaps,
    /// Nobody closes it.
    Losses,
    /// A race; or that nobody closes it.
    RacesAndLosses,
}

macro_rules! focus {
    ($($name:ident: $asks:ident, [$($field:ident),*], $what:literal;)*) => { $(
        #[doc = $what]
        pub(crate) enum $name {}

        impl Focus for $name {
            const FIELDS: &'static [Field] = &[$(Field::$field),*];
            const ASKS: Asks = Asks::$asks;
        }
    )* };
}

focus! {
    All: Races, [References, Running, Threads, Updates, Polled, Listed, State, Owner, Generation, Fields, Kept],
        "Everything.";
    Masks: Races, [Running, Threads], "Who runs and who is allowed.";
    MasksAlone: Overlaps, [Running, Threads], "The same, for what does not show as a race alone.";
    MasksLast: Losses, [Running, Threads], "The same, for who closes.";
    MasksBoth: RacesAndLosses, [Running, Threads], "The same, for both.";
    Duty: RacesAndLosses, [Running, Threads, State], "And whether a close is owed.";
    References: Races, [References, Kept], "The references, and what they keep.";
    Updates: Races, [References, Updates, Polled, Kept], "And the updates.";
    Inserted: Races, [References, Threads, State, Owner, Fields], "What is read of a descriptor that another thread inserted.";
}

/// Loom's atomics for what is watched.
pub(crate) struct Focused<F>(PhantomData<F>);

// SAFETY: either is an atomic of 64 bits, with no ordering weaker than asked for.
unsafe impl<F: Focus> Atomics for Focused<F> {
    type Word = Word<F>;
    type Cell<T> = LoomCell<T>;
}

/// A field.
pub(crate) enum Word<F> {
    Watched(LoomWord),
    Still(AtomicU64, PhantomData<fn() -> F>),
}

macro_rules! on_either {
    ($($operation:ident)*) => { $(
        fn $operation(&self, operand: u64, order: Ordering) -> u64 {
            match self {
                Self::Watched(word) => word.$operation(operand, order),
                Self::Still(word, _) => AtomicU64::$operation(word, operand, Ordering::SeqCst),
            }
        }
    )* };
}

impl<F: Focus> AtomicWord for Word<F> {
    fn new(bits: u64) -> Self {
        Self::Still(AtomicU64::new(bits), PhantomData)
    }

    fn load(&self, order: Ordering) -> u64 {
        match self {
            Self::Watched(word) => word.load(order),
            Self::Still(word, _) => word.load(Ordering::SeqCst),
        }
    }

    fn store(&self, bits: u64, order: Ordering) {
        match self {
            Self::Watched(word) => word.store(bits, order),
            Self::Still(word, _) => word.store(bits, Ordering::SeqCst),
        }
    }

    fn compare_exchange_weak(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
        self.compare_exchange(current, new, order)
    }

    on_either! { fetch_sub }
}

impl<F: Focus> Mask for Word<F> {
    type Plain = Cell<F>;

    fn of(field: Field) -> Self {
        if F::FIELDS.contains(&field) { Self::Watched(LoomWord::new(0)) } else { Self::new(0) }
    }

    on_either! { fetch_or fetch_and fetch_add }

    fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
        match self {
            Self::Watched(word) => word.compare_exchange(current, new, order),
            Self::Still(word, _) => word.compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst),
        }
    }

    fn peek(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn wait() {
        loom::thread::yield_now();
    }
}

/// Fields that are no atomics.
pub(crate) struct Cell<F>(Option<LoomPlain>, PhantomData<fn() -> F>);

impl<F> Default for Cell<F> {
    fn default() -> Self {
        Self(None, PhantomData)
    }
}

impl<F: Focus> Plain for Cell<F> {
    fn of(field: Field) -> Self {
        Self(F::FIELDS.contains(&field).then(LoomPlain::default), PhantomData)
    }

    fn read(&self) {
        if let Some(cell) = &self.0 {
            cell.read();
        }
    }

    fn write(&self) {
        if let Some(cell) = &self.0 {
            cell.write();
        }
    }
}
