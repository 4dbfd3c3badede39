//! The signals between a session's task, its handles and the node.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use crate::lifecycle::{Ended, Peer, Reason};
use crate::runtime::sync::atomic::AtomicBool;
use crate::runtime::sync::{Mutex, Notify, OnceLock};
use crate::runtime::task::AbortHandle;
use crate::runtime::time::Instant;

/// What completes when the other end of a session that waits has closed its connection.
pub(super) type Gone = Pin<Box<dyn Future<Output = Reason> + Send>>;

/// What watches the connection of a session that waits to be announced.
enum Watch {
    /// The wait has not begun.
    Before(Option<Gone>),
    /// The wait has begun or is over, and the task has taken what watches.
    Taken,
}

/// The signals between a session's task and its handles.
pub(super) struct Signals {
    /// Why the session is to end, once it was told to.
    pub(super) told: SetOnce<Reason>,
    /// Whether its own handshake or body has ended it. Set before it is told to, which publishes it.
    pub(super) ends_itself: AtomicBool,
    /// How the session ended.
    pub(super) ended: SetOnce<Ended>,
    /// The announcement is worth another attempt. One task waits for it.
    pub(super) retry: Notify,
    /// The task, once it is spawned.
    pub(super) task: OnceLock<AbortHandle>,
    /// What is to watch the connection while the session waits.
    gone: Mutex<Watch>,
    /// When the session got its slot.
    pub(super) opened_at: Instant,
    /// When it was announced.
    pub(super) announced_at: OnceLock<Instant>,
}

impl Signals {
    pub(super) fn new(opened_at: Instant) -> Self {
        let (told, ended, announced_at) = (SetOnce::new(), SetOnce::new(), OnceLock::new());
        let (retry, task, gone) = (Notify::new(), OnceLock::new(), Mutex::new(Watch::Before(None)));
        Self { told, ends_itself: AtomicBool::new(false), ended, retry, task, gone, opened_at, announced_at }
    }

    /// Has `gone` watch the connection, if the wait has not begun. Returns what does not watch it, for the caller to drop:
    /// that is the application's code.
    pub(super) fn watch_with(&self, gone: Gone) -> Option<Gone> {
        match &mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner) {
            Watch::Before(watch) => watch.replace(gone),
            Watch::Taken => Some(gone),
        }
    }

    /// Returns what is to watch the connection from now on; what is handed over later does not.
    pub(super) fn take_watch(&self) -> Option<Gone> {
        match std::mem::replace(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner), Watch::Taken) {
            Watch::Before(watch) => watch,
            Watch::Taken => None,
        }
    }

    /// Aborts the task, if it is spawned.
    pub(super) fn abort(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// A value that is set once and waited for by any number of tasks. Each session has two, so that their size matters: a
/// `watch` channel is eight times as large and an allocation of its own.
#[derive(Debug)]
pub(super) struct SetOnce<T> {
    value: OnceLock<T>,
    set: Notify,
}

impl<T: Copy> SetOnce<T> {
    fn new() -> Self {
        Self { value: OnceLock::new(), set: Notify::new() }
    }

    /// Sets the value, if it was not set before, and wakes the tasks that wait for it.
    pub(super) fn set(&self, value: T) {
        let _ = self.value.set(value);
        self.set.notify_waiters();
    }

    pub(super) fn get(&self) -> Option<T> {
        self.value.get().copied()
    }

    /// Waits until the value is set. Cancel safe.
    pub(super) async fn wait(&self) -> T {
        loop {
            // Made before the look, so that a value that is set after it is not missed.
            let set = self.set.notified();
            if let Some(value) = self.get() {
                return value;
            }
            set.await;
        }
    }
}

/// How the guard of a session comes to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ExitKind {
    /// The task came to its end by itself.
    InOrder,
    /// The task was aborted or dropped, or panicked.
    Dropped,
    /// The task did not come to its end in time: it was not waited for any longer.
    Overdue,
    /// The slot is a newcomer's; the task is aborted and drops its connection.
    Evicted,
}

/// The result of an attempt to have a session announced.
pub(super) enum Attempt<K, I> {
    Up(Arc<Peer<K, I>>),
    /// No subscriber hears of the session, for this reason.
    Rejected(Reason),
    /// No subscriber hears of the session: it was told to end, or its handshake has not completed.
    Over,
    /// The session waits. The moment is when it is to act: when the first subscriber that holds it up is to be evicted, or
    /// when the session that it replaces, or one that may be in front of it, is overdue.
    Waits(Option<Instant>),
}
