//! `handfast::ownership` held to its model: its word as a [machine](core::CoreMachine), the [pool] on it, and its table on the
//! [atomics](families) of checkers, with a [record] of what is done to it. And [ports](haproxy) of the protocols that
//! it is measured against.

pub mod core;
pub mod families;
pub mod haproxy;
mod kernel;
pub mod pool;
pub mod record;
