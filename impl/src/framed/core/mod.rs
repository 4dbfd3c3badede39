//! The framed connection as pure state machines: the reader's cursor, the writer's cursor, and the end of our direction.

mod buffer;
mod ending;
mod read;
mod types;
mod wire;
mod write;

pub use ending::{Duty, Ending};
pub use read::{Next, ReadCursor};
pub use types::{Delivery, Error, Outcome, Violation};
pub use wire::Frame;
pub use write::{WriteCursor, WriteLimits};
