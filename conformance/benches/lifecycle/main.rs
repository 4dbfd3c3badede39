//! The node against the design that it began from, and against `tokio::sync::broadcast`: events a second, from a
//! disconnect to the last subscriber that hears of it, what a session costs, and what an idle one occupies.
//!
//! `README.md` beside this directory says what the numbers mean and what they do not.

mod heap;
mod rivals;
mod storm;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use tokio::runtime::{Builder, Runtime};

use rivals::{Broadcast, Own, Rival, TwoChannels, tallied};

const SUBSCRIBERS: [usize; 3] = [1, 4, 16];

/// How many sessions are up at a time where events are counted.
const CROWD: usize = 1_000;

fn main() {
    costs();
    storm::storms();
    let criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    let mut criterion = criterion.configure_from_args();
    for (threads, runtime) in [("1 thread", one_thread()), ("2 threads", two_threads())] {
        for subscribers in SUBSCRIBERS {
            let name = format!("events, {threads}, {subscribers} subscribers");
            let mut group = criterion.benchmark_group(name);
            group.throughput(Throughput::Elements(2 * CROWD as u64));
            each(&mut group, &UpAndDown { runtime: &runtime, sessions: CROWD, subscribers });
            group.finish();
        }
        for subscribers in SUBSCRIBERS {
            let name = format!("disconnect to the last Down, {threads}, {subscribers} subscribers");
            let mut group = criterion.benchmark_group(name);
            each(&mut group, &Latency { runtime: &runtime, subscribers });
            group.finish();
        }
    }
    let runtime = one_thread();
    let mut group = criterion.benchmark_group("a session, 1 thread, 1 subscriber");
    each(&mut group, &OneByOne { runtime: &runtime });
    group.finish();
    let mut group = criterion.benchmark_group("10,000 sessions up and down, 1 thread, 1 subscriber");
    group.sample_size(10).throughput(Throughput::Elements(10_000));
    each(&mut group, &UpAndDown { runtime: &runtime, sessions: 10_000, subscribers: 1 });
    group.finish();
    criterion.final_summary();
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime without IO needs nothing")
}

pub(crate) fn two_threads() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_time().build().expect("a runtime without IO needs nothing")
}

/// Something to measure, of whichever rival.
trait Measure {
    fn time<R: Rival>(&self, iterations: u64) -> Duration;
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn each(group: &mut Group<'_>, measure: &impl Measure) {
    one::<Own>(group, measure);
    one::<TwoChannels>(group, measure);
    one::<Broadcast>(group, measure);
}

fn one<R: Rival>(group: &mut Group<'_>, measure: &impl Measure) {
    group.bench_function(BenchmarkId::from_parameter(R::NAME), |bencher| {
        bencher.iter_custom(|iterations| measure.time::<R>(iterations));
    });
}

/// All peers come; when all subscribers have heard of all of them, all go.
struct UpAndDown<'r> {
    runtime: &'r Runtime,
    sessions: usize,
    subscribers: usize,
}

impl Measure for UpAndDown<'_> {
    fn time<R: Rival>(&self, iterations: u64) -> Duration {
        let events = (self.sessions * self.subscribers) as u64;
        self.runtime.block_on(async {
            let (rival, tally) = tallied::<R>(self.sessions, self.subscribers);
            let begin = Instant::now();
            for iteration in 0..iterations {
                let connect = |session| rival.connect(session as u32);
                let sessions: Vec<R::Session> = (0..self.sessions).map(connect).collect();
                tally.wait_for(iteration * 2 * events + events).await;
                for session in sessions {
                    rival.disconnect(session).await;
                }
                tally.wait_for((iteration + 1) * 2 * events).await;
            }
            begin.elapsed()
        })
    }
}

/// From the disconnect of the only session until the last subscriber has heard of it.
struct Latency<'r> {
    runtime: &'r Runtime,
    subscribers: usize,
}

impl Measure for Latency<'_> {
    fn time<R: Rival>(&self, iterations: u64) -> Duration {
        let heard = self.subscribers as u64;
        self.runtime.block_on(async {
            let (rival, tally) = tallied::<R>(8, self.subscribers);
            let mut latency = Duration::ZERO;
            for iteration in 0..iterations {
                let session = rival.connect(iteration as u32);
                tally.wait_for((2 * iteration + 1) * heard).await;
                let begin = Instant::now();
                rival.disconnect(session).await;
                tally.wait_for((2 * iteration + 2) * heard).await;
                latency += begin.elapsed();
            }
            latency
        })
    }
}

/// One session after the other: connected, Up, disconnected, Down.
struct OneByOne<'r> {
    runtime: &'r Runtime,
}

impl Measure for OneByOne<'_> {
    fn time<R: Rival>(&self, iterations: u64) -> Duration {
        self.runtime.block_on(async {
            let (rival, tally) = tallied::<R>(8, 1);
            let begin = Instant::now();
            one_by_one(&rival, &tally, 0, iterations).await;
            begin.elapsed()
        })
    }
}

async fn one_by_one<R: Rival>(rival: &R, tally: &rivals::Tally, from: u64, to: u64) {
    for number in from..to {
        let session = rival.connect(number as u32);
        tally.wait_for(2 * number + 1).await;
        rival.disconnect(session).await;
        tally.wait_for(2 * number + 2).await;
    }
}

/// Allocations of a session, and bytes of an idle one.
fn costs() {
    println!("{:<16}{:>24}{:>24}", "", "allocations a session", "bytes an idle session");
    cost::<Own>();
    cost::<TwoChannels>();
    cost::<Broadcast>();
    println!();
}

fn cost<R: Rival>() {
    const SESSIONS: u64 = 10_000;
    let runtime = one_thread();
    let (rival, tally) = runtime.block_on(async { tallied::<R>(8, 1) });
    // What is allocated once is allocated before.
    runtime.block_on(one_by_one(&rival, &tally, 0, 100));
    let run = || runtime.block_on(one_by_one(&rival, &tally, 100, 100 + SESSIONS));
    let ((), a_session) = heap::count(run);
    drop((rival, runtime));

    let runtime = one_thread();
    let (rival, tally) = runtime.block_on(async { tallied::<R>(SESSIONS as usize, 1) });
    let connect_all = || {
        runtime.block_on(async {
            let sessions: Vec<R::Session> = (0..SESSIONS as u32).map(|number| rival.connect(number)).collect();
            tally.wait_for(SESSIONS).await;
            sessions
        })
    };
    let (sessions, idle) = heap::count(connect_all);
    let handles = size_of::<R::Session>();
    let each = |number: f64| number / SESSIONS as f64;
    println!("{:<16}{:>24.1}{:>24.0}", R::NAME, each(a_session.calls as f64), each(idle.left as f64) - handles as f64);
    drop((sessions, rival, runtime));
}
