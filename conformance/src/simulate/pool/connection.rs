//! Connections with a server and a poller that do as the steps say, and keys with a hash that may panic.

use std::cell::Cell;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use handfast::pool::{Connection, NotIdle};

use crate::simulate::executor::inject_panic;
use crate::simulate::lock::LockProbe;

thread_local! {
    /// Whether the next hash of a key panics on this thread.
    static HASH_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// A destination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key(pub(super) u32);

impl Key {
    /// The next hash on this thread panics.
    pub(super) fn panics_next() {
        HASH_PANICS.set(true);
    }

    /// No hash on this thread panics.
    pub(super) fn panics_no_more() {
        HASH_PANICS.set(false);
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if HASH_PANICS.take() {
            inject_panic();
        }
        self.0.hash(state);
    }
}

/// What the world knows of a connection.
#[derive(Debug)]
pub(super) struct State {
    pub(super) id: usize,
    pub(super) key: Key,
    /// Why it is not idle any more.
    pub(super) not_idle: Option<NotIdle>,
    /// The poller has said so.
    pub(super) is_reported: bool,
    waker: Option<Waker>,
    pub(super) is_dropped: bool,
    /// The worker that put it last, if it is idle, and when, in seconds.
    pub(super) idle: Option<(usize, u64)>,
    /// Which put that was.
    pub(super) turn: u64,
    pub(super) created_at: u64,
    pub(super) uses: u64,
    pub(super) fails_to_move: bool,
    /// A fault of a driver, put in here: reports wake no task.
    pub(super) loses_reports: bool,
}

/// What the world has of a connection. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Server(Arc<Mutex<State>>);

impl Server {
    pub(super) fn new(id: usize, key: Key, now: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            id,
            key,
            not_idle: None,
            is_reported: false,
            waker: None,
            is_dropped: false,
            idle: None,
            turn: 0,
            created_at: now,
            uses: 0,
            fails_to_move: false,
            loses_reports: false,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server closes it, or sends something.
    pub(super) fn disturb(&self, reason: NotIdle) {
        self.state().not_idle.get_or_insert(reason);
    }

    /// The poller says what has come.
    pub(super) fn report(&self) {
        let mut state = self.state();
        if state.not_idle.is_none() {
            return;
        }
        state.is_reported = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// A connection.
pub(super) struct Wire {
    pub(super) server: Server,
    file: File,
    lock: Arc<LockProbe>,
}

impl Wire {
    pub(super) fn open(server: Server, lock: Arc<LockProbe>) -> io::Result<Self> {
        // It has a number like any connection. No system call is made on it.
        Ok(Self { server, file: File::open("/dev/null")?, lock })
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Connection for Wire {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        let mut state = self.server.state();
        match state.not_idle.filter(|_| state.is_reported) {
            Some(reason) => Poll::Ready(reason),
            None => {
                let waker = if state.loses_reports { Waker::noop().clone() } else { cx.waker().clone() };
                state.waker = Some(waker);
                Poll::Pending
            }
        }
    }

    fn not_idle(&self) -> Option<NotIdle> {
        let state = self.server.state();
        state.not_idle.filter(|_| state.is_reported)
    }

    fn probe(&self) -> Option<NotIdle> {
        self.server.state().not_idle
    }

    fn reregister(self) -> io::Result<Self> {
        let fails = self.server.state().fails_to_move;
        if fails { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(self) }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.lock.check("the drop of a connection");
        let mut state = self.server.state();
        state.is_dropped = true;
        let waker = state.waker.take();
        drop(state);
        drop(waker);
    }
}
