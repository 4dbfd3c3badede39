//! The tasks of a run: polled when they were woken, dropped where they wait, and once more without a wake-up.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep_until};

use super::oracle::{BALANCE, DEADLINE, OWED, Oracle, PANIC, REST, TURNS};

/// Polls at one moment after which tasks are taken to wake each other for ever.
const POLLS: u32 = 200_000;

/// Turns of the runtime in which nothing happens, after which its own tasks have come to rest.
const QUIET_TURNS: u32 = 3;

/// The payload of a panic that was meant. It is not printed.
#[derive(Debug)]
pub struct Injected;

/// Panics as a user's code may.
pub fn inject_panic() -> ! {
    std::panic::resume_unwind(Box::new(Injected))
}

/// A task of a run.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TaskId(usize);

/// Polls the tasks of a run.
pub struct Executor {
    tasks: Vec<Task>,
    ready: Arc<Ready>,
    is_probing: Arc<AtomicBool>,
    oracle: Oracle,
    random: StdRng,
}

struct Task {
    name: String,
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    waker: Arc<TaskWaker>,
    /// How often it may still pend before it is dropped.
    patience: Option<u32>,
    due: Option<Instant>,
    /// It may be polled without a wake-up.
    is_probed: bool,
}

/// Tasks that were woken.
#[derive(Default)]
struct Ready {
    woken: Mutex<Vec<usize>>,
    notify: tokio::sync::Notify,
}

struct TaskWaker {
    task: usize,
    is_woken: AtomicBool,
    ready: Arc<Ready>,
}

impl Ready {
    fn woken(&self) -> MutexGuard<'_, Vec<usize>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Relaxed) {
            self.ready.woken().push(self.task);
            self.ready.notify.notify_one();
        }
    }
}

impl Executor {
    pub(super) fn new(oracle: Oracle, random: StdRng) -> Self {
        Self { tasks: Vec::new(), ready: Arc::default(), is_probing: Arc::default(), oracle, random }
    }

