//! An allocator that counts while it is asked to.
#![allow(unsafe_code)] // The trait of allocators is unsafe. Every call is passed on to the system's as it came.

use core::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::alloc::{GlobalAlloc, Layout, System};

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

// Counters that nothing else is published through.
static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicIsize = AtomicIsize::new(0);

/// What was allocated while something ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// How often, blocks that grew included.
    pub(crate) calls: usize,
    /// How many bytes more are there now than before.
    pub(crate) left: isize,
}

/// Runs something and counts.
pub(crate) fn count<T>(run: impl FnOnce() -> T) -> (T, Allocated) {
    CALLS.store(0, Ordering::SeqCst);
    BYTES.store(0, Ordering::SeqCst);
    ON.store(true, Ordering::SeqCst);
    let result = run();
    ON.store(false, Ordering::SeqCst);
    (result, Allocated { calls: CALLS.load(Ordering::SeqCst), left: BYTES.load(Ordering::SeqCst) })
}

fn note(calls: usize, bytes: isize) {
    if ON.load(Ordering::Relaxed) {
        CALLS.fetch_add(calls, Ordering::Relaxed);
        BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

// SAFETY: the system's allocator, beside which numbers are added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(0, -signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, signed(size) - signed(layout.size()));
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(block, layout, size) }
    }
}
