//! The word of the table against HAProxy's two masks, a mutex, tokio's readiness and the floor: entering and leaving,
//! taking over, inserting and deleting, on one thread and on two.
//!
//! `README.md` beside this directory says what the numbers mean and what they do not.

mod corrected;
mod crew;
mod floor;
mod mutex;
mod word;

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};

use crew::{Crew, Enter, Insert, OWNED, Readiness, Rival, SHARED, Takeover};

use corrected::Masks;
use floor::Floor;
use mutex::Mutexes;
use word::Words;

fn main() {
    let criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    let mut criterion = criterion.configure_from_args();
    for threads in [1, 2] {
        let crew = Crew::new(threads);
        let s = if threads == 1 { "" } else { "s" };
        group(&mut criterion, &format!("enter and leave, {threads} thread{s}"), |group| {
            each_enters(group, &crew, |thread| OWNED[thread]);
        });
        group(&mut criterion, &format!("takeover and leave, {threads} thread{s}"), |group| {
            each_takes_over(group, &crew, |thread| OWNED[thread]);
        });
        group(&mut criterion, &format!("insert and delete, {threads} thread{s}"), |group| each_inserts(group, &crew));
    }
    let crew = Crew::new(2);
    group(&mut criterion, "enter and leave, 2 threads, one descriptor", |group| each_enters(group, &crew, |_| SHARED));
    group(&mut criterion, "takeover and leave, 2 threads, one descriptor", |group| {
        each_takes_over(group, &crew, |_| OWNED[0]);
    });
    group(&mut criterion, "a descriptor opened, inserted, deleted, closed, 1 thread", |group| {
        group.bench_function("no table", |bencher| bencher.iter(|| drop(word::open())));
        let table = word::Descriptors::new();
        group.bench_function(Words::NAME, |bencher| bencher.iter(|| table.open_and_close()));
    });
    criterion.final_summary();
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn group(criterion: &mut Criterion, name: &str, measure: impl FnOnce(&mut Group<'_>)) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(1));
    measure(&mut group);
    group.finish();
}

fn each_enters(group: &mut Group<'_>, crew: &Crew, which: impl Fn(usize) -> usize + Copy + Sync) {
    fn one<R: Enter>(group: &mut Group<'_>, crew: &Crew, which: impl Fn(usize) -> usize + Copy + Sync) {
        let rival = R::new();
        measure::<R>(group, crew, |thread| {
            rival.enter_and_leave(which(thread), thread);
        });
    }
    one::<Floor>(group, crew, which);
    one::<Words>(group, crew, which);
    one::<Masks>(group, crew, which);
    one::<Mutexes>(group, crew, which);
    one::<Readiness>(group, crew, which);
}

fn each_takes_over(group: &mut Group<'_>, crew: &Crew, which: impl Fn(usize) -> usize + Copy + Sync) {
    fn one<R: Takeover>(group: &mut Group<'_>, crew: &Crew, which: impl Fn(usize) -> usize + Copy + Sync) {
        let rival = R::new();
        measure::<R>(group, crew, |thread| {
            while !rival.take_over_and_leave(which(thread), thread) {
                std::hint::spin_loop();
            }
        });
    }
    one::<Floor>(group, crew, which);
    one::<Words>(group, crew, which);
    one::<Masks>(group, crew, which);
    one::<Mutexes>(group, crew, which);
}

fn each_inserts(group: &mut Group<'_>, crew: &Crew) {
    fn one<R: Insert>(group: &mut Group<'_>, crew: &Crew) {
        let rival = R::new();
        measure::<R>(group, crew, |thread| rival.insert_and_delete(crew::FREE[thread], thread));
    }
    one::<Floor>(group, crew);
    one::<Words>(group, crew);
    one::<Masks>(group, crew);
    one::<Mutexes>(group, crew);
}

/// What one operation takes while every thread of the crew does it again and again.
fn measure<R: Rival>(group: &mut Group<'_>, crew: &Crew, operation: impl Fn(usize) + Sync) {
    group.bench_function(R::NAME, |bencher| {
        bencher.iter_custom(|iterations| {
            crew.run(|thread| {
                let begin = Instant::now();
                for _ in 0..iterations {
                    operation(thread);
                }
                begin.elapsed()
            })
        });
    });
}
