//! HAProxy's table with the closing rule as it would have been right: references, two masks, flags. The accesses to an
//! entry alone, with the orderings that C11 asks for: without the lock of the idle list that it takes over under, its
//! poller, its queue of updates.

use std::hint::black_box;

use conformance::ownership::haproxy::{Caller, Corrected, Entry};
use handfast::ownership::Std;

use crate::crew::{Enter, Insert, NUMBERS, OWNED, Rival, SHARED, Takeover};

/// See the [module](self).
pub(crate) struct Masks {
    lines: Box<[Line]>,
}

struct Line {
    entry: Entry<Std, Corrected>,
    /// What the owner leads to, outside the entry, as there.
    payload: u64,
}

/// A thread, whose callback reads the payload.
struct Thread<'a> {
    bit: u64,
    payload: &'a u64,
    ran: bool,
}

/// Which there is one of in each entry.
const OWNER: u64 = 1;
/// Of the descriptors that are there from the beginning.
const GENERATION: u64 = 0;

#[inline]
fn bit(thread: usize) -> u64 {
    1 << thread
}

impl Masks {
    #[inline]
    fn line(&self, number: usize, thread: usize) -> (&Entry<Std, Corrected>, Thread<'_>) {
        let line = &self.lines[number];
        (&line.entry, Thread { bit: bit(thread), payload: &line.payload, ran: false })
    }
}

impl Caller for Thread<'_> {
    #[inline]
    fn bit(&self) -> u64 {
        self.bit
    }

    #[inline]
    fn callback(&mut self) {
        self.ran = true;
        black_box(*self.payload);
    }

    #[inline]
    fn close(&mut self) {
        black_box(*self.payload);
    }
}

impl Rival for Masks {
    const NAME: &'static str = "two masks";

    fn new() -> Self {
        let lines = (0..NUMBERS).map(|_| Line { entry: Entry::new(), payload: 0 }).collect();
        let this = Self { lines };
        let owned = OWNED.map(|number| (number, bit(number)));
        let shared = (SHARED, OWNED.into_iter().fold(0, |all, thread| all | bit(thread)));
        for (number, threads) in owned.into_iter().chain([shared]) {
            let (entry, mut caller) = this.line(number, 0);
            entry.insert(&mut caller, OWNER, threads);
            entry.want(&mut caller, false);
        }
        this
    }
}

impl Enter for Masks {
    #[inline]
    fn enter_and_leave(&self, number: usize, thread: usize) {
        let (entry, mut caller) = self.line(number, thread);
        entry.update_events(&mut caller, black_box(GENERATION));
        assert!(caller.ran, "it is this thread's");
    }
}

impl Takeover for Masks {
    #[inline]
    fn take_over_and_leave(&self, number: usize, thread: usize) -> bool {
        let (entry, mut caller) = self.line(number, thread);
        let took = entry.takeover(&mut caller);
        if took {
            black_box(*caller.payload);
        }
        took
    }
}

impl Insert for Masks {
    #[inline]
    fn insert_and_delete(&self, number: usize, thread: usize) {
        let (entry, mut caller) = self.line(number, thread);
        entry.insert(&mut caller, OWNER, bit(thread));
        entry.delete(&mut caller);
    }
}
