//! One worker's thread.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::runtime::{self, Runtime};
use tokio::sync::{mpsc as jobs, watch};
use tokio::task::LocalSet;

use super::handle::WorkerHandle;
use super::{Group, Reporter, Stopped, WorkerEnd};

/// What became of the futures that were spawned on a worker.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Ended {
    /// They ended by themselves.
    pub finished: usize,
    /// They panicked.
    pub panicked: usize,
    /// They were dropped, because the worker stopped.
    pub dropped: usize,
}

/// What a worker is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Run,
    /// By then.
    Stop(Instant),
}

type Job = Box<dyn FnOnce(&WorkerHandle) + Send>;

/// The other end of a worker.
pub(super) struct Thread {
    jobs: jobs::UnboundedSender<Job>,
    order: watch::Sender<Order>,
    /// Locked by no one: it is what makes this `Sync`.
    report: Mutex<mpsc::Receiver<Ended>>,
    handle: JoinHandle<()>,
}

impl Thread {
    /// Returns when it runs.
    pub(super) fn start(name: String, number: usize, core: Option<usize>, group: Group) -> io::Result<Self> {
        let (jobs, to_do) = jobs::unbounded_channel();
        let (order, orders) = watch::channel(Order::Run);
        let (reporter, report) = mpsc::sync_channel(1);
        let (ready, is_ready) = mpsc::sync_channel(1);
        let handle = std::thread::Builder::new().name(name).spawn(move || {
            let made = pin(core).and_then(|()| runtime::Builder::new_current_thread().enable_all().build());
            let made = made.map_err(|error| drop(ready.send(Err(error))));
            let Ok(runtime) = made else { return };
            // The thread that started it waits for this.
            let _ = ready.send(Ok(()));
            run(&runtime, WorkerHandle::new(number, group, orders.clone()), to_do, orders, &reporter);
        })?;
        let died = || Err(io::Error::other("the worker's thread has died"));
        is_ready.recv().unwrap_or_else(|_| died())?;
        Ok(Self { jobs, order, report: Mutex::new(report), handle })
    }

    pub(super) fn run(&self, job: impl FnOnce(&WorkerHandle) + Send + 'static) -> Result<(), Stopped> {
        self.jobs.send(Box::new(job)).map_err(|_| Stopped)
    }

    pub(super) fn tell(&self, deadline: Instant) {
        self.order.send_replace(Order::Stop(deadline));
    }

    /// How it ended, or that it has not by the time.
    pub(super) fn join(self, by: Instant) -> WorkerEnd {
        let report = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ended = match report.recv_timeout(by.saturating_duration_since(Instant::now())) {
            Ok(ended) => WorkerEnd::Ended(ended),
            Err(mpsc::RecvTimeoutError::Timeout) => return WorkerEnd::Blocked,
            // A thread that panics has no report, and ends without one.
            Err(mpsc::RecvTimeoutError::Disconnected) => WorkerEnd::Panicked,
        };
        // It has nothing more to do than to end. If this is that thread, it does so later.
        if self.handle.thread().id() != std::thread::current().id() {
            let _ = self.handle.join();
        }
        ended
    }
}

/// Until it is told to stop, and all futures have ended or were dropped.
fn run(
    runtime: &Runtime,
    here: WorkerHandle,
    to_do: jobs::UnboundedReceiver<Job>,
    orders: watch::Receiver<Order>,
    reporter: &Reporter,
) {
    let local = LocalSet::new();
    local.block_on(runtime, serve(&here, to_do, orders));
    {
        // What futures own may want to know where it is when it is dropped.
        let _context = runtime.enter();
        drop(local);
    }
    // There may be no receiver any more.
    let _ = reporter.send(here.census().ended());
}

async fn serve(here: &WorkerHandle, mut to_do: jobs::UnboundedReceiver<Job>, mut orders: watch::Receiver<Order>) {
    let deadline = loop {
        tokio::select! {
            biased;
            stop = stop(&mut orders) => break stop,
            job = to_do.recv() => match job {
                Some(job) => job(here),
                None => return,
            },
        }
    };
    // What was spawned before the stop is given its time too; what is spawned from now on is refused.
    to_do.close();
    while let Ok(job) = to_do.try_recv() {
        job(here);
    }
    let ended = here.census().all_ended();
    let left = deadline.saturating_duration_since(Instant::now());
    let _ = tokio::time::timeout(left, ended).await;
}

async fn stop(orders: &mut watch::Receiver<Order>) -> Instant {
    loop {
        if let Order::Stop(deadline) = *orders.borrow_and_update() {
            return deadline;
        }
        if orders.changed().await.is_err() {
            return Instant::now();
        }
    }
}

#[cfg(target_os = "linux")]
fn pin(core: Option<usize>) -> io::Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let Some(core) = core else { return Ok(()) };
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("there is no core {core}")));
    }
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(not(target_os = "linux"))]
fn pin(_: Option<usize>) -> io::Result<()> {
    Ok(())
}

impl Debug for Thread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("name", &self.handle.thread().name()).finish_non_exhaustive()
    }
}
