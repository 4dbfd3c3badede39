//! Simultaneous open.

mod chops;
mod driver;
mod edges;
mod historical;
mod record;
