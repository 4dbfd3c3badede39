//! What surrounds the entry: the kernel, and the list of idle connections.

use handfast_spec::ownership::{Fact, Incarnation, Thread};
use model::ownership::haproxy::{Extent, Kind};

/// The kernel's side of one number, the object that owns the descriptor, and the lock of the list that it may be in.
///
/// What is in here is no part of the protocol; each look at it is part of the step that was announced before.
#[derive(Debug)]
pub struct World {
    extent: Extent,
    /// What the number means.
    pub(super) open: Option<Incarnation>,
    /// What is in the entry: a copy, for those who tell what they found.
    pub(super) owner: Option<Incarnation>,
    next: u32,
    /// Something arrived and was not read.
    pub(super) data: bool,
    arrivals: u8,
    pub(super) conn: Conn,
    /// Who has locked the list that the connection is in, or the socket.
    pub(super) lock: Option<Thread>,
    /// What each thread's poller watches.
    pub(super) watched: [Option<Incarnation>; 3],
    /// Whether each thread is in the middle of something.
    pub(super) busy: [bool; 3],
}

/// What becomes of the object.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Conn {
    /// There is none, or it is being deleted.
    #[default]
    Gone,
    /// The thread uses it.
    Used(Thread),
    /// It is in the thread's list of idle ones.
    Listed(Thread),
    /// Any thread may delete it.
    Anybodys,
}

impl World {
    /// A process that has just been started.
    pub fn new(extent: Extent) -> Self {
        Self {
            extent,
            open: None,
            owner: None,
            next: 0,
            data: false,
            arrivals: 0,
            conn: Conn::Gone,
            lock: None,
            watched: [None; 3],
            busy: [false; 3],
        }
    }

    /// The kernel gives the number away.
    pub(super) fn open(&mut self) -> Incarnation {
        let which = Incarnation(self.next);
        self.next += 1;
        self.open = Some(which);
        self.arrivals = self.extent.arrivals;
        which
    }

    /// Something arrives for the descriptor that is there.
    pub fn arrive(&mut self) -> Option<Fact> {
        let which = self.open?;
        self.arrivals = self.arrivals.checked_sub(1)?;
        self.data = true;
        Some(Fact::Arrived(which))
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        self.open.and_then(|which| self.extent.kinds.get(which.index()).copied().flatten())
    }

    pub(super) fn is_used_by(&self, thread: Thread) -> bool {
        self.conn == Conn::Used(thread)
    }

    /// Puts the connection into the thread's list, unless somebody has locked it.
    pub(super) fn list(&mut self, thread: Thread) -> bool {
        let is_free = self.lock.is_none();
        if is_free {
            self.conn = Conn::Listed(thread);
        }
        is_free
    }

    /// What a callback reads.
    pub(super) fn read(&mut self, thread: Thread, found: Incarnation) -> Option<Fact> {
        if self.open.is_some_and(|open| open != found) {
            return Some(Fact::Mixed(thread));
        }
        std::mem::take(&mut self.data).then_some(Fact::Handled(thread, found))
    }

    /// What the thread's poller has to report: what it watches, as long as there is something to read.
    pub(super) fn due(&self, thread: Thread) -> Option<Incarnation> {
        self.watched[thread.index()].filter(|_| self.data)
    }

    /// Has the thread's poller forget what it watches.
    pub(super) fn forget(&mut self, thread: Thread, meant: Incarnation) -> Option<Fact> {
        let found = self.watched[thread.index()].take()?;
        Some(Fact::Forgotten(thread, found, meant))
    }

    /// Has the thread's poller watch what the number means. `replaces` is whether a registration that is there is replaced.
    pub(super) fn watch(&mut self, thread: Thread, replaces: bool) -> Option<Fact> {
        let watched = &mut self.watched[thread.index()];
        match (self.open, *watched) {
            (Some(which), None) => {
                *watched = self.open;
                Some(Fact::Watched(thread, which))
            }
            (Some(_), Some(_)) if replaces => None,
            (Some(_), Some(_)) | (None, _) => Some(Fact::KernelRefused(thread)),
        }
    }

    /// The number is free, and nobody watches it.
    pub(super) fn close(&mut self) -> Option<Incarnation> {
        self.data = false;
        self.watched = [None; 3];
        self.open.take()
    }

    pub(super) fn is_anybody_else_busy(&self, thread: Thread) -> bool {
        self.busy.iter().enumerate().any(|(other, busy)| *busy && other != thread.index())
    }

    pub(super) fn unlock(&mut self, thread: Thread) {
        if self.lock == Some(thread) {
            self.lock = None;
        }
    }
}
