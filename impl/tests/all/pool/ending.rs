//! Connections whose destination is gone, or suspected, and many at once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::pool::core::MOST_AT_ONCE;
use handfast::pool::{self, Config, Liveness, NotIdle, Pool, Pooled, RuntimePool};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::pool::support::{Drops, Idle, config, on, put, until, workers};

#[test]
fn a_destination_that_is_cleared_gives_nothing_on_any_worker() {
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let mut others = Vec::new();
    for worker in 0..2 {
        let (pool, drops) = (pool.clone(), drops.clone());
        others.push(on(&workers, worker, async move |here| {
            let local = pool.local(&here);
            [1, 1, 2].map(|key| put(&local, key, &drops).into_std().expect("it is a socket"))
        }));
    }
    assert_eq!(pool.clear(&1), 4);
    let (seen, counted) = (pool.clone(), drops.clone());
    on(&workers, 0, async move |here| {
        let local = seen.local(&here);
        assert!(local.take(&1).is_none(), "none is given out from now on");
        let _after = put(&local, 1, &counted);
        assert!(local.take(&1).is_some(), "one that was put afterwards is");
        until(|| counted.count() == 5).await;
        assert_eq!((seen.idle(), seen.metrics().cleared), (2, 4));
        assert!(local.take(&2).is_some());
    });
    assert_eq!((pool.clear(&1), pool.clear(&7)), (0, 0));
}

/// Its workers close what is cleared, also if no one takes or puts anything.
#[test]
fn a_destination_that_is_cleared_is_closed_by_its_workers() {
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let _others = [0, 1].map(|worker| {
        let (pool, drops) = (pool.clone(), drops.clone());
        on(&workers, worker, async move |here| put(&pool.local(&here), 1, &drops).into_std())
    });
    assert_eq!(pool.clear(&1), 2);
    let counted = drops.clone();
    on(&workers, 0, async move |_| until(|| counted.count() == 2).await);
    assert_eq!((pool.idle(), pool.metrics().cleared), (0, 2));
}

#[test]
fn what_is_not_retained_is_closed() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        tokio::time::pause();
        let local = pool.local(&here);
        let _old: Vec<_> = [1, 2, 3].map(|key| put(&local, key, &drops)).into();
        tokio::time::advance(Duration::from_secs(5)).await;
        let _new: Vec<_> = [1, 2, 3].map(|key| put(&local, key, &drops)).into();
        let ended = pool.retain(|key, times| *key != 2 && times.idle < Duration::from_secs(5));
        assert_eq!(ended, 4);
        until(|| drops.count() == 4).await;
        assert_eq!((pool.idle(), pool.metrics().cleared), (2, 4));
        assert!(local.take(&1).is_some() && local.take(&2).is_none() && local.take(&3).is_some());
    });
}

#[test]
fn the_oldest_of_all_workers_makes_room_for_a_descriptor() {
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    let mut others = Vec::new();
    for (worker, key) in [(1, 1), (0, 2)] {
        let (pool, drops) = (pool.clone(), drops.clone());
        let place = async move |here| put(&pool.local(&here), key, &drops).into_std();
        others.push(on(&workers, worker, place));
    }
    assert!(pool.close_oldest());
    assert_eq!((pool.idle(), drops.count(), pool.metrics().closed_for_room), (1, 1, 1));
    let seen = pool.clone();
    on(&workers, 0, async move |here| {
        let local = seen.local(&here);
        assert!(local.take(&1).is_none() && local.take(&2).is_some());
    });
    assert!(!pool.close_oldest());
}

/// A connection that the test fails as the kernel does.
struct Failing(UnixStream, Arc<std::sync::Mutex<Option<io::ErrorKind>>>, Wakers);

/// What the pool is woken with.
type Wakers = Arc<std::sync::Mutex<Vec<Waker>>>;

impl AsFd for Failing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl pool::Connection for Failing {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        self.2.lock().expect("whole").push(cx.waker().clone());
        self.not_idle().map_or(Poll::Pending, Poll::Ready)
    }

    fn not_idle(&self) -> Option<NotIdle> {
        self.1.lock().expect("whole").map(NotIdle::Failed)
    }

    fn probe(&self) -> Option<NotIdle> {
        self.not_idle()
    }

    fn reregister(self) -> io::Result<Self> {
        Ok(self)
    }
}

/// One that has failed for want of acknowledgements says that the others lead nowhere either: also where the worker notices
/// it that watches, and not the one that takes.
#[tokio::test]
async fn the_siblings_of_a_connection_that_has_timed_out_are_suspected() {
    for (kind, given) in [(io::ErrorKind::TimedOut, false), (io::ErrorKind::ConnectionReset, true)] {
        for is_taken in [true, false] {
            let pool: RuntimePool<u8, Failing> = RuntimePool::new(config()).expect("this is a runtime");
            let failures: Vec<Arc<std::sync::Mutex<Option<io::ErrorKind>>>> = (0..3).map(|_| Arc::default()).collect();
            let wakers = Wakers::default();
            for failure in &failures {
                let (ours, _) = UnixStream::pair().expect("there are descriptors");
                let failing = Failing(ours, Arc::clone(failure), Arc::clone(&wakers));
                pool.put(1, Pooled::new(failing)).expect("it is idle");
            }
            *failures[2].lock().expect("whole") = Some(kind);
            if !is_taken {
                let last = wakers.lock().expect("whole").pop().expect("it is watched");
                last.wake();
                until(|| pool.pool().metrics().closed_while_idle == 1).await;
            }
            assert_eq!(pool.take(&1).is_some(), given, "{kind}, taken: {is_taken}");
            if !given {
                until(|| pool.pool().idle() == 0).await;
                let metrics = pool.pool().metrics();
                assert_eq!((metrics.closed_while_idle, metrics.suspected), (1, 2), "{kind}, taken: {is_taken}");
            }
        }
    }
}

