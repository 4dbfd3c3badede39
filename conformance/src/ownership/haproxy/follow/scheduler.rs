//! The scheduler, and what the threads announce to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handfast_spec::ownership::{Fact, Thread};
use handfast_spec::{Observation, Recorded};
use model::ownership::haproxy::{Action, Extent, Haproxy};
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use super::super::{Probe, World};
use super::Fault;

type Trace = Vec<(Action, Vec<Fact>)>;

/// The trace, what the threads have announced, and the world.
#[derive(Debug)]
pub(super) struct Follower {
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    world: World,
    pub(super) trace: Trace,
    /// Steps of the trace that were begun.
    position: usize,
    /// The last of them, until it is known what it told.
    unsettled: Option<usize>,
    pub(super) seats: [Seat; 3],
    /// What was told in the step that was begun last.
    told: Vec<Fact>,
    /// After how many steps something was wrong, and what.
    pub(super) fault: Option<(usize, Fault)>,
}

/// A thread's own part of the trace.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) plan: VecDeque<(usize, Action)>,
    pub(super) task: Option<TaskId>,
    /// It has announced what it is about to do.
    waits: bool,
}

/// The thread does nothing more in this execution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped;

impl Follower {
    pub(super) fn new(extent: Extent) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::new(extent)) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Follower {
    type Stop = Stopped;

    fn at(&self, thread: Thread, action: Action) -> Result<(), Stopped> {
        {
            let mut state = self.state();
            let Some((place, planned)) = state.seats[thread.index()].plan.pop_front() else { return Err(Stopped) };
            if planned != action {
                state.fail(place + 1, Fault::Step { model: planned, code: Some(action) });
                return Err(Stopped);
            }
            state.seats[thread.index()].waits = true;
        }
        shuttle::thread::yield_now();
        if self.state().fault.is_some() { Err(Stopped) } else { Ok(()) }
    }

    fn wait(&self, thread: Thread) -> Result<(), Stopped> {
        let mut state = self.state();
        let length = state.position;
        state.fail(length, Fault::Waits(thread));
        Err(Stopped)
    }

    fn tell(&self, fact: impl FnOnce() -> Fact) {
        let fact = fact();
        self.state().told.push(fact);
    }

    fn world<R: Default>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        f(&mut self.state().world)
    }

    fn deletes_in_callback(&self, thread: Thread) -> bool {
        matches!(self.state().seats[thread.index()].plan.front(), Some((_, Action::Delete(_))))
    }
}

impl State {
    fn new(extent: Extent) -> Self {
        let seats = Default::default();
        let (trace, told) = (Vec::new(), Vec::new());
        Self { world: World::new(extent), trace, position: 0, unsettled: None, seats, told, fault: None }
    }

    fn restart(&mut self, trace: Trace, extent: Extent) {
        *self = Self::new(extent);
        for (place, (action, _)) in trace.iter().enumerate() {
            if let Some(thread) = thread(action) {
                self.seats[thread.index()].plan.push_back((place, *action));
            }
        }
        self.trace = trace;
    }

    pub(super) fn fail(&mut self, length: usize, fault: Fault) {
        self.fault.get_or_insert((length, fault));
    }

    /// The step that was begun last, if it was not settled, is over: it has told what the model tells.
    pub(super) fn settle(&mut self) {
        let code = std::mem::take(&mut self.told);
        let Some(last) = self.unsettled.take() else { return };
        let (_, model) = &self.trace[last];
        if *model != code {
            let fault = Fault::Told { model: model.clone(), code };
            self.fail(last + 1, fault);
        }
    }

    /// Begins the next step; the thread that takes it.
    fn advance(&mut self) -> Option<Thread> {
        loop {
            self.settle();
            if self.fault.is_some() {
                return None;
            }
            let (action, _) = self.trace.get(self.position)?;
            self.unsettled = Some(self.position);
            self.position += 1;
            match thread(action) {
                Some(thread) => return Some(thread),
                None => self.told = self.world.arrive().into_iter().collect(),
            }
        }
    }

    fn waits(&self, task: TaskId) -> bool {
        self.seats.iter().any(|seat| seat.task == Some(task) && seat.waits)
    }
}

/// Who takes an action.
fn thread(action: &Action) -> Option<Thread> {
    match *action {
        Action::Arrive => None,
        Action::Open(thread)
        | Action::Takeover(thread)
        | Action::Use(thread)
        | Action::List(thread)
        | Action::Migrate(thread, _)
        | Action::Delete(thread)
        | Action::Poll(thread)
        | Action::Step(thread, _) => Some(thread),
    }
}

/// The scheduler.
pub(super) struct Follow {
    pub(super) start: Recorded<Haproxy>,
    pub(super) extent: Extent,
    pub(super) traces: VecDeque<Vec<Action>>,
    pub(super) shared: Arc<Follower>,
}

impl Scheduler for Follow {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut state = self.shared.state();
        if state.fault.is_some() {
            return None;
        }
        let mut model = self.start.clone();
        let told = |action: &Action| match model.step(action) {
            Observation::Told(facts) => (*action, facts),
            Observation::Refused(refusal) => panic!("{action} is no step of the model: {refusal}"),
        };
        let trace = self.traces.pop_front()?.iter().map(told).collect();
        state.restart(trace, self.extent);
        Some(Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        let mut state = self.shared.state();
        // Somebody is on its way to its next announcement.
        if let Some(task) = runnable.iter().find(|task| !state.waits(task.id())) {
            return Some(task.id());
        }
        let next = state.advance();
        // When the trace is over or something is wrong, each thread is told so in turn.
        let seat = match next {
            Some(thread) => &mut state.seats[thread.index()],
            None => state.seats.iter_mut().find(|seat| seat.waits)?,
        };
        seat.waits = false;
        seat.task
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}
