//! The framed connection as pure state machines: the reader's cursor, the writer's cursor, and the end of our direction.

mod buffer;
mod ending;
mod read;
mod wire;
mod words;
mod write;

pub use ending::{Duty, Ending};
pub use read::{Next, ReadCursor};
pub use wire::Frame;
pub use words::{Delivery, Error, Outcome, Violation};
pub use write::{WriteCursor, WriteLimits};
