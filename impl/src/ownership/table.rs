//! Descriptors by their number.

use std::fmt::{self, Debug, Display, Formatter};

use super::Std;
use super::atomics::Atomics;
use super::core::{Refused, Sharing, State, Worker};
use super::guard::Guard;
use super::slot::{Held, Slot};
use super::token::{SLOTS, Token};

/// Something that has a descriptor's number for as long as it lives, and gives it back when it is dropped.
///
/// Everything that is [`AsFd`](std::os::fd::AsFd) is: a `TcpStream`, an `OwnedFd`, your own type that keeps one beside
/// the state of its parser. An implementation that is wrong about the number harms its own table's order, not memory.
pub trait Numbered {
    /// The number.
    fn number(&self) -> usize;
}

#[cfg(unix)]
impl<T: std::os::fd::AsFd> Numbered for T {
    fn number(&self) -> usize {
        use std::os::fd::AsRawFd;
        // A descriptor that is open is not negative; one that is not has no slot.
        usize::try_from(self.as_fd().as_raw_fd()).unwrap_or(usize::MAX)
    }
}

/// The descriptors of a process, each of which may be touched by one thread, or by all if it is shared.
///
/// Its capacity is fixed: one cache line and the payload for each number. No operation takes a lock or waits for
/// another thread. Dropping the table closes what is in it.
pub struct Table<T, A: Atomics = Std> {
    slots: Box<[Slot<T, A>]>,
}

/// What became of a deletion.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "it says whether the descriptor is closed already"]
pub enum Deleted {
    /// There was no guard: it is closed.
    Closed,
    /// There are guards: the last to be dropped closes it.
    ByLastToLeave,
}

/// A descriptor that was not inserted, and why. It is not closed.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct InsertError<T> {
    /// The descriptor.
    pub descriptor: T,
    /// Why.
    pub reason: InsertRefused,
}

/// Why a descriptor was not inserted.
#[derive(Clone, Copy, Debug, Eq, thiserror::Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum InsertRefused {
    /// The number has no slot.
    #[error("descriptor {number} has no slot: the table has {capacity}")]
    NoSlot {
        /// The number.
        number: usize,
        /// How many slots there are.
        capacity: usize,
    },
    /// There is a descriptor with this number already: it was closed behind the table's back, or inserted twice.
    #[error("descriptor {number} is in the table already: it was closed behind its back, or is inserted twice")]
    Occupied {
        /// The number.
        number: usize,
    },
}

impl<T> Table<T> {
    /// Creates a table for the numbers below `capacity`, all of which are free. The process's limit of open files is a
    /// good capacity.
    ///
    /// # Panics
    ///
    /// If `capacity` is more than a [`Token`] can tell apart, which is 2^24.
    pub fn new(capacity: usize) -> Self {
        Self::of_atomics(capacity)
    }
}

impl<T: Numbered, A: Atomics> Table<T, A> {
    /// Returns how many slots there are.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Returns how many slots are not free, one after the other: exact if nothing else happens meanwhile.
    pub fn occupied(&self) -> usize {
        self.slots.iter().filter(|slot| slot.word().state() != State::Free).count()
    }

    /// Puts a descriptor into the slot of its number. There is no guard yet.
    ///
    /// Register it with a poller from inside ([`enter`](Self::enter) or [`insert_and_enter`](Self::insert_and_enter)),
    /// with [`Token::to_user_data`]: a report that comes before it is inserted is refused, and may be the last.
    ///
    /// # Errors
    ///
    /// If there is no free slot of that number; the descriptor comes back.
    pub fn insert(&self, descriptor: T, sharing: Sharing) -> Result<Token, InsertError<T>> {
        let (descriptor, token, held) = self.claim(descriptor)?;
        held.publish(descriptor, sharing);
        Ok(token)
    }

