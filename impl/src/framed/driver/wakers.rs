//! Several tasks may wait for one direction of a transport, which remembers one waker.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Wake, Waker};

use crate::runtime::sync::{Mutex, MutexGuard};

/// Who waits for one direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    /// The reader, or the writer.
    Owner,
    /// Whoever drives the shutdown.
    Pump,
    /// Whoever sends heartbeats.
    Heart,
}

/// The wakers of all who wait for one direction, and one waker for the transport that wakes them all.
///
/// A task that stopped waiting without a word may be the last that the transport was told of; nobody who still waits may
/// sleep on for that.
#[derive(Debug)]
pub(super) struct Wakers {
    slots: Arc<Slots>,
    all: Waker,
}

#[derive(Debug, Default)]
struct Slots([Mutex<Option<Waker>>; 3]);

impl Slots {
    fn slot(&self, who: Who) -> MutexGuard<'_, Option<Waker>> {
        self.0[who as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_one(&self, who: Who) {
        // The lock is not held while the waker runs.
        let waker = self.slot(who).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Wake for Slots {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        [Who::Owner, Who::Pump, Who::Heart].into_iter().for_each(|who| self.wake_one(who));
    }
}

impl Wakers {
    pub(super) fn new() -> Self {
        let slots = Arc::new(Slots::default());
        let all = Waker::from(Arc::clone(&slots));
        Self { slots, all }
    }

    /// From now on this task is woken too. To be called before the transport is asked.
    pub(super) fn register(&self, who: Who, cx: &Context<'_>) {
        let mut slot = self.slots.slot(who);
        match &mut *slot {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *slot = Some(cx.waker().clone()),
        }
    }

    /// What the transport is to wake.
    pub(super) fn all(&self) -> &Waker {
        &self.all
    }

    /// Wakes them all, because the connection has come to an end.
    pub(super) fn wake_all(&self) {
        self.all.wake_by_ref();
    }

    /// Wakes one of them, because something was done that it may wait for.
    pub(super) fn wake(&self, who: Who) {
        self.slots.wake_one(who);
    }
}
