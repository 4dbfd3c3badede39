//! Futures that are polled on threads that can be held.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::paused;

/// Threads that have nothing to do.
pub(crate) struct Pool {
    runtime: Handle,
    idle: Vec<Thread>,
}

/// A future that is polled when it was woken and the test says so, and may be held within a poll.
pub(crate) struct Task {
    state: State,
}

type Woken = paused::Task<Pin<Box<dyn Future<Output = ()> + Send>>>;

enum State {
    Waits(Woken),
    Held(Thread, Arc<Mutex<Option<Woken>>>),
    Over,
}

impl Pool {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, idle: Vec::new() }
    }

    fn thread(&mut self) -> Thread {
        self.idle.pop().unwrap_or_else(|| Thread::start(self.runtime.clone()))
    }
}

impl Task {
    pub(crate) fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { state: State::Waits(Woken::new(Box::pin(future))) }
    }

    /// One that there is no more.
    pub(crate) fn over() -> Self {
        Self { state: State::Over }
    }

    /// Whether it would go on if it was let.
    pub(crate) fn can_go_on(&self) -> bool {
        match &self.state {
            State::Waits(future) => future.is_woken(),
            State::Held(..) => true,
            State::Over => false,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Lets it go on until it waits, is over, or is held.
    pub(crate) fn go_on(&mut self, pool: &mut Pool) {
        if !self.can_go_on() {
            return;
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Waits(mut future) => {
                let slot = Arc::new(Mutex::new(None));
                let left = Arc::clone(&slot);
                let poll = move || {
                    if future.poll().is_some_and(|polled| polled.is_pending()) {
                        *left.lock().unwrap_or_else(PoisonError::into_inner) = Some(future);
                    }
                };
                let thread = pool.thread();
                let now = thread.run(poll);
                self.settle(pool, thread, slot, now);
            }
            State::Held(thread, slot) => {
                let now = thread.go(Go::On);
                self.settle(pool, thread, slot, now);
            }
            State::Over => {}
        }
    }

    /// Drops it where it waits, or lets it panic where it is held.
    pub(crate) fn die(&mut self, pool: &mut Pool) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Waits(future) => {
                let thread = pool.thread();
                let now = thread.run(move || drop(future));
                self.settle(pool, thread, Arc::default(), now);
            }
            State::Held(thread, slot) => {
                let now = thread.go(Go::Crash);
                self.settle(pool, thread, slot, now);
            }
            State::Over => {}
        }
    }

    fn settle(&mut self, pool: &mut Pool, thread: Thread, slot: Arc<Mutex<Option<Woken>>>, now: Now) {
        self.state = match now {
            Now::Held => State::Held(thread, slot),
            Now::Idle => {
                pool.idle.push(thread);
                let left = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                left.map_or(State::Over, State::Waits)
            }
        };
    }
}

// Threads that can be held between two steps of the driver.
//
// The driver says what it did in an event of `tracing`, after each step and with no lock held. On these threads whoever
// listens to such events does not return before the test says so, so that everybody else's steps can come in between,
// and panics if the test wants it: that is a task that dies there.

type Job = Box<dyn FnOnce() + Send>;

/// How a thread goes on that is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Go {
    On,
    /// It panics where it is.
    Crash,
}

/// Where a thread is when the test has control.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Now {
    Held,
    Idle,
}

/// One thread, which runs one job at a time.
pub(crate) struct Thread {
    jobs: Sender<Job>,
    go: Sender<Go>,
    now: Receiver<Now>,
}

/// What a thread that is held waits for.
struct Hold {
    now: Sender<Now>,
    go: Receiver<Go>,
}

thread_local! {
    static HOLD: RefCell<Option<Hold>> = const { RefCell::new(None) };
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("handfast::lifecycle")
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {
        let go = HOLD.with_borrow(|hold| {
            let Hold { now, go } = hold.as_ref().expect("the listener listens on these threads alone");
            // A test that is over holds nobody.
            now.send(Now::Held).map_or(Go::On, |()| go.recv().unwrap_or(Go::On))
        });
        if go == Go::Crash {
            resume_unwind(Box::new(()));
        }
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

impl Thread {
    pub(crate) fn start(runtime: Handle) -> Self {
        let (jobs, received) = channel::<Job>();
        let (go, held_until) = channel();
        let (report, now) = channel();
        let finished = report.clone();
        std::thread::spawn(move || {
            HOLD.set(Some(Hold { now: report, go: held_until }));
            let _entered = runtime.enter();
            tracing::dispatcher::with_default(&Dispatch::new(Listener), || {
                for job in received {
                    // Whoever crashes is over; what it owned was dropped.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                    if finished.send(Now::Idle).is_err() {
                        return;
                    }
                }
            });
        });
        Self { jobs, go, now }
    }

    /// Runs a job until it is over or held.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> Now {
        self.jobs.send(Box::new(job)).expect("the thread waits for jobs");
        self.now.recv().expect("the thread says where it is")
    }

    /// Lets go of a thread that is held, until its job is over or held again.
    pub(crate) fn go(&self, go: Go) -> Now {
        self.go.send(go).expect("the thread is held");
        self.now.recv().expect("the thread says where it is")
    }
}
