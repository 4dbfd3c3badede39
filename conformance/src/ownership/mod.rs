//! `handfast::ownership` held to its model: its word as a [machine](core::CoreMachine), the [pool] on it, and its table on the
//! [atomics](families) of checkers, with a [record] of what is done to it. And [ports](haproxy) of the protocols that
//! it is measured against.
//!
//! What surrounds the word, threads and pollers and a kernel, is the model's. The pool's surroundings are written a
//! second time, in [`pool`], so that a mistake in the model's does not hide on both sides.

pub mod core;
pub mod families;
pub mod haproxy;
pub mod pool;
pub mod record;
