//! What one would write first: for each number a mutex, around whose the descriptor is and which it is.

use std::hint::black_box;

use parking_lot::Mutex;

use crate::crew::{Enter, Insert, NUMBERS, OWNED, Rival, SHARED, Takeover};

#[repr(align(64))]
struct Entry(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    generation: u64,
    descriptor: Option<Descriptor>,
}

struct Descriptor {
    /// `None` if it is everybody's.
    owner: Option<usize>,
    payload: u64,
}

/// See the [module](self).
pub(crate) struct Mutexes {
    entries: Box<[Entry]>,
}

/// Of the descriptors that are there from the beginning.
const GENERATION: u64 = 0;

impl Kept {
    #[inline]
    fn of(&mut self, generation: u64) -> Option<&mut Descriptor> {
        self.descriptor.as_mut().filter(|_| self.generation == generation)
    }
}

impl Rival for Mutexes {
    const NAME: &'static str = "mutex";

    fn new() -> Self {
        let entry = |number| {
            let owner = OWNED.contains(&number).then_some(number);
            let there = owner.is_some() || number == SHARED;
            let descriptor = there.then_some(Descriptor { owner, payload: 0 });
            Entry(Mutex::new(Kept { generation: GENERATION, descriptor }))
        };
        Self { entries: (0..NUMBERS).map(entry).collect() }
    }
}

impl Enter for Mutexes {
    #[inline]
    fn enter_and_leave(&self, number: usize, thread: usize) {
        let mut kept = self.entries[number].0.lock();
        let descriptor = kept.of(black_box(GENERATION)).expect("it is there");
        assert!(descriptor.owner.is_none_or(|owner| owner == thread), "it is this thread's");
        black_box(descriptor.payload);
    }
}

impl Takeover for Mutexes {
    #[inline]
    fn take_over_and_leave(&self, number: usize, thread: usize) -> bool {
        let Some(mut kept) = self.entries[number].0.try_lock() else { return false };
        let descriptor = kept.of(black_box(GENERATION)).expect("it is there");
        descriptor.owner = Some(thread);
        black_box(descriptor.payload);
        true
    }
}

impl Insert for Mutexes {
    #[inline]
    fn insert_and_delete(&self, number: usize, thread: usize) {
        let entry = &self.entries[number].0;
        let generation = {
            let mut kept = entry.lock();
            assert!(kept.descriptor.is_none(), "there is nothing");
            kept.descriptor = Some(Descriptor { owner: Some(thread), payload: 0 });
            black_box(kept.generation)
        };
        let mut kept = entry.lock();
        assert_eq!(kept.generation, generation, "it is the same");
        let descriptor = kept.descriptor.take();
        kept.generation += 1;
        drop(kept);
        black_box(descriptor.map(|descriptor| descriptor.payload));
    }
}
