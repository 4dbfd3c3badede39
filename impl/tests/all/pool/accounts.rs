//! What is counted, kept and left is exactly what happened.

use std::os::unix::net::UnixStream as Socket;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::pool::{Config, Metrics, Pool, RuntimePool};

use crate::pool::support::{Drops, Idle, config, on, put, unix, until, workers};

fn sized(total: usize) -> Config {
    let limits = (config().limits).with_per_key(64).with_total(total);
    config().with_limits(limits)
}

/// What a worker had been granted is there for the others once it has stopped.
#[test]
fn the_others_can_fill_the_total_after_a_worker_has_stopped() {
    const TOTAL: usize = 4;
    let workers = workers(2);
    let pool: Idle = Pool::new(&workers, sized(TOTAL)).expect("they run");
    let drops = Drops::default();
    let (seen, counted) = (pool.clone(), drops.clone());
    let _others = on(&workers, 0, async move |here| {
        let local = seen.local(&here);
        [1; TOTAL - 1].map(|key| put(&local, key, &counted).into_std().expect("it is a socket"))
    });
    let (seen, counted) = (pool.clone(), drops.clone());
    let filled = workers.spawn(1, async move |here| {
        let local = seen.local(&here);
        here.stopping().await;
        // The other worker has nothing to wait for.
        // They leave the list, are counted and then dropped.
        until(|| counted.count() == TOTAL - 1).await;
        assert_eq!((seen.idle(), seen.metrics().closed_by_stop), (0, TOTAL as u64 - 1));
        let _others = [1; TOTAL].map(|key| put(&local, key, &counted));
        (seen.idle(), seen.metrics().evicted)
    });
    assert!(workers.stop(Duration::from_secs(60)).is_clean());
    assert_eq!(filled.expect("it runs").wait(), Ok((TOTAL, 0)));
    assert_eq!((pool.idle(), drops.count()), (0, 2 * TOTAL - 1));
}

#[test]
fn what_is_idle_is_known_after_each_step() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, sized(2)).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        tokio::time::pause();
        let local = pool.local(&here);
        let idle = |expected| assert_eq!(pool.idle(), expected);
        let _first = put(&local, 1, &drops);
        idle(1);
        let _second = put(&local, 2, &drops);
        idle(2);
        let _third = put(&local, 3, &drops);
        idle(2);
        let taken = local.take(&3).expect("it is there");
        idle(1);
        assert!(local.take(&9).is_none());
        idle(1);
        local.put(3, taken).expect("it is idle");
        idle(2);
        assert!(pool.close_oldest());
        idle(1);
        assert_eq!(pool.clear(&3), 1);
        idle(1);
        until(|| pool.idle() == 0).await;
        let closed = put(&local, 1, &drops);
        drop(closed);
        until(|| pool.idle() == 0).await;
        let _last = put(&local, 1, &drops);
        idle(1);
        tokio::time::sleep(Duration::from_secs(31)).await;
        idle(0);
        let expected = [
            ("put", 6),
            ("reused_local", 1),
            ("missed", 1),
            ("closed_while_idle", 1),
            ("expired", 1),
            ("cleared", 1),
            ("closed_for_room", 1),
            ("evicted", 1),
        ];
        let counted: Vec<_> = pool.metrics().iter().filter(|(_, count)| *count != 0).collect();
        assert_eq!(counted, expected);
    });
}

#[test]
fn counters_are_read_over_time() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let _first = put(&local, 1, &drops);
        let before = pool.metrics();
        let _second = put(&local, 1, &drops);
        assert!(local.take(&1).is_some());
        let since: Metrics = pool.metrics().since(&before);
        let counted: Vec<_> = since.iter().filter(|(_, count)| *count != 0).collect();
        assert_eq!(counted, [("put", 1), ("reused_local", 1)]);
    });
}

/// A task that has used up its budget is told of nothing by tokio's sockets, and would take that for silence.
#[test]
fn a_closed_connection_is_not_put_by_a_task_that_has_no_budget_left() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let (ours, theirs) = unix(&drops);
        drop(theirs);
        ours.connection.stream.readable().await.expect("it is closed");
        let (idle, _other) = unix(&drops);
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::coop::consume_budget().await;
        }
        assert!(local.put(1, ours).is_err(), "the poller knows that it is closed");
        local.put(1, idle).expect("the other one is idle");
        assert!(local.take(&1).is_some() && local.take(&1).is_none());
    });
}

/// And one that was put without a budget is watched.
#[test]
fn a_connection_that_was_put_without_budget_is_watched() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let (ours, theirs) = unix(&drops);
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::coop::consume_budget().await;
        }
        local.put(1, ours).expect("it is idle");
        drop(theirs);
        until(|| drops.count() == 1).await;
        assert_eq!((pool.idle(), pool.metrics().closed_while_idle), (0, 1));
    });
}

