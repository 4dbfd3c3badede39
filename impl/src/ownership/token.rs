//! The name of a descriptor that is never given to another one.

use super::core::Generation;

/// A descriptor's number and generation, in the 64 bits that a poller carries for its user.
///
/// Copied freely, it says nothing about who may touch the descriptor. A token of a descriptor that is gone is refused
/// with [`Refused::Gone`](super::Refused::Gone), also when the number is in use again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Token {
    slot: u32,
    generation: Generation,
}

/// How many slots a token can tell apart.
pub(super) const SLOTS: usize = 1 << (u64::BITS - Generation::BITS);

impl Token {
    /// Of a slot below [`SLOTS`].
    pub(super) fn new(slot: usize, generation: Generation) -> Self {
        debug_assert!(slot < SLOTS, "a table has no more");
        Self { slot: slot as u32, generation }
    }

    /// Returns the token as user data of a poller, such as `epoll_event.data`.
    #[inline]
    pub const fn to_user_data(self) -> u64 {
        (self.slot as u64) << Generation::BITS | self.generation.number()
    }

    /// Returns the token that was given to a poller. Any number is a token; one that no table gave is refused by it as
    /// stale.
    #[inline]
    pub const fn from_user_data(data: u64) -> Self {
        Self { slot: (data >> Generation::BITS) as u32, generation: Generation::new(data) }
    }

    /// Returns the slot, which is the descriptor's number.
    #[inline]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// Returns the generation.
    #[inline]
    pub const fn generation(self) -> Generation {
        self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_poller() {
        for slot in [0, 1, 1023, SLOTS - 1] {
            for number in [0, 1, (1 << Generation::BITS) - 1] {
                let token = Token::new(slot, Generation::new(number));
                assert_eq!(Token::from_user_data(token.to_user_data()), token);
            }
        }
    }
}
