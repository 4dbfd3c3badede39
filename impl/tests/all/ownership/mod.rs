//! The table on real descriptors, one thread at a time: what each operation says and does. Several at a time race for the
//! sake of Miri, which runs these tests too (`.ci/run`).

mod table;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use handfast::ownership::{Sharing, Table, Token, Worker};

const FIRST: Worker = Worker::new(0);
const SECOND: Worker = Worker::new(1);

/// A slot takes Miri its time, and its process has few descriptors.
const CAPACITY: usize = if cfg!(miri) { 64 } else { 4096 };

/// A descriptor that counts how often it was closed, and that has room for what a parser would keep.
#[derive(Debug)]
struct Counted {
    fd: OwnedFd,
    notes: Vec<u8>,
    closed: Arc<AtomicUsize>,
}

impl AsFd for Counted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }
}

/// A table, and how many of its descriptors were closed.
struct Fixture {
    table: Table<Counted>,
    closed: Arc<AtomicUsize>,
}

impl Fixture {
    fn new() -> Self {
        Self { table: Table::new(CAPACITY), closed: Arc::new(AtomicUsize::new(0)) }
    }

    fn descriptor(&self) -> Counted {
        let fd = std::fs::File::open("/dev/null").expect("there is a /dev/null").into();
        Counted { fd, notes: Vec::new(), closed: Arc::clone(&self.closed) }
    }

    fn insert(&self, sharing: Sharing) -> Token {
        self.table.insert(self.descriptor(), sharing).expect("the slot is free")
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::Relaxed)
    }
}
