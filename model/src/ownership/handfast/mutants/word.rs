//! Words with a mistake.

use handfast_spec::ownership::{Away, Incarnation, Owner, Refusal};
use serde::Serialize;

use super::super::any_number::Writable;
use super::super::word::{Next, Slot, Slots, State, Token, Want, Words};
use super::Flaw;

/// handfast's words, with a mistake in what one read-modify-write comes to, or with none.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub(in crate::ownership) struct Flawed {
    slots: Slots,
    flaw: Option<Flaw>,
}

impl Flawed {
    pub(in crate::ownership) fn new(flaw: Option<Flaw>) -> Self {
        Self { slots: Slots::default(), flaw }
    }

    fn next(&self, token: Token, want: Want) -> Result<Next, Away> {
        let slot = self.slots.get(token.number);
        let flaw = self.flaw.filter(|_| slot.generation == token.generation);
        let (Some(flaw), State::Live { owner, runners, closing }) = (flaw, slot.state) else {
            let is_late = self.flaw == Some(Flaw::NoGeneration);
            let generation = if is_late { slot.generation } else { token.generation };
            return slot.transition(Token { generation, ..token }, want);
        };
        let live = |owner, runners, closing| Ok(Next::Is(State::Live { owner, runners, closing }));
        match (flaw, want) {
            (Flaw::EntersClosing, Want::Enter(_)) | (Flaw::TakesOverClosing, Want::Takeover(_)) => {
                let wanted = Slot { state: State::Live { owner, runners, closing: false }, ..slot };
                match wanted.transition(token, want)? {
                    Next::Is(State::Live { owner, runners, .. }) => live(owner, runners, closing),
                    next @ (Next::Is(State::Free | State::Held) | Next::Holds) => Ok(next),
                }
            }
            (Flaw::EntersAnyway, Want::Enter(_)) if !closing => live(owner, runners + 1, closing),
            (Flaw::TakesOverBusy, Want::Takeover(thread)) if !closing && owner != Owner::Everybody => {
                live(Owner::Thread(thread), runners + 1, closing)
            }
            (Flaw::NobodyClosesIdle, Want::Delete) if !closing => live(owner, runners, true),
            (Flaw::DeleterCloses, Want::Delete) if !closing => Ok(Next::Holds),
            (Flaw::LastDoesNotClose | Flaw::LooksWhetherLast, Want::Leave | Want::DeleteAndLeave) => {
                live(owner, runners.saturating_sub(1), closing || matches!(want, Want::DeleteAndLeave))
            }
            _ => slot.transition(token, want),
        }
    }

    /// What a read-modify-write would come to, which is not done.
    pub(super) fn look(&self, token: Token, want: Want) -> Result<(), Away> {
        self.next(token, want).map(|_| ())
    }

    /// One more is inside what is in a slot, whatever became of it, and the owner is this one, if it is one. Returns
    /// whether anything is in the slot.
    pub(super) fn push(&mut self, number: u8, new: Option<Owner>) -> bool {
        match &mut self.slots.slot(number).state {
            State::Live { owner, runners, .. } => {
                (*owner, *runners) = (new.unwrap_or(*owner), *runners + 1);
                true
            }
            State::Free | State::Held => false,
        }
    }
}

impl Words for Flawed {
    fn claim(&mut self, number: u8) -> Result<(), Refusal> {
        self.slots.claim(number)
    }

    fn publish(&mut self, number: u8, incarnation: Incarnation, owner: Owner) {
        self.slots.publish(number, incarnation, owner);
    }

    fn change(&mut self, token: Token, want: Want) -> Result<bool, Away> {
        let next = self.next(token, want)?;
        let state = &mut self.slots.slot(token.number).state;
        match next {
            Next::Is(new) => *state = new,
            // Nothing says that a thread is closing already.
            Next::Holds if self.flaw == Some(Flaw::LooksWhetherLast) => {}
            Next::Holds => *state = State::Held,
        }
        Ok(matches!(next, Next::Holds))
    }

    fn wipe(&mut self, number: u8) {
        let payload = self.slots.payload(number);
        self.slots.wipe(number);
        if self.flaw == Some(Flaw::LeavesThePayload) {
            self.slots.slot(number).payload = payload;
        }
    }

    fn state(&self, number: u8) -> State {
        self.slots.state(number)
    }

    fn payload(&self, number: u8) -> Option<Incarnation> {
        self.slots.payload(number)
    }

    fn token(&self, number: u8) -> Token {
        self.slots.token(number)
    }
}

impl Writable for Flawed {
    fn write(&mut self, token: Token, state: State, payload: Option<Incarnation>) {
        self.slots.write(token, state, payload);
    }
}
