//! The word and what may become of it: a pure function of its bits.

mod transition;
mod word;

pub use transition::{Next, Refused, Step, transition};
pub(super) use word::ONE_RUNNER;
pub use word::{Generation, MAX_RUNNERS, State, WORKERS, Word, Worker};

/// The owner of a descriptor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Sharing {
    /// One worker's, until another one takes it over. At most one guard exists at a time.
    Exclusive(Worker),
    /// Every worker's, as a listening socket is. Up to [`MAX_RUNNERS`] guards exist at a time.
    Shared,
}
