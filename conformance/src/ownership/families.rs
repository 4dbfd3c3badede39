//! Atomics that a checker schedules: loom's, which has the memory model of C11, and shuttle's, which takes every
//! ordering for the strongest and schedules many threads.
#![expect(unsafe_code, reason = "a family of atomics is promised to be one; here some are deliberately too weak")]

use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use handfast::ownership::{AtomicWord, Atomics, PayloadCell, Std};

/// The ordering of each access, those of the library unless it says otherwise.
pub trait Orders: 'static {
    /// See [`Atomics::CLAIM`].
    const CLAIM: Ordering = <Std as Atomics>::CLAIM;
    /// See [`Atomics::PUBLISH`].
    const PUBLISH: Ordering = <Std as Atomics>::PUBLISH;
    /// See [`Atomics::ENTER`].
    const ENTER: Ordering = <Std as Atomics>::ENTER;
    /// See [`Atomics::LEAVE`].
    const LEAVE: Ordering = <Std as Atomics>::LEAVE;
    /// See [`Atomics::DELETE`].
    const DELETE: Ordering = <Std as Atomics>::DELETE;
    /// See [`Atomics::WIPE`].
    const WIPE: Ordering = <Std as Atomics>::WIPE;
}

/// The library's.
#[derive(Debug)]
pub enum Named {}

impl Orders for Named {}

/// Orderings of which one is a step too weak.
pub mod weakened {
    use super::{Ordering, Orders};

    macro_rules! weakened {
        ($($name:ident: $access:ident = $order:ident, $what:literal;)*) => { $(
            #[doc = $what]
            #[derive(Debug)]
            pub enum $name {}

            impl Orders for $name {
                const $access: Ordering = Ordering::$order;
            }
        )* };
    }

    weakened! {
        Claim: CLAIM = Relaxed, "Claiming does not see that the last payload was taken out.";
        Publish: PUBLISH = Relaxed, "Publishing does not say that the payload is there.";
        Enter: ENTER = Relaxed, "Entering does not see what was done inside before.";
        LeaveUnseen: LEAVE = Acquire, "Leaving does not say what was done inside.";
        LeaveUnseeing: LEAVE = Release, "The last to leave does not see what others did inside.";
        DeleteUnseen: DELETE = Acquire, "Deleting does not say what the deleter did before.";
        DeleteUnseeing: DELETE = Release, "Closing at once does not see what was done inside.";
        Wipe: WIPE = Relaxed, "Freeing does not say that the payload was taken out.";
    }
}

/// loom's atomics.
#[derive(Debug)]
pub struct Loom<O = Named>(PhantomData<O>);

// SAFETY: loom's atomics and cells are what they say; where an ordering is weakened, loom simulates what the hardware
// might then do, and reports a race before it happens.
unsafe impl<O: Orders> Atomics for Loom<O> {
    type Word = LoomWord;
    type Cell<T> = LoomCell<T>;

    const CLAIM: Ordering = O::CLAIM;
    const PUBLISH: Ordering = O::PUBLISH;
    const ENTER: Ordering = O::ENTER;
    const LEAVE: Ordering = O::LEAVE;
    const DELETE: Ordering = O::DELETE;
    const WIPE: Ordering = O::WIPE;
}

macro_rules! word {
    ($name:ident: $atomic:path, $what:literal) => {
        #[doc = $what]
        #[derive(Debug)]
        pub struct $name(pub(super) $atomic);

        impl AtomicWord for $name {
            fn new(bits: u64) -> Self {
                Self(<$atomic>::new(bits))
            }

            fn load(&self, order: Ordering) -> u64 {
                self.0.load(order)
            }

            fn store(&self, bits: u64, order: Ordering) {
                self.0.store(bits, order);
            }

            fn compare_exchange_weak(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
                self.0.compare_exchange_weak(current, new, order, Ordering::Relaxed)
            }

            fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
                self.0.fetch_sub(value, order)
            }
        }
    };
}

word!(LoomWord: loom::sync::atomic::AtomicU64, "loom's 64 bits.");
word!(ShuttleWord: shuttle::sync::atomic::AtomicU64, "shuttle's 64 bits.");

/// loom's cell, which notices when two threads access it without an order between them.
#[derive(Debug)]
pub struct LoomCell<T>(loom::cell::UnsafeCell<T>);

impl<T> PayloadCell<T> for LoomCell<T> {
    fn new(payload: T) -> Self {
        Self(loom::cell::UnsafeCell::new(payload))
    }

    fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        self.0.with(f)
    }

    fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.0.with_mut(f)
    }
}

/// shuttle's atomics. Every access is a place where another thread may go first, and none is weaker than the strongest.
#[derive(Debug)]
pub enum Shuttle {}

// SAFETY: shuttle runs one thread at a time.
unsafe impl Atomics for Shuttle {
    type Word = ShuttleWord;
    type Cell<T> = std::cell::UnsafeCell<T>;
}
