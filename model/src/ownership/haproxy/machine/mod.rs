//! HAProxy's threads, step by step.

mod close;
mod conclude;
mod own;
mod poll;
mod run;

use handfast_spec::ownership::{Fact, Incarnation, Ledger, Refusal, Thread};
use handfast_spec::{Machine, Observation, Recorded};
use serde::Serialize;

use super::History;
use super::extent::{Extent, Kind};
use super::switches::{Dispatch, Reference, Switches};
use super::words::{Action, Step};
use crate::design::Design;

/// One descriptor number, its entry in the table, and the threads that work on it.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Haproxy {
    switches: Switches,
    extent: Extent,
    slot: Slot,
    workers: [Worker; 3],
    conn: Conn,
    /// Who has locked the list that the connection is in, or the socket.
    lock: Option<Thread>,
    /// What the number means.
    open: Option<Incarnation>,
    /// Incarnations below this one exist or existed.
    next: u32,
    /// Something arrived and was not read.
    data: bool,
    takeovers: u8,
    /// Who has begun one, if each may once.
    takers: u8,
    arrivals: u8,
}

/// The entry of the number in the table. Masks are of the bits that threads have in the group `tgid`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
struct Slot {
    refs: u8,
    tgid: u8,
    locked: bool,
    running: u8,
    threads: u8,
    updates: u8,
    polled: u8,
    /// The group in whose list of updates the entry is; none if in no list.
    listed: u8,
    flags: Flags,
    owner: Option<Incarnation>,
    generation: u32,
}

/// What of `state` is modelled.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
struct Flags {
    active: bool,
    must_close: bool,
}

/// A thread: the next step, what it has read, and what its poller has.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
struct Worker {
    at: Step,
    /// What it works on, as somebody who sees everything would say.
    found: Incarnation,
    /// What it was reported.
    meant: Incarnation,
    running: u8,
    threads: u8,
    flags: Flags,
    /// It was told that it may run, or it deletes what it uses.
    inside: bool,
    /// The deletion is in its callback.
    nested: bool,
    /// The connection was idle before the callback.
    idle: bool,
    /// It is the one who closes.
    won: bool,
    /// It looks through the list of its group.
    walking: bool,
    after: After,
    /// Entries of its own list of updates.
    entries: u8,
    report: Option<Incarnation>,
    /// What its poller watches.
    watched: Option<Incarnation>,
}

/// Where a thread goes on if it is not the one who closes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
enum After {
    #[default]
    Deletion,
    Lost,
    Callback,
    Foreign,
}

/// What becomes of the object that owns the descriptor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
enum Conn {
    /// There is none, or it is being deleted.
    Gone,
    /// The thread uses it.
    Used(Thread),
    /// It is in the thread's list of idle ones.
    Listed(Thread),
    /// It is on its way to the thread.
    Sent(Thread),
    /// It is no connection: any thread may delete it.
    Anybodys,
}

type Facts = Vec<Fact>;
type Outcome = Result<(), Refusal>;

impl Haproxy {
    /// A process that has just been started.
    pub fn new(switches: Switches, extent: Extent) -> Self {
        Self {
            switches,
            extent,
            slot: Slot::default(),
            workers: [Worker::default(); 3],
            conn: Conn::Gone,
            lock: None,
            open: None,
            next: 0,
            data: false,
            takeovers: extent.takeovers,
            takers: 0,
            arrivals: 0,
        }
    }

    /// The same, with an empty ledger.
    pub fn recorded(switches: Switches, extent: Extent) -> Recorded<Self> {
        Recorded { machine: Self::new(switches, extent), ledger: Ledger::default() }
    }

    fn attempt(&mut self, action: &Action, facts: &mut Facts) -> Outcome {
        match *action {
            Action::Open(thread) => self.opens(thread, facts),
            Action::Arrive => self.arrives(facts),
            Action::Takeover(thread) => self.seeks(thread, facts),
            Action::Use(thread) => self.uses(thread, facts),
            Action::List(thread) => self.lists(thread, facts),
            Action::Migrate(thread, to) => self.sends(thread, to, facts),
            Action::Delete(thread) => self.deletes(thread, facts),
            Action::Poll(thread) => self.polls(thread, facts),
            Action::Step(thread, step) => self.steps(thread, step, facts),
        }
    }

