//! The peer lifecycle.

mod driver;
mod edges;
mod historical;
mod random;
mod record;
mod record_beyond;
mod record_policies;
mod record_waiting;
mod suite;
