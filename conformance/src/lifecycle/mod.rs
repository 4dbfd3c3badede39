//! The implementation of `lifecycle` held to its model.

mod convert;
mod core;
pub mod historical;
pub mod suite;

pub use self::core::CoreMachine;
pub use convert::{configured, origin};