    fn steps(&mut self, thread: Thread, step: Step, facts: &mut Facts) -> Outcome {
        let Worker { at, report, .. } = *self.worker(thread);
        let begins = at == Step::Rest && report.is_some() && step == self.first();
        if at != step && !begins {
            return Err(Refusal::NotNow);
        }
        match step {
            Step::Rest => Err(Refusal::NotNow),
            Step::Ue1 | Step::Ue2 | Step::Ue3 | Step::Ue4 | Step::Ue5 | Step::Ue6 | Step::Ue7 | Step::Ue8 => {
                self.enters(thread, step, facts)
            }
            Step::Be1 | Step::Be2 | Step::Be3 => self.entered_before(thread, step, facts),
            Step::Ue10
            | Step::Ue11
            | Step::Ue12
            | Step::Callback
            | Step::Ue13
            | Step::Ue14
            | Step::Ue15
            | Step::Ue17 => self.runs(thread, step, facts),
            Step::Cm1 | Step::Cm2 | Step::Upd1 | Step::Upd2 => self.loses(thread, step, facts),
            Step::K1 | Step::K2 | Step::K3 | Step::K4 => self.concludes(thread, step, facts),
            Step::T2 | Step::T3 | Step::T4 | Step::T4b | Step::T4c | Step::T5 | Step::T6 | Step::T7 | Step::T8 => {
                self.takes_over(thread, step, facts)
            }
            Step::Mg1 | Step::Mg2 | Step::Mg3 | Step::Mg4 => self.migrates(thread, step, facts),
            Step::N3 | Step::N5 | Step::N7 | Step::P0 | Step::P4 => self.inserts(thread, step, facts),
            Step::D0 | Step::D1 | Step::D2 | Step::D3 | Step::D4 | Step::D5 => self.ends(thread, step, facts),
            Step::X0 | Step::X1 | Step::X2 | Step::X3 | Step::X4 | Step::X5 => self.ends_foreign(thread, step, facts),
            Step::O3 | Step::O4 | Step::O6 | Step::O8 | Step::O12 => self.closes(thread, step, facts),
            Step::U1 | Step::U2 | Step::U3 | Step::U4 | Step::S1 | Step::S2 | Step::W => {
                self.updates(thread, step, facts)
            }
        }
    }

    /// The first step of a thread that acts on a report.
    fn first(&self) -> Step {
        match self.switches.dispatch {
            Dispatch::Before => Step::Ue1,
            Dispatch::Unchecked | Dispatch::Held => Step::Ue2,
        }
    }

    fn worker(&mut self, thread: Thread) -> &mut Worker {
        &mut self.workers[thread.index()]
    }

    fn go(&mut self, thread: Thread, at: Step) {
        self.worker(thread).at = at;
    }

    /// A thread begins something, on what is in the entry now.
    fn call(&mut self, thread: Thread, at: Step, facts: &mut Facts) {
        let found = self.slot.owner.unwrap_or_default();
        let worker = self.worker(thread);
        worker.at = at;
        worker.found = found;
        facts.push(Fact::Called(thread));
    }

    /// What a thread was doing is over.
    fn rest(&mut self, thread: Thread, facts: &mut Facts) {
        let Worker { entries, report, watched, .. } = *self.worker(thread);
        *self.worker(thread) = Worker { entries, report, watched, ..Worker::default() };
        facts.push(Fact::Returned(thread));
    }

    /// A thread may begin something: it is in its loop and has acted on its report, if it must.
    fn is_free(&mut self, thread: Thread) -> Outcome {
        let batches = self.extent.batches;
        let worker = self.worker(thread);
        if worker.at == Step::Rest && (batches || worker.report.is_none()) { Ok(()) } else { Err(Refusal::NotNow) }
    }

    fn unlocked(&self) -> Outcome {
        if self.lock.is_none() { Ok(()) } else { Err(Refusal::Busy) }
    }

    /// Takes a reference if the entry belongs to this group. Whoever finds it locked waits.
    ///
    /// A reference that is taken and returned at once because the group is another one does nothing but delay whoever
    /// waits for there being none: that is one step here.
    fn grab(&mut self, group: u8) -> Result<bool, Refusal> {
        if self.slot.locked {
            return Err(Refusal::Busy);
        }
        let is_ours = self.slot.tgid == group;
        if is_ours && self.switches.reference != Reference::Absent {
            self.slot.refs += 1;
        }
        Ok(is_ours)
    }

    fn release(&mut self) {
        self.slot.refs = self.slot.refs.saturating_sub(1);
    }

    /// OWN-7: what is written must be of the descriptor that was meant, and in the masks of one's own group.
    fn touch(&mut self, thread: Thread, facts: &mut Facts) {
        let found = self.worker(thread).found;
        let foreign = self.slot.tgid != 0 && self.slot.tgid != self.extent.group(thread) && !self.slot.locked;
        if foreign || self.slot.owner.is_some_and(|owner| owner != found) {
            facts.push(Fact::Mixed(thread));
        }
    }

    /// The thread does not believe any more that it may run.
    fn leave(&mut self, thread: Thread, facts: &mut Facts) {
        let uses = self.conn == Conn::Used(thread);
        let worker = self.worker(thread);
        if core::mem::take(&mut worker.inside) && !uses {
            let found = worker.found;
            facts.push(Fact::Left(thread, found));
        }
    }

    fn kind(&self) -> Option<Kind> {
        let which = self.open?;
        self.extent.kinds.get(which.index()).copied().flatten()
    }
}

impl Machine for Haproxy {
    type Protocol = History;

    fn step(&mut self, action: &Action) -> Observation<Fact, Refusal> {
        let mut facts = Vec::new();
        match self.attempt(action, &mut facts) {
            Ok(()) => Observation::Told(facts),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}

impl Design for Haproxy {
    /// OWN-11: at rest no thread is in the middle of anything.
    fn at_rest(&self) -> bool {
        self.workers.iter().all(|worker| worker.at == Step::Rest && worker.report.is_none())
    }
}
