//! An entry of the table.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use handfast::ownership::{AtomicWord, Atomics};

use crate::ownership::families::{LoomWord, ShuttleWord};
use super::{Caller, Step};
use super::design::{Design, Orders};

/// One reference.
const REFERENCE: u64 = 1 << 16;
/// The group, below the references.
const GROUP: u64 = REFERENCE - 1;
/// Somebody wishes to be called.
pub(super) const ACTIVE: u64 = 1;
/// A close is owed.
pub(super) const MUST_CLOSE: u64 = 1 << 1;
/// It was reported.
pub(super) const READY: u64 = 1 << 2;

/// An entry of the table: one descriptor number. Its masks have a bit for each thread of the group `refc_tgid` names.
#[repr(align(64))]
pub struct Entry<A: Family, D: Design> {
    /// How many hold a reference; the group.
    refc_tgid: A::Word,
    pub(super) running: A::Word,
    pub(super) threads: A::Word,
    pub(super) updates: A::Word,
    pub(super) polled: A::Word,
    /// The group in whose list of updates it is; 0 for none.
    pub(super) listed: A::Word,
    pub(super) state: A::Word,
    /// What the descriptor belongs to; 0 for nothing.
    pub(super) owner: A::Word,
    /// How many descriptors it has had.
    pub(super) generation: A::Word,
    /// Stands for the fields that HAProxy reads and writes without atomics: written when a descriptor is stored or
    /// wiped, read by who runs.
    pub(super) fields: <A::Word as Mask>::Plain,
    /// Stands for what is kept by a reference: looked at under one, wiped when there are none.
    pub(super) kept: <A::Word as Mask>::Plain,
    design: PhantomData<D>,
}

/// What an entry is at a moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "the fields of the entry")]
pub struct Snapshot {
    pub refs: u64,
    pub group: u64,
    pub running: u64,
    pub threads: u64,
    pub updates: u64,
    pub polled: u64,
    pub listed: u64,
    pub active: bool,
    pub must_close: bool,
    pub owner: u64,
    pub generation: u64,
}

impl<A: Family, D: Design> Entry<A, D> {
    /// An entry without a descriptor.
    pub fn new() -> Self {
        let word = A::Word::of;
        Self {
            refc_tgid: word(Field::References),
            running: word(Field::Running),
            threads: word(Field::Threads),
            updates: word(Field::Updates),
            polled: word(Field::Polled),
            listed: word(Field::Listed),
            state: word(Field::State),
            owner: word(Field::Owner),
            generation: word(Field::Generation),
            fields: Plain::of(Field::Fields),
            kept: Plain::of(Field::Kept),
            design: PhantomData,
        }
    }

    /// What it is now: one field after the other, so that it is a moment's only if nobody else is at work.
    pub fn snapshot(&self) -> Snapshot {
        let see = A::Word::peek;
        let (references, state) = (see(&self.refc_tgid), see(&self.state));
        Snapshot {
            refs: references / REFERENCE,
            group: references & GROUP,
            running: see(&self.running),
            threads: see(&self.threads),
            updates: see(&self.updates),
            polled: see(&self.polled),
            listed: see(&self.listed),
            active: state & ACTIVE != 0,
            must_close: state & MUST_CLOSE != 0,
            owner: see(&self.owner),
            generation: see(&self.generation),
        }
    }

    /// How many descriptors it has had: what a poller is given with a registration, to say with its reports.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Takes a reference if the entry belongs to the caller's group. What is in the entry otherwise, for as long as
    /// nobody can wipe it, `astray` is told.
    #[inline]
    pub(super) fn grab<C: Caller>(&self, caller: &mut C, astray: impl FnOnce(&mut C, u64)) -> bool {
        let group = self.refc_tgid.fetch_add(REFERENCE, D::Orders::GRAB) & GROUP;
        if group == caller.group() {
            return true;
        }
        astray(caller, group);
        self.release();
        false
    }

    /// Takes a reference whatever group the entry belongs to.
    pub(super) fn hold(&self) {
        self.refc_tgid.fetch_add(REFERENCE, D::Orders::GRAB);
    }

    /// Whether the entry belongs to another group than the caller's.
    pub(super) fn is_foreign<C: Caller>(&self, caller: &C) -> bool {
        self.refc_tgid.load(Ordering::Relaxed) & GROUP != caller.group()
    }

    /// Returns a reference.
    #[inline]
    pub(super) fn release(&self) {
        self.refc_tgid.fetch_sub(REFERENCE, D::Orders::DROP);
    }

    /// Takes the entry for a group, when nobody holds a reference.
    pub(super) fn claim<C: Caller>(&self, caller: &C) {
        let claimed = REFERENCE | caller.group();
        let mut found = 0;
        while let Err(actual) = self.refc_tgid.compare_exchange(found, claimed, D::Orders::CLAIM) {
            // Of any group, if it is of one still; with nobody who holds a reference.
            found = actual & GROUP;
            if actual != found {
                A::Word::wait();
            }
        }
    }

    /// Has nobody take references any more.
    pub(super) fn reset(&self) {
        self.refc_tgid.fetch_and(!GROUP, D::Orders::RESET);
    }

    /// Waits until all are returned.
    pub(super) fn drain(&self) {
        while self.refc_tgid.load(D::Orders::DRAIN) != 0 {
            A::Word::wait();
        }
    }

    /// Whoever holds a reference looks at what it keeps.
    #[inline]
    pub(super) fn look(&self) {
        self.kept.read();
    }

    /// Whoever stored the descriptor, or wipes it, writes its fields.
    pub(super) fn write(&self) {
        self.fields.write();
    }

    /// After a running bit was cleared, or where there was none: does nobody run?
    pub(super) fn nobody_runs(&self) -> bool {
        let running = if D::Orders::ASK_BY_CHANGING {
            self.running.fetch_or(0, D::Orders::ASK)
        } else {
            self.running.load(D::Orders::ASK)
        };
        running == 0
    }

    /// Clears the flag that says that a close is owed, and says whether it was set.
    pub(super) fn takes_duty<C: Caller>(&self, caller: &mut C, step: Step) -> bool {
        caller.reach(step);
        self.state.fetch_and(!MUST_CLOSE, D::Orders::OWE) & MUST_CLOSE != 0
    }
}

impl<A: Family, D: Design> Default for Entry<A, D> {
    fn default() -> Self {
        Self::new()
    }
}

// What the ports ask of a family of atomics beyond what `handfast::ownership` does.

#![expect(unsafe_code, reason = "a cell without anything in it, which loom watches from several threads")]

/// A family whose words are masks as well.
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
    /// Counts down.
    fn fetch_sub(&self, number: u64, order: Ordering) -> u64;
    /// Makes it `new` if it is `current`, and does not fail otherwise; a failed attempt is relaxed.
    ///
    /// # Errors
    ///
    /// What it is.
    fn compare_exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64>;
    /// What it is, for whoever looks on: no access of any thread.
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
    fn fetch_sub(&self, number: u64, order: Ordering) -> u64 {
        self.fetch_sub(number, order)
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

            fn fetch_sub(&self, number: u64, order: Ordering) -> u64 {
                self.0.fetch_sub(number, order)
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
