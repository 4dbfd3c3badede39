//! The idle pool beside its rivals. See the README.

mod contenders;

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use handfast::pool::{Prefer, Workers};

use contenders::{Contender, Deadpool, Handfast, LockedMap, MovedByHand, Pingora, Rehomed, Watched};

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
                let begin = Instant::now();
                for _ in 0..times {
                    contender.turn(&mut local).await;
                }
                let took = begin.elapsed();
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

fn one<C: Contender>(criterion: &mut Criterion, group: &str, name: &str, count: u16, make: impl Fn(&Workers) -> C) {
    let mut group = criterion.benchmark_group(format!("pool/{group}, {count} workers"));
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(15);
    let workers = Workers::start(NonZeroU16::new(count).expect("some")).expect("threads can be made");
    let contender = make(&workers);
    group.bench_function(name, |bencher| bencher.iter_custom(|times| run(&contender, &workers, times)));
}

fn local(criterion: &mut Criterion) {
    for count in [1, 2] {
        let group = "take and put";
        one(criterion, group, "handfast", count, |workers| Handfast::new(workers, Prefer::Own, false));
        one(criterion, group, "handfast, probed", count, |workers| Handfast::new(workers, Prefer::Own, true));
        one(criterion, group, "pingora-pool, watched", count, |_| Watched::default());
        one(criterion, group, "pingora-pool, not watched", count, |_| Pingora::default());
        one(criterion, group, "deadpool, not watched", count, Deadpool::new);
        one(criterion, group, "Mutex<HashMap>, not watched", count, |_| LockedMap::default());
    }
}

fn takeover(criterion: &mut Criterion) {
    let group = "take over and put";
    one(criterion, group, "handfast", 2, |workers| Handfast::new(workers, Prefer::Others, false));
    one(criterion, group, "handfast, probed", 2, |workers| Handfast::new(workers, Prefer::Others, true));
    one(criterion, group, "Mutex<HashMap>, moved by hand, not watched", 2, |_| MovedByHand::default());
    one(criterion, group, "floor: moved, no pool", 2, |_| Rehomed);
}

criterion_group!(benches, local, takeover);
criterion_main!(benches);
