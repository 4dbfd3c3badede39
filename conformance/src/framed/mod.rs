//! `handfast::framed` as machines of its protocol: its cores, and its driver on tokio over a wire that delivers when told.

mod busy;
mod clocks;
mod convert;
mod core;
mod driver;
pub mod historical;
mod kernel;
mod record;
mod side;
pub mod suite;
mod task;
mod wire;

pub use busy::{Dice, busy};
pub use clocks::Clocks;
pub use core::CoreMachine;
pub use driver::DriverMachine;
