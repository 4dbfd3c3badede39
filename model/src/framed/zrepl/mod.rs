//! zrepl's frameconn as it is at `b93a06d`, one step of one goroutine at a time.
//!
//! Each end has a goroutine that writes, one that reads, and one that shuts down; two mutexes; and a state machine with
//! two states, open and shutting down. The actions are those of handfast: `Send` is the next step of the writing goroutine,
//! `Read` of the reading one, `Finish` and `ReadAhead` of the one that shuts down, before and in its drain. A shutdown
//! that returns no error is said to be clean, because that is all that the caller can make of it. People are told each step in
//! the words of frameconn.

mod machine;
mod reader;
mod variants;
mod words;

pub use machine::Zrepl;
pub use variants::{instances, variants};
