//! An entry of the table.

use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use handfast::ownership::AtomicWord;

use super::design::{Design, Orders};
use super::masks::{Family, Field, Mask, Plain};
use super::{Caller, Step};

/// One reference.
const REFERENCE: u64 = 1 << 16;
/// The group, below the references.
const GROUP: u64 = REFERENCE - 1;
/// A thread wishes to be called.
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
    /// The group that has it in its list of updates; 0 for none.
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

    /// What it is now: one field after the other, so that it is a moment's only if no other thread is at work.
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
    /// no thread can wipe it, `astray` is told.
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

    /// Takes the entry for a group, when no thread holds a reference.
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

    /// Lets no thread take references any more.
    pub(super) fn reset(&self) {
        self.refc_tgid.fetch_and(!GROUP, D::Orders::RESET);
    }

    /// Waits until all are returned.
    pub(super) fn drain(&self) {
        while self.refc_tgid.load(D::Orders::DRAIN) != 0 {
            A::Word::wait();
        }
    }

    /// A thread that holds a reference looks at what it keeps.
    #[inline]
    pub(super) fn look(&self) {
        self.kept.read();
    }

    /// The thread that stored the descriptor, or wipes it, writes its fields.
    pub(super) fn write(&self) {
        self.fields.write();
    }

    /// After a running bit was cleared, or where there was none: does no thread run?
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
