//! zrepl's frameconn on tokio, in our own words: `ReadFrame`, `WriteFrame` and `Shutdown` with their two mutexes, the header
//! that is read ahead, and the drain, as they are at `b93a06d`.
//!
//! Each step of each of them waits for its turn, so that a test can put them in any order. What comes out is the protocol's
//! [machine](Historical), which is held to the same trials as handfast's driver.

mod connection;
mod machine;

pub use machine::Historical;
