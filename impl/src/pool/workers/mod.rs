//! Threads that each run futures of their own.

mod handle;
mod thread;

use std::future::Future;
use std::io;
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::FOREVER;
use crate::ownership::core::WORKERS;

pub use handle::WorkerHandle;
pub use thread::Ended;
use thread::Thread;

/// How workers are started.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Builder {
    count: NonZeroU16,
    cores: Vec<usize>,
    name: String,
}

/// Threads, each with a tokio runtime, and so a poller, of its own. A future runs on the worker that it was spawned
/// on, and need not be [`Send`].
///
/// Dropping them is [`stop`](Self::stop) with no time to end.
#[derive(Debug)]
#[must_use = "dropping workers stops them"]
pub struct Workers {
    threads: Vec<Thread>,
    group: Group,
}

/// Which workers belong together.
#[derive(Clone, Debug)]
pub(in crate::pool) struct Group(Arc<()>);

/// The worker has stopped.
#[derive(Clone, Copy, Debug, Eq, thiserror::Error, Hash, PartialEq)]
#[error("the worker has stopped")]
pub struct Stopped;

/// Why a future gives nothing.
#[derive(Clone, Copy, Debug, Eq, thiserror::Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum JoinError {
    /// It panicked, or the closure that was to make it.
    #[error("the future panicked")]
    Panicked,
    /// Its worker stopped before it ended.
    #[error("the worker stopped before the future ended")]
    Stopped,
}

/// What a future that was spawned on a worker gives. Dropping this lets the future run on.
#[derive(Debug)]
pub struct JoinHandle<T>(oneshot::Receiver<Result<T, JoinError>>);

/// What the workers did, one entry for each.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[must_use = "it says whether everything ended"]
pub struct Report {
    /// How each worker ended.
    pub workers: Vec<WorkerEnd>,
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum WorkerEnd {
    /// Its thread has ended, and this became of its futures.
    Ended(Ended),
    /// A future blocks its thread, which is left to itself.
    Blocked,
    /// Its thread has panicked. No future can do that to it: it is a fault of the runtime's, or of a thread-local's `Drop`.
    Panicked,
}

impl WorkerEnd {
    /// Returns what became of the futures, if the thread has ended as it should.
    pub fn ended(self) -> Option<Ended> {
        match self {
            Self::Ended(ended) => Some(ended),
            Self::Blocked | Self::Panicked => None,
        }
    }
}

impl Builder {
    /// Begins with `count` workers, as a rule one for each core.
    ///
    /// # Panics
    ///
    /// If there are more than 1024, which is what fits a word of the table.
    pub fn new(count: NonZeroU16) -> Self {
        assert!(count.get() <= WORKERS, "at most 1024 workers");
        Self { count, cores: Vec::new(), name: "worker".to_owned() }
    }

    /// Pins worker *n* to the *n*th of these cores, from the beginning again where there are more workers. Only on
    /// Linux; elsewhere nothing is pinned.
    pub fn pin(mut self, cores: impl Into<Vec<usize>>) -> Self {
        self.cores = cores.into();
        self
    }

