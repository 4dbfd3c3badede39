//! What the worker hears of an idle connection.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use handfast::pool::{Connection, NotIdle, Pool, Pooled};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::pool::support::{self, Drops, Idle, config, on, put, tcp, until, workers};

#[test]
fn a_server_that_closes_ends_it() {
    let workers = workers(1);
    let pool: Idle = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let (kept, closed) = (put(&local, 1, &drops), put(&local, 1, &drops));
        drop(closed);
        until(|| pool.idle() == 1).await;
        assert_eq!((drops.count(), pool.metrics().closed_while_idle), (1, 1));
        assert!(local.take(&1).is_some(), "the other one is open");
        drop(kept);
    });
}

#[test]
fn bytes_and_half_closes_and_resets_end_it() {
    let workers = workers(1);
    let pool: Pool<u8, support::Connection<_>> = Pool::new(&workers, config()).expect("they run");
    let drops = Drops::default();
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        for (round, way) in (1..).zip(["bytes", "half", "reset"]) {
            let (ours, mut theirs) = tcp(&drops).await;
            local.put(1, ours).expect("it is idle");
            match way {
                "bytes" => theirs.write_all(b"408").await.expect("it is open"),
                "half" => theirs.shutdown().await.expect("it is open"),
                _ => {
                    socket2::SockRef::from(&theirs)
                        .set_linger(Some(std::time::Duration::ZERO))
                        .expect("it is a socket");
                    drop(theirs);
                }
            }
            until(|| drops.count() == round).await;
            assert_eq!(pool.metrics().closed_while_idle, round as u64, "{way}");
            assert_eq!(pool.idle(), 0, "{way}");
        }
    });
}

/// What the worker's poller knows is known to whoever takes, also if the worker has not looked.
#[test]
fn a_connection_that_is_dead_is_not_given_out() {
    for probe in [false, true] {
        let workers = workers(1);
        let pool: Idle = Pool::new(&workers, config().with_probe(probe)).expect("they run");
        let drops = Drops::default();
        on(&workers, 0, async move |here| {
            let local = pool.local(&here);
            drop(put(&local, 1, &drops));
            if probe {
                assert!(local.take(&1).is_none(), "the kernel knows, and was asked");
                assert_eq!(pool.metrics().closed_while_idle, 1);
            } else {
                assert!(local.take(&1).is_some(), "nobody knows yet");
            }
        });
    }
}

/// A connection whose poller is the test.
struct Scripted {
    stream: UnixStream,
    script: Arc<Script>,
}

#[derive(Default)]
struct Script {
    is_closed: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
    drops: Drops,
}

impl AsFd for Scripted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Connection for Scripted {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        if let Some(disturbance) = self.not_idle() {
            return Poll::Ready(disturbance);
        }
        self.script.wakers.lock().expect("whole").push(cx.waker().clone());
        Poll::Pending
    }

    fn not_idle(&self) -> Option<NotIdle> {
        self.script.is_closed.load(Ordering::SeqCst).then_some(NotIdle::Closed)
    }

    fn probe(&self) -> Option<NotIdle> {
        None
    }

    fn reregister(self) -> io::Result<Self> {
        Ok(self)
    }
}

fn scripted() -> (Pooled<Scripted>, Arc<Script>) {
    let (stream, _) = UnixStream::pair().expect("there are descriptors");
    let script = Arc::new(Script::default());
    (Pooled::new(Scripted { stream, script: Arc::clone(&script) }), script)
}

impl Drop for Scripted {
    fn drop(&mut self) {
        drop(self.script.drops.payload());
    }
}

/// What the poller has reported counts from then on, and not only when the worker looks.
#[test]
fn what_was_reported_is_known_to_whoever_takes() {
    let workers = workers(1);
    let pool: Pool<u8, Scripted> = Pool::new(&workers, config()).expect("they run");
    on(&workers, 0, async move |here| {
        let (ours, script) = scripted();
        let local = pool.local(&here);
        local.put(1, ours).expect("it is idle");
        script.is_closed.store(true, Ordering::SeqCst);
        assert!(local.take(&1).is_none());
        assert_eq!((script.drops.count(), pool.metrics().closed_while_idle), (1, 1));
    });
}

#[test]
fn a_false_alarm_changes_nothing() {
    let workers = workers(1);
    let pool: Pool<u8, Scripted> = Pool::new(&workers, config()).expect("they run");
    on(&workers, 0, async move |here| {
        let (ours, script) = scripted();
        let local = pool.local(&here);
        local.put(1, ours).expect("it is idle");
        let waker = script.wakers.lock().expect("whole")[0].clone();
        waker.wake();
        until(|| script.wakers.lock().expect("whole").len() == 2).await;
        assert_eq!((pool.idle(), script.drops.count()), (1, 0), "it was looked at, and is watched again");
        assert!(local.take(&1).is_some());
    });
}

/// Reports that come while the worker is busy with many others are looked at, too.
#[test]
fn no_report_is_lost_among_many() {
    const AT_ONCE: usize = 20;
    let workers = workers(1);
    let limits = (config().limits).with_per_key(2 * AT_ONCE).with_total(2 * AT_ONCE);
    let many = config().with_limits(limits);
    let pool: Pool<u8, Scripted> = Pool::new(&workers, many).expect("they run");
    on(&workers, 0, async move |here| {
        let local = pool.local(&here);
        let scripts: Vec<_> = (0..2 * AT_ONCE)
            .map(|_| {
                let (ours, script) = scripted();
                local.put(1, ours).expect("it is idle");
                script
            })
            .collect();
        let wakers = |script: &Script| script.wakers.lock().expect("whole").clone();
        scripts[..AT_ONCE].iter().for_each(|script| wakers(script)[0].wake_by_ref());
        for script in &scripts[AT_ONCE..] {
            tokio::task::yield_now().await;
            wakers(script)[0].wake_by_ref();
        }
        until(|| scripts.iter().all(|script| wakers(script).len() == 2)).await;
        assert_eq!(pool.idle(), 2 * AT_ONCE, "they were false alarms");
    });
}

/// OWN-5: a report about a connection that somebody else has by now is refused, whatever it says; also when the same
/// number is idle again.
#[test]
fn a_late_report_touches_nothing() {
    let workers = workers(2);
    let pool: Pool<u8, Scripted> = Pool::new(&workers, config()).expect("they run");
    let seen = pool.clone();
    let script = on(&workers, 0, async move |here| {
        let (ours, script) = scripted();
        seen.local(&here).put(1, ours).expect("it is idle");
        script
    });
    let first = script.wakers.lock().expect("whole")[0].clone();
    let (seen, told) = (pool.clone(), Arc::clone(&script));
    on(&workers, 1, async move |here| {
        let local = seen.local(&here);
        let taken = local.take(&1).expect("it is idle");
        told.is_closed.store(true, Ordering::SeqCst);
        first.wake_by_ref();
        until(|| seen.metrics().late_reports == 1).await;
        assert_eq!(told.drops.count(), 0, "it is in use");
        told.is_closed.store(false, Ordering::SeqCst);
        local.put(1, taken).expect("it is idle");
        told.is_closed.store(true, Ordering::SeqCst);
        first.wake();
        until(|| seen.metrics().late_reports == 2).await;
        assert_eq!((told.drops.count(), seen.idle()), (0, 1), "this worker's report is not about it");
    });
    drop(workers);
    assert_eq!(script.drops.count(), 1);
}
