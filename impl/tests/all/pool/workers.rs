//! Threads, what runs on them, and how they stop.

use std::num::NonZeroU16;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use handfast::pool::{Builder, Ended, JoinError, WorkerEnd, Workers};

use crate::pool::support::{Drops, on, workers};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_future_stays_on_the_worker_that_it_was_spawned_on() {
    let workers = Builder::new(NonZeroU16::MIN.saturating_add(2)).name("hand").start().expect("threads can be made");
    for number in 0..workers.len() {
        let name = on(&workers, number, async move |here| {
            let not_send = Rc::new(here.number());
            tokio::task::yield_now().await;
            assert_eq!(*not_send, number);
            std::thread::current().name().map(str::to_owned)
        });
        assert_eq!(name, Some(format!("hand-{number}")));
    }
}

#[test]
fn a_stop_waits_for_what_ends_and_drops_what_does_not() {
    let workers = workers(1);
    let drops = Drops::default();
    let held = drops.payload();
    let polite = workers.spawn(0, async move |here| here.stopping().await).expect("it runs");
    let stubborn = workers
        .spawn(0, async move |here| {
            here.spawn(async { panic!("a test does this on purpose") });
            std::future::pending::<()>().await;
            drop(held);
        })
        .expect("it runs");
    on(&workers, 0, async |_| tokio::task::yield_now().await);
    let report = workers.stop(Duration::from_millis(50));
    let ended = report.workers[0].ended().expect("nothing blocks it");
    assert_eq!((ended.finished, ended.panicked, ended.dropped), (2, 1, 1));
    assert!(!report.is_clean());
    assert_eq!((polite.wait(), stubborn.wait()), (Ok(()), Err(JoinError::Stopped)));
    assert_eq!(drops.count(), 1, "what the future owned is dropped with it");
}

#[test]
fn a_stop_does_not_wait_longer_than_it_must() {
    let workers = workers(2);
    on(&workers, 1, async |_| ());
    let began = std::time::Instant::now();
    let report = workers.stop(LONG);
    assert!(report.is_clean() && began.elapsed() < LONG / 2);
    assert_eq!(
        report.workers.iter().filter_map(|worker| worker.ended()).map(|ended: Ended| ended.finished).sum::<usize>(),
        1
    );
}

#[test]
fn a_worker_that_is_blocked_is_said_to_be() {
    let workers = workers(2);
    let (unblock, blocked) = mpsc::channel::<()>();
    let (begin, has_begun) = mpsc::channel();
    let block = async move |_| {
        begin.send(()).expect("the test waits for it");
        let _ = blocked.recv();
    };
    let spawned = workers.spawn(0, block).expect("it runs");
    has_begun.recv().expect("it begins");
    let report = workers.stop(Duration::ZERO);
    assert!(report.workers[0] == WorkerEnd::Blocked && report.workers[1].ended().is_some(), "{report:?}");
    drop(unblock);
    assert_eq!(spawned.wait(), Ok(()), "it was left to itself");
}

#[test]
fn dropping_workers_stops_them() {
    let drops = Drops::default();
    let held = drops.payload();
    let workers = workers(1);
    let spawned = workers
        .spawn(0, async move |_| {
            std::future::pending::<()>().await;
            drop(held);
        })
        .expect("it runs");
    drop(workers);
    assert_eq!((spawned.wait(), drops.count()), (Err(JoinError::Stopped), 1));
}

#[test]
fn a_panic_ends_its_future_and_nothing_else() {
    let workers = workers(1);
    let spawned = workers.spawn(0, async |_| panic!("a test does this on purpose")).expect("it runs");
    assert_eq!(spawned.wait(), Err::<(), _>(JoinError::Panicked));
    on(&workers, 0, async |_| ());
}

/// Also one in the closure itself, before there is a future.
#[test]
fn a_panic_in_the_closure_is_reported_as_a_panic() {
    let workers = workers(1);
    let drops = Drops::default();
    let held = drops.payload();
    let make = move |_| -> std::future::Ready<()> {
        let _held = held;
        panic!("a test does this on purpose")
    };
    let spawned = workers.spawn(0, make).expect("it runs");
    assert_eq!(spawned.wait(), Err(JoinError::Panicked));
    assert_eq!(drops.count(), 1);
    on(&workers, 0, async |_| ());
    let report = workers.stop(LONG);
    let ended = report.workers[0].ended().expect("the thread has ended by itself");
    assert_eq!((ended.finished, ended.panicked, ended.dropped), (1, 1, 0));
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("a test does this on purpose");
    }
}

#[test]
fn a_panic_while_a_future_is_dropped_does_not_make_its_worker_a_blocked_one() {
    let workers = workers(1);
    let held = PanicsWhenDropped;
    let spawned = workers
        .spawn(0, async move |_| {
            std::future::pending::<()>().await;
            drop(held);
        })
        .expect("it runs");
    let report = workers.stop(Duration::ZERO);
    let ended = report.workers[0].ended().expect("the thread has ended by itself");
    assert_eq!((ended.finished, ended.panicked, ended.dropped), (0, 1, 0));
    assert!(spawned.wait().is_err());
}

