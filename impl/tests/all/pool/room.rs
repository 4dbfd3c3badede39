//! How much is kept by all workers together, and until when.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handfast::pool::{Closed, Pool, PutRefused, Workers};

use crate::pool::support::{Drops, Idle, config, on, put, unix, workers};

fn limited(workers: &Workers, total: usize) -> Idle {
    let limits = (config().limits).with_per_key(64).with_total(total);
    Pool::new(workers, config().with_limits(limits)).expect("they run")
}

/// Puts so many on a worker, and gives their other ends.
fn put_many(workers: &Workers, worker: usize, pool: &Idle, count: usize, drops: &Drops) -> Vec<UnixStream> {
    let (pool, drops) = (pool.clone(), drops.clone());
    on(workers, worker, async move |here| {
        let local = pool.local(&here);
        (0..count).map(|_| put(&local, 1, &drops).into_std().expect("it is a socket")).collect()
    })
}

#[test]
fn what_one_worker_does_not_use_is_anothers_to_use() {
    let workers = workers(2);
    let (pool, drops) = (limited(&workers, 3), Drops::default());
    let _other_ends = put_many(&workers, 0, &pool, 3, &drops);
    let (seen, none) = (pool.clone(), drops.clone());
    on(&workers, 0, async move |here| {
        let local = seen.local(&here);
        assert!((0..3).all(|_| local.take(&1).is_some()));
        assert_eq!(none.count(), 3);
    });
    let _other_ends = put_many(&workers, 1, &pool, 3, &drops);
    assert_eq!((pool.idle(), drops.count(), pool.metrics().evicted), (3, 3, 0));
}

#[test]
fn the_total_is_of_all_workers_together() {
    let workers = workers(2);
    let (pool, drops) = (limited(&workers, 3), Drops::default());
    let _other_ends = put_many(&workers, 0, &pool, 3, &drops);
    let _other_ends = put_many(&workers, 1, &pool, 1, &drops);
    assert_eq!((pool.idle(), drops.count(), pool.metrics().evicted), (3, 1, 1), "another's makes room");
    let _other_ends = put_many(&workers, 1, &pool, 1, &drops);
    assert_eq!((pool.idle(), drops.count(), pool.metrics().evicted), (3, 2, 2), "its own makes room");
    let seen = pool.clone();
    on(&workers, 1, async move |here| {
        let local = seen.local(&here);
        assert!((0..3).all(|_| local.take(&1).is_some()) && local.take(&1).is_none());
        let metrics = seen.metrics();
        assert_eq!((metrics.reused_local, metrics.taken_over), (1, 2));
    });
}

#[test]
fn nothing_is_kept_by_anybody_where_nothing_may_be() {
    let workers = workers(2);
    let (pool, drops) = (limited(&workers, 0), Drops::default());
    for worker in 0..2 {
        let (pool, drops) = (pool.clone(), drops.clone());
        on(&workers, worker, async move |here| {
            let (ours, _theirs) = unix(&drops);
            let back = pool.local(&here).put(1, ours).expect_err("there is no room");
            assert_eq!(back.reason, PutRefused::NoRoom(Closed::Full));
        });
    }
    assert_eq!((pool.idle(), pool.metrics().refused), (0, 2));
}

const WORKERS: u16 = 4;
const TOTAL: usize = 5;
const EACH: usize = 400;

