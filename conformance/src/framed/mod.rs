//! `handfast::framed` as machines of its protocol: its cores, and its driver on tokio over a wire that delivers when told.

mod convert;
mod core;
mod driver;
mod end_state;
pub mod historical;
pub mod judge;
pub mod kernel;
mod random_run;
mod record;
pub mod suite;
mod wire;

pub use convert::{ending, outcome};
pub use core::CoreMachine;
pub use driver::DriverMachine;
pub use random_run::random_run;
