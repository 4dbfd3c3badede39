//! What is recorded of a descriptor.

use enumset::{EnumSet, EnumSetType};
use serde::Serialize;

use super::{Owner, Thread, Threads};

/// How far a descriptor is, as far as threads were told.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It does not exist.
    #[default]
    Unused,
    /// A thread has it, outside of the table.
    Open,
    /// It is in the table.
    Live,
    /// Its slot is free, and it is to be closed.
    Wiped,
    /// It is closed.
    Closed,
}

/// What was told about one descriptor.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct DescriptorRecord {
    /// How far it is.
    pub stage: Stage,
    /// Its owner, while it is in the table.
    pub owner: Option<Owner>,
    /// Who believes to be inside.
    pub inside: Threads,
    /// Deletion was asked for.
    pub deleting: bool,
    /// Who was told to close it.
    pub closer: Option<Thread>,
    /// Whether something arrived that no thread has dealt with.
    pub waiting: bool,
    /// The threads with pollers that watch it.
    pub watching: Threads,
    /// Of these, the threads that were told that it belongs to another.
    pub astray: Threads,
    /// What a pool adds.
    pub idle: IdleRecord,
}

/// What was told about a descriptor that is, or may be, idle in a pool.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct IdleRecord {
    /// The thread that has it on its idle list.
    pub list: Option<Thread>,
    /// Its idle time is over.
    pub expired: bool,
    /// The process knows that something is there for it.
    pub known: bool,
    /// Who is to look at it because of a report.
    pub woken: Threads,
    /// Who has it while it is in no table.
    pub held: Hold,
}

/// Who has a descriptor that is in no table.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// No thread that said so.
    #[default]
    Nobodys,
    /// A thread that took it out of its slot, to give it to a thread or to close it.
    Fetched(Thread),
    /// A thread that uses it.
    Used(Thread),
}

impl Hold {
    fn is_of(self, thread: Thread) -> bool {
        match self {
            Self::Nobodys => true,
            Self::Fetched(holder) | Self::Used(holder) => holder == thread,
        }
    }
}

impl DescriptorRecord {
    /// Closes it, and forgets what no rule asks of a descriptor that is closed. Who believes to be inside stays,
    /// and so do an idle list that it is on and reports that no thread has looked at.
    pub(super) fn close(&mut self) {
        let idle = IdleRecord { list: self.idle.list, woken: self.idle.woken, ..IdleRecord::default() };
        *self = Self { stage: Stage::Closed, inside: self.inside, idle, ..Self::default() };
    }

    /// Takes it out of its slot; whether it was there.
    pub(super) fn take_out(&mut self, thread: Thread) -> bool {
        let was_there = self.stage == Stage::Live;
        self.stage = Stage::Open;
        self.owner = None;
        self.idle.expired = false;
        self.idle.held = Hold::Fetched(thread);
        was_there
    }

    /// Gives it to the thread to use; whether the thread had it.
    pub(super) fn give(&mut self, thread: Thread) -> bool {
        let had_it = self.has(thread);
        self.idle.held = Hold::Used(thread);
        had_it
    }

    /// Whether no other thread has it outside of the table.
    pub(super) fn has(&self, thread: Thread) -> bool {
        self.idle.held.is_of(thread)
    }

    /// Whether it belongs to one thread.
    pub fn is_exclusive(&self) -> bool {
        match self.owner {
            Some(Owner::Thread(_)) => true,
            Some(Owner::Everybody) | None => false,
        }
    }

    /// Whether it belongs to this thread, alone or with all others.
    pub fn belongs_to(&self, thread: Thread) -> bool {
        match self.owner {
            Some(Owner::Thread(owner)) => owner == thread,
            Some(Owner::Everybody) => true,
            None => false,
        }
    }
}

/// What a output gives away at the moment when it is told, and a history could not tell later. Once committed it stays.
#[derive(Debug, EnumSetType)]
#[enumset(repr = "u16", serialize_repr = "u16")]
pub enum Violation {
    /// Two threads were told to close one descriptor (OWN-3).
    TwoClosers,
    /// A descriptor was closed by a thread that was not told to, or twice (OWN-3).
    ClosedUnasked,
    /// A descriptor was entered or taken over after deletion was asked for (OWN-4).
    EnteredDeleted,
    /// A thread acted on a report and was inside another descriptor than the reported one (OWN-5).
    Crossed,
    /// A poller was made to forget another descriptor than was meant (OWN-5).
    WrongForgotten,
    /// A descriptor was put into a slot that was not clean (OWN-6).
    Unclean,
    /// Something was written for another descriptor, or under another group's numbers (OWN-7).
    Mixed,
    /// The kernel refused what a poller was asked to do (OWN-8).
    KernelRefused,
    /// An update was noted and not queued, or queued twice (OWN-9).
    UpdateMislaid,
    /// A flag was lost (OWN-10).
    FlagLost,
    /// A descriptor was taken out of a slot in which it was not, or used or closed by a thread that did not have it
    /// (OWN-13).
    TakenTwice,
    /// A descriptor was given to be used when the process knew that something was there for it (OWN-15).
    GivenDisturbed,
}

/// The violations that were committed.
pub type Violations = EnumSet<Violation>;
