//! How a slot's state is written in 64 bits.

use std::fmt::{self, Debug, Display, Formatter};

use super::Sharing;

/// How many workers there can be.
pub const WORKERS: u16 = 1 << OWNER_BITS;

/// How many can be inside a shared descriptor at a time.
pub const MAX_RUNNERS: u16 = (1 << RUNNER_BITS) - 1;

const STATE_BITS: u32 = 4;
const RUNNER_BITS: u32 = 10;
const OWNER_BITS: u32 = 10;
const GENERATION_BITS: u32 = 40;

const RUNNER_SHIFT: u32 = STATE_BITS;
const OWNER_SHIFT: u32 = RUNNER_SHIFT + RUNNER_BITS;
const GENERATION_SHIFT: u32 = OWNER_SHIFT + OWNER_BITS;

const _: () = assert!(GENERATION_SHIFT + GENERATION_BITS == u64::BITS, "the word is full");

const FREE: u64 = 0;
const EXCLUSIVE: u64 = 2;
const SHARED: u64 = 3;
const CLOSING: u64 = 4;

/// What a thread that leaves takes away.
pub(in crate::ownership) const ONE_RUNNER: u64 = 1 << RUNNER_SHIFT;

/// A held word is one to be closed with no thread inside: so leaving is one subtraction, also for the last thread.
const HELD: u64 = EXCLUSIVE | CLOSING;

/// One thread that polls: its number, below [`WORKERS`].
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Worker(u16);

impl Worker {
    /// Creates the worker with this number.
    ///
    /// # Panics
    ///
    /// If the number is not below [`WORKERS`].
    #[inline]
    pub const fn new(number: u16) -> Self {
        assert!(number < WORKERS, "a worker's number is below 1024");
        Self(number)
    }

    /// Returns its number.
    #[inline]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl Debug for Worker {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.0)
    }
}

impl Display for Worker {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}", self.0)
    }
}

/// Which of the descriptors that a number has meant in turn. Counts from zero, and begins again after 2^40.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Generation(u64);

impl Generation {
    /// How many bits it has.
    pub const BITS: u32 = GENERATION_BITS;

    /// Returns the generation with this number, of which the low [`BITS`](Self::BITS) count.
    #[inline]
    pub const fn new(number: u64) -> Self {
        Self(number & ((1 << GENERATION_BITS) - 1))
    }

    /// Returns its number.
    #[inline]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Returns the one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0 + 1)
    }
}

/// What a word says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// There is no descriptor.
    Free,
    /// One thread has the slot to itself: it is putting a descriptor in, or taking one out to close it.
    Held,
    /// There is a descriptor.
    Live {
        /// Its owner.
        sharing: Sharing,
        /// How many are inside: at most one if it is exclusive.
        runners: u16,
        /// Whether deletion was asked for; there is a guard still. Without a guard it would be [`Held`](Self::Held).
        closing: bool,
    },
}

/// A slot's state and generation in 64 bits: from the low end 4 bits of state, 10 of runners, 10 of owner, 40 of
/// generation.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Word(u64);

impl Word {
    /// A free slot that never held anything.
    pub const EMPTY: Self = Self(FREE);

    /// Returns the word that says this.
    #[inline]
    pub const fn new(generation: Generation, state: State) -> Self {
        let low = match state {
            State::Free => FREE,
            State::Held => HELD,
            State::Live { sharing, runners, closing } => {
                let whose = match sharing {
                    Sharing::Exclusive(owner) => EXCLUSIVE | (owner.0 as u64) << OWNER_SHIFT,
                    Sharing::Shared => SHARED,
                };
                whose | (runners as u64) << RUNNER_SHIFT | if closing { CLOSING } else { 0 }
            }
        };
        Self(generation.0 << GENERATION_SHIFT | low)
    }

    /// Returns the word of a descriptor that belongs to this worker, without a guard.
    #[inline]
    pub const fn idle(generation: Generation, owner: Worker) -> Self {
        Self::new(generation, State::Live { sharing: Sharing::Exclusive(owner), runners: 0, closing: false })
    }

