//! The negotiation of `handfast::simopen` as a machine, and its driver as another.
//!
//! [`CoreMachine`] is the product's [`Negotiation`](handfast::simopen::core::Negotiation) at the ends of the model's own
//! connection. [`DriverMachine`](driver::DriverMachine) has what [drives](driver) it, and a wire of its own.
//! [`historical`] has two other implementations.

mod convert;
mod core;
pub mod driver;
pub mod historical;
pub mod judge;

pub use self::core::{CoreMachine, Negotiating, core_machine};