/// A key that is counted as long as it is kept.
#[derive(Clone, Debug)]
struct Counted(u32, #[expect(dead_code, reason = "its references are counted")] Arc<()>);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Counted {}

impl std::hash::Hash for Counted {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[test]
fn few_keys_are_kept_of_many_destinations() {
    let workers = workers(1);
    let pool: Pool<Counted, tokio::net::UnixStream> = Pool::new(&workers, config()).expect("they run");
    on(&workers, 0, async move |here| {
        let (local, alive) = (pool.local(&here), Arc::new(()));
        for number in 0..1_000 {
            let (ours, _theirs) = tokio::net::UnixStream::pair().expect("there are descriptors");
            let key = Counted(number, Arc::clone(&alive));
            local.put(key.clone(), handfast::pool::Pooled::new(ours)).expect("it is idle");
            assert!(local.take(&key).is_some());
            let kept = Arc::strong_count(&alive) - 2;
            assert!(kept <= 65, "{kept} keys are kept after {number} destinations");
        }
    });
}

/// A key that calls the pool when it is dropped finds no lock held. It asks in another thread, which a lock would hold up.
#[test]
fn a_key_may_call_the_pool_while_it_is_dropped() {
    use std::sync::mpsc::{Sender, channel};

    #[derive(Clone)]
    struct Calling(u32, Option<(Pool<Calling, tokio::net::UnixStream>, Sender<bool>)>);

    impl PartialEq for Calling {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    impl Eq for Calling {}

    impl std::hash::Hash for Calling {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    impl Drop for Calling {
        fn drop(&mut self) {
            let Some((pool, answered)) = self.1.take() else { return };
            let (done, is_done) = channel();
            std::thread::spawn(move || {
                pool.retain(|_, _| true);
                let _ = done.send(());
            });
            let _ = answered.send(is_done.recv_timeout(Duration::from_secs(5)).is_ok());
        }
    }

    let workers = workers(1);
    let pool: Pool<Calling, tokio::net::UnixStream> = Pool::new(&workers, config()).expect("they run");
    let (send, answers) = channel();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        for number in 0..200 {
            let (ours, _theirs) = tokio::net::UnixStream::pair().expect("there are descriptors");
            // Those that the list has kept, and that are forgotten later.
            let calls = (number == 0).then(|| (pool.clone(), send.clone()));
            local.put(Calling(number, calls), handfast::pool::Pooled::new(ours)).expect("it is idle");
            assert!(local.take(&Calling(number, None)).is_some());
        }
    });
    assert_eq!(answers.try_recv(), Ok(true), "a key was dropped under the lock of its list, or not at all");
}

#[tokio::test]
async fn the_watcher_is_gone_with_the_pool() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let pool: RuntimePool<u8, tokio::net::UnixStream> = RuntimePool::new(config()).expect("this is a runtime");
    let other = pool.clone();
    assert_eq!(tasks(), before + 1);
    drop(pool);
    tokio::task::yield_now().await;
    assert_eq!(tasks(), before + 1, "there is another handle");
    drop(other);
    until(|| tasks() == before).await;
}

/// A taker that is not to probe asks the kernel nothing: it believes the poller alone.
#[test]
fn without_a_probe_the_kernel_is_not_asked() {
    use handfast::pool::{Connection, NotIdle, Pooled};
    use std::os::fd::{AsFd, BorrowedFd};

    #[derive(Default)]
    struct Probes(std::sync::atomic::AtomicUsize, Mutex<Vec<Waker>>);
    struct Probed(Socket, Arc<Probes>);

    impl AsFd for Probed {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    impl Connection for Probed {
        fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
            self.1.1.lock().expect("whole").push(cx.waker().clone());
            Poll::Pending
        }

        fn not_idle(&self) -> Option<NotIdle> {
            None
        }

        fn probe(&self) -> Option<NotIdle> {
            self.1.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Some(NotIdle::Closed)
        }

        fn reregister(self) -> std::io::Result<Self> {
            Ok(self)
        }
    }

    for (probe, probes) in [(false, 0), (true, 1)] {
        let workers = workers(2);
        let pool: Pool<u8, Probed> = Pool::new(&workers, config().with_probe(probe)).expect("they run");
        let counted = Arc::new(Probes::default());
        let (seen, watched) = (pool.clone(), Arc::clone(&counted));
        let _theirs = on(&workers, 0, async move |here| {
            let (ours, theirs) = Socket::pair().expect("there are descriptors");
            seen.local(&here).put(1, Pooled::new(Probed(ours, watched))).expect("it is idle");
            theirs
        });
        let taken = on(&workers, 1, async move |here| pool.local(&here).take(&1).is_some());
        assert_eq!((taken, counted.0.load(std::sync::atomic::Ordering::SeqCst)), (!probe, probes));
    }
}
