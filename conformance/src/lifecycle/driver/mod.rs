//! The driver of `handfast::lifecycle` on tokio, under a paused clock, one step at a time.
//!
//! Each session's task is polled by the test, only when it was woken, and only when the model's next action is that
//! task's: a handshake ends when the test lets it, timers fire because the clock is moved, subscribers take one event at
//! a time. Where a task takes several steps within one poll, it is held between them, so that the steps of other tasks
//! can come in between, as they can on another thread. After each such prod the driver has recorded what it did; the model
//! must take exactly these steps with exactly these observations, and what participants see without the record (events,
//! snapshots, gauges, the active peer) must agree with the model's history.

mod chooser;
mod stepped;
mod task;
mod walk;

pub use stepped::Step;
pub use walk::{Covered, Failure, Walker};
