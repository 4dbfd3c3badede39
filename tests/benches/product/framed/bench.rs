//! One connection between two threads, which is kept over all runs.
//!
//! Where the scheduler puts them makes more of a difference than what they do: a frame that comes back from the same processor takes
//! a third of the time of one that wakes another processor. So it is said here: what is only sent goes from the first
//! processor to the last one, what comes back stays on the first.

use std::marker::PhantomData;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::runtime::{Builder, Runtime};

use super::contenders::{Contender, pair, registered};

/// What the other thread is to do with the next frames.
#[derive(Clone, Copy)]
enum Task {
    /// Read so many and say so.
    Receive(usize),
    /// Send each of so many back.
    Echo(usize),
}

/// Both ends. The far one has a thread of its own.
pub(crate) struct Bench<C> {
    near: C,
    runtime: Runtime,
    payload: Bytes,
    tasks: Option<Sender<Task>>,
    done: Receiver<usize>,
    far: Option<JoinHandle<()>>,
    contender: PhantomData<C>,
}

/// The processors that this process began with.
static ALLOWED: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let allowed = sched_getaffinity(None).expect("it can be asked");
    (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect()
});

/// Has the calling thread run on one processor.
fn stay(on: Option<&usize>) {
    let mut one = CpuSet::new();
    one.set(*on.expect("there is one"));
    sched_setaffinity(None, &one).expect("it is allowed");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("there are threads")
}

impl<C: Contender> Bench<C> {
    pub(crate) fn new(length: usize) -> Self {
        let (near, far) = pair();
        let payload = Bytes::from(vec![0x5a; length]);
        let (tasks, to_do) = channel();
        let (tell, done) = channel();
        let echoed = payload.clone();
        stay(ALLOWED.first());
        let far = std::thread::spawn(move || {
            let runtime = runtime();
            runtime.block_on(async {
                let mut far = C::new(registered(far));
                while let Ok(task) = to_do.recv() {
                    let bytes = match task {
                        Task::Receive(count) => {
                            stay(ALLOWED.last());
                            far.receive(length, count).await
                        }
                        Task::Echo(count) => {
                            stay(ALLOWED.first());
                            let mut bytes = 0;
                            for _ in 0..count {
                                bytes += far.receive(length, 1).await;
                                far.send(&echoed).await;
                            }
                            bytes
                        }
                    };
                    let _ = tell.send(bytes);
                }
            });
        });
        let runtime = runtime();
        let near = runtime.block_on(async { C::new(registered(near)) });
        Self { near, runtime, payload, tasks: Some(tasks), done, far: Some(far), contender: PhantomData }
    }

    /// How long it takes until so many frames are with the other end.
    pub(crate) fn send(&mut self, count: usize, batched: bool) -> Duration {
        let Self { near, runtime, payload, tasks, done, .. } = self;
        let begin = Instant::now();
        tasks.as_ref().expect("it is there").send(Task::Receive(count)).expect("it waits");
        runtime.block_on(async {
            if batched {
                near.send_batch(payload, count).await;
            } else {
                for _ in 0..count {
                    near.send(payload).await;
                }
            }
        });
        assert_eq!(done.recv(), Ok(payload.len() * count));
        begin.elapsed()
    }

    /// How long it takes until so many frames have come back, one after the other.
    pub(crate) fn ping(&mut self, count: usize) -> Duration {
        let Self { near, runtime, payload, tasks, done, .. } = self;
        let begin = Instant::now();
        tasks.as_ref().expect("it is there").send(Task::Echo(count)).expect("it waits");
        runtime.block_on(async {
            for _ in 0..count {
                near.send(payload).await;
                near.receive(payload.len(), 1).await;
            }
        });
        assert_eq!(done.recv(), Ok(payload.len() * count));
        begin.elapsed()
    }
}

impl<C> Drop for Bench<C> {
    fn drop(&mut self) {
        self.tasks = None;
        self.far.take().into_iter().for_each(|far| far.join().expect("it does not panic"));
    }
}
