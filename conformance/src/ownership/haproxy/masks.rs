//! What the ports ask of a family of atomics beyond what `handfast::ownership` does.
#![expect(unsafe_code, reason = "a cell without anything in it, which loom watches from several threads")]

use std::sync::atomic::{AtomicU64, Ordering};

use handfast::ownership::{AtomicWord, Atomics};

use crate::ownership::families::{LoomWord, ShuttleWord};

/// A family of which the words are masks as well.
pub trait Family: Atomics<Word: Mask> {}

impl<A: Atomics<Word: Mask>> Family for A {}

/// The fields of an entry, for a family that does not treat them all alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the fields of the entry")]
pub enum Field {
    References,
    Running,
    Threads,
    Updates,
    Polled,
    Listed,
    State,
    Owner,
    Generation,
    Fields,
    Kept,
}

/// Stands for fields that are no atomics: a checker that knows races is told who reads and who writes them.
pub trait Plain: Default + Send + Sync {
    /// What goes with an entry as one of these two.
    fn of(_: Field) -> Self {
        Self::default()
    }
    /// They are read.
    #[inline]
    fn read(&self) {}
    /// They are written.
    #[inline]
    fn write(&self) {}
}

impl Plain for () {}

/// loom's, which knows races.
#[derive(Debug, Default)]
pub struct LoomPlain(loom::cell::UnsafeCell<()>);

// SAFETY: nothing is in it that could be accessed.
unsafe impl Sync for LoomPlain {}
// SAFETY: as above.
unsafe impl Send for LoomPlain {}

impl Plain for LoomPlain {
    fn read(&self) {
        self.0.with(|_| ());
    }

    fn write(&self) {
        self.0.with_mut(|_| ());
    }
}

/// A word of bits that are set and cleared one by one. Each operation gives what the word was before.
pub trait Mask: AtomicWord {
    /// What goes with it for fields that are no atomics.
    type Plain: Plain;
    /// A field of an entry, with nothing in it.
    fn of(_: Field) -> Self
    where
        Self: Sized,
    {
        Self::new(0)
    }
    /// Sets `bits`.
    fn fetch_or(&self, bits: u64, order: Ordering) -> u64;
    /// Keeps none but `bits`.
    fn fetch_and(&self, bits: u64, order: Ordering) -> u64;
    /// Counts up.
    fn fetch_add(&self, number: u64, order: Ordering) -> u64;
    /// Makes it `new` if it is `current`, and does not fail otherwise; a failed attempt is relaxed.
    ///
    /// # Errors
    ///
    /// What it is.
    fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64>;
    /// What it is, for an onlooker: no access of any thread.
    fn peek(&self) -> u64;
    /// Has another thread go first, in a loop that waits for it.
    fn wait();
}

impl Mask for AtomicU64 {
    type Plain = ();

    #[inline]
    fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
        self.fetch_or(bits, order)
    }

    #[inline]
    fn fetch_and(&self, bits: u64, order: Ordering) -> u64 {
        self.fetch_and(bits, order)
    }

    #[inline]
    fn fetch_add(&self, number: u64, order: Ordering) -> u64 {
        self.fetch_add(number, order)
    }

    #[inline]
    fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
        self.compare_exchange(current, new, order, Ordering::Relaxed)
    }

    fn peek(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn wait() {
        std::thread::yield_now();
    }
}

macro_rules! of_a_checker {
    ($($word:ident: $checker:ident, $plain:ty, $peek:expr;)*) => { $(
        impl Mask for $word {
            type Plain = $plain;

            fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
                self.0.fetch_or(bits, order)
            }

            fn fetch_and(&self, bits: u64, order: Ordering) -> u64 {
                self.0.fetch_and(bits, order)
            }

            fn fetch_add(&self, number: u64, order: Ordering) -> u64 {
                self.0.fetch_add(number, order)
            }

            fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
                self.0.compare_exchange(current, new, order, Ordering::Relaxed)
            }

            fn peek(&self) -> u64 {
                let peek: fn(&Self) -> u64 = $peek;
                peek(self)
            }

            fn wait() {
                $checker::thread::yield_now();
            }
        }
    )* };
}

of_a_checker! {
    LoomWord: loom, LoomPlain, |word| word.load(Ordering::Relaxed);
    // SAFETY: shuttle runs one thread at a time, and a scheduler none.
    ShuttleWord: shuttle, (), |word| unsafe { word.0.raw_load() };
}
