//! The atomics of the checkers, for the tables of `handfast::ownership`.

pub mod families;
