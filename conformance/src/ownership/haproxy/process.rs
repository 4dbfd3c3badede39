//! What surrounds an entry: the kernel, the pollers, the list of idle connections under its lock, and threads that each
//! do one thing after another. As in the model, so that a trace of it can be followed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handfast_spec::ownership::Thread;
use model::ownership::haproxy::{Action, Bounds, Kind};
use serde::Deserialize;

use super::design::Design;
use super::entry::Entry;
use super::masks::{Family, Mask};

/// A process with one descriptor number.
pub struct Process<A: Family, D: Design> {
    /// The number's entry in the table.
    pub entry: Entry<A, D>,
    around: Mutex<Around>,
}

/// What is around the entry.
#[derive(Clone, Debug)]
pub struct Around {
    pub(super) bounds: Bounds,
    /// What becomes of the object that owns the descriptor.
    pub conn: Conn,
    /// Who has locked the list that the connection is in, or the socket.
    pub lock: Option<Thread>,
    /// What the number means.
    pub open: Option<u32>,
    /// Incarnations below this one exist or existed.
    pub next: u32,
    /// Something arrived and was not read.
    pub data: bool,
    /// Who is in its callback, or uses the connection: what they believe to be inside of.
    pub(super) inside: Vec<Option<u32>>,
    /// What each poller has.
    pub pollers: Vec<Poller>,
    pub(super) takeovers: u8,
    pub(super) takers: u8,
    pub(super) arrivals: u8,
    /// Ids of the rules that were seen to be broken.
    pub broken: Vec<&'static str>,
}

/// A thread's poller.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct Poller {
    /// Entries of the thread's queue of updates.
    pub entries: u8,
    /// What was reported and not acted on.
    pub report: Option<u32>,
    /// What is watched.
    pub watched: Option<u32>,
}

/// What becomes of the object that owns the descriptor.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Conn {
    /// There is none, or it is being deleted.
    Gone,
    /// The thread uses it.
    Used(Thread),
    /// It is in the thread's list of idle ones.
    Listed(Thread),
    /// It is no connection: any thread may delete it.
    Anybodys,
}

impl<A: Family, D: Design> Process<A, D> {
    /// A process that has just been started.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let threads = usize::from(bounds.threads());
        let around = Around {
            bounds,
            conn: Conn::Gone,
            lock: None,
            open: None,
            next: 0,
            data: false,
            inside: vec![None; threads],
            pollers: vec![Poller::default(); threads],
            takeovers: bounds.takeovers,
            takers: 0,
            arrivals: 0,
            broken: Vec::new(),
        };
        Arc::new(Self { entry: Entry::new(), around: Mutex::new(around) })
    }

    /// Something arrives for what is in the entry, if it may; whether it did.
    pub fn arrive(&self) -> bool {
        let mut around = self.around();
        let owner = around.open.map(|which| u64::from(which) + 1);
        let can = owner == Some(self.entry.owner.peek()) && !around.data && around.arrivals > 0;
        if can {
            around.arrivals -= 1;
            around.data = true;
        }
        can
    }

    /// What is around the entry now.
    pub fn around(&self) -> MutexGuard<'_, Around> {
        self.around.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Around {
    /// Whether the thread may begin this, in its loop.
    pub fn allows(&self, action: &Action) -> bool {
        let Bounds { openers, takers, deleters, kinds, once_each, .. } = self.bounds;
        let unlocked = self.lock.is_none();
        match *action {
            Action::Open(thread) => {
                let is_left = kinds.get(self.next as usize).copied().flatten().is_some();
                self.open.is_none() && is_left && openers.has(thread)
            }
            Action::Takeover(thread) => {
                let begun = once_each && self.takers & (1 << thread.0) != 0;
                let other = matches!(self.conn, Conn::Listed(owner) if owner != thread);
                takers.has(thread) && unlocked && other && self.takeovers > 0 && !begun
            }
            Action::Use(thread) => self.bounds.uses && unlocked && self.conn == Conn::Listed(thread),
            Action::List(thread) => self.conn == Conn::Used(thread),
            Action::Delete(thread) => deleters.has(thread) && self.is_deletable(thread),
            Action::Poll(thread) => self.pollers[thread.index()].entries > 0 || self.is_due(thread),
            Action::Arrive | Action::Migrate(..) | Action::Step(..) => false,
        }
    }

    fn is_deletable(&self, thread: Thread) -> bool {
        match self.conn {
            Conn::Used(owner) => owner == thread,
            Conn::Listed(owner) => owner == thread && self.lock.is_none(),
            Conn::Anybodys => self.lock.is_none(),
            Conn::Gone => false,
        }
    }

    pub(super) fn is_due(&self, thread: Thread) -> bool {
        self.data && self.pollers[thread.index()].watched.is_some()
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        self.bounds.kinds.get(self.open? as usize).copied().flatten()
    }

    pub(super) fn breaks(&mut self, id: &'static str) {
        self.broken.push(id);
    }

    /// OWN-1, OWN-2: a thread is inside what it found.
    pub(super) fn enters(&mut self, thread: Thread, found: Option<u32>) {
        let alone = self.inside.iter().enumerate().all(|(other, inside)| other == thread.index() || inside.is_none());
        if self.kind() == Some(Kind::Connection) && !alone {
            self.breaks("OWN-1");
        }
        if self.open.is_none() || self.open != found {
            self.breaks("OWN-2");
        }
        self.inside[thread.index()] = found;
    }

    pub(super) fn unlock(&mut self, thread: Thread) {
        if self.lock == Some(thread) {
            self.lock = None;
        }
    }
}