#[test]
fn a_stop_returns_at_once_when_the_last_future_panics() {
    let workers = workers(1);
    let spawned = workers
        .spawn(0, async |here| {
            here.stopping().await;
            panic!("a test does this on purpose")
        })
        .expect("it runs");
    let began = std::time::Instant::now();
    let report = workers.stop(LONG);
    assert!(began.elapsed() < LONG / 2, "it took {:?}", began.elapsed());
    assert_eq!(report.workers[0].ended().map(|ended| ended.panicked), Some(1));
    assert!(!report.is_clean(), "a panic is no clean end");
    assert_eq!(spawned.wait(), Err::<(), _>(JoinError::Panicked));
}

/// What was spawned before the stop runs, also if the worker had not come to it.
#[test]
fn a_stop_runs_what_was_spawned_before() {
    let workers = workers(1);
    let (hold, held) = mpsc::channel::<()>();
    let (begin, has_begun) = mpsc::channel();
    let busy = async move |_| {
        begin.send(()).expect("the test waits for it");
        let _ = held.recv();
    };
    let _busy = workers.spawn(0, busy).expect("it runs");
    has_begun.recv().expect("it begins");
    let late = workers.spawn(0, async |_| 7).expect("it is to run");
    let stopping = std::thread::spawn(move || workers.stop(LONG));
    drop(hold);
    assert!(stopping.join().expect("no panic").is_clean());
    assert_eq!(late.wait(), Ok(7));
}

#[test]
fn a_pool_is_of_the_workers_that_it_was_made_for() {
    let (ours, others) = (workers(1), workers(1));
    let pool: crate::pool::support::Idle =
        handfast::pool::Pool::new(&ours, crate::pool::support::config()).expect("they run");
    let seen = pool.clone();
    let panicked = others.spawn(0, async move |here| drop(seen.local(&here))).expect("it runs").wait();
    assert_eq!(panicked, Err(JoinError::Panicked), "no connection is given to a worker that is not the pool's");
    on(&ours, 0, async move |here| drop(pool.local(&here)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_is_pinned_to_its_core() {
    let allowed = rustix::thread::sched_getaffinity(None).expect("it is known");
    let core = (0..rustix::thread::CpuSet::MAX_CPU).find(|core| allowed.is_set(*core)).expect("this runs somewhere");
    let workers = Builder::new(NonZeroU16::MIN).pin([core]).start().expect("it is allowed");
    let set = on(&workers, 0, async |_| rustix::thread::sched_getaffinity(None).expect("it is known"));
    assert!(set.is_set(core) && set.count() == 1);
    for nowhere in [rustix::thread::CpuSet::MAX_CPU - 1, usize::MAX] {
        let failed: Result<Workers, _> = Builder::new(NonZeroU16::MIN).pin([nowhere]).start();
        assert!(failed.is_err(), "core {nowhere}");
    }
}

/// The time to end is that of all workers together: they are told at once.
#[test]
fn workers_that_wait_for_each_other_stop_together() {
    let workers = workers(2);
    let (tell, told) = tokio::sync::oneshot::channel();
    let waits = async move |here: handfast::pool::WorkerHandle| {
        here.stopping().await;
        told.await.is_ok()
    };
    let waits = workers.spawn(0, waits).expect("it runs");
    let tells = async move |here: handfast::pool::WorkerHandle| {
        here.stopping().await;
        tell.send(()).is_ok()
    };
    let tells = workers.spawn(1, tells).expect("it runs");
    let report = workers.stop(Duration::from_secs(10));
    assert!(report.is_clean(), "the second was told only when the first had ended: {report:?}");
    assert_eq!((waits.wait(), tells.wait()), (Ok(true), Ok(true)));
}

/// Asks where it is when it is dropped, as a socket or a timer does.
struct AsksForItsRuntime(mpsc::Sender<bool>);

impl Drop for AsksForItsRuntime {
    fn drop(&mut self) {
        let _ = self.0.send(tokio::runtime::Handle::try_current().is_ok());
    }
}

#[test]
fn what_is_dropped_by_a_stop_is_within_its_runtime() {
    let workers = workers(1);
    let (send, was_within) = mpsc::channel();
    let held = AsksForItsRuntime(send);
    let spawned = workers.spawn(0, async move |_| {
        std::future::pending::<()>().await;
        drop(held);
    });
    drop(spawned.expect("it runs"));
    assert_eq!(workers.stop(Duration::ZERO).workers[0].ended().map(|ended| ended.dropped), Some(1));
    assert_eq!(was_within.recv(), Ok(true), "there is no runtime for what asks for its clock or its poller");
}

#[test]
fn a_stop_may_take_any_time() {
    let workers = workers(1);
    let waits = workers.spawn(0, async |here| here.stopping().await).expect("it runs");
    let report = workers.stop(Duration::MAX);
    assert!(report.is_clean(), "{report:?}");
    waits.wait().expect("it has ended by itself");
}

#[test]
fn workers_may_be_shared_between_threads() {
    fn is_sync<T: Sync>(_: &T) {}
    is_sync(&workers(1));
}
