//! `handfast::ownership` held to its model: its word as a [machine](core::CoreMachine), and its table on the
//! [atomics](families) of checkers.

pub mod core;
pub mod families;
mod kernel;
