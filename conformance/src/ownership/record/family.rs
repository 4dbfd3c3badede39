//! A checker's atomics, of which each change is written down.
#![expect(unsafe_code, reason = "a family of atomics is promised to be one")]

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use handfast::ownership::core::Word;
use handfast::ownership::{AtomicWord, Atomics};

use super::with;
use crate::ownership::families::{Loom, Shuttle};
use crate::ownership::haproxy::{LoomPlain, Plain};

/// Atomics of a checker.
pub trait Checker: Atomics {
    /// What a descriptor's callback touches: a checker notices if two do, of whom one writes.
    type Object: Plain;
    /// What the checker calls the thread that is running.
    fn id() -> u64;
    /// Another thread may go first.
    fn pause();
}

fn number(id: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl Checker for Loom {
    type Object = LoomPlain;

    fn id() -> u64 {
        number(loom::thread::current().id())
    }

    fn pause() {
        loom::thread::yield_now();
    }
}

impl Checker for Shuttle {
    type Object = Watched;

    fn id() -> u64 {
        number(shuttle::thread::current().id())
    }

    fn pause() {
        shuttle::thread::yield_now();
    }
}

/// An object that takes its time to be read and written, so that another thread that should not be there is there.
#[derive(Debug, Default)]
pub struct Watched {
    readers: AtomicUsize,
    written: AtomicBool,
}

impl Plain for Watched {
    fn read(&self) {
        // Whoever unwinds has said what is wrong.
        if std::thread::panicking() {
            return;
        }
        self.readers.fetch_add(1, Ordering::Relaxed);
        assert!(!self.written.load(Ordering::Relaxed), "read while it is written");
        shuttle::thread::yield_now();
        assert!(!self.written.load(Ordering::Relaxed), "written while it is read");
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }

    fn write(&self) {
        if std::thread::panicking() {
            return;
        }
        assert!(!self.written.swap(true, Ordering::Relaxed), "written by two");
        assert_eq!(self.readers.load(Ordering::Relaxed), 0, "written while it is read");
        shuttle::thread::yield_now();
        assert_eq!(self.readers.load(Ordering::Relaxed), 0, "read while it is written");
        self.written.store(false, Ordering::Relaxed);
    }
}

/// A checker's atomics, of which a read-modify-write is a read and a write: what a table must not be made of.
#[derive(Debug)]
pub struct Torn<A>(PhantomData<A>);

// SAFETY: it is not what it says, on purpose. A checker runs one thread at a time, and what a guard refers to lies in its
// slot for as long as the table does: whoever should not be inside finds a descriptor or none, and says so.
unsafe impl<A: Checker> Atomics for Torn<A> {
    type Word = TornWord<A>;
    type Cell<T> = A::Cell<T>;
}

impl<A: Checker> Checker for Torn<A> {
    type Object = A::Object;

    fn id() -> u64 {
        A::id()
    }

    fn pause() {
        A::pause();
    }
}

/// A word of [`Torn`].
#[derive(Debug)]
pub struct TornWord<A: Checker>(A::Word);

impl<A: Checker> AtomicWord for TornWord<A> {
    fn new(bits: u64) -> Self {
        Self(A::Word::new(bits))
    }

    fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    fn store(&self, bits: u64, order: Ordering) {
        self.0.store(bits, order);
    }

    fn compare_exchange_weak(&self, current: u64, new: u64, _: Ordering) -> Result<u64, u64> {
        let found = self.0.load(Ordering::Acquire);
        if found != current {
            return Err(found);
        }
        self.0.store(new, Ordering::Release);
        Ok(found)
    }
}

/// Atomics of which each change is written down.
#[derive(Debug)]
pub struct Recorded<A>(PhantomData<A>);

// SAFETY: they are those of the checker, which are what they say.
unsafe impl<A: Checker> Atomics for Recorded<A> {
    type Word = RecordedWord<A>;
    type Cell<T> = A::Cell<T>;

    const LOAD_HINT: Ordering = A::LOAD_HINT;
    const CLAIM: Ordering = A::CLAIM;
    const PUBLISH: Ordering = A::PUBLISH;
    const ENTER: Ordering = A::ENTER;
    const LEAVE: Ordering = A::LEAVE;
    const DELETE: Ordering = A::DELETE;
    const WIPE: Ordering = A::WIPE;
}

/// A word of which each change is written down.
#[derive(Debug)]
pub struct RecordedWord<A: Checker> {
    word: A::Word,
    /// What it was made, and where in the log that is.
    history: Mutex<Vec<(u64, u64)>>,
}

impl<A: Checker> RecordedWord<A> {
    fn changed(&self, before: u64, after: u64) {
        let place = with(|scribe| scribe.changed(A::id(), Word::from_bits(before), Word::from_bits(after)));
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.push((after, place.unwrap_or_default()));
    }

    fn last(&self) -> u64 {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).last().map_or(0, |(bits, _)| *bits)
    }

    /// Somebody has seen these bits: the last ones, unless the checker gave it older ones.
    fn saw(&self, bits: u64) {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let place = history.iter().rev().find(|(then, _)| *then == bits).map(|(_, place)| *place);
        let earlier = if history.last().is_some_and(|(last, _)| *last == bits) { None } else { place };
        drop(history);
        with(|scribe| scribe.saw(A::id(), earlier));
    }
}

impl<A: Checker> AtomicWord for RecordedWord<A> {
    fn new(bits: u64) -> Self {
        Self { word: A::Word::new(bits), history: Mutex::new(vec![(bits, 0)]) }
    }

    fn load(&self, order: Ordering) -> u64 {
        let bits = self.word.load(order);
        self.saw(bits);
        bits
    }

    fn store(&self, bits: u64, order: Ordering) {
        let before = self.last();
        self.word.store(bits, order);
        self.changed(before, bits);
    }

    fn compare_exchange_weak(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
        let outcome = self.word.compare_exchange_weak(current, new, order);
        match outcome {
            Ok(_) => self.changed(current, new),
            Err(actual) => self.saw(actual),
        }
        outcome
    }

    fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        let before = self.word.fetch_sub(value, order);
        self.changed(before, before.wrapping_sub(value));
        before
    }
}
