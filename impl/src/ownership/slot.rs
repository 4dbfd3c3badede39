//! The one place where a payload is reached through a shared slot.
//!
//! The word decides; each function here says which state of the word makes it sound, and its callers in
//! [`table`](super::table) and [`guard`](super::guard) have just brought that state about.
#![expect(unsafe_code, reason = "a cell that an atomic word guards, as in a lock")]

use std::sync::atomic::Ordering;

use super::atomics::{AtomicWord, Atomics, PayloadCell};
use super::core::{Generation, Next, ONE_RUNNER, Refused, Sharing, State, Step, Word, Worker, transition};

/// A word and what it guards, on a cache line of its own: neighbours are other workers'.
#[repr(align(64))]
pub(super) struct Slot<T, A: Atomics> {
    word: A::Word,
    payload: A::Cell<Option<T>>,
}

// SAFETY: a payload is dropped by whichever thread closes it (`Send`), a shared one is seen by several at a time
// (`Sync`), and a table does not say beforehand which are shared. The word, which decides who has access, is atomic.
unsafe impl<T: Send + Sync, A: Atomics> Sync for Slot<T, A> {}
// SAFETY: as for `Option<T>`, beside an atomic.
unsafe impl<T: Send, A: Atomics> Send for Slot<T, A> {}

/// Proof that the slot is in the state that [`Word`] calls held, and that this thread made it so. There is one for each
/// time that [`Next::holds`] was told, and it is used up by what ends that state.
pub(super) struct Held<'a, T, A: Atomics> {
    slot: &'a Slot<T, A>,
    generation: Generation,
}

/// Proof that the word counts this thread's guard among its runners.
pub(super) struct Inside<'a, T, A: Atomics> {
    slot: &'a Slot<T, A>,
    /// What the word was made then; often still is.
    entered: Word,
}

impl<T, A: Atomics> Slot<T, A> {
    pub(super) fn new() -> Self {
        Self { word: A::Word::new(Word::EMPTY.bits()), payload: A::Cell::new(None) }
    }

    /// What the word is, or was a moment ago.
    pub(super) fn word(&self) -> Word {
        Word::from_bits(self.word.load(A::LOAD_HINT))
    }

    pub(super) fn claim(&self) -> Result<Held<'_, T, A>, Refused> {
        let mut guess = self.word();
        loop {
            let generation = guess.generation();
            let claimed = transition(guess, generation, Step::Claim);
            // Who gave the number back and who was given it met in the kernel, of which the language knows nothing: a word that was
            // merely loaded may be an old one, so that it must not refuse a claim. What is written back is what is there.
            let next = claimed.as_ref().map_or(guess, |next| next.word);
            match self.word.compare_exchange_weak(guess.bits(), next.bits(), A::CLAIM) {
                Ok(_) => return claimed.map(|_| Held { slot: self, generation }),
                Err(actual) => guess = Word::from_bits(actual),
            }
        }
    }

    #[inline]
    pub(super) fn enter(&self, generation: Generation, worker: Worker) -> Result<Inside<'_, T, A>, Refused> {
        let (found, idle) = (self.word(), Word::idle(generation, worker));
        // Mostly it is this worker's and idle, which is one comparison.
        let attempt = if found == idle {
            self.attempt(idle, idle.generation(), Step::Enter(worker), A::ENTER)
        } else {
            Err(found)
        };
        let Next { word, .. } = match attempt {
            Ok(next) => next,
            Err(found) => self.enter_otherwise(found, generation, worker)?,
        };
        Ok(Inside { slot: self, entered: word })
    }

    /// Enters what is shared, or says why not.
    #[inline(never)] // the registers that it takes would be saved at every entry
    fn enter_otherwise(&self, found: Word, generation: Generation, worker: Worker) -> Result<Next, Refused> {
        self.cas_loop(found, generation, Step::Enter(worker), A::ENTER)
    }

    #[inline]
    pub(super) fn takeover(&self, generation: Generation, worker: Worker) -> Result<Inside<'_, T, A>, Refused> {
        let Next { word, .. } = self.change(self.word(), generation, Step::Takeover(worker), A::ENTER)?;
        Ok(Inside { slot: self, entered: word })
    }

    /// Deletes. A caller that is given the slot closes the descriptor; otherwise the last to leave does.
    pub(super) fn delete(&self, generation: Generation) -> Result<Option<Held<'_, T, A>>, Refused> {
        let next = self.change(self.word(), generation, Step::Delete, A::DELETE)?;
        Ok(next.holds.then_some(Held { slot: self, generation }))
    }

    /// One read-modify-write, tried until no other thread was faster.
    #[inline(always)] // with the step known: what is left of `transition` is a few instructions
    fn change(&self, guess: Word, generation: Generation, step: Step, order: Ordering) -> Result<Next, Refused> {
        Ok(match self.attempt(guess, generation, step, order) {
            Ok(next) => next,
            Err(found) => self.cas_loop_cold(found, generation, step, order)?,
        })
    }

    /// One read-modify-write, tried once. Where it is refused or another thread was faster: what was found, to go on with.
    #[inline(always)] // as above
    fn attempt(&self, guess: Word, generation: Generation, step: Step, order: Ordering) -> Result<Next, Word> {
        let next = transition(guess, generation, step).map_err(|_| guess)?;
        match self.word.compare_exchange_weak(guess.bits(), next.word.bits(), order) {
            Ok(_) => Ok(next),
            Err(actual) => Err(Word::from_bits(actual)),
        }
    }

    /// Goes on from what was found, until the step is taken or refused.
    #[inline(always)] // as above
    fn cas_loop(&self, found: Word, generation: Generation, step: Step, order: Ordering) -> Result<Next, Refused> {
        let mut guess = found;
        loop {
            let next = transition(guess, generation, step)?;
            match self.word.compare_exchange_weak(guess.bits(), next.word.bits(), order) {
                Ok(_) => return Ok(next),
                Err(actual) => guess = Word::from_bits(actual),
            }
        }
    }

    /// [`cas_loop`](Self::cas_loop), for any step, out of the way of those that are taken at once.
    #[cold]
    #[inline(never)]
    fn cas_loop_cold(&self, found: Word, generation: Generation, step: Step, order: Ordering) -> Result<Next, Refused> {
        self.cas_loop(found, generation, step, order)
    }
}

