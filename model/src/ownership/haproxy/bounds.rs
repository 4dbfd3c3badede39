//! How much is looked at.

use handfast_spec::ownership::Thread;
use serde::Serialize;

use super::vocabulary::{Action, Step};

/// How much is looked at: the threads and their groups, the descriptors, and who may begin what.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Bounds {
    /// The group of each thread; none for a thread that is not there.
    pub groups: [u8; 3],
    /// What the descriptors are, in the order in which they are opened under the one number.
    pub kinds: [Option<Kind>; 2],
    /// How many takeovers and migrations are begun in all.
    pub takeovers: u8,
    /// Whether each thread begins one of them at most.
    pub once_each: bool,
    /// How often something arrives for each descriptor.
    pub arrivals: u8,
    /// Who opens descriptors.
    pub openers: Who,
    /// Who takes over.
    pub takers: Who,
    /// Who deletes.
    pub deleters: Who,
    /// Who listens, if it is a listening socket.
    pub listeners: Who,
    /// Whether a thread that holds a report may begin something else before it acts on it.
    pub batches: bool,
    /// Whether connections are handed to a thread of another group.
    pub migrates: bool,
    /// Whether threads use their own idle connections.
    pub uses: bool,
}

/// Some of the threads, by their bits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Who(pub u8);

impl Who {
    /// Every thread.
    pub const ALL: Self = Self(0b111);
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether the thread is one of them.
    pub fn has(self, thread: Thread) -> bool {
        self.0 & (1 << thread.0) != 0
    }
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Kind {
    /// A connection to a server: one thread's, kept in a list while it is idle, deleted by the thread that uses it.
    Connection,
    /// A socket of one thread that any thread deletes, under its lock.
    Socket,
    /// A socket of all the threads of a group, that any thread deletes, under its lock.
    Listener,
}

impl Bounds {
    /// Two threads of one group, and a connection that is followed by another.
    pub const PAIR: Self = Self {
        groups: [1, 1, 0],
        kinds: [Some(Kind::Connection), Some(Kind::Connection)],
        takeovers: 1,
        once_each: false,
        arrivals: 1,
        openers: Who::ALL,
        takers: Who::ALL,
        deleters: Who::ALL,
        listeners: Who::ALL,
        batches: false,
        migrates: false,
        uses: false,
    };
    /// The same with one connection.
    pub const ONE: Self = Self { kinds: [Some(Kind::Connection), None], openers: Who(0b001), ..Self::PAIR };
    /// A socket that either thread deletes, followed by another.
    pub const SOCKET: Self =
        Self { kinds: [Some(Kind::Socket), Some(Kind::Socket)], takeovers: 0, takers: Who::NONE, ..Self::PAIR };
    /// A listening socket of two threads, and a third one that opens and deletes it.
    pub const LISTENER: Self = Self {
        groups: [1, 1, 1],
        kinds: [Some(Kind::Listener), None],
        takeovers: 0,
        takers: Who::NONE,
        openers: Who(0b100),
        deleters: Who(0b100),
        listeners: Who(0b011),
        ..Self::PAIR
    };

    /// A listening socket of two threads, which both delete.
    pub const LISTENER_OF_TWO: Self = Self { kinds: [Some(Kind::Listener), None], openers: Who(0b001), ..Self::SOCKET };
    /// A socket of one group, which a thread of another one deletes.
    pub const FOREIGN: Self =
        Self { groups: [1, 2, 0], kinds: [Some(Kind::Socket), None], openers: Who(0b001), ..Self::SOCKET };
    /// The same with a listening socket.
    pub const FOREIGN_LISTENER: Self = Self { kinds: [Some(Kind::Listener), None], ..Self::FOREIGN };
    /// A connection between two threads of two groups, taken over twice.
    pub const CROSSING: Self = Self { groups: [1, 2, 0], takeovers: 2, arrivals: 1, deleters: Who(0b010), ..Self::ONE };
    /// A connection that is handed to a thread of another group.
    pub const MIGRATING: Self = Self { takers: Who::NONE, takeovers: 1, migrates: true, ..Self::CROSSING };
    /// A connection between two threads of one group, and a third one of another group that tries.
    pub const TRIED: Self =
        Self { groups: [1, 1, 2], takeovers: 3, once_each: true, arrivals: 2, deleters: Who::NONE, ..Self::ONE };
    /// A connection that one thread opens, and that is taken over to another group and back, by a third one.
    pub const BACK: Self = Self { takers: Who(0b110), takeovers: 2, arrivals: 1, ..Self::TRIED };
    /// A socket of one group, and a connection of another group that is taken over from the first.
    pub const RETURNED: Self = Self {
        groups: [1, 2, 2],
        kinds: [Some(Kind::Socket), Some(Kind::Connection)],
        arrivals: 0,
        openers: Who(0b011),
        takers: Who(0b100),
        deleters: Who(0b100),
        ..Self::PAIR
    };

    /// How many threads there are.
    pub fn threads(&self) -> u16 {
        self.groups.iter().filter(|group| **group != 0).count() as u16
    }

    /// The threads.
    pub fn each(&self) -> impl Iterator<Item = Thread> + use<> {
        (0..self.threads()).map(Thread)
    }

    /// The group of a thread; none of a thread that is not there.
    pub fn group(&self, thread: Thread) -> u8 {
        self.groups.get(thread.index()).copied().unwrap_or_default()
    }

    /// The bit of a thread in the masks of its group: threads are counted anew in each.
    pub fn bit(&self, thread: Thread) -> u8 {
        let group = self.group(thread);
        let before = self.groups.iter().take(thread.index()).filter(|other| **other == group).count();
        1 << before
    }

    /// The bits of the threads of a group that listen.
    pub fn listening_in(&self, group: u8) -> u8 {
        let members = self.each().filter(|thread| self.group(*thread) == group && self.listeners.has(*thread));
        members.fold(0, |bits, thread| bits | self.bit(thread))
    }
}

/// Every action that may be attempted at these bounds.
pub(super) fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let mut alphabet = vec![Action::Arrive];
    for thread in bounds.each() {
        alphabet.extend([Action::List(thread), Action::Poll(thread)]);
        alphabet.extend(Step::all().map(|step| Action::Step(thread, step)));
        if bounds.openers.has(thread) {
            alphabet.push(Action::Open(thread));
        }
        if bounds.takers.has(thread) {
            alphabet.push(Action::Takeover(thread));
        }
        if bounds.deleters.has(thread) {
            alphabet.push(Action::Delete(thread));
        }
        if bounds.uses {
            alphabet.push(Action::Use(thread));
        }
        if bounds.migrates {
            let others = bounds.each().filter(|other| bounds.group(*other) != bounds.group(thread));
            alphabet.extend(others.map(|other| Action::Migrate(thread, other)));
        }
    }
    alphabet
}
