//! The pool's protocol: idle connections, each watched by the poller of the worker that has it on its idle list, which any
//! other worker may take over.
//!
//! The word is that of [`handfast`](super::handfast), with its one read-modify-write. Around it are the idle lists, each
//! under its lock; the workers, who put, take, look, and close what is too old or too many; and the pollers and the
//! kernel. A worker's poller notes what it has to report in the connection, where a worker that takes the connection over may
//! ask for it, and wakes the worker; the wake-up names the connection for ever.

mod any_number;
mod bounds;
mod idle_list;
mod kernel;
mod log;
mod machine;
mod mutants;
mod steps;
mod waits;

pub use any_number::{Local, any_number, any_number_of};
pub use bounds::{Bounds, checked, instances, one_runtime};
pub use log::{Header, Size};
pub use machine::{Config, Pool, World};
pub use mutants::{Flaw, Mutated, mutated, variants};
