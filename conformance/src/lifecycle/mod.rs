//! The implementation of `lifecycle` held to its model.

mod convert;
mod core;
// It steps the driver on tokio, which shuttle replaces.
#[cfg(not(handfast_shuttle))]
pub mod driver;
pub mod historical;
pub mod judge;
pub mod suite;

pub use self::core::CoreMachine;
pub use convert::{configured, origin};
