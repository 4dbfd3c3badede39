//! An idle connection in its slot of the table.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::core::Place;
use super::{Connection, Disturbance, Pooled};
use crate::ownership::{Guard, Numbered};

/// A connection, and where it is on its owner's shelf.
pub(super) struct Entry<C> {
    number: usize,
    /// The lock is never taken: it makes of a connection that can be sent one that a table may keep.
    pooled: Mutex<Option<Pooled<C>>>,
    /// `None` until it is listed, and again when it is listed no more.
    pub(super) place: Option<Place>,
}

/// The right to touch an idle connection.
pub(super) type Inside<'a, C> = Guard<'a, Entry<C>>;

impl<C> Entry<C> {
    pub(super) fn new(number: usize, pooled: Pooled<C>) -> Self {
        Self { number, pooled: Mutex::new(Some(pooled)), place: None }
    }

    pub(super) fn into_pooled(self) -> Pooled<C> {
        // Nobody locks it, so nobody panics while it is locked.
        there(self.pooled.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn pooled(&mut self) -> &Pooled<C> {
        there(self.slot().as_ref())
    }

    fn slot(&mut self) -> &mut Option<Pooled<C>> {
        self.pooled.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Numbered for Entry<C> {
    fn number(&self) -> usize {
        self.number
    }
}

fn there<T>(pooled: Option<T>) -> T {
    match pooled {
        Some(pooled) => pooled,
        None => unreachable!("a connection leaves its entry together with its slot"),
    }
}

/// What is inside the descriptor.
pub(super) fn entry<'a, C>(inside: &'a mut Inside<'_, C>) -> &'a mut Entry<C> {
    match inside.get_mut() {
        Some(entry) => entry,
        None => unreachable!("an idle connection belongs to one worker"),
    }
}

/// Takes the connection out of its slot, which is free from then on, while the descriptor is open still: it is the
/// caller's alone, to use or to close.
pub(super) fn release<C>(mut inside: Inside<'_, C>) -> Pooled<C> {
    let pooled = there(entry(&mut inside).slot().take());
    let _ = inside.delete();
    pooled
}

/// Closes connections, which is not done while a lock is held.
pub(super) fn close<'a, C: 'a>(insides: impl IntoIterator<Item = Inside<'a, C>>) {
    insides.into_iter().for_each(|inside| drop(release(inside)));
}

/// What is known of an idle connection without asking the kernel; if nothing, `waker` is woken when that changes.
pub(super) fn disturbance<C: Connection>(pooled: &Pooled<C>, waker: &Waker) -> Option<Disturbance> {
    match pooled.connection.poll_disturbed(&mut Context::from_waker(waker)) {
        Poll::Ready(disturbance) => Some(disturbance),
        Poll::Pending => None,
    }
}