    /// Puts a descriptor into the slot of its number, with the caller inside, in one step.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn insert_and_enter(&self, descriptor: T, sharing: Sharing) -> Result<Guard<'_, T, A>, InsertError<T>> {
        let (descriptor, token, held) = self.claim(descriptor)?;
        Ok(Guard::new(held.publish_and_enter(descriptor, sharing), token))
    }

    fn claim(&self, descriptor: T) -> Result<(T, Token, Held<'_, T, A>), InsertError<T>> {
        let number = descriptor.number();
        let Some(slot) = self.slots.get(number) else {
            let reason = InsertRefused::NoSlot { number, capacity: self.slots.len() };
            return Err(InsertError { descriptor, reason });
        };
        let Ok(held) = slot.claim() else {
            return Err(InsertError { descriptor, reason: InsertRefused::Occupied { number } });
        };
        Ok((descriptor, Token::new(number, held.generation()), held))
    }
}

impl<T, A: Atomics> Table<T, A> {
    /// As [`new`](Table::new), of other atomics.
    ///
    /// # Panics
    ///
    /// As [`new`](Table::new).
    pub fn of_atomics(capacity: usize) -> Self {
        assert!(capacity <= SLOTS, "a token can tell 2^24 slots apart");
        Self { slots: (0..capacity).map(|_| Slot::new()).collect() }
    }

    /// Asks whether `worker` may touch the descriptor, as it does with each report of its poller.
    ///
    /// # Errors
    ///
    /// [`Refused::Gone`], [`Refused::Closing`]; [`Refused::NotOwner`], upon which the worker's poller should forget the
    /// descriptor; [`Refused::Busy`] if the worker is inside already, or [`MAX_RUNNERS`](super::core::MAX_RUNNERS) are.
    #[inline]
    pub fn enter(&self, token: Token, worker: Worker) -> Result<Guard<'_, T, A>, Refused> {
        let slot = self.slots.get(token.slot()).ok_or(Refused::Gone)?;
        Ok(Guard::new(slot.enter(token.generation(), worker)?, token))
    }

    /// Makes `worker` the owner of an idle descriptor and lets it in, at once or not at all. The former owner's next
    /// [`enter`](Self::enter) is refused. Its own worker may take it over too.
    ///
    /// # Errors
    ///
    /// [`Refused::Gone`], [`Refused::Closing`], [`Refused::Shared`]; [`Refused::Busy`] if there is a guard.
    #[inline]
    pub fn takeover(&self, token: Token, worker: Worker) -> Result<Guard<'_, T, A>, Refused> {
        let slot = self.slots.get(token.slot()).ok_or(Refused::Gone)?;
        Ok(Guard::new(slot.takeover(token.generation(), worker)?, token))
    }

    /// Asks for the descriptor to be closed: from any thread, at once if there is no guard, otherwise when
    /// the last one leaves. From inside, [`Guard::delete`] does it in one step less.
    ///
    /// # Errors
    ///
    /// [`Refused::Gone`]; [`Refused::Closing`] if deletion was asked for before.
    pub fn delete(&self, token: Token) -> Result<Deleted, Refused> {
        let slot = self.slots.get(token.slot()).ok_or(Refused::Gone)?;
        match slot.delete(token.generation())? {
            Some(held) => {
                // The last act: the slot is free before the number is.
                drop(held.take());
                Ok(Deleted::Closed)
            }
            None => Ok(Deleted::ByLastToLeave),
        }
    }

    /// Returns what a slot's word says of the token's descriptor, for people and tests; it may be otherwise when this
    /// returns.
    ///
    /// # Errors
    ///
    /// [`Refused::Gone`].
    pub fn state(&self, token: Token) -> Result<State, Refused> {
        let word = self.slots.get(token.slot()).ok_or(Refused::Gone)?.word();
        if word.generation() == token.generation() { Ok(word.state()) } else { Err(Refused::Gone) }
    }
}

impl<T, A: Atomics> Debug for Table<T, A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("capacity", &self.slots.len()).finish_non_exhaustive()
    }
}

impl<T> Debug for InsertError<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsertError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<T> Display for InsertError<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.reason, f)
    }
}

impl<T> std::error::Error for InsertError<T> {}