    /// Returns the oracle of the run.
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// Returns a flag that is set while tasks are polled without a wake-up. A transport then chooses nothing by chance.
    pub fn is_probing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_probing)
    }

    /// Adds a task. With patience it is dropped where it waits when it has pended so often.
    pub fn spawn(
        &mut self,
        name: impl Into<String>,
        patience: Option<u32>,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        self.add(name.into(), patience, true, Box::pin(future))
    }

    /// Adds a task that belongs to the world and not to a driver: it is not polled without a wake-up, and at the end
    /// it is not waited for.
    pub fn spawn_world(&mut self, name: impl Into<String>, future: impl Future<Output = ()> + 'static) -> TaskId {
        self.add(name.into(), None, false, Box::pin(future))
    }

    fn add(
        &mut self,
        name: String,
        patience: Option<u32>,
        is_probed: bool,
        future: Pin<Box<dyn Future<Output = ()>>>,
    ) -> TaskId {
        let task = self.tasks.len();
        let ready = Arc::clone(&self.ready);
        let waker = Arc::new(TaskWaker { task, is_woken: AtomicBool::new(false), ready });
        waker.wake_by_ref();
        self.tasks.push(Task { name, future: Some(future), waker, patience, due: None, is_probed });
        TaskId(task)
    }

    /// Says when a task is to be over. The earliest moment counts.
    pub fn due(&mut self, task: TaskId, due: Instant) {
        let known = &mut self.tasks[task.0].due;
        *known = Some(known.map_or(due, |known| known.min(due)));
    }

    /// Wakes a task, as anything may at any time.
    pub fn nudge(&self, task: TaskId) {
        self.tasks[task.0].waker.wake_by_ref();
    }

    /// Whether a task is over or was dropped.
    pub fn is_over(&self, task: TaskId) -> bool {
        self.tasks[task.0].future.is_none()
    }

    /// Drops a task where it waits.
    pub fn cancel(&mut self, task: TaskId) {
        if self.tasks[task.0].future.is_some() {
            self.oracle.saw("a task is cancelled");
            self.drop_task(task.0);
        }
    }

    fn drop_task(&mut self, task: usize) {
        let future = self.tasks[task].future.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
        if let Err(payload) = dropped {
            self.panicked(task, payload.as_ref());
        }
    }

    fn panicked(&self, task: usize, payload: &(dyn std::any::Any + Send)) {
        if payload.is::<Injected>() {
            return self.oracle.saw("a panic that was meant");
        }
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        self.oracle.broken(PANIC, format_args!("{} panicked: {text}", self.tasks[task].name));
    }

    fn next_woken(&mut self) -> Option<usize> {
        let mut woken = self.ready.woken();
        if woken.is_empty() {
            return None;
        }
        let at = self.random.random_range(0..woken.len());
        Some(woken.swap_remove(at))
    }

    /// Polls a task once. Returns whether it is over.
    fn poll(&mut self, task: usize) -> bool {
        let Task { name, future, waker, is_probed, .. } = &mut self.tasks[task];
        let Some(future) = future else { return true };
        waker.is_woken.store(false, Ordering::Relaxed);
        self.oracle.begin_poll(*is_probed);
        if *is_probed {
            self.oracle.trace(&name);
        }
        let waker = Waker::from(Arc::clone(waker));
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
        match polled {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(())) => {}
            Err(payload) => self.panicked(task, payload.as_ref()),
        }
        self.drop_task(task);
        true
    }

    /// Lets tasks go on until all of them wait, at the present moment.
    pub async fn settle(&mut self) {
        let (mut polls, mut quiet) = (0, 0);
        while quiet < QUIET_TURNS && !self.oracle.has_found() {
            let before = self.oracle.progress();
            let Some(task) = self.next_woken() else {
                // Tasks of the runtime, and timers that are due, have their turn.
                yield_now().await;
                let is_quiet = self.ready.woken().is_empty() && before == self.oracle.progress();
                quiet = if is_quiet { quiet + 1 } else { 0 };
                continue;
            };
            quiet = 0;
            polls += 1;
            if polls > POLLS {
                let name = &self.tasks[task].name;
                return self.oracle.broken(TURNS, format_args!("{POLLS} polls at one moment, the last of {name}"));
            }
            if !self.poll(task) {
                self.lose_patience(task);
            }
            // One poll for each turn, so that each has a budget of its own.
            yield_now().await;
        }
        self.look_at_deadlines();
    }

    fn lose_patience(&mut self, task: usize) {
        let Some(patience) = &mut self.tasks[task].patience else { return };
        *patience = patience.saturating_sub(1);
        if *patience == 0 {
            self.oracle.saw("a future is dropped where it waits");
            self.drop_task(task);
        }
    }

    fn look_at_deadlines(&self) {
        let now = Instant::now();
        let late = self.tasks.iter().find(|task| task.future.is_some() && task.due.is_some_and(|due| due < now));
        if let Some(Task { name, due: Some(due), .. }) = late {
            self.oracle.broken(DEADLINE, format_args!("{name} was to be over {:?} ago", now - *due));
        }
    }

    /// Lets time pass. Each timer fires at its moment.
    pub async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        let mut over = pin!(sleep_until(until));
        while !self.oracle.has_found() {
            self.settle().await;
            if Instant::now() >= until {
                return;
            }
            let ready = Arc::clone(&self.ready);
            let mut woken = pin!(ready.notify.notified());
            // With all tasks at rest the paused clock moves on to the next timer, and no further.
            poll_fn(|cx| if woken.as_mut().poll(cx).is_ready() { Poll::Ready(()) } else { over.as_mut().poll(cx) })
                .await;
        }
    }

    /// Lets the clock jump, as when the machine was suspended: every timer in between fires late.
    pub async fn jump(&mut self, time: Duration) {
        self.settle().await;
        self.oracle.saw("the clock jumps");
        advance(time).await;
        self.settle().await;
    }

    /// Polls every task that waits once more without a wake-up. Nothing may come of it.
    pub async fn probe(&mut self) {
        for task in 0..self.tasks.len() {
            let Task { future, waker, is_probed, .. } = &self.tasks[task];
            if future.is_none() || !is_probed || waker.is_woken.load(Ordering::Relaxed) || self.oracle.has_found() {
                continue;
            }
            let before = self.oracle.progress();
            self.is_probing.store(true, Ordering::Relaxed);
            let is_over = self.poll(task);
            self.is_probing.store(false, Ordering::Relaxed);
            if is_over || self.oracle.progress() != before {
                let (name, last) = (&self.tasks[task].name, self.oracle.last());
                let what = if is_over { "came to its end" } else { last };
                self.oracle.broken(REST, format_args!("{name} could go on and was not woken: {what}"));
            }
            yield_now().await;
        }
        self.settle().await;
    }

    /// Every task but the world's is over.
    pub fn expect_all_over(&self) {
        let left = self.tasks.iter().filter(|task| task.is_probed && task.future.is_some());
        let left: Vec<&str> = left.map(|task| task.name.as_str()).collect();
        self.oracle.holds(left.is_empty(), OWED, || format!("these wait for what cannot come: {}", left.join(", ")));
    }

    /// Drops every task.
    pub fn drop_all(&mut self) {
        (0..self.tasks.len()).for_each(|task| self.drop_task(task));
    }

    /// Nothing holds a waker of a task any more, now that everything was dropped.
    pub fn expect_no_wakers(&self) {
        let kept = self.tasks.iter().find(|task| Arc::strong_count(&task.waker) > 1);
        if let Some(Task { name, .. }) = kept {
            self.oracle.broken(BALANCE, format_args!("a waker of {name} is kept after everything was dropped"));
        }
    }

    /// Returns the number of tasks that wait.
    pub fn waiting(&self) -> usize {
        self.tasks.iter().filter(|task| task.is_probed && task.future.is_some()).count()
    }
}
