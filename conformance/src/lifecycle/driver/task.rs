//! Futures that are polled on threads that can be held.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Handle;

use crate::lifecycle::driver::held::{Go, Now, Thread};

/// Threads that have nothing to do.
pub(crate) struct Pool {
    runtime: Handle,
    idle: Vec<Thread>,
}

/// A future that is polled when it was woken and the test says so, and may be held within a poll.
pub(crate) struct Task {
    state: State,
    flag: Arc<Flag>,
}

type Future_ = Pin<Box<dyn Future<Output = ()> + Send>>;

enum State {
    Waits(Future_),
    Held(Thread, Arc<Mutex<Option<Future_>>>),
    Over,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
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
        Self { state: State::Waits(Box::pin(future)), flag: Arc::new(Flag(AtomicBool::new(true))) }
    }

    /// One that there is no more.
    pub(crate) fn over() -> Self {
        Self { state: State::Over, flag: Arc::default() }
    }

    /// Whether it would go on if it was let.
    pub(crate) fn can_go_on(&self) -> bool {
        match &self.state {
            State::Waits(_) => self.flag.0.load(Ordering::Relaxed),
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
                self.flag.0.store(false, Ordering::Relaxed);
                let waker = Waker::from(Arc::clone(&self.flag));
                let slot = Arc::new(Mutex::new(None));
                let left = Arc::clone(&slot);
                let poll = move || match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Pending => *left.lock().unwrap_or_else(PoisonError::into_inner) = Some(future),
                    Poll::Ready(()) => {}
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

    fn settle(&mut self, pool: &mut Pool, thread: Thread, slot: Arc<Mutex<Option<Future_>>>, now: Now) {
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