    /// With one more inside. There is a descriptor, and room for one more.
    #[inline]
    pub(super) const fn with_one_more(self) -> Self {
        Self(self.0 + ONE_RUNNER)
    }

    /// With one less inside. There is a descriptor, and at least one is inside.
    #[inline]
    pub(super) const fn with_one_less(self) -> Self {
        Self(self.0 - ONE_RUNNER)
    }

    /// As this, and deletion was asked for. There is a descriptor.
    #[inline]
    pub(super) const fn as_closing(self) -> Self {
        Self(self.0 | CLOSING)
    }

    /// Returns the word with these bits. Only bits that a word gave may be given back.
    #[inline]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns its bits.
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the generation of the descriptor that is there; of the next one, if the slot is free.
    #[inline]
    pub const fn generation(self) -> Generation {
        Generation(self.0 >> GENERATION_SHIFT)
    }

    /// Returns what it says.
    #[inline]
    pub const fn state(self) -> State {
        let sharing = match self.0 & 3 {
            FREE => return State::Free,
            EXCLUSIVE => Sharing::Exclusive(Worker((self.0 >> OWNER_SHIFT) as u16 & (WORKERS - 1))),
            // One value is used by no word, and this is the last.
            _ => Sharing::Shared,
        };
        let runners = (self.0 >> RUNNER_SHIFT) as u16 & MAX_RUNNERS;
        if runners == 0 && self.0 & CLOSING != 0 {
            return State::Held;
        }
        State::Live { sharing, runners, closing: self.0 & CLOSING != 0 }
    }
}

impl Debug for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Word").field("generation", &self.generation().0).field("state", &self.state()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_was_made_of() {
        let sharings = [0, 1, 63, 64, WORKERS - 1].map(|number| Sharing::Exclusive(Worker::new(number)));
        let live = sharings.into_iter().chain([Sharing::Shared]).flat_map(|sharing| {
            [0, 1, MAX_RUNNERS]
                .into_iter()
                .flat_map(move |runners| [false, true].map(|closing| State::Live { sharing, runners, closing }))
                .filter(|state| !matches!(state, State::Live { runners: 0, closing: true, .. }))
        });
        for state in live.chain([State::Free, State::Held]) {
            for generation in [0, 1, (1 << Generation::BITS) - 1].map(Generation::new) {
                let word = Word::new(generation, state);
                assert_eq!((word.generation(), word.state()), (generation, state));
                assert_eq!(Word::from_bits(word.bits()), word);
            }
        }
    }

    #[test]
    fn a_changed_word_says_the_rest_as_before() {
        let generation = Generation::new(7);
        for sharing in [Sharing::Exclusive(Worker::new(WORKERS - 1)), Sharing::Shared] {
            let word = |runners, closing| Word::new(generation, State::Live { sharing, runners, closing });
            for closing in [false, true] {
                assert_eq!(word(0, closing).with_one_more(), word(1, closing));
                assert_eq!(word(MAX_RUNNERS, closing).with_one_less(), word(MAX_RUNNERS - 1, closing));
                assert_eq!(word(2, closing).as_closing(), word(2, true));
            }
        }
    }

    #[test]
    fn a_word_to_be_closed_with_nobody_inside_is_held() {
        for sharing in [Sharing::Exclusive(Worker::new(WORKERS - 1)), Sharing::Shared] {
            let word = Word::new(Generation::new(7), State::Live { sharing, runners: 1, closing: true });
            let left = Word::from_bits(word.bits() - ONE_RUNNER);
            assert_eq!((left, left.generation(), left.state()), (word.with_one_less(), word.generation(), State::Held));
        }
    }

    #[test]
    fn generations_begin_again() {
        assert_eq!(Generation::new((1 << Generation::BITS) - 1).next(), Generation::new(0));
    }

    #[test]
    #[should_panic(expected = "below 1024")]
    fn a_worker_that_has_no_place_in_the_word_is_refused() {
        let _ = Worker::new(WORKERS);
    }
}
