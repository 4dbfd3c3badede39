//! What one read-modify-write does to a word.

use thiserror::Error;

use super::Sharing;
use super::word::{Generation, MAX_RUNNERS, State, Word, Worker};

/// What is attempted. Each is one read-modify-write, except [`Publish`](Self::Publish) and [`Wipe`](Self::Wipe), which
/// are stores by the one thread that holds the slot.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Step {
    /// The slot is claimed for a descriptor.
    Claim,
    /// The descriptor is there; `inside` says whether the thread that put it there is inside it.
    Publish {
        /// Its owner.
        sharing: Sharing,
        /// Whether the inserter has entered.
        inside: bool,
    },
    /// A worker wants to run the callback.
    Enter(Worker),
    /// A thread that is inside leaves.
    Leave,
    /// A worker wants to be the owner, and inside.
    Takeover(Worker),
    /// A thread wants the descriptor closed.
    Delete,
    /// A thread that is inside wants the descriptor closed, and leaves.
    DeleteAndLeave,
    /// The slot is empty again.
    Wipe,
}

/// The word after a step, and whether the thread that made the step holds the slot now.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Next {
    /// The word.
    pub word: Word,
    /// Whether the step ended with the slot held: after [`Step::Claim`] to put a descriptor in,
    /// otherwise to take it out and close it. It is told to exactly one thread for each descriptor.
    pub holds: bool,
}

/// Why nothing happened.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum Refused {
    /// The token is of a descriptor that is not there any more.
    #[error("the descriptor is gone: its token is stale")]
    Gone,
    /// Deletion was asked for before.
    #[error("the descriptor is being closed")]
    Closing,
    /// The descriptor belongs to another worker.
    #[error("the descriptor belongs to {owner}")]
    NotOwner {
        /// Which.
        owner: Worker,
    },
    /// A thread is inside; as many as can be, if it is shared.
    #[error("a thread is inside the descriptor")]
    Busy,
    /// A shared descriptor cannot belong to one worker.
    #[error("the descriptor is shared")]
    Shared,
    /// Internal: never returned for a guard or a token. The slot is not in the state that only the caller could have ended.
    #[error("the slot is not the caller's")]
    NotHeld,
}

/// Returns what becomes of `word` when `step` is taken on behalf of the descriptor of `generation`. No step waits
/// (OWN-11, OWN-24), and each compares the generation and changes the word as a whole (OWN-5, OWN-7, OWN-10).
///
/// # Errors
///
/// Why nothing becomes of it. Where several reasons hold, the first of `Gone`, `Closing`, `Shared`, `NotOwner`, `Busy`.
#[inline(always)] // most of it is about other steps than the caller's, which the compiler sees once it is inlined
pub const fn transition(word: Word, generation: Generation, step: Step) -> Result<Next, Refused> {
    if word.generation().number() != generation.number() {
        return Err(Refused::Gone);
    }
    match word.state() {
        State::Live { sharing, runners, closing } => {
            let live = Live { word, sharing, runners, closing };
            match step {
                Step::Enter(worker) => live.enter(worker),
                Step::Leave => live.leave(closing),
                Step::Takeover(worker) => live.takeover(worker),
                Step::Delete => live.delete(),
                Step::DeleteAndLeave => live.leave(true),
                Step::Claim | Step::Publish { .. } | Step::Wipe => Err(Refused::Busy),
            }
        }
        State::Free => match step {
            Step::Claim => Ok(held(generation)),
            Step::Enter(_)
            | Step::Leave
            | Step::Takeover(_)
            | Step::Delete
            | Step::DeleteAndLeave
            | Step::Publish { .. }
            | Step::Wipe => Err(Refused::Gone),
        },
        State::Held => match step {
            Step::Publish { sharing, inside } => {
                Ok(stays(Word::new(generation, State::Live { sharing, runners: inside as u16, closing: false })))
            }
            Step::Wipe => Ok(Next { word: Word::new(generation.next(), State::Free), holds: false }),
            Step::Claim | Step::Enter(_) | Step::Leave | Step::Takeover(_) | Step::Delete | Step::DeleteAndLeave => {
                Err(Refused::Closing)
            }
        },
    }
}

#[inline(always)]
const fn held(generation: Generation) -> Next {
    Next { word: Word::new(generation, State::Held), holds: true }
}

#[inline(always)]
const fn stays(word: Word) -> Next {
    Next { word, holds: false }
}

/// A word that says that there is a descriptor, and what it says of it.
#[derive(Clone, Copy)]
struct Live {
    word: Word,
    sharing: Sharing,
    runners: u16,
    closing: bool,
}

impl Live {
    /// OWN-1: of an exclusive descriptor the word counts no other thread. OWN-4: deletion was not asked for.
    #[inline(always)]
    const fn enter(self, worker: Worker) -> Result<Next, Refused> {
        if self.closing {
            return Err(Refused::Closing);
        }
        let room = match self.sharing {
            Sharing::Exclusive(owner) if owner.number() != worker.number() => {
                return Err(Refused::NotOwner { owner });
            }
            Sharing::Exclusive(_) => 1,
            Sharing::Shared => MAX_RUNNERS,
        };
        if self.runners >= room {
            return Err(Refused::Busy);
        }
        Ok(stays(self.word.with_one_more()))
    }

    /// OWN-2, OWN-3, OWN-21: the last to leave a descriptor that is to be closed holds it: a word that says so and counts
    /// no thread is held.
    /// [`Step::Leave`] subtracts one, whatever else the word says, and is taken so.
    #[inline(always)]
    const fn leave(self, closing: bool) -> Result<Next, Refused> {
        match (closing, self.runners) {
            (_, 0) => Err(Refused::NotHeld),
            (false, _) => Ok(stays(self.word.with_one_less())),
            (true, runners) => Ok(Next { word: self.word.as_closing().with_one_less(), holds: runners == 1 }),
        }
    }

    #[inline(always)]
    const fn takeover(self, worker: Worker) -> Result<Next, Refused> {
        match (self.closing, self.sharing, self.runners) {
            (true, _, _) => Err(Refused::Closing),
            (false, Sharing::Shared, _) => Err(Refused::Shared),
            (false, Sharing::Exclusive(_), 0) => Ok(stays(Word::idle(self.word.generation(), worker).with_one_more())),
            (false, Sharing::Exclusive(_), _) => Err(Refused::Busy),
        }
    }

    #[inline(always)]
    const fn delete(self) -> Result<Next, Refused> {
        match (self.closing, self.runners) {
            (true, _) => Err(Refused::Closing),
            (false, 0) => Ok(Next { word: self.word.as_closing(), holds: true }),
            (false, _) => Ok(stays(self.word.as_closing())),
        }
    }
}
