//! handfast's own design of the peer lifecycle.
//!
//! One lock keeps the registry and every subscriber's queue. A session is one task in program order: it opens, shakes
//! hands, has itself announced, lives, and ends in a guard. What the task does under the lock is one step; everything
//! else may come between two steps.
//!
//! - *Announced* means, in one step: admission by key (ban, duplicate), room in every queue for the session's Up **and**
//!   its Down, registration, and Up in every queue.
//! - *The guard* means, in one step: Down in every queue (its place was kept free), removal, and the slot returned. It
//!   runs however the task ends, also when it is aborted or panics, and never waits.
//! - A subscriber that holds up an announcement for too long is cut off: what is queued it may still take, then it
//!   hears `Lagged` and subscribes again for a fresh snapshot.

mod admission;
mod bounds;
mod log;
mod machine;
mod mutants;
mod subscribers;
mod waits;

pub use handfast_spec::lifecycle::Duplicates;

pub use bounds::{Bounds, checked, instances};
pub use log::Header;
pub use machine::{Config, Handfast};
pub use mutants::{Flaw, Mutated, mutated, variants};