impl<'a, T, A: Atomics> Held<'a, T, A> {
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// Puts a payload in, after which others may enter. Whether the caller is inside it is up to `inside`.
    pub(super) fn publish(self, payload: T, sharing: Sharing) {
        self.put(payload, Step::Publish { sharing, inside: false });
    }

    /// Puts a payload in, with the caller inside.
    pub(super) fn publish_and_enter(self, payload: T, sharing: Sharing) -> Inside<'a, T, A> {
        let slot = self.slot;
        Inside { slot, entered: self.put(payload, Step::Publish { sharing, inside: true }) }
    }

    fn put(self, payload: T, step: Step) -> Word {
        // SAFETY: held, so that no other thread accesses the payload.
        self.slot.payload.with_mut(|place| unsafe { *place = Some(payload) });
        self.end(step, A::PUBLISH)
    }

    /// Takes the payload out and frees the slot. The caller drops the payload, which closes the descriptor, as the last
    /// thing it does: only then can the number come back, to a slot that is free.
    pub(super) fn take(self) -> Option<T> {
        // SAFETY: held, so that no other thread accesses the payload.
        let payload = self.slot.payload.with_mut(|place| unsafe { (*place).take() });
        self.end(Step::Wipe, A::WIPE);
        payload
    }

    fn end(self, step: Step, order: Ordering) -> Word {
        let word = Word::new(self.generation, State::Held);
        // A held word takes both steps, and only its holder's: what would be refused is left as it is.
        let word = transition(word, self.generation, step).map_or(word, |next| next.word);
        self.slot.word.store(word.bits(), order);
        word
    }
}

impl<'a, T, A: Atomics> Inside<'a, T, A> {
    #[inline]
    pub(super) fn payload(&self) -> Option<&T> {
        // SAFETY: while a guard exists, the payload stays where it is, and is written to through the one guard of
        // an exclusive descriptor only, which would be this one, and is borrowed.
        self.slot.payload.with(|place| unsafe { (*place).as_ref() })
    }

    #[inline]
    pub(super) fn payload_mut(&mut self) -> Option<&mut T> {
        match self.entered.state() {
            State::Live { sharing: Sharing::Exclusive(_), .. } => {
                // SAFETY: an exclusive descriptor has one guard at most, and this is it.
                self.slot.payload.with_mut(|place| unsafe { (*place).as_mut() })
            }
            State::Live { sharing: Sharing::Shared, .. } | State::Free | State::Held => None,
        }
    }

    /// What the word was after this guard was made.
    pub(super) fn entered(&self) -> Word {
        self.entered
    }

    /// Leaves, by [`Step::Leave`]. A caller that is given the slot closes.
    ///
    /// One subtraction, which no other thread can delay: while this guard is counted, the word is of its descriptor, so
    /// that nothing has to be compared. What it was says who is last.
    #[inline(always)]
    pub(super) fn leave(&mut self) -> Option<Held<'a, T, A>> {
        let before = Word::from_bits(self.slot.word.fetch_sub(ONE_RUNNER, A::LEAVE));
        let is_last = matches!(before.state(), State::Live { runners: 1, closing: true, .. });
        is_last.then_some(Held { slot: self.slot, generation: self.entered.generation() })
    }

    /// Leaves, by [`Step::DeleteAndLeave`]. A caller that is given the slot closes.
    ///
    /// # Errors
    ///
    /// If the step is refused; the caller is still inside.
    #[inline(always)]
    pub(super) fn delete_and_leave(&mut self) -> Result<Option<Held<'a, T, A>>, Refused> {
        let generation = self.entered.generation();
        let next = self.slot.change(self.entered, generation, Step::DeleteAndLeave, A::LEAVE)?;
        Ok(next.holds.then_some(Held { slot: self.slot, generation }))
    }
}
