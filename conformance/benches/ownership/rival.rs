//! What is asked of everybody.

/// The descriptors that belong to the threads of these numbers, to begin with.
pub(crate) const OWNED: [usize; 2] = [0, 1];

/// The descriptor that belongs to every thread.
pub(crate) const SHARED: usize = 2;

/// Where there is no descriptor, for each thread.
pub(crate) const FREE: [usize; 2] = [3, 4];

/// How many numbers there are.
pub(crate) const NUMBERS: usize = 5;

/// A way to own descriptors. What is kept for one number is on a cache line of its own.
pub(crate) trait Rival: Sync {
    const NAME: &'static str;

    fn new() -> Self;
}

/// May this thread run the callback, and if so, does.
pub(crate) trait Enter: Rival {
    fn enter_and_leave(&self, number: usize, thread: usize);
}

/// Becomes the owner, and is inside for a moment; at once or not at all.
pub(crate) trait Takeover: Rival {
    #[must_use]
    fn take_over_and_leave(&self, number: usize, thread: usize) -> bool;
}

/// Puts a descriptor that costs nothing there and has it closed.
pub(crate) trait Insert: Rival {
    fn insert_and_delete(&self, number: usize, thread: usize);
}