/// Of what is open, each worker has two in its hands at most: one to put, and one to close.
#[test]
fn the_total_holds_while_all_put_at_once() {
    let workers = workers(WORKERS);
    let (pool, drops) = (limited(&workers, TOTAL), Drops::default());
    let (made, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let putters: Vec<_> = (0..usize::from(WORKERS))
        .map(|number| {
            let (pool, drops, made, most) = (pool.clone(), drops.clone(), Arc::clone(&made), Arc::clone(&most));
            let puts = async move |here| {
                let local = pool.local(&here);
                let mut servers = Vec::new();
                for turn in 0..EACH {
                    made.fetch_add(1, Ordering::SeqCst);
                    let (ours, theirs) = unix(&drops);
                    servers.push(theirs);
                    // One that finds no room, because others were faster, is dropped here.
                    let _ = local.put(1, ours);
                    // Made first: what is made and what ends between the two loads only makes it less.
                    let open = made.load(Ordering::SeqCst).saturating_sub(drops.count());
                    most.fetch_max(open, Ordering::SeqCst);
                    if (turn + number).is_multiple_of(3) {
                        drop(local.take(&1));
                    }
                    tokio::task::yield_now().await;
                }
                servers
            };
            workers.spawn(number, puts).expect("it runs")
        })
        .collect();
    let _servers: Vec<_> = putters.into_iter().map(|putter| putter.wait().expect("no panic")).collect();
    let metrics = pool.metrics();
    println!("at most {} open; {metrics:?}", most.load(Ordering::SeqCst));
    let ended = metrics.reused_local + metrics.taken_over + metrics.evicted;
    assert_eq!(metrics.put, ended + pool.idle() as u64);
    assert_eq!(made.load(Ordering::SeqCst) - drops.count(), pool.idle());
    // One in each worker's hands, and one that each may be about to close.
    assert!(pool.idle() <= TOTAL && most.load(Ordering::SeqCst) <= TOTAL + 2 * usize::from(WORKERS));
    let _other_ends = put_many(&workers, 0, &pool, TOTAL, &drops);
    assert_eq!(pool.idle(), TOTAL, "what was granted and given up is all there");
}

#[test]
fn what_grows_too_old_is_closed_then_however_long_it_may_be_idle() {
    for idle in [Duration::from_secs(60), Duration::MAX] {
        let workers = workers(1);
        let limits = (config().limits).with_idle(idle).with_age(Duration::from_secs(25));
        let pool: Idle = Pool::new(&workers, config().with_limits(limits)).expect("they run");
        let drops = Drops::default();
        on(&workers, 0, async move |here| {
            tokio::time::pause();
            let local = pool.local(&here);
            let (old, _first) = unix(&drops);
            tokio::time::advance(Duration::from_secs(10)).await;
            let _second = put(&local, 1, &drops);
            local.put(1, old).expect("it is idle");
            tokio::time::sleep(Duration::from_millis(14_990)).await;
            assert_eq!((pool.idle(), drops.count()), (2, 0));
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!((pool.idle(), drops.count(), pool.metrics().expired), (1, 1, 1), "at its 25th second");
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!((pool.idle(), drops.count(), pool.metrics().expired), (0, 2, 2));
        });
    }
}

thread_local! {
    /// What the next drop of a connection does on this thread.
    static HOOK: std::cell::RefCell<Option<Box<dyn FnOnce()>>> = const { std::cell::RefCell::new(None) };
}

/// Travels with a connection, and calls the hook when it is dropped.
struct Hooked;

impl Drop for Hooked {
    fn drop(&mut self) {
        let hook = HOOK.with_borrow_mut(Option::take);
        hook.into_iter().for_each(|hook| hook());
    }
}

/// The connection that makes room is dropped meanwhile, and puts so many others that the destination is forgotten.
#[test]
fn room_that_was_found_is_granted_once() {
    type Hooking = handfast::pool::Carrying<tokio::net::UnixStream, Hooked>;

    fn pair() -> (handfast::pool::Pooled<Hooking>, tokio::net::UnixStream) {
        let (stream, theirs) = tokio::net::UnixStream::pair().expect("there are descriptors");
        (handfast::pool::Pooled::new(Hooking { stream, payload: Hooked }), theirs)
    }

    let workers = workers(2);
    let limits = (config().limits).with_per_key(64).with_total(1);
    let pool: Pool<u32, Hooking> = Pool::new(&workers, config().with_limits(limits)).expect("they run");
    let seen = pool.clone();
    let _theirs = on(&workers, 0, async move |here| {
        let (ours, theirs) = pair();
        seen.local(&here).put(0, ours).expect("there is room for one");
        theirs.into_std()
    });
    on(&workers, 1, async move |here| {
        let local = pool.local(&here);
        let others = local.clone();
        HOOK.set(Some(Box::new(move || {
            for key in 100..200 {
                assert!(others.put(key, pair().0).is_err(), "the room is another's, or it is closed");
            }
        })));
        let ((first, _first), (second, _second)) = (pair(), pair());
        local.put(1, first).expect("the other worker's makes room");
        assert!(HOOK.with_borrow(Option::is_none), "it was dropped for that");
        local.put(2, second).expect("its own makes room");
        assert_eq!((pool.idle(), pool.metrics().panicked), (1, 0), "more is kept than the total");
    });
}
