//! handfast's table, with time wasted around each access to a word; or with each transition of a word noted besides.
#![expect(unsafe_code, reason = "a family of atomics is promised to be one")]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handfast::ownership::{AtomicWord, Atomics, Guard, Numbered, Refused, Sharing, Table, Token, Worker};

use super::{After, Reported, Subject};
use crate::oracle::Fault;
use crate::record::{Asked, doing, note};
use crate::storm::{Point, reach};
use crate::worker::{Conn, Kernel};

/// The standard library's atomics, slowly.
pub(crate) enum Slow {}

// SAFETY: they are the standard library's, every ordering is the default, and nothing but time is added.
unsafe impl Atomics for Slow {
    type Word = SlowWord;
    type Cell<T> = UnsafeCell<T>;
}

pub(crate) struct SlowWord(AtomicU64);

impl AtomicWord for SlowWord {
    fn new(bits: u64) -> Self {
        Self(AtomicU64::new(bits))
    }

    fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    fn store(&self, bits: u64, order: Ordering) {
        reach(Point::BeforeWord);
        self.0.store(bits, order);
        reach(Point::AfterWord);
    }

    fn compare_exchange_weak(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
        reach(Point::BeforeWord);
        let answer = self.0.compare_exchange_weak(current, new, order, Ordering::Relaxed);
        reach(Point::AfterWord);
        answer
    }
}

/// Words under locks, whose transitions are noted while they are locked.
pub(crate) enum Noted {}

// SAFETY: a lock makes each access atomic and orders all of them.
unsafe impl Atomics for Noted {
    type Word = NotedWord;
    type Cell<T> = UnsafeCell<T>;
}

pub(crate) struct NotedWord(Mutex<u64>);

impl NotedWord {
    fn lock(&self) -> MutexGuard<'_, u64> {
        // A number is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, bits: &mut u64, new: u64) {
        note(std::ptr::from_ref(self).addr(), *bits, new);
        *bits = new;
    }
}

impl AtomicWord for NotedWord {
    fn new(bits: u64) -> Self {
        Self(Mutex::new(bits))
    }

    fn load(&self, _: Ordering) -> u64 {
        *self.lock()
    }

    fn store(&self, bits: u64, _: Ordering) {
        reach(Point::BeforeWord);
        self.change(&mut self.lock(), bits);
        reach(Point::AfterWord);
    }

    fn compare_exchange_weak(&self, current: u64, new: u64, _: Ordering) -> Result<u64, u64> {
        reach(Point::BeforeWord);
        let answer = {
            let mut bits = self.lock();
            if *bits == current {
                self.change(&mut bits, new);
                Ok(current)
            } else {
                Err(*bits)
            }
        };
        reach(Point::AfterWord);
        answer
    }
}

/// A descriptor in the table, which closes its number when it is dropped.
struct Held {
    conn: Arc<Conn>,
    kernel: Arc<Kernel>,
}

impl Numbered for Held {
    fn number(&self) -> usize {
        self.conn.number
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.kernel.close(self.conn.number, self.conn.id);
    }
}

/// handfast's table.
pub(crate) struct OneWord<A: Atomics = Slow> {
    table: Table<Held, A>,
    kernel: Arc<Kernel>,
}

/// More than the workers have open at a time.
const DESCRIPTORS: usize = 1 << 16;

impl<A: Atomics> OneWord<A> {
    pub(crate) fn new(kernel: &Arc<Kernel>) -> Self {
        Self { table: Table::of_atomics(DESCRIPTORS), kernel: Arc::clone(kernel) }
    }
}

fn inside<A: Atomics>(guard: Guard<'_, Held, A>, callback: &mut dyn FnMut(&Arc<Conn>) -> After) {
    match callback(&guard.conn) {
        After::Keep => drop(guard),
        After::Delete => drop(guard.delete()),
    }
}

fn worker_of(number: usize) -> Worker {
    Worker::new(number as u16)
}

impl<A: Atomics> Subject for OneWord<A> {
    fn insert(&self, conn: &Arc<Conn>, worker: usize) -> u64 {
        doing(worker, Asked::Insert);
        let held = Held { conn: Arc::clone(conn), kernel: Arc::clone(&self.kernel) };
        match self.table.insert_and_enter(held, Sharing::Exclusive(worker_of(worker))) {
            Ok(guard) => guard.token().to_user_data(),
            Err(_) => {
                self.kernel.oracle().find(Fault::NotClean { number: conn.number });
                u64::MAX
            }
        }
    }

    fn report(&self, name: u64, worker: usize, callback: &mut dyn FnMut(&Arc<Conn>) -> After) -> Reported {
        doing(worker, Asked::Enter);
        match self.table.enter(Token::from_user_data(name), worker_of(worker)) {
            Ok(guard) => {
                inside(guard, callback);
                Reported::Ran
            }
            Err(Refused::NotOwner { .. }) => Reported::NotOwner,
            Err(_) => Reported::Gone,
        }
    }

    fn takeover(&self, name: u64, worker: usize, callback: &mut dyn FnMut(&Arc<Conn>) -> After) -> bool {
        doing(worker, Asked::Takeover);
        match self.table.takeover(Token::from_user_data(name), worker_of(worker)) {
            Ok(guard) => {
                inside(guard, callback);
                true
            }
            Err(_) => false,
        }
    }
}