    /// Names the threads, each with its number behind; otherwise they are `worker`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Starts the workers.
    ///
    /// # Errors
    ///
    /// If a thread or its runtime could not be made, or not be pinned. Those that were started are stopped.
    pub fn start(self) -> io::Result<Workers> {
        let group = Group(Arc::new(()));
        // What was started is dropped, and so stopped, with the vector.
        let mut workers = Workers { threads: Vec::new(), group };
        for number in 0..usize::from(self.count.get()) {
            let core = (!self.cores.is_empty()).then(|| self.cores[number % self.cores.len()]);
            let name = format!("{}-{number}", self.name);
            workers.threads.push(Thread::start(name, number, core, workers.group.clone())?);
        }
        Ok(workers)
    }
}

impl Workers {
    /// Starts `count` workers, not pinned.
    ///
    /// # Errors
    ///
    /// As [`Builder::start`].
    ///
    /// # Panics
    ///
    /// As [`Builder::new`].
    pub fn start(count: NonZeroU16) -> io::Result<Self> {
        Builder::new(count).start()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// Whether there is no worker, which is never so.
    pub fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Runs a future on a worker. `make` is called there, and what it makes never leaves.
    ///
    /// # Errors
    ///
    /// If the worker has stopped.
    ///
    /// # Panics
    ///
    /// If there is no worker of that number.
    pub fn spawn<F>(
        &self,
        worker: usize,
        make: impl FnOnce(WorkerHandle) -> F + Send + 'static,
    ) -> Result<JoinHandle<F::Output>, Stopped>
    where
        F: Future<Output: Send> + 'static,
    {
        let (give, given) = oneshot::channel();
        self.threads[worker].run(move |here| {
            let there = here.clone();
            // `make` is called in the task, which contains a panic of its own.
            here.spawn(async move {
                let giver = Giver(Some(give));
                let output = make(there).await;
                giver.give(output);
            });
        })?;
        Ok(JoinHandle(given))
    }

    /// Runs a future that the worker does not wait for when it stops.
    pub(in crate::pool) fn spawn_detached<F>(
        &self,
        worker: usize,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> Result<(), Stopped>
    where
        F: Future<Output = ()> + 'static,
    {
        self.threads[worker].run(move |_| drop(tokio::task::spawn_local(make())))
    }

    pub(in crate::pool) fn group(&self) -> Group {
        self.group.clone()
    }

    /// Tells the workers to stop ([`WorkerHandle::stopping`]) and gives their futures so much time to end; those that have
    /// not ended by then are dropped where they wait. Returns when all have stopped, but no later than a second after
    /// the deadline.
    pub fn stop(mut self, within: Duration) -> Report {
        self.stop_within(within)
    }

    fn stop_within(&mut self, within: Duration) -> Report {
        let deadline = Instant::now() + within.min(FOREVER);
        self.threads.iter().for_each(|thread| thread.tell(deadline));
        let workers = self.threads.drain(..).map(|thread| thread.join(deadline + BLOCKED)).collect();
        Report { workers }
    }
}

/// How long after the deadline a worker is taken to be blocked.
const BLOCKED: Duration = Duration::from_secs(1);

impl Drop for Workers {
    fn drop(&mut self) {
        let _ = self.stop_within(Duration::ZERO);
    }
}

impl Report {
    /// Whether every future ended by itself and without a panic.
    pub fn is_clean(&self) -> bool {
        let is_clean = |ended: Ended| ended.dropped == 0 && ended.panicked == 0;
        self.workers.iter().all(|worker| worker.ended().is_some_and(is_clean))
    }
}

impl<T> JoinHandle<T> {
    /// Blocks the thread, which must not be a worker, until the future has ended.
    ///
    /// # Errors
    ///
    /// If it panicked, or its worker stopped before.
    pub fn wait(self) -> Result<T, JoinError> {
        // A sender that is gone without a word was in a task that never ran.
        self.0.blocking_recv().unwrap_or(Err(JoinError::Stopped))
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|given| given.unwrap_or(Err(JoinError::Stopped)))
    }
}

/// Says what became of a future, also if that is a panic.
struct Giver<T>(Option<oneshot::Sender<Result<T, JoinError>>>);

impl<T> Giver<T> {
    fn give(mut self, output: T) {
        if let Some(give) = self.0.take() {
            // There may be no receiver any more.
            let _ = give.send(Ok(output));
        }
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        let reason = if std::thread::panicking() { JoinError::Panicked } else { JoinError::Stopped };
        if let Some(give) = self.0.take() {
            let _ = give.send(Err(reason));
        }
    }
}

impl Group {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Where a worker says how it ended.
type Reporter = mpsc::SyncSender<Ended>;
