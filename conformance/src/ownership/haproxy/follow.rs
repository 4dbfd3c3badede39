//! A scheduler that follows a trace of a model on a port, one access of the named thread at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handfast_spec::Recorded;
use handfast_spec::ownership::Thread;
use model::ownership::haproxy::{Action, Bounds, Haproxy};
use serde::Deserialize;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, FailurePersistence, Runner};

use super::design::Design;
use super::process::{Around, Conn, Poller, Process};
use super::worker::{Hand, Worker};
use super::{Snapshot, Step};
use crate::ownership::families::Shuttle;

/// How often a thread may be run without coming to an access, before it is said to be stuck.
const PATIENCE: usize = 1_000;

/// A behaviour of a model: what is done, and what is to be seen before, in between and after.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What is done.
    pub actions: Vec<Action>,
    /// One more than actions.
    pub seen: Vec<Arc<Seen>>,
}

/// Where a port leaves a trace.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// In which of the traces.
    pub trace: usize,
    /// After how many of its actions.
    pub after: usize,
    /// What was to be seen.
    pub expected: Arc<Seen>,
    /// What was; `None` if a thread did not come to its next access.
    pub got: Option<Seen>,
}

/// What a port is at the end of a trace.
#[derive(Clone, Debug)]
pub struct End {
    /// The entry.
    pub entry: Snapshot,
    /// What surrounds it, with the rules that were seen to be broken.
    pub around: Around,
}

/// Follows one trace on a port, and says what the port is at its end.
///
/// # Errors
///
/// Where the port leaves it.
///
/// # Panics
///
/// If shuttle does not run it.
pub fn follow_to_end<D: Design>(bounds: Bounds, trace: Trace) -> Result<End, Box<Divergence>> {
    let (_, end) = run::<D>(bounds, vec![trace])?;
    Ok(end.expect("a trace that is not left has an end"))
}

/// Follows traces on a port, each on a fresh one. How many actions were taken.
///
/// # Errors
///
/// Where the port leaves the first one that it leaves.
pub fn follow<D: Design>(bounds: Bounds, traces: Vec<Trace>) -> Result<usize, Box<Divergence>> {
    run::<D>(bounds, traces).map(|(taken, _)| taken)
}

/// How many actions were taken, and the end of the last trace.
fn run<D: Design>(bounds: Bounds, traces: Vec<Trace>) -> Result<(usize, Option<End>), Box<Divergence>> {
    let stage = Arc::new(Mutex::new(Stage::<D>::new(traces)));
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let ours = Arc::clone(&stage);
    Runner::new(Follower { stage: Arc::clone(&stage) }, config).run(move || {
        let process = Process::new(bounds);
        at(&ours).process = Some(Arc::clone(&process));
        let threads: Vec<_> = bounds
            .each()
            .map(|thread| {
                let hand = Puppet { stage: Arc::clone(&ours), thread };
                let worker = Worker::new(Arc::clone(&process), thread, hand);
                shuttle::thread::spawn(move || worker.run())
            })
            .collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    });
    let mut stage = at(&stage);
    let ended = (stage.taken, stage.end.take());
    stage.divergence.take().map_or(Ok(ended), |divergence| Err(Box::new(divergence)))
}

/// What scheduler and threads share.
struct Stage<D: Design> {
    traces: Vec<Trace>,
    /// The present trace, and one to begin with next.
    trace: usize,
    after: usize,
    taken: usize,
    process: Option<Arc<Process<Shuttle, D>>>,
    /// At which access each thread waits.
    waits: Vec<Option<Step>>,
    /// What it may do.
    granted: Vec<Option<Action>>,
    idled: usize,
    divergence: Option<Divergence>,
    end: Option<End>,
}

fn at<D: Design>(stage: &Mutex<Stage<D>>) -> MutexGuard<'_, Stage<D>> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Design> Stage<D> {
    fn new(traces: Vec<Trace>) -> Self {
        let process = None;
        let (waits, granted) = (Vec::new(), Vec::new());
        Self { traces, trace: 0, after: 0, taken: 0, process, waits, granted, idled: 0, divergence: None, end: None }
    }

    fn see(&self) -> Option<Seen> {
        let process = self.process.as_ref()?;
        let at: Option<Vec<Step>> = self.waits.iter().copied().collect();
        let entry = process.entry.snapshot();
        let around = process.around();
        Some(Seen {
            entry,
            conn: around.conn,
            lock: around.lock,
            open: around.open,
            next: around.next,
            data: around.data,
            at: at?,
            pollers: around.pollers.clone(),
        })
    }

    /// All threads wait: which one is next? `None` at the end of the trace, and where the port has left it.
    fn grant(&mut self) -> Option<Thread> {
        loop {
            let got = self.see();
            let trace = &self.traces[self.trace];
            let expected = &trace.seen[self.after];
            if got.as_ref() != Some(&**expected) {
                let expected = Arc::clone(expected);
                self.divergence = Some(Divergence { trace: self.trace, after: self.after, expected, got });
                return None;
            }
            let Some(action) = trace.actions.get(self.after).copied() else {
                let process = self.process.as_ref()?;
                self.end = Some(End { entry: process.entry.snapshot(), around: process.around().clone() });
                return None;
            };
            self.after += 1;
            self.taken += 1;
            match action {
                Action::Arrive => {
                    self.process.as_ref()?.arrive();
                }
                Action::Open(thread)
                | Action::Takeover(thread)
                | Action::Use(thread)
                | Action::List(thread)
                | Action::Migrate(thread, _)
                | Action::Delete(thread)
                | Action::Poll(thread)
                | Action::Step(thread, _) => {
                    self.waits[thread.index()] = None;
                    self.granted[thread.index()] = Some(action);
                    return Some(thread);
                }
            }
        }
    }
}

