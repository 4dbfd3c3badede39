//! Two atomic additions to one word, which decide nothing.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::crew::{Enter, Insert, NUMBERS, Rival, Takeover};

#[repr(align(64))]
struct Line(AtomicU64);

/// See the [module](self).
pub(crate) struct Floor {
    lines: [Line; NUMBERS],
}

impl Floor {
    #[inline]
    fn change_twice(&self, number: usize) {
        let Line(word) = &self.lines[number];
        word.fetch_add(1, Ordering::Acquire);
        word.fetch_sub(1, Ordering::Release);
    }
}

impl Rival for Floor {
    const NAME: &'static str = "floor";

    fn new() -> Self {
        Self { lines: array::from_fn(|_| Line(AtomicU64::new(0))) }
    }
}

impl Enter for Floor {
    #[inline]
    fn enter_and_leave(&self, number: usize, _: usize) {
        self.change_twice(number);
    }
}

impl Takeover for Floor {
    #[inline]
    fn take_over_and_leave(&self, number: usize, _: usize) -> bool {
        self.change_twice(number);
        true
    }
}

impl Insert for Floor {
    #[inline]
    fn insert_and_delete(&self, number: usize, _: usize) {
        self.change_twice(number);
    }
}
