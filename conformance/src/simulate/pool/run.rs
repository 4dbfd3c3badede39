//! Workers with a pool, what is done with them, and what it must come to.

use std::future::poll_fn;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant as RealInstant};

use handfast::pool::{Ended, Local, NotIdle, Pool, Pooled, PutError, WorkerEnd, Workers};
use tokio::task::{coop::poll_proceed, yield_now};

use super::connection::{Key, Server, Wire};
use super::{Canary, Ending, Pooling, Setup, Step};
use crate::simulate::Plan;
use crate::simulate::executor::inject_panic;
use crate::simulate::lock::LockProbe;
use crate::simulate::oracle::{BALANCE, DEADLINE, OWED, Oracle, TRUTH, TURNS};

/// In real time: how long a worker may take for one thing.
const PATIENCE: Duration = Duration::from_secs(10);

/// In real time: how long stopping may take if every future ends when it is told to, and how long it is given if one
/// does not.
const STOPS: Duration = Duration::from_secs(3);
const GIVEN: Duration = Duration::from_millis(30);

/// Seconds by which the workers' clocks and the world's may differ.
pub(super) const APART: u64 = 4;

/// A key that no connection has.
pub(super) const NONE: Key = Key(u32::MAX);

pub(super) type Idle = Pool<Key, Wire>;

/// What a step does on a worker, and gives back.
type Put = Result<(), PutError<Wire>>;

pub(super) struct Run {
    pub(super) oracle: Oracle,
    /// They are there until they stop.
    pub(super) workers: Option<Arc<Mutex<Workers>>>,
    pub(super) pool: Option<Idle>,
    pub(super) setup: Setup,
    pub(super) canary: Option<Canary>,
    pub(super) lock: Arc<LockProbe>,
    /// Calls that the lock's probe made on each worker.
    pub(super) probed: Arc<[AtomicU64]>,
    /// Holds the workers' clocks, one for each worker, until it is dropped.
    pub(super) clocks: Vec<mpsc::Sender<()>>,
    pub(super) servers: Vec<Server>,
    pub(super) held: Vec<Pooled<Wire>>,
    /// The present moment in seconds.
    pub(super) now: u64,
    pub(super) turns: u64,
    pub(super) counts: Counts,
    /// What became of each worker's futures so far, and of which it will be.
    pub(super) ended: Vec<Ended>,
    pub(super) waiting: Vec<Vec<Ending>>,
}

/// What is to be counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) put: u64,
    pub(super) refused: u64,
    pub(super) local: u64,
    pub(super) over: u64,
    pub(super) missed: u64,
}

impl Run {
    pub(super) fn new(plan: &Plan<Pooling>, oracle: &Oracle) -> Self {
        let count = NonZeroU16::new(plan.setup.workers).expect("there is one at the least");
        let workers = Workers::start(count).expect("threads are to be had");
        let pool = Idle::new(&workers, plan.setup.config(plan.canary)).expect("no worker has stopped");
        let lock = Arc::new(LockProbe::new(oracle.clone()));
        let len = workers.len();
        let mut run = Self {
            oracle: oracle.clone(),
            workers: Some(Arc::new(Mutex::new(workers))),
            pool: Some(pool),
            setup: plan.setup.clone(),
            canary: plan.canary,
            lock,
            probed: (0..len).map(|_| AtomicU64::new(0)).collect(),
            clocks: Vec::new(),
            servers: Vec::new(),
            held: Vec::new(),
            now: 0,
            turns: 0,
            counts: Counts::default(),
            ended: vec![Ended::default(); len],
            waiting: vec![Vec::new(); len],
        };
        for worker in 0..len {
            let (hold, held) = mpsc::channel::<()>();
            run.clocks.push(hold);
            run.on(worker, move |_| {
                tokio::time::pause();
                // A clock that is paused does not move on by itself while a thread is busy.
                drop(tokio::task::spawn_blocking(move || _ = held.recv()));
            });
        }
        run
    }

