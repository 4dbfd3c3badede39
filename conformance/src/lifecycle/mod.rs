//! The implementation of `lifecycle` held to its model.

mod convert;
mod core;
#[cfg(not(feature = "shuttle"))]
pub mod driver;
pub mod historical;
pub mod judge;
pub mod suite;

pub use self::core::CoreMachine;
pub use convert::{configured, origin};
