//! Which thread may touch a descriptor, take over an idle one, and close it exactly once.
//!
//! A [`Table`] keeps descriptors by their number, as the kernel does. Threads that each run their own poller, called
//! [`Worker`]s, share it without a lock. A descriptor is inserted for one worker, its *owner*, or shared between all;
//! a thread that has it holds a [`Guard`]:
//!
//! - [`enter`](Table::enter) is what a worker does with a poller's report: may I run the callback? The report carries a
//!   [`Token`], which names the descriptor and its *generation*, so that a report about an earlier descriptor with the
//!   same number is refused.
//! - [`takeover`](Table::takeover) makes the calling worker the owner of an idle descriptor, at once or not at all.
//! - [`delete`](Table::delete) asks for the descriptor to be closed, from anywhere. No thread enters from then on, and the
//!   last to leave closes it.
//!
//! Everything that must change together is in one 64-bit word: generation, owner, how many are inside, whether
//! deletion was asked for. Every operation is one read-modify-write of that word; [`core`] says what it does, and
//! nothing else decides. Memory safety does not rest on the numbers of workers being right: a descriptor that belongs
//! to one worker has at most one guard, however many threads claim to be that worker.
//!
//! # What one word cannot hold
//!
//! - *Whether a poller still watches the descriptor.* Each worker's poller has its own list of what it watches, in the
//!   kernel. After a takeover the former owner's poller still has it; its reports are refused with
//!   [`Refused::NotOwner`], upon which that worker has its poller forget the descriptor. After
//!   [`Refused::Gone`] it must *not*: the kernel has forgotten that descriptor with its close, and the number may mean
//!   another one by now.
//! - *Readiness.* A worker that is given a descriptor by takeover registers it with its own poller, which reports what
//!   is ready already.
//! - *Which of several workers are inside a shared descriptor*: how many, but not who.
//! - *More than 2^40 descriptors under one number*: generations begin again, and a token that is older than that is
//!   taken for a new one. At 100,000 descriptors a second under one number that is 127 days.
//!
//! ```
//! use handfast::ownership::{Deleted, Refused, Sharing, Table, Worker};
//! use std::os::unix::net::UnixStream;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (ours, theirs) = UnixStream::pair()?;
//! let table = Table::new(1024);
//! let (first, second) = (Worker::new(0), Worker::new(1));
//!
//! let token = table.insert(ours, Sharing::Exclusive(first))?;
//! assert_eq!(table.enter(token, second).err(), Some(Refused::NotOwner { owner: first }));
//!
//! let inside = table.enter(token, first)?;
//! assert_eq!(table.takeover(token, second).err(), Some(Refused::Busy), "its owner is inside");
//! drop(inside);
//!
//! let taken = table.takeover(token, second)?;
//! assert_eq!(table.delete(token)?, Deleted::ByLastToLeave);
//! assert_eq!(table.enter(token, first).err(), Some(Refused::Closing));
//! drop(taken); // closes it
//! assert_eq!(table.enter(token, second).err(), Some(Refused::Gone));
//! # drop(theirs);
//! # Ok(())
//! # }
//! ```

pub mod core;

mod atomics;
mod guard;
mod slot;
mod table;
mod token;

pub use atomics::{AtomicWord, Atomics, PayloadCell, Std};
pub use core::{Refused, Sharing, Worker};
pub use guard::Guard;
pub use table::{Deleted, InsertError, InsertRefused, Numbered, Table};
pub use token::Token;
