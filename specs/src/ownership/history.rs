//! What the participants of descriptor ownership were told.

use core::fmt::{self, Debug, Formatter};

use serde::Serialize;

use super::{
    Away, DescriptorRecord, Hold, IdleRecord, Incarnation, Output, Owner, Stage, Thread, Threads, Violation, Violations,
};
use crate::Table;

/// Everything that the participants were told.
#[derive(Clone, Default, Eq, Hash, PartialEq, Serialize)]
pub struct History {
    /// Per descriptor.
    pub descriptors: Table<DescriptorRecord, 3>,
    /// Who is in the middle of a call.
    pub calling: Threads,
    /// What outputs gave away.
    pub violations: Violations,
    /// All threads are of one runtime.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub one_runtime: bool,
}

impl History {
    /// Whether the violation was committed.
    pub fn has(&self, violation: Violation) -> bool {
        self.violations.contains(violation)
    }

    /// The thread under which the poller, the idle list and the ownership of a thread are entered.
    pub fn host(&self, thread: Thread) -> Thread {
        if self.one_runtime { Thread(0) } else { thread }
    }

    /// What was told about a descriptor.
    pub fn descriptor(&self, incarnation: Incarnation) -> DescriptorRecord {
        self.descriptors.get(incarnation.index())
    }

    /// Enters one output.
    pub fn record(&mut self, output: &Output) {
        match *output {
            Output::Opened(_, incarnation) => self.entry(incarnation).stage = Stage::Open,
            Output::Claimed(..) => {}
            Output::Unclean(..) => self.violate(Violation::Unclean, true),
            Output::Inserted(_, incarnation, owner) => {
                let record = self.entry(incarnation);
                record.stage = Stage::Live;
                record.owner = Some(owner);
                record.idle.held = Hold::Nobodys;
            }
            Output::Watched(thread, incarnation) => {
                self.entry(incarnation).watching.insert(thread);
            }
            Output::KernelRefused(_) => self.violate(Violation::KernelRefused, true),
            Output::Arrived(incarnation) => self.entry(incarnation).waiting = true,
            Output::Reported(..) => {}
            Output::Entered(thread, found, meant) => self.entered(thread, found, meant),
            Output::Handled(_, incarnation) => self.entry(incarnation).waiting = false,
            Output::TurnedAway(thread, incarnation, away) => self.turned_away(thread, incarnation, away),
            Output::Left(thread, incarnation) => {
                self.entry(incarnation).inside.remove(thread);
            }
            Output::TakenOver(thread, incarnation) => self.belongs_now(thread, incarnation),
            Output::Deleting(_, incarnation) => self.entry(incarnation).deleting = true,
            Output::MustClose(thread, incarnation) => {
                let before = self.entry(incarnation).closer.replace(thread);
                self.violate(Violation::TwoClosers, before.is_some());
            }
            Output::Wiped(_, incarnation) => {
                self.entry(incarnation).stage = Stage::Wiped;
            }
            Output::Closed(thread, incarnation) => self.closed(thread, incarnation),
            Output::Forgotten(thread, found, meant) => {
                self.violate(Violation::WrongForgotten, found != meant);
                let record = self.entry(found);
                record.watching.remove(thread);
                record.astray.remove(thread);
            }
            Output::Called(thread) => {
                self.calling.insert(thread);
            }
            Output::Returned(thread) => {
                self.calling.remove(thread);
            }
            Output::Mixed(_) => self.violate(Violation::Mixed, true),
            Output::FlagLost(_) => self.violate(Violation::FlagLost, true),
            Output::UpdateMislaid(..) => self.violate(Violation::UpdateMislaid, true),
            Output::Listed(thread, incarnation) => self.entry(incarnation).idle.list = Some(thread),
            Output::Unlisted(_, incarnation) => self.entry(incarnation).idle.list = None,
            Output::Expired(incarnation) => self.entry(incarnation).idle.expired = true,
            Output::Known(incarnation) => self.entry(incarnation).idle.known = true,
            Output::Woken(thread, incarnation) => {
                self.entry(incarnation).idle.woken.insert(thread);
            }
            Output::TakenOut(thread, incarnation) => {
                let was_there = self.entry(incarnation).take_out(thread);
                self.violate(Violation::TakenTwice, !was_there);
            }
            Output::Given(thread, incarnation) => {
                self.violate(Violation::GivenDisturbed, self.descriptor(incarnation).idle.known);
                self.handed(thread, incarnation);
            }
            Output::HandedBack(thread, incarnation) => self.handed(thread, incarnation),
            Output::OneRuntime => self.one_runtime = true,
        }
    }

    fn handed(&mut self, thread: Thread, incarnation: Incarnation) {
        let had_it = self.entry(incarnation).give(thread);
        self.violate(Violation::TakenTwice, !had_it);
    }

    fn entered(&mut self, thread: Thread, found: Incarnation, meant: Incarnation) {
        self.violate(Violation::Crossed, found != meant);
        self.violate(Violation::EnteredDeleted, self.descriptor(found).deleting);
        self.entry(found).inside.insert(thread);
        let host = self.host(thread);
        self.entry(meant).idle.woken.remove(host);
    }

    fn turned_away(&mut self, thread: Thread, incarnation: Incarnation, away: Away) {
        let host = self.host(thread);
        let record = self.entry(incarnation);
        record.idle.woken.remove(host);
        match away {
            Away::NotOwner if record.watching.contains(thread) => {
                record.astray.insert(thread);
            }
            Away::NotOwner | Away::Gone | Away::Closing | Away::Busy | Away::Shared => {}
        }
    }

    fn belongs_now(&mut self, thread: Thread, incarnation: Incarnation) {
        self.violate(Violation::EnteredDeleted, self.descriptor(incarnation).deleting);
        let owner = self.host(thread);
        let record = self.entry(incarnation);
        record.owner = Some(Owner::Thread(owner));
        record.astray.remove(thread);
    }

    fn closed(&mut self, thread: Thread, incarnation: Incarnation) {
        let DescriptorRecord { stage, closer, .. } = self.descriptor(incarnation);
        let asked = match stage {
            Stage::Open => true,
            Stage::Wiped => closer == Some(thread),
            Stage::Unused | Stage::Live | Stage::Closed => false,
        };
        self.violate(Violation::ClosedUnasked, !asked);
        self.violate(Violation::TakenTwice, !self.descriptor(incarnation).has(thread));
        self.entry(incarnation).close();
    }

    fn entry(&mut self, incarnation: Incarnation) -> &mut DescriptorRecord {
        self.descriptors.entry(incarnation.index())
    }

    fn violate(&mut self, violation: Violation, committed: bool) {
        if committed {
            self.violations.insert(violation);
        }
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
        if self.violations.is_empty() { Ok(()) } else { writeln!(f, "violations: {:?}", self.violations) }
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
    let IdleRecord { list, expired, known, woken, held } = idle;
    if let Some(thread) = list {
        write!(f, ", on the idle list of {thread}")?;
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
