//! Who is who.

use derive_more::Display;
use serde::{Deserialize, Serialize};

/// A thread that polls, by its number.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("thread {_0}")]
pub struct Thread(pub u16);

/// One descriptor from its opening to its close: what a number means for a while. Given in order of opening and never
/// again, unlike the number.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("descriptor {_0}")]
pub struct Incarnation(pub u32);

impl Thread {
    /// The number as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Incarnation {
    /// The incarnation as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of threads, of which there are at most [`MOST`](Self::MOST).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Threads(u64);

impl Threads {
    /// How many threads a set tells apart, and so how many there may be in what is judged by the rules.
    pub const MOST: u16 = 64;

    /// Whether the thread is in the set.
    pub fn contains(self, thread: Thread) -> bool {
        self.0 & Self::bit(thread) != 0
    }

    /// Adds a thread; whether it was not there.
    pub fn insert(&mut self, thread: Thread) -> bool {
        let is_new = !self.contains(thread);
        self.0 |= Self::bit(thread);
        is_new
    }

    /// Removes a thread; whether it was there.
    pub fn remove(&mut self, thread: Thread) -> bool {
        let was_there = self.contains(thread);
        self.0 &= !Self::bit(thread);
        was_there
    }

    /// How many there are.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The threads, in order.
    pub fn iter(self) -> impl Iterator<Item = Thread> {
        (0..64).map(Thread).filter(move |&thread| self.contains(thread))
    }

    fn bit(thread: Thread) -> u64 {
        // No thread beyond the last is taken for another one.
        1_u64.checked_shl(u32::from(thread.0)).unwrap_or(0)
    }
}
