//! The word: what one read-modify-write of it comes to. The pool's protocol stands on the same.

use handfast_spec::Table;
use handfast_spec::ownership::{Away, Incarnation, Owner, Refusal, Thread};
use serde::Serialize;

/// The words of a table, with what is in its slots: the core, which decides who is inside, who owns and who closes.
///
/// What surrounds the core, threads and pollers and a kernel, is written once and stands on any core: on the model's,
/// on those with a mistake, and on the product's.
pub trait Words {
    /// Claims a slot that is free.
    ///
    /// # Errors
    ///
    /// [`Refusal::Occupied`] if it is not free.
    fn claim(&mut self, number: u8) -> Result<(), Refusal>;

    /// Puts a descriptor into a slot that was claimed, with one thread inside.
    fn publish(&mut self, number: u8, incarnation: Incarnation, owner: Owner);

    /// Does one read-modify-write. Returns whether the thread that did it holds the slot now, to close the descriptor.
    ///
    /// # Errors
    ///
    /// Why the word is as it was.
    fn change(&mut self, token: Token, want: Want) -> Result<bool, Away>;

    /// Takes out what is in a slot that is held, and frees the slot.
    fn wipe(&mut self, number: u8);

    /// What the word says, beside the generation.
    fn state(&self, number: u8) -> State;

    /// What is in the slot.
    fn payload(&self, number: u8) -> Option<Incarnation>;

    /// The token of what is in the slot, or of what will be next.
    fn token(&self, number: u8) -> Token;
}

/// What a poller is given with a descriptor, and gives back with each report.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Token {
    /// Which slot.
    pub number: u8,
    /// Which descriptor of those that are in the slot in turn.
    pub generation: u32,
}

/// What a word says beside the generation.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No descriptor is there.
    #[default]
    Free,
    /// One thread has the slot to itself.
    Held,
    /// A descriptor is there.
    Live {
        /// Which thread may enter.
        owner: Owner,
        /// How many are inside.
        runners: u16,
        /// Whether deletion was asked for.
        closing: bool,
    },
}

/// What a thread wants of a descriptor, by its token.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// To run the callback.
    Enter(Thread),
    /// To be inside no longer.
    Leave,
    /// To be the owner, and inside.
    Takeover(Thread),
    /// To have it closed.
    Delete,
    /// To have it closed, and to be inside no longer.
    DeleteAndLeave,
}

/// A word, and which descriptor is in its slot.
///
/// OWN-7, OWN-9, OWN-10: owner, runners, generation and the wish to close are one word that every step changes as a whole.
/// No step writes a part of it, and there is no list of updates beside it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(in crate::ownership) struct Slot {
    pub(in crate::ownership) generation: u32,
    pub(in crate::ownership) state: State,
    pub(in crate::ownership) payload: Option<Incarnation>,
}

/// What one read-modify-write came to.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// The word says so.
    Is(State),
    /// The word says that the slot is held, by the thread that made it say so.
    Holds,
}

impl Slot {
    /// OWN-1, OWN-2, OWN-3, OWN-4, OWN-5: one read-modify-write decides who is inside, who owns and who closes. OWN-11,
    /// OWN-24: it never has to wait.
    pub(super) fn transition(&self, token: Token, want: Want) -> Result<Next, Away> {
        if self.generation != token.generation {
            return Err(Away::Gone);
        }
        let (owner, runners, closing) = match self.state {
            State::Free => return Err(Away::Gone),
            State::Held => return Err(Away::Closing),
            State::Live { owner, runners, closing } => (owner, runners, closing),
        };
        let live = |owner, runners, closing| Ok(Next::Is(State::Live { owner, runners, closing }));
        match want {
            Want::Enter(_) | Want::Takeover(_) if closing => Err(Away::Closing),
            Want::Enter(thread) => match owner {
                Owner::Thread(other) if other != thread => Err(Away::NotOwner),
                Owner::Thread(_) if runners > 0 => Err(Away::Busy),
                Owner::Thread(_) | Owner::Everybody => live(owner, runners + 1, closing),
            },
            Want::Takeover(thread) => match owner {
                Owner::Everybody => Err(Away::Shared),
                Owner::Thread(_) if runners > 0 => Err(Away::Busy),
                Owner::Thread(_) => live(Owner::Thread(thread), runners + 1, closing),
            },
            Want::Delete if closing => Err(Away::Closing),
            Want::Delete if runners == 0 => Ok(Next::Holds),
            Want::Delete => live(owner, runners, true),
            Want::Leave | Want::DeleteAndLeave => {
                let closing = closing || matches!(want, Want::DeleteAndLeave);
                if closing && runners == 1 { Ok(Next::Holds) } else { live(owner, runners.saturating_sub(1), closing) }
            }
        }
    }
}

/// The words of handfast, by number.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct Slots(Table<Slot, 2>);

impl Slots {
    pub(in crate::ownership) fn get(&self, number: u8) -> Slot {
        self.0.get(usize::from(number))
    }

    pub(in crate::ownership) fn slot(&mut self, number: u8) -> &mut Slot {
        self.0.entry(usize::from(number))
    }
}

impl Words for Slots {
    fn claim(&mut self, number: u8) -> Result<(), Refusal> {
        let slot = self.slot(number);
        match slot.state {
            State::Free => slot.state = State::Held,
            State::Held | State::Live { .. } => return Err(Refusal::Occupied),
        }
        Ok(())
    }

    fn publish(&mut self, number: u8, incarnation: Incarnation, owner: Owner) {
        let slot = self.slot(number);
        slot.state = State::Live { owner, runners: 1, closing: false };
        slot.payload = Some(incarnation);
    }

    fn change(&mut self, token: Token, want: Want) -> Result<bool, Away> {
        let (state, holds) = match self.get(token.number).transition(token, want)? {
            Next::Is(state) => (state, false),
            Next::Holds => (State::Held, true),
        };
        self.slot(token.number).state = state;
        Ok(holds)
    }

    /// OWN-5: a new generation begins, so that no token of the old one is good for anything.
    fn wipe(&mut self, number: u8) {
        let slot = self.slot(number);
        *slot = Slot { generation: slot.generation + 1, ..Slot::default() };
    }

    fn state(&self, number: u8) -> State {
        self.get(number).state
    }

    fn payload(&self, number: u8) -> Option<Incarnation> {
        self.get(number).payload
    }

    fn token(&self, number: u8) -> Token {
        Token { number, generation: self.get(number).generation }
    }
}
