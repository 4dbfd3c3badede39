//! How the words of descriptor ownership are shown to people.

use core::fmt::{self, Debug, Display, Formatter};

use super::{
    Action, Away, Component, DescriptorRecord, History, Hold, IdleRecord, Incarnation, Output, Owner, Refusal, Thread,
    Threads,
};

impl Display for Thread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}", self.0)
    }
}

impl Display for Incarnation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "descriptor {}", self.0)
    }
}

impl Display for Component {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread(thread) => write!(f, "{thread}"),
        }
    }
}

impl Display for Owner {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread(thread) => write!(f, "{thread}"),
            Self::Everybody => f.write_str("everybody"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { thread, incarnation } => write!(f, "{thread} opens {incarnation}"),
            Self::Claim { thread } => write!(f, "{thread} claims the slot"),
            Self::Insert { thread, owner } => write!(f, "{thread} inserts it for {owner}"),
            Self::Watch { thread } => write!(f, "{thread} has its poller watch it"),
            Self::Arrive { incarnation } => write!(f, "something arrives for {incarnation}"),
            Self::Poll { thread } => write!(f, "{thread} polls"),
            Self::Enter { thread, incarnation } => write!(f, "{thread} acts on its report of {incarnation}"),
            Self::Join { thread, incarnation } => write!(f, "{thread} joins {incarnation}"),
            Self::Leave { thread } => write!(f, "{thread} leaves"),
            Self::Takeover { thread, incarnation } => write!(f, "{thread} takes over {incarnation}"),
            Self::Delete { thread, incarnation } => write!(f, "{thread} deletes {incarnation} from outside"),
            Self::DeleteInside { thread } => write!(f, "{thread} deletes it from inside and leaves"),
            Self::Wipe { thread } => write!(f, "{thread} frees the slot"),
            Self::Close { thread } => write!(f, "{thread} closes it"),
            Self::Forget { thread } => write!(f, "{thread} has its poller forget it"),
        }
    }
}

impl Display for Away {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "it is gone",
            Self::Closing => "it is being closed",
            Self::NotOwner => "it belongs to another thread",
            Self::Busy => "somebody is inside",
            Self::Shared => "it is everybody's",
        })
    }
}

