//! HAProxy's descriptor table as code, in three designs, on any [family](masks::Family) of atomics: what the models in
//! `model::ownership::haproxy` are of.
//!
//! It is written from the description in `specs/ownership.md`, with the steps of its tables: before each access the
//! [caller](Caller) is told which step it is, so that a scheduler can follow a trace of a model, and a stress test can
//! waste time at a named place. The table is one entry. What surrounds it is the caller's: the kernel, its poller, its
//! queue of updates, the callback, the list of idle connections.
//!
//! Left out: groups of threads beyond deletion from another one, the algorithm of the shared list of updates, directions
//! (there is one), edge-triggered polling, the sleep of a poller. There is nothing in it that is not memory safe: the
//! owner is a number, and who may touch what it stands for is the caller's to check.

mod design;
mod enter;
mod entry;
pub mod follow;
mod insert;
mod masks;
mod process;
mod worker;

pub use design::{Before, Closing, Corrected, Design, Enter, Literal, Named, Orders, Seed};
pub use entry::{Entry, Snapshot};
pub use follow::{Seen, seen};
pub use masks::{Family, Field, LoomPlain, Mask, Plain};
pub use model::ownership::haproxy::Step;
pub use process::{Around, Conn, Poller, Process};
pub use worker::{Hand, Worker};

/// A thread, as an entry sees it, and what it does that is not the entry's.
pub trait Caller {
    /// The thread's bit in the masks of its group.
    fn bit(&self) -> u64;

    /// The number of its group, from 1.
    fn group(&self) -> u64 {
        1
    }

    /// The access that comes next. The place to be stopped, to be noted, or to waste time.
    #[inline]
    fn reach(&mut self, _: Step) {}

    /// Its report is being acted on.
    fn report_taken(&mut self) {}

    /// The callback: it may delete the descriptor.
    fn callback(&mut self);

    /// The descriptor is in the entry. `clean` says whether nothing of the last one was.
    fn stored(&mut self, _clean: bool) {}

    /// Whether the thread's queue of updates has the descriptor.
    fn is_queued(&self) -> bool {
        false
    }

    /// Puts the descriptor into the thread's queue of updates.
    fn queue(&mut self) {}

    /// Takes it out, once.
    fn unqueue(&mut self) {}

    /// Has the thread's poller watch the number, with the generation to report it by.
    fn watch(&mut self, _generation: u64) {}

    /// With which generation the thread's poller watches the number, if it does.
    fn watched(&self) -> Option<u64> {
        None
    }

    /// Has the thread's poller forget the number.
    fn forget(&mut self) {}

    /// Asks the thread's poller whether there is anything to report.
    fn ask_poller(&mut self) {}

    /// Closes the number.
    fn close(&mut self);
}
