//! The idle pool beside its rivals. See the README.

mod contenders;

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use criterion::Criterion;
use handfast::pool::{Config, Connection, Pool, Pooled, WorkerHandle, Workers};
use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use tokio::net::UnixStream;

use contenders::{Contender, Deadpool, Handfast, LockedMap, Pingora, Watched};

/// The time that this thread had a processor: others use this machine, too.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// So many times on each worker at once; the longest time.
fn run(contender: &impl Contender, workers: &Workers, times: u64) -> Duration {
    let barrier = Arc::new(Barrier::new(workers.len()));
    let running = Arc::new(AtomicUsize::new(workers.len()));
    let spawned: Vec<_> = (0..workers.len())
        .map(|number| {
            let (contender, barrier, running) = (contender.clone(), Arc::clone(&barrier), Arc::clone(&running));
            let turns = async move |here| {
                let mut local = contender.fill(&here);
                barrier.wait();
                let begin = spent();
                for _ in 0..times {
                    contender.turn(&mut local).await;
                }
                let took = spent() - begin;
                // Nobody takes away what another one still measures with, or needs this worker's tasks for.
                running.fetch_sub(1, Ordering::SeqCst);
                while running.load(Ordering::SeqCst) != 0 {
                    tokio::task::yield_now().await;
                }
                contender.clear(local);
                took
            };
            workers.spawn(number, turns).expect("the worker runs")
        })
        .collect();
    spawned.into_iter().map(|spawned| spawned.wait().expect("no panic")).max().unwrap_or_default()
}

fn one<C: Contender>(criterion: &mut Criterion, name: &str, count: u16, make: impl Fn(&Workers) -> C) {
    let mut group = criterion.benchmark_group(format!("pool/take and put, {count} workers"));
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(15);
    let workers = Workers::start(NonZeroU16::new(count).expect("some")).expect("threads can be made");
    let contender = make(&workers);
    group.bench_function(name, |bencher| bencher.iter_custom(|times| run(&contender, &workers, times)));
}

fn local(criterion: &mut Criterion) {
    for count in [1, 2] {
        one(criterion, "handfast", count, |workers| Handfast::new(workers, false));
        one(criterion, "handfast, probed", count, |workers| Handfast::new(workers, true));
        one(criterion, "pingora-pool, watched", count, |_| Watched::default());
        one(criterion, "pingora-pool, not watched", count, |_| Pingora::default());
        one(criterion, "deadpool, not watched", count, Deadpool::new);
        one(criterion, "Mutex<HashMap>, not watched", count, |_| LockedMap::default());
    }
}

/// How many connections go from one worker to the other at a time.
const BATCH: u64 = 32;

/// The first worker takes what the second one has put; only the taking is measured.
fn takeover(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pool/take over, from the other worker");
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(15);
    let workers = Workers::start(NonZeroU16::new(2).expect("some")).expect("threads can be made");
    for (name, probe) in [("handfast", false), ("handfast, probed", true)] {
        let config = Config::default().with_probe(probe).with_descriptors(4096);
        let pool: Pool<u64, UnixStream> = Pool::new(&workers, config).expect("they run");
        let (from, to) = (pool.clone(), pool);
        let put = move |here: &WorkerHandle, connection| {
            from.local(here).put(1, Pooled::new(connection)).expect("it is idle");
        };
        let take = move |here: &WorkerHandle| to.local(here).take(&1).expect("the other worker has it").connection;
        group.bench_function(name, |bencher| bencher.iter_custom(|times| batches(&workers, times, &put, &take)));
    }
    let shared: Arc<Mutex<HashMap<u64, Vec<UnixStream>>>> = Arc::default();
    let by_hand = Arc::clone(&shared);
    let put = move |_: &WorkerHandle, connection| shared.lock().entry(1).or_default().push(connection);
    let take = move |_: &WorkerHandle| {
        let taken = by_hand.lock().get_mut(&1).and_then(Vec::pop).expect("the other worker has put it");
        taken.reregister().expect("it can be registered")
    };
    let name = "Mutex<HashMap>, moved by hand, not watched";
    group.bench_function(name, |bencher| bencher.iter_custom(|times| batches(&workers, times, &put, &take)));
}

fn batches(
    workers: &Workers,
    times: u64,
    put: &(impl Fn(&WorkerHandle, UnixStream) + Clone + Send + 'static),
    take: &(impl Fn(&WorkerHandle) -> UnixStream + Clone + Send + 'static),
) -> Duration {
    let (mut total, mut rest) = (Duration::ZERO, times);
    while rest != 0 {
        let batch = rest.min(BATCH);
        rest -= batch;
        let put = put.clone();
        let servers = workers.spawn(1, async move |here| {
            let pair = || UnixStream::pair().expect("there are descriptors");
            let (ours, theirs): (Vec<_>, Vec<_>) = (0..batch).map(|_| pair()).unzip();
            ours.into_iter().for_each(|connection| put(&here, connection));
            theirs
        });
        let servers = servers.expect("it runs").wait().expect("no panic");
        let take = take.clone();
        let taken = workers.spawn(0, async move |here| {
            let begin = spent();
            let taken: Vec<_> = (0..batch).map(|_| take(&here)).collect();
            (spent() - begin, taken)
        });
        let (took, _taken) = taken.expect("it runs").wait().expect("no panic");
        drop(servers);
        total += took;
    }
    total
}

pub(crate) fn time(criterion: &mut Criterion) {
    local(criterion);
    takeover(criterion);
}