#[tokio::test]
async fn a_lease_that_has_timed_out_has_its_siblings_suspected() {
    let pool: RuntimePool<u8, UnixStream> = RuntimePool::new(config()).expect("this is a runtime");
    let mut others = Vec::new();
    for _ in 0..3 {
        let (ours, theirs) = UnixStream::pair().expect("there are descriptors");
        others.push(theirs);
        pool.put(1, Pooled::new(ours)).expect("it is idle");
    }
    pool.take_or_connect(1, async || Err(())).await.expect("it is there").timed_out();
    assert!(pool.take(&1).is_none());
    until(|| pool.pool().idle() == 0).await;
    assert_eq!(pool.pool().metrics().suspected, 2);
}

#[tokio::test]
async fn the_kernel_is_told_how_soon_a_server_has_vanished() {
    use rustix::net::sockopt;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
    let liveness = Liveness::default().with_idle(Duration::from_millis(10));
    liveness.apply(&stream).expect("it is TCP");
    assert!(sockopt::socket_keepalive(&stream).expect("it is a socket"));
    assert_eq!(sockopt::tcp_keepidle(&stream).expect("it is TCP"), Duration::from_secs(1), "at least one second");
    assert_eq!(sockopt::tcp_keepintvl(&stream).expect("it is TCP"), Duration::from_secs(3));
    assert_eq!(sockopt::tcp_keepcnt(&stream).expect("it is TCP"), 3);
    #[cfg(target_os = "linux")]
    {
        assert_eq!(sockopt::tcp_user_timeout(&stream).expect("it is TCP"), 10_000);
        liveness.with_unacknowledged(Duration::ZERO).apply(&stream).expect("it is TCP");
        let least = sockopt::tcp_user_timeout(&stream).expect("it is TCP");
        assert_eq!(least, 1, "none would be the kernel's default, a quarter of an hour");
    }
    let (unix, _) = UnixStream::pair().expect("there are descriptors");
    assert!(liveness.apply(&unix).is_err());
}

const MANY: usize = 1_000;

fn many() -> Config {
    let limits = (config().limits).with_per_key(MANY).with_total(MANY);
    config().with_limits(limits)
}

/// Between two turns of another task no more are closed than the pool says.
#[tokio::test(start_paused = true)]
async fn mass_expiry_leaves_others_their_turns() {
    let pool: RuntimePool<u8, _> = RuntimePool::new(many()).expect("this is a runtime");
    let drops = Drops::default();
    let others: Vec<_> = (0..MANY)
        .map(|_| {
            let (ours, theirs) = crate::pool::support::unix(&drops);
            pool.put(1, ours).expect("it is idle");
            theirs
        })
        .collect();
    let (most, counted) = (Arc::new(AtomicUsize::new(0)), drops.clone());
    let seen = Arc::clone(&most);
    let other = tokio::spawn(async move {
        let mut before = 0;
        while counted.count() < MANY {
            let now = counted.count();
            seen.fetch_max(now - before, Ordering::SeqCst);
            before = now;
            tokio::task::yield_now().await;
            if now == 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
    tokio::time::timeout(Duration::from_secs(60), other).await.expect("they expire").expect("no panic");
    let most = most.load(Ordering::SeqCst);
    println!("at most {most} were closed at once");
    assert!((1..=2 * MOST_AT_ONCE).contains(&most), "{most} of {MANY} were closed between two turns");
    assert_eq!(pool.pool().metrics().expired, MANY as u64);
    drop(others);
}

/// Connections that were made together do not all end together.
#[tokio::test(start_paused = true)]
async fn ages_are_spread() {
    let limits = (many().limits).with_idle(Duration::MAX).with_age(Duration::from_secs(1_000));
    let pool: RuntimePool<u8, _> = RuntimePool::new(many().with_limits(limits).with_spread(10)).expect("a runtime");
    let drops = Drops::default();
    let others: Vec<_> = (0..100)
        .map(|number| {
            let (mut ours, theirs) = crate::pool::support::unix(&drops);
            ours.created_at += Duration::from_micros(number);
            pool.put(1, ours).expect("it is idle");
            theirs
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(899_900)).await;
    assert_eq!(drops.count(), 0);
    let mut closed = Vec::new();
    for _ in 0..10 {
        let before = drops.count();
        tokio::time::sleep(Duration::from_secs(10)).await;
        closed.push(drops.count() - before);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("closed in each tenth of the time: {closed:?}");
    assert!(closed.iter().all(|closed| *closed < 30) && drops.count() == 100, "{closed:?}");
    drop(others);
}
