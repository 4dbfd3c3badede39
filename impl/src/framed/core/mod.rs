//! The framed connection as pure state machines: the reader's cursor, the writer's cursor, and the closing of our direction.

mod buffer;
mod close_state;
mod read;
mod types;
pub(in crate::framed) mod wire;
mod write;

pub use close_state::{CloseState, NextStep};
pub use read::{Next, ReadCursor};
pub use types::{Delivery, Error, Outcome, Violation};
pub use wire::Frame;
pub use write::{WriteCursor, WriteLimits};
