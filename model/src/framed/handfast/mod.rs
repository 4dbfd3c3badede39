//! handfast's own design of framed connections.
//!
//! Each end has one connection, which owns what was accepted and not handed over, and what was read and not given; so
//! that nothing is lost when an application stops waiting. A shutdown queues the marker behind everything that was
//! accepted, hands it all over, ends its own direction, and watches until everything was acknowledged. All the while it
//! reads ahead, so that two ends that shut down with full queues do not wait for each other.
//!
//! The reader goes on until the peer's marker, whatever becomes of its own direction: a failed write and an own shutdown
//! do not stop it. Only its deadline does.
//!
//! The [`machine`], its [`reader`] and its [`writer`] are the design alone. What is made wrong in it,
//! one mistake at a time, is in the [`mutants`]. [`OneEnd`] is one end of it beside a peer that may do anything, for logs of
//! real ends.

mod bounds;
mod log;
mod machine;
mod mutants;
mod one_end;
mod reader;
mod waits;
mod writer;

pub use bounds::{Bounds, checked, instances};
pub use machine::{Config, Handfast};
pub use mutants::{Flaw, Mutant, mutated, variants};
pub use one_end::{EndHeader, Header, OneEnd};
