//! The right to touch a descriptor.

use std::fmt::{self, Debug, Formatter};
use std::mem::ManuallyDrop;
use std::ops::Deref;

use super::Std;
use super::atomics::Atomics;
use super::core::{Sharing, State};
use super::slot::{Held, Inside};
use super::table::Deleted;
use super::token::Token;

/// The right to touch a descriptor: exclusive, if it belongs to one worker. Its holder is *inside* the descriptor.
///
/// Dropping it leaves; the last to leave a descriptor of which deletion was asked for closes it. A guard that is
/// forgotten stays inside for ever: the descriptor is never closed, and nothing worse.
#[must_use = "dropping it leaves the descriptor at once"]
pub struct Guard<'a, T, A: Atomics = Std> {
    inside: Inside<'a, T, A>,
    token: Token,
}

impl<'a, T, A: Atomics> Guard<'a, T, A> {
    #[inline]
    pub(super) fn new(inside: Inside<'a, T, A>, token: Token) -> Self {
        Self { inside, token }
    }

    /// Returns the descriptor's token.
    pub fn token(&self) -> Token {
        self.token
    }

    /// Returns the owner that the descriptor had when this guard was made. While the guard exists, no other worker takes it
    /// over.
    pub fn sharing(&self) -> Option<Sharing> {
        match self.inside.entered().state() {
            State::Live { sharing, .. } => Some(sharing),
            State::Free | State::Held => None,
        }
    }

    /// Returns the payload to write to; `None` if the descriptor is shared.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.inside.payload_mut()
    }

    /// Asks for the descriptor to be closed and leaves, in one step. No thread enters from then on. If deletion was asked
    /// for before, this only leaves.
    pub fn delete(self) -> Deleted {
        let mut this = ManuallyDrop::new(self);
        match this.inside.delete_and_leave() {
            Ok(Some(held)) => {
                close(held);
                Deleted::Closed
            }
            Ok(None) | Err(_) => Deleted::ByLastToLeave,
        }
    }
}

/// OWN-3, OWN-6: the last act. The slot is free before the number is.
#[cold] // once for each descriptor
fn close<T, A: Atomics>(held: Held<'_, T, A>) {
    drop(held.take());
}

impl<T, A: Atomics> Deref for Guard<'_, T, A> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self.inside.payload() {
            Some(payload) => payload,
            None => unreachable!("a payload is there while a guard exists"),
        }
    }
}

impl<T, A: Atomics> Drop for Guard<'_, T, A> {
    #[inline]
    fn drop(&mut self) {
        if let Some(held) = self.inside.leave() {
            close(held);
        }
    }
}

impl<T, A: Atomics> Debug for Guard<'_, T, A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("token", &self.token).field("sharing", &self.sharing()).finish_non_exhaustive()
    }
}
