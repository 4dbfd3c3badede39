//! Who watches the threads, or holds them up.

use std::convert::Infallible;

use handfast_spec::ownership::{Fact, Thread};
use model::ownership::haproxy::Action;

use super::World;

/// What surrounds the threads: it hears which step each is about to take and what each is told, and has the world.
pub trait Probe: Sync {
    /// Why a thread is stopped in the middle of what it does.
    type Stop;

    /// The thread is about to do this.
    ///
    /// # Errors
    ///
    /// If it is not to do it, nor anything else.
    fn at(&self, thread: Thread, action: Action) -> Result<(), Self::Stop>;

    /// The thread waits for another one within a step, and has looked once more. The synchronisation loop has steps of its
    /// own, and is not told of here.
    ///
    /// # Errors
    ///
    /// As [`at`](Self::at).
    fn wait(&self, thread: Thread) -> Result<(), Self::Stop>;

    /// A thread is told something.
    fn tell(&self, fact: impl FnOnce() -> Fact);

    /// Looks at the world, or changes it.
    fn world<R: Default>(&self, f: impl FnOnce(&mut World) -> R) -> R;

    /// Whether the callback, which has just begun, deletes the descriptor.
    fn deletes_in_callback(&self, thread: Thread) -> bool;
}

/// Nobody watches, and there is no world: the accesses to the entry alone, to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Probe for Quiet {
    type Stop = Infallible;

    #[inline]
    fn at(&self, _: Thread, _: Action) -> Result<(), Infallible> {
        Ok(())
    }

    #[inline]
    fn wait(&self, _: Thread) -> Result<(), Infallible> {
        std::hint::spin_loop();
        Ok(())
    }

    #[inline]
    fn tell(&self, _: impl FnOnce() -> Fact) {}

    #[inline]
    fn world<R: Default>(&self, _: impl FnOnce(&mut World) -> R) -> R {
        R::default()
    }

    #[inline]
    fn deletes_in_callback(&self, _: Thread) -> bool {
        false
    }
}
