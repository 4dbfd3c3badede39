//! handfast's table.

use std::array;
use std::fs::File;
use std::hint::black_box;
use std::os::fd::OwnedFd;

use handfast::ownership::{Deleted, Numbered, Sharing, Table, Token, Worker};

use crate::crew::{Enter, Insert, NUMBERS, OWNED, Rival, SHARED, Takeover};

/// A descriptor without a system call.
struct Descriptor {
    number: usize,
    payload: u64,
}

impl Numbered for Descriptor {
    fn number(&self) -> usize {
        self.number
    }
}

/// A table of them.
pub(crate) struct Words {
    table: Table<Descriptor>,
    /// By number; those of [`OWNED`], then of [`SHARED`].
    tokens: [Token; SHARED + 1],
}

#[inline]
fn worker(thread: usize) -> Worker {
    Worker::new(thread as u16)
}

impl Rival for Words {
    const NAME: &'static str = "handfast";

    fn new() -> Self {
        let table = Table::new(NUMBERS);
        let tokens = array::from_fn(|number| {
            let exclusive = OWNED.contains(&number).then(|| Sharing::Exclusive(worker(number)));
            match table.insert(Descriptor { number, payload: 0 }, exclusive.unwrap_or(Sharing::Shared)) {
                Ok(token) => token,
                Err(error) => unreachable!("the slot is free: {error}"),
            }
        });
        Self { table, tokens }
    }
}

impl Enter for Words {
    #[inline]
    fn enter_and_leave(&self, number: usize, thread: usize) {
        let guard = self.table.enter(self.tokens[number], worker(thread)).expect("it is this thread's");
        black_box(guard.payload);
    }
}

impl Takeover for Words {
    #[inline]
    fn take_over_and_leave(&self, number: usize, thread: usize) -> bool {
        match self.table.takeover(self.tokens[number], worker(thread)) {
            Ok(guard) => {
                black_box(guard.payload);
                true
            }
            Err(_) => false,
        }
    }
}

impl Insert for Words {
    #[inline]
    fn insert_and_delete(&self, number: usize, thread: usize) {
        let descriptor = Descriptor { number, payload: 0 };
        let Ok(token) = self.table.insert(descriptor, Sharing::Exclusive(worker(thread))) else {
            unreachable!("the slot is free")
        };
        assert_eq!(self.table.delete(black_box(token)), Ok(Deleted::Closed), "nobody is inside");
    }
}

/// A descriptor as the kernel gives it.
pub(crate) fn open() -> OwnedFd {
    File::open("/dev/null").expect("there is a /dev/null").into()
}

/// A table of real ones.
pub(crate) struct Descriptors(Table<OwnedFd>);

impl Descriptors {
    pub(crate) fn new() -> Self {
        Self(Table::new(1024))
    }

    /// Opens one, inserts it, and has it closed.
    pub(crate) fn open_and_close(&self) {
        let token = self.0.insert(open(), Sharing::Exclusive(worker(0))).expect("the slot is free");
        assert_eq!(self.0.delete(token), Ok(Deleted::Closed), "nobody is inside");
    }
}