impl Display for Output {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(thread, which) => write!(f, "{thread} has {which}"),
            Self::Claimed(thread, which) => write!(f, "{thread} holds the slot for {which}"),
            Self::Unclean(thread, which) => write!(f, "{thread} finds the slot for {which} not clean"),
            Self::Inserted(_, which, owner) => write!(f, "{which} is in the table and belongs to {owner}"),
            Self::Watched(thread, which) => write!(f, "the poller of {thread} watches {which}"),
            Self::KernelRefused(thread) => write!(f, "the kernel refuses what {thread} asks of its poller"),
            Self::Arrived(which) => write!(f, "something is there for {which}"),
            Self::Reported(thread, which) => write!(f, "{thread} holds a report of {which}"),
            Self::Entered(thread, found, meant) if found == meant => write!(f, "{thread} is inside {found}"),
            Self::Entered(thread, found, meant) => {
                write!(f, "{thread} is inside {found} because of a report of {meant}")
            }
            Self::Handled(thread, which) => write!(f, "{thread} deals with what arrived for {which}"),
            Self::TurnedAway(thread, which, away) => write!(f, "{thread} is turned away from {which}: {away}"),
            Self::Left(thread, which) => write!(f, "{thread} is outside of {which}"),
            Self::TakenOver(thread, which) => write!(f, "{which} belongs to {thread}, who took it over"),
            Self::Deleting(thread, which) => write!(f, "{thread} wants {which} closed"),
            Self::MustClose(thread, which) => write!(f, "{thread} is to close {which}"),
            Self::Wiped(_, which) => write!(f, "the slot of {which} is free"),
            Self::Closed(thread, which) => write!(f, "{thread} has closed {which}"),
            Self::Forgotten(thread, found, meant) if found == meant => {
                write!(f, "the poller of {thread} watches {found} no longer")
            }
            Self::Forgotten(thread, found, meant) => {
                write!(f, "the poller of {thread} watches {found} no longer, although {meant} was meant")
            }
            Self::Called(thread) => write!(f, "{thread} is in the middle of a call"),
            Self::Returned(thread) => write!(f, "the call of {thread} is over"),
            Self::Mixed(thread) => write!(f, "{thread} writes what is read for another"),
            Self::FlagLost(which) => write!(f, "a flag of {which} is lost"),
            Self::UpdateMislaid(thread, which) => write!(f, "an update of {which} for {thread} is mislaid"),
            Self::Listed(thread, which) => write!(f, "{which} is on the shelf of {thread}"),
            Self::Unlisted(thread, which) => write!(f, "{thread} takes {which} off its shelf"),
            Self::Expired(which) => write!(f, "the idle time of {which} is over"),
            Self::Known(which) => write!(f, "it is known that something is there for {which}"),
            Self::Woken(thread, which) => write!(f, "{thread} is to look at {which}"),
            Self::TakenOut(thread, which) => write!(f, "{which} is out of its slot, and {thread} has it"),
            Self::OneRuntime => f.write_str("all threads are of one runtime"),
            Self::Given(thread, which) => write!(f, "{thread} is given {which}"),
            Self::HandedBack(thread, which) => write!(f, "{thread} uses {which}"),
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotNow => "the thread is at another point of its work",
            Self::NotNext => "the descriptor is not the next one",
            Self::NoNumber => "no number is free",
            Self::Occupied => "the slot is not free",
            Self::Gone => "the descriptor is gone",
            Self::Closing => "deletion was asked for",
            Self::NotOwner => "it belongs to another thread",
            Self::Busy => "somebody is inside",
            Self::Shared => "it is everybody's",
            Self::Watching => "the thread's poller watches it",
            Self::NothingNew => "there is nothing to report",
        })
    }
}

/// What is shown in Stateright's Explorer.
impl Debug for History {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, record) in self.descriptors.iter().enumerate() {
            if *record != DescriptorRecord::default() {
                write!(f, "{}:", Incarnation(index as u32))?;
                describe(record, f)?;
            }
        }
        if !self.calling.is_empty() {
            writeln!(f, "in a call: {}", names(self.calling))?;
        }
        let violations: Vec<_> = self.violations().collect();
        if violations.is_empty() { Ok(()) } else { writeln!(f, "violations: {violations:?}") }
    }
}

fn describe(record: &DescriptorRecord, f: &mut Formatter<'_>) -> fmt::Result {
    let DescriptorRecord { stage, owner, inside, deleting, closer, waiting, watching, astray, idle } = record;
    write!(f, " {stage:?}")?;
    if let Some(owner) = owner {
        write!(f, ", of {owner}")?;
    }
    for (what, threads) in [("inside", inside), ("watched by", watching), ("astray", astray)] {
        if !threads.is_empty() {
            write!(f, ", {what} {}", names(*threads))?;
        }
    }
    if *deleting {
        f.write_str(", to be closed")?;
    }
    if let Some(closer) = closer {
        write!(f, " by {closer}")?;
    }
    f.write_str(if *waiting { ", something is there" } else { "" })?;
    let IdleRecord { shelf, expired, known, woken, held } = idle;
    if let Some(thread) = shelf {
        write!(f, ", on the shelf of {thread}")?;
    }
    f.write_str(if *expired { ", its time is over" } else { "" })?;
    f.write_str(if *known { ", known to be disturbed" } else { "" })?;
    if !woken.is_empty() {
        write!(f, ", to be looked at by {}", names(*woken))?;
    }
    match held {
        Hold::Nobodys => {}
        Hold::Fetched(thread) => write!(f, ", fetched by {thread}")?,
        Hold::Used(thread) => write!(f, ", used by {thread}")?,
    }
    writeln!(f)
}

fn names(threads: Threads) -> String {
    threads.iter().map(|thread| thread.to_string()).collect::<Vec<_>>().join(", ")
}
