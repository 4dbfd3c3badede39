//! Framed connections.

mod driver;
mod edges;
mod historical;
mod record;
mod suite;