struct Follower<D: Design> {
    stage: Arc<Mutex<Stage<D>>>,
}

impl<D: Design> Scheduler for Follower<D> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut stage = at(&self.stage);
        if stage.process.take().is_some() {
            stage.trace += 1;
        }
        let trace = stage.traces.get(stage.trace)?;
        let threads = trace.seen[0].at.len();
        if stage.divergence.is_some() {
            return None;
        }
        stage.after = 0;
        stage.idled = 0;
        stage.waits = vec![None; threads];
        stage.granted = vec![None; threads];
        Some(Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        let mut stage = at(&self.stage);
        // The first task spawns the threads, in their order.
        let index = |task: &Task| usize::from(task.id()).checked_sub(1);
        let busy = runnable.iter().find(|task| index(task).is_none_or(|thread| stage.waits[thread].is_none()));
        if let Some(task) = busy {
            stage.idled += 1;
            if stage.idled > PATIENCE {
                let expected = Arc::clone(&stage.traces[stage.trace].seen[stage.after]);
                let (trace, after) = (stage.trace, stage.after);
                stage.divergence = Some(Divergence { trace, after, expected, got: None });
                return None;
            }
            return Some(task.id());
        }
        stage.idled = 0;
        let thread = stage.grant()?;
        Some(TaskId::from(thread.index() + 1))
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// A hand that does what the stage grants.
struct Puppet<D: Design> {
    stage: Arc<Mutex<Stage<D>>>,
    thread: Thread,
}

impl<D: Design> Puppet<D> {
    /// Waits for a turn, and says what it is for. It is not used up.
    fn wait(&self, step: Step) -> Option<Action> {
        at(&self.stage).waits[self.thread.index()] = Some(step);
        shuttle::thread::yield_now();
        at(&self.stage).granted[self.thread.index()]
    }

    fn spend(&self) {
        at(&self.stage).granted[self.thread.index()] = None;
    }
}

impl<D: Design> Hand for Puppet<D> {
    fn next(&mut self) -> Option<Action> {
        let action = self.wait(Step::Rest)?;
        // Who acts on a report makes the first access at once; all else stops before it.
        if !matches!(action, Action::Step(..)) {
            self.spend();
        }
        Some(action)
    }

    fn reach(&mut self, step: Step) {
        let granted = at(&self.stage).granted[self.thread.index()];
        if granted.is_none() {
            self.wait(step);
        }
        self.spend();
    }

    fn deletes(&mut self) -> bool {
        let granted = self.wait(Step::Callback);
        self.spend();
        matches!(granted, Some(Action::Delete(_)))
    }
}

// What a model's state and a port look like to whoever compares them.

/// What is compared after each step: everything of the entry, of its surroundings, and which access each thread is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    pub(super) entry: Snapshot,
    pub(super) conn: Conn,
    pub(super) lock: Option<Thread>,
    pub(super) open: Option<u32>,
    pub(super) next: u32,
    pub(super) data: bool,
    pub(super) at: Vec<Step>,
    pub(super) pollers: Vec<Poller>,
}

/// What is serialized of a machine, as far as it is compared.
#[derive(Deserialize)]
struct Machine {
    slot: Slot,
    workers: Vec<Working>,
    conn: Conn,
    lock: Option<Thread>,
    open: Option<u32>,
    next: u32,
    data: bool,
}

#[derive(Deserialize)]
struct Slot {
    refs: u64,
    tgid: u64,
    running: u64,
    threads: u64,
    updates: u64,
    polled: u64,
    listed: u64,
    flags: Flags,
    owner: Option<u64>,
    generation: u64,
}

#[derive(Deserialize)]
struct Flags {
    active: bool,
    must_close: bool,
}

#[derive(Deserialize)]
struct Working {
    at: Step,
    #[serde(flatten)]
    poller: Poller,
}

/// What is to be seen in a state of a model.
///
/// # Panics
///
/// If the model does not serialize what is compared.
pub fn seen(state: &Recorded<Haproxy>, bounds: &Bounds) -> Seen {
    let value = serde_json::to_value(&state.machine).expect("a machine can be written");
    let machine: Machine = serde_json::from_value(value).expect("a machine has what is compared");
    let Slot { refs, tgid, running, threads, updates, polled, listed, flags, owner, generation } = machine.slot;
    let (active, must_close) = (flags.active, flags.must_close);
    let owner = owner.map_or(0, |which| which + 1);
    let group = tgid;
    let threads_there = usize::from(bounds.threads());
    let workers = &machine.workers[..threads_there];
    Seen {
        entry: Snapshot {
            refs,
            group,
            running,
            threads,
            updates,
            polled,
            listed,
            active,
            must_close,
            owner,
            generation,
        },
        conn: machine.conn,
        lock: machine.lock,
        open: machine.open,
        next: machine.next,
        data: machine.data,
        at: workers.iter().map(|worker| worker.at).collect(),
        pollers: workers.iter().map(|worker| worker.poller).collect(),
    }
}
