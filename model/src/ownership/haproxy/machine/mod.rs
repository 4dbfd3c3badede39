//! HAProxy's threads, step by step.

mod close;
mod insert;
mod run;
mod words;

use core::fmt::{self, Debug, Formatter};

use handfast_spec::ownership::{History, Incarnation, Output, Refusal, Thread};
use handfast_spec::{Machine, Observation, Recorded};
use serde::Serialize;

use super::Historical;
use super::bounds::{Bounds, Kind};
use super::switches::{Dispatch, Reference, Switches};
use super::vocabulary::{Action, Step};
use crate::checker::design::{Design, Flow};

/// One descriptor number, its entry in the table, and the threads that work on it.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Haproxy {
    switches: Switches,
    bounds: Bounds,
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
    /// The group that has the entry in its list of updates; none if no group has.
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
    /// What it works on, as an observer who sees everything would say.
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

type Outputs = Vec<Output>;
type Outcome = Result<(), Refusal>;

impl Haproxy {
    /// A process that has just been started.
    pub fn new(switches: Switches, bounds: Bounds) -> Self {
        Self {
            switches,
            bounds,
            slot: Slot::default(),
            workers: [Worker::default(); 3],
            conn: Conn::Gone,
            lock: None,
            open: None,
            next: 0,
            data: false,
            takeovers: bounds.takeovers,
            takers: 0,
            arrivals: 0,
        }
    }

    /// The same, with an empty history.
    pub fn recorded(switches: Switches, bounds: Bounds) -> Recorded<Self> {
        Recorded { machine: Self::new(switches, bounds), history: History::default() }
    }

    fn attempt(&mut self, action: &Action, outputs: &mut Outputs) -> Outcome {
        match *action {
            Action::Open(thread) => self.opens(thread, outputs),
            Action::Arrive => self.arrives(outputs),
            Action::Takeover(thread) => self.seeks(thread, outputs),
            Action::Use(thread) => self.uses(thread, outputs),
            Action::List(thread) => self.lists(thread, outputs),
            Action::Migrate(thread, to) => self.sends(thread, to, outputs),
            Action::Delete(thread) => self.deletes(thread, outputs),
            Action::Poll(thread) => self.polls(thread, outputs),
            Action::Step(thread, step) => self.steps(thread, step, outputs),
        }
    }

    fn steps(&mut self, thread: Thread, step: Step, outputs: &mut Outputs) -> Outcome {
        let Worker { at, report, .. } = *self.worker(thread);
        let begins = at == Step::Rest && report.is_some() && step == self.first();
        if at != step && !begins {
            return Err(Refusal::NotNow);
        }
        match step {
            Step::Rest => Err(Refusal::NotNow),
            Step::Ue1 | Step::Ue2 | Step::Ue3 | Step::Ue4 | Step::Ue5 | Step::Ue6 | Step::Ue7 | Step::Ue8 => {
                self.enters(thread, step, outputs)
            }
            Step::Be1 | Step::Be2 | Step::Be3 => self.entered_before(thread, step, outputs),
            Step::Ue10
            | Step::Ue11
            | Step::Ue12
            | Step::Callback
            | Step::Ue13
            | Step::Ue14
            | Step::Ue15
            | Step::Ue17 => self.runs(thread, step, outputs),
            Step::Cm1 | Step::Cm2 | Step::Upd1 | Step::Upd2 => self.loses(thread, step, outputs),
            Step::K1 | Step::K2 | Step::K3 | Step::K4 => self.concludes(thread, step, outputs),
            Step::T2 | Step::T3 | Step::T4 | Step::T4b | Step::T4c | Step::T5 | Step::T6 | Step::T7 | Step::T8 => {
                self.takes_over(thread, step, outputs)
            }
            Step::Mg1 | Step::Mg2 | Step::Mg3 | Step::Mg4 => self.migrates(thread, step, outputs),
            Step::N3 | Step::N5 | Step::N7 | Step::P0 | Step::P4 => self.inserts(thread, step, outputs),
            Step::D0 | Step::D1 | Step::D2 | Step::D3 | Step::D4 | Step::D5 => self.ends(thread, step, outputs),
            Step::X0 | Step::X1 | Step::X2 | Step::X3 | Step::X4 | Step::X5 => self.ends_foreign(thread, step, outputs),
            Step::O3 | Step::O4 | Step::O6 | Step::O8 | Step::O12 => self.closes(thread, step, outputs),
            Step::U1 | Step::U2 | Step::U3 | Step::U4 | Step::S1 | Step::S2 | Step::W => {
                self.updates(thread, step, outputs)
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
    fn call(&mut self, thread: Thread, at: Step, outputs: &mut Outputs) {
        let found = self.slot.owner.unwrap_or_default();
        let worker = self.worker(thread);
        worker.at = at;
        worker.found = found;
        outputs.push(Output::Called(thread));
    }

    /// What a thread was doing is over.
    fn rest(&mut self, thread: Thread, outputs: &mut Outputs) {
        let Worker { entries, report, watched, .. } = *self.worker(thread);
        *self.worker(thread) = Worker { entries, report, watched, ..Worker::default() };
        outputs.push(Output::Returned(thread));
    }

    /// A thread may begin something: it is in its loop and has acted on its report, if it must.
    fn is_free(&mut self, thread: Thread) -> Outcome {
        let batches = self.bounds.batches;
        let worker = self.worker(thread);
        if worker.at == Step::Rest && (batches || worker.report.is_none()) { Ok(()) } else { Err(Refusal::NotNow) }
    }

    fn unlocked(&self) -> Outcome {
        if self.lock.is_none() { Ok(()) } else { Err(Refusal::Busy) }
    }

    /// Takes a reference if the entry belongs to this group. A thread that finds it locked waits.
    ///
    /// A reference that is taken and returned at once because the group is another one does nothing but delay a thread that
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
    fn touch(&mut self, thread: Thread, outputs: &mut Outputs) {
        let found = self.worker(thread).found;
        let foreign = self.slot.tgid != 0 && self.slot.tgid != self.bounds.group(thread) && !self.slot.locked;
        if foreign || self.slot.owner.is_some_and(|owner| owner != found) {
            outputs.push(Output::Mixed(thread));
        }
    }

    /// The thread does not believe any more that it may run.
    fn leave(&mut self, thread: Thread, outputs: &mut Outputs) {
        let uses = self.conn == Conn::Used(thread);
        let worker = self.worker(thread);
        if core::mem::take(&mut worker.inside) && !uses {
            let found = worker.found;
            outputs.push(Output::Left(thread, found));
        }
    }

    fn kind(&self) -> Option<Kind> {
        let which = self.open?;
        self.bounds.kinds.get(which.index()).copied().flatten()
    }
}

impl Machine for Haproxy {
    type Protocol = Historical;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        match self.attempt(action, &mut outputs) {
            Ok(()) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}

/// What is shown in Stateright's Explorer: the state in words.
impl Debug for Haproxy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.described().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Design for Haproxy {
    /// OWN-11: at rest no thread is in the middle of anything.
    fn at_rest(&self) -> bool {
        self.workers.iter().all(|worker| worker.at == Step::Rest && worker.report.is_none())
    }

    fn in_words(&self) -> Vec<String> {
        self.described()
    }

    fn waits(&self) -> Vec<String> {
        self.waiting()
    }

    fn lanes(&self) -> Vec<String> {
        self.drawn_lanes()
    }

    fn flow(&self, action: &Action) -> Flow {
        Self::drawn(*action)
    }
}
