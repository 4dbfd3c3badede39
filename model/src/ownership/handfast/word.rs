//! The word: what one read-modify-write of it comes to. The pool's protocol stands on the same.

use handfast_spec::ownership::{Away, Owner, Thread};

use super::Flaw;
use super::machine::{Slot, State, Token};

/// What a thread wants of a descriptor whose token it has.
#[derive(Clone, Copy)]
pub(in crate::ownership) enum Want {
    Enter(Thread),
    Leave,
    Takeover(Thread),
    Delete,
    DeleteAndLeave,
}

/// What one read-modify-write came to.
pub(in crate::ownership) enum Next {
    /// The word says so.
    Is(State),
    /// And the thread that made it say so holds the slot.
    Holds,
}

impl Slot {
    /// OWN-1, OWN-3, OWN-4, OWN-5: one read-modify-write decides who is inside, who owns and who closes.
    pub(in crate::ownership) fn transition(&self, token: Token, want: Want, flaw: Flaw) -> Result<Next, Away> {
        if self.generation != token.generation && flaw != Flaw::NoGeneration {
            return Err(Away::Gone);
        }
        let (owner, runners, closing) = match self.state {
            State::Free => return Err(Away::Gone),
            State::Held => return Err(Away::Closing),
            State::Live { owner, runners, closing } => (owner, runners, closing),
        };
        let live = |owner, runners, closing| Ok(Next::Is(State::Live { owner, runners, closing }));
        match want {
            Want::Enter(_) if closing && flaw != Flaw::EntersClosing => Err(Away::Closing),
            Want::Enter(thread) => match owner {
                Owner::Thread(other) if other != thread && flaw != Flaw::EntersAnyway => Err(Away::NotOwner),
                Owner::Thread(_) if runners > 0 && flaw != Flaw::EntersAnyway => Err(Away::Busy),
                Owner::Thread(_) | Owner::Everybody => live(owner, runners + 1, closing),
            },
            Want::Takeover(_) if closing && flaw != Flaw::TakesOverClosing => Err(Away::Closing),
            Want::Takeover(thread) => match owner {
                Owner::Everybody => Err(Away::Shared),
                Owner::Thread(_) if runners > 0 && flaw != Flaw::TakesOverBusy => Err(Away::Busy),
                Owner::Thread(_) => live(Owner::Thread(thread), runners + 1, closing),
            },
            Want::Delete if closing => Err(Away::Closing),
            Want::Delete if runners == 0 && flaw != Flaw::NobodyClosesIdle => Ok(Next::Holds),
            Want::Delete if flaw == Flaw::DeleterCloses => Ok(Next::Holds),
            Want::Delete => live(owner, runners, true),
            Want::Leave | Want::DeleteAndLeave => {
                let closing = closing || matches!(want, Want::DeleteAndLeave);
                let closes = !matches!(flaw, Flaw::LastDoesNotClose | Flaw::LooksWhetherLast);
                if closing && runners == 1 && closes {
                    return Ok(Next::Holds);
                }
                live(owner, runners.saturating_sub(1), closing)
            }
        }
    }
}