    /// Does something on a worker and waits for it; none if it panicked.
    fn on<R: Send + 'static>(
        &mut self,
        worker: usize,
        what: impl FnOnce(&Local<Key, Wire>) -> R + Send + 'static,
    ) -> Option<R> {
        self.run(worker, move |local| {
            let done = what(&local);
            async move { done }
        })
    }

    fn run<R: Send + 'static, F: Future<Output = R> + 'static>(
        &mut self,
        worker: usize,
        what: impl FnOnce(Local<Key, Wire>) -> F + Send + 'static,
    ) -> Option<R> {
        let (pool, workers) = (self.pool.clone()?, self.workers.as_ref()?);
        let (give, given) = mpsc::channel();
        let spawned = locked(workers).spawn(worker, move |here| async move {
            let local = pool.local(&here);
            // When it is known that it is done, this has nothing of the pool any more.
            drop(pool);
            let done = what(local).await;
            let _ = give.send(done);
        });
        if spawned.is_err() {
            self.oracle.broken(OWED, format_args!("worker {worker} takes no future any more"));
            return None;
        }
        match given.recv_timeout(PATIENCE) {
            Ok(done) => {
                self.ended[worker].finished += 1;
                Some(done)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                self.ended[worker].panicked += 1;
                None
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                self.oracle.broken(TURNS, format_args!("worker {worker} does not come back"));
                None
            }
        }
    }

    fn worker(&self, number: usize) -> usize {
        number % self.ended.len()
    }

    pub(super) fn step(&mut self, step: &Step) {
        match *step {
            Step::Put { worker, key, tired, hash_panics } => {
                self.put_new(self.worker(worker), Key(key), tired, hash_panics)
            }
            Step::Take { worker, key } => self.take(self.worker(worker), Key(key)),
            Step::Return { held, worker } => {
                if held < self.held.len() {
                    let pooled = self.held.swap_remove(held);
                    let key = pooled.connection.server.state().key;
                    self.put(self.worker(worker), key, pooled, false, false);
                }
            }
            Step::Drop { held } => {
                if held < self.held.len() {
                    drop(self.held.swap_remove(held));
                }
            }
            Step::Disturb { connection, sends, is_reported } => {
                if let Some(server) = self.server(connection) {
                    server.disturb(if sends { NotIdle::Bytes } else { NotIdle::Closed });
                    if is_reported {
                        server.report();
                    }
                }
            }
            Step::Report { connection } => self.server(connection).into_iter().for_each(Server::report),
            Step::Fix { connection } => {
                if let Some(server) = self.server(connection) {
                    server.state().fails_to_move = true;
                }
            }
            Step::Spawn { worker, end } => self.spawn(self.worker(worker), end),
            Step::PanicAtOnce { worker } => self.panic_at_once(self.worker(worker)),
            Step::Pass { time } => {
                self.now += time;
                for worker in 0..self.ended.len() {
                    self.run(worker, move |_| tokio::time::advance(Duration::from_secs(time)));
                }
            }
        }
    }

    /// The connection that came so many before the last.
    fn server(&self, at: usize) -> Option<&Server> {
        self.servers.get(self.servers.len().checked_sub(at + 1)?)
    }

    fn put_new(&mut self, worker: usize, key: Key, tired: bool, hash_panics: bool) {
        let server = Server::new(self.servers.len(), key, self.now);
        server.state().loses_reports = self.canary == Some(Canary::LosesReports);
        self.servers.push(server.clone());
        let lock = Arc::clone(&self.lock);
        let Some(Ok(pooled)) = self.on(worker, move |_| Wire::open(server, lock).map(Pooled::new)) else { return };
        self.put(worker, key, pooled, tired, hash_panics);
    }

    fn put(&mut self, worker: usize, key: Key, mut pooled: Pooled<Wire>, tired: bool, hash_panics: bool) {
        let server = pooled.connection.server.clone();
        self.turns += 1;
        {
            let mut state = server.state();
            (state.idle, state.turn) = (Some((worker, self.now)), self.turns);
        }
        if self.canary == Some(Canary::ForgetsConnections) && self.turns.is_multiple_of(5) {
            std::mem::forget(pooled);
            return self.counts.put += 1;
        }
        if self.canary == Some(Canary::MakesYounger) {
            pooled.created_at = tokio::time::Instant::now() + Duration::from_secs(self.now);
        }
        let put: Option<Put> = self.run(worker, move |local| {
            let mut pooled = Some(pooled);
            poll_fn(move |cx| {
                // A budget that is spent must not make a connection seem idle that is not watched.
                while tired && let Poll::Ready(spent) = poll_proceed(cx) {
                    spent.made_progress();
                }
                if hash_panics {
                    Key::panics_next();
                }
                let put = local.put(key, pooled.take().expect("it is polled once"));
                Key::panics_no_more();
                Poll::Ready(put)
            })
        });
        match put {
            None => {
                self.oracle.holds(hash_panics, TRUTH, || format!("putting on worker {worker} panicked"));
                self.oracle.saw("a hash panics");
                self.oracle.since("a hash of a key has panicked");
                let mut state = server.state();
                state.idle = None;
                let is_closed = state.is_dropped;
                drop(state);
                self.oracle
                    .holds(is_closed, BALANCE, || "a key's hash panicked, and its connection is open".to_owned());
            }
            Some(Ok(())) => {
                self.oracle.saw("a connection is put");
                self.counts.put += 1;
            }
            Some(Err(PutError { pooled, reason })) => {
                self.oracle.saw("a connection is given back");
                self.counts.refused += 1;
                server.state().idle = None;
                let is_alive = server.state().not_idle.is_none();
                let keeps = self.setup.per_key > 0 && self.setup.total > 0;
                self.oracle.holds(!(is_alive && keeps), TRUTH, || format!("a connection is not put: {reason}"));
                drop(pooled);
            }
        }
    }

    fn take(&mut self, worker: usize, key: Key) {
        let expected = self.newest(worker, key);
        let misses = self.canary == Some(Canary::Misses) && self.turns.is_multiple_of(3);
        self.turns += 1;
        let taken = self.on(worker, move |local| if misses { None } else { local.take(&key) });
        let Some(Some(pooled)) = taken else {
            self.counts.missed += u64::from(!misses);
            self.oracle.saw("nothing is taken");
            return self.oracle.holds(expected.is_none(), TRUTH, || {
                format!("worker {worker} finds none, and connection {expected:?} is idle")
            });
        };
        let mut state = pooled.connection.server.state();
        let Some((owner, since)) = state.idle.take() else {
            return self.oracle.broken("OWN-1", format_args!("connection {} is given twice", state.id));
        };
        self.oracle.saw("a connection is taken");
        if owner == worker {
            self.counts.local += 1;
        } else {
            self.oracle.saw("a connection is taken over");
            self.counts.over += 1;
        }
        state.uses += 1;
        let (id, uses) = (state.id, state.uses);
        let (idle, age) = (self.now - since, self.now - state.created_at);
        let is_young = idle <= self.setup.idle + APART && age <= self.setup.age + APART;
        let is_alive = state.not_idle.is_none() || !(self.setup.probe || state.is_reported);
        let is_it = state.key == key && pooled.uses == uses;
        drop(state);
        self.oracle.holds(is_it && is_young && is_alive, TRUTH, || {
            format!("connection {id} is given: right {is_it}, alive {is_alive}, idle for {idle} s, {age} s old")
        });
        let is_newest = expected.is_none_or(|expected| expected == id);
        self.oracle.holds(is_newest, TRUTH, || format!("connection {id} is given, and {expected:?} is the newest"));
        self.held.push(pooled);
    }

    /// The connection of its own that a worker is to be given, if it is certain which.
    fn newest(&self, worker: usize, key: Key) -> Option<usize> {
        let is_own = |server: &&Server| {
            let state = server.state();
            state.idle.is_some_and(|(owner, _)| owner == worker) && state.key == key && !state.is_dropped
        };
        let is_certain = |server: &Server| {
            let state = server.state();
            let idle = state.idle.map_or(0, |(_, since)| self.now - since);
            let is_young = idle + APART < self.setup.idle && self.now - state.created_at + APART < self.setup.age;
            is_young && state.not_idle.is_none()
        };
        let newest = self.servers.iter().filter(is_own).max_by_key(|server| server.state().turn)?;
        is_certain(newest).then(|| newest.state().id)
    }

    fn spawn(&mut self, worker: usize, end: Ending) {
        let (begun, has_begun) = mpsc::channel();
        let Some(workers) = &self.workers else { return };
        let spawned = locked(workers).spawn(worker, move |here| async move {
            let _ = begun.send(());
            match end {
                Ending::PanicsNow => inject_panic(),
                Ending::Never => std::future::pending().await,
                Ending::InOrder | Ending::Panics => here.stopping().await,
            }
            if end == Ending::Panics {
                inject_panic();
            }
        });
        if spawned.is_err() || has_begun.recv_timeout(PATIENCE).is_err() {
            return self.oracle.broken(OWED, format_args!("worker {worker} runs no future any more"));
        }
        match end {
            Ending::PanicsNow => {
                self.oracle.saw("a future panics");
                self.ended[worker].panicked += 1;
            }
            Ending::InOrder | Ending::Panics | Ending::Never => self.waiting[worker].push(end),
        }
    }

    fn panic_at_once(&mut self, worker: usize) {
        self.oracle.saw("a closure panics");
        self.oracle.since("a closure given to spawn has panicked");
        let Some(workers) = &self.workers else { return };
        let spawned = locked(workers).spawn(worker, move |_| -> std::future::Ready<()> { inject_panic() });
        if let Ok(handle) = spawned {
            drop(handle);
        }
        self.ended[worker].panicked += 1;
    }

    /// Lets all workers go on until none has anything to do.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..2 {
            for worker in 0..self.ended.len() {
                if !self.oracle.has_found() {
                    self.run(worker, |_| async {
                        for _ in 0..8 {
                            yield_now().await;
                        }
                    });
                }
            }
        }
    }

    /// The pool goes, the workers stop, and nothing is left.
    pub(super) fn stop(mut self) {
        self.lock.forget();
        if !self.oracle.has_found() {
            for worker in 0..self.ended.len() {
                self.on(worker, |_| tokio::time::resume());
            }
        }
        self.clocks.clear();
        let is_first = self.turns.is_multiple_of(2);
        if is_first {
            // The pool goes before its workers: what is idle is closed, and the workers run on.
            self.pool = None;
            self.check_closed("the pool is gone");
        }
        let waits = self.waiting.iter().flatten().any(|end| *end == Ending::Never);
        for (ended, waiting) in self.ended.iter_mut().zip(&self.waiting) {
            ended.finished += waiting.iter().filter(|end| **end == Ending::InOrder).count();
            ended.panicked += waiting.iter().filter(|end| **end == Ending::Panics).count();
            ended.dropped += waiting.iter().filter(|end| **end == Ending::Never).count();
        }
        for (ended, probed) in self.ended.iter_mut().zip(self.probed.iter()) {
            ended.finished += probed.load(Relaxed) as usize;
        }
        let Some(workers) = self.workers.take().and_then(Arc::into_inner) else {
            return self.oracle.broken(BALANCE, "the workers are kept by something");
        };
        let begun = RealInstant::now();
        let within = if waits { GIVEN } else { PATIENCE };
        let workers = workers.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut report = workers.stop(within);
        if let (Some(Canary::MiscountsEnds), Some(WorkerEnd::Ended(ended))) = (self.canary, report.workers.first_mut())
        {
            ended.finished += 1;
        }
        let took = begun.elapsed();
        if self.oracle.has_found() {
            return;
        }
        self.oracle.saw("workers stop");
        if waits {
            self.oracle.saw("a future is dropped by a stop");
        }
        self.oracle.holds(took <= within.min(STOPS) + STOPS / 2, DEADLINE, || format!("stopping took {took:?}"));
        let expected: Vec<WorkerEnd> = self.ended.iter().copied().map(WorkerEnd::Ended).collect();
        self.oracle.holds(report.workers == expected, TRUTH, || format!("{report:?}, and it was {expected:?}"));
        self.pool = None;
        self.check_closed("the workers have stopped");
        self.held.clear();
        let left = self.servers.iter().filter(|server| !server.state().is_dropped).count();
        self.oracle.holds(left == 0, BALANCE, || format!("{left} connections are open when everything is dropped"));
    }

    /// Nothing is idle any more.
    fn check_closed(&self, when: &str) {
        let is_left = |server: &&Server| {
            let state = server.state();
            state.idle.is_some() && !state.is_dropped
        };
        let left: Vec<usize> = self.servers.iter().filter(is_left).map(|server| server.state().id).collect();
        self.oracle.holds(left.is_empty(), BALANCE, || format!("{when}, and connections {left:?} are open"));
    }
}

pub(super) fn locked(workers: &Mutex<Workers>) -> MutexGuard<'_, Workers> {
    workers.lock().unwrap_or_else(PoisonError::into_inner)
}
