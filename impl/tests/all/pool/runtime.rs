//! A pool in an ordinary tokio program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handfast::pool::{Keep, NoRuntime, Pooled, PutRefused, RuntimePool};
use tokio::net::UnixStream;

use crate::pool::support::{Connection, Drops, config, unix, until};

type Pool = RuntimePool<u8, Connection<UnixStream>>;

fn pool() -> Pool {
    RuntimePool::new(config()).expect("this is a runtime")
}

/// Makes a connection, whose other end stays open.
async fn connect(drops: Drops, others: Arc<std::sync::Mutex<Vec<UnixStream>>>) -> io::Result<Connection<UnixStream>> {
    let (ours, theirs) = unix(&drops);
    others.lock().expect("whole").push(theirs);
    Ok(ours.connection)
}

#[test]
fn it_is_made_within_a_runtime() {
    let _: NoRuntime = Pool::new(config()).expect_err("there is no runtime");
}

#[tokio::test]
async fn a_lease_puts_its_connection_back_unless_told_otherwise() {
    let (pool, drops, others) = (pool(), Drops::default(), Arc::default());
    let lease = || pool.take_or_connect(1, || connect(drops.clone(), Arc::clone(&others)));
    let first = lease().await.expect("it connects");
    assert_eq!((first.uses(), *first.key(), pool.pool().idle()), (0, 1, 0));
    drop(first);
    assert_eq!(pool.pool().idle(), 1);
    let mut second = lease().await.expect("it is there");
    assert_eq!(second.uses(), 1);
    second.set_reusable(false);
    drop(second);
    assert_eq!((pool.pool().idle(), drops.count()), (0, 1));
    lease().await.expect("it connects").discard();
    assert_eq!((pool.pool().idle(), drops.count()), (0, 2));
    let kept: Pooled<_> = lease().await.expect("it connects").into_inner();
    assert_eq!((pool.pool().idle(), drops.count()), (0, 2));
    drop(kept);
    let failed = pool.take_or_connect(1, async || Err(io::ErrorKind::ConnectionRefused)).await;
    assert_eq!(failed.err(), Some(io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn a_connection_that_a_panic_has_left_is_not_put_back() {
    let (pool, drops, others) = (pool(), Drops::default(), Arc::default());
    let mine = pool.clone();
    let (counted, kept) = (drops.clone(), Arc::clone(&others));
    let panicked = tokio::spawn(async move {
        let _lease = mine.take_or_connect(1, || connect(counted, kept)).await.expect("it connects");
        panic!("a test does this on purpose")
    });
    let _: tokio::task::JoinError = panicked.await.expect_err("it panics");
    assert_eq!((pool.pool().idle(), drops.count()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_s_keep_alive_limits_one_connection() {
    let (pool, drops) = (pool(), Drops::default());
    let (short, _first) = unix(&drops);
    let (long, _second) = unix(&drops);
    let keep = Keep::default().with_idle(Duration::from_secs(5));
    pool.put(1, long).expect("it is idle");
    pool.put_for(1, short, keep).expect("it is idle");
    tokio::time::sleep(Duration::from_millis(4_990)).await;
    assert_eq!((pool.pool().idle(), drops.count()), (2, 0));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!((pool.pool().idle(), drops.count(), pool.pool().metrics().expired), (1, 1, 1));
    let mut lease = pool.take_or_connect(1, async || Err(())).await.expect("the other one is there");
    lease.keep_for(Keep::default().with_age(Duration::from_secs(6)));
    drop(lease);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((pool.pool().idle(), drops.count()), (0, 2), "it is six seconds old");
}

#[tokio::test]
async fn a_server_that_closes_ends_what_is_idle() {
    let (pool, drops) = (pool(), Drops::default());
    let (ours, theirs) = unix(&drops);
    pool.put(1, ours).expect("it is idle");
    drop(theirs);
    until(|| drops.count() == 1).await;
    assert_eq!((pool.pool().idle(), pool.pool().metrics().closed_while_idle), (0, 1));
}

#[test]
fn a_runtime_that_ends_closes_what_is_idle() {
    let drops = Drops::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
    let (pool, other) = runtime.block_on(async {
        let pool = pool();
        let (ours, theirs) = unix(&drops);
        pool.put(1, ours).expect("it is idle");
        (pool, theirs.into_std())
    });
    drop(runtime);
    assert_eq!((pool.pool().idle(), drops.count(), pool.pool().metrics().closed_by_stop), (0, 1, 1));
    drop(other);
}

const TASKS: usize = 8;
const ROUNDS: usize = 500;

/// OWN-25: servers close at any time while threads put and take; none of what is closed stays in the list, which is
/// where it would stay if a report were lost that came while another thread put the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_share_a_runtime_lose_no_report() {
    let limits = (config().limits).with_per_key(1024).with_total(1024);
    let pool: Pool = RuntimePool::new(config().with_limits(limits)).expect("this is a runtime");
    let (drops, made) = (Drops::default(), Arc::new(AtomicUsize::new(0)));
    let work = |number: usize| {
        let (pool, drops, made) = (pool.clone(), drops.clone(), Arc::clone(&made));
        async move {
            for round in 0..ROUNDS {
                let (ours, theirs) = unix(&drops);
                made.fetch_add(1, Ordering::SeqCst);
                let closing = tokio::spawn(async move { drop(theirs) });
                match pool.put(1, ours).map_err(|error| error.reason) {
                    Ok(()) | Err(PutRefused::NotIdle(_)) => {}
                    Err(reason) => panic!("task {number}, round {round}: {reason}"),
                }
                if round % 3 == number % 3 {
                    drop(pool.take(&1));
                }
                closing.await.expect("no panic");
            }
        }
    };
    let tasks: Vec<_> = (0..TASKS).map(|number| tokio::spawn(work(number))).collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    until(|| drops.count() == made.load(Ordering::SeqCst)).await;
    let metrics = pool.pool().metrics();
    println!("{metrics:?}");
    assert_eq!((made.load(Ordering::SeqCst), pool.pool().idle()), (TASKS * ROUNDS, 0));
    assert_eq!(metrics.put, metrics.reused_local + metrics.closed_while_idle + metrics.evicted);
}

/// A connection that is reported while a thread of the runtime puts it, and that waits for the watcher's look.
struct Early {
    stream: UnixStream,
    looks: AtomicUsize,
    is_inside: std::sync::mpsc::Sender<()>,
    goes_on: std::sync::mpsc::Receiver<()>,
    _payload: crate::pool::support::Payload,
}

impl std::os::fd::AsFd for Early {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl handfast::pool::Connection for Early {
    fn poll_not_idle(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<handfast::pool::NotIdle> {
        if self.looks.fetch_add(1, Ordering::SeqCst) > 0 {
            return std::task::Poll::Ready(handfast::pool::NotIdle::Closed);
        }
        cx.waker().wake_by_ref();
        let _ = self.is_inside.send(());
        self.goes_on.recv_timeout(Duration::from_secs(20)).expect("the test lets it go on within 20 s");
        std::task::Poll::Pending
    }

    fn not_idle(&self) -> Option<handfast::pool::NotIdle> {
        None
    }

    fn probe(&self) -> Option<handfast::pool::NotIdle> {
        None
    }

    fn reregister(self) -> io::Result<Self> {
        Ok(self)
    }
}

/// The report is left for the thread that is inside, which sees to it when the connection is listed.
#[tokio::test]
async fn a_report_that_comes_while_the_connection_is_put_is_not_lost() {
    let pool: RuntimePool<u8, Early> = RuntimePool::new(config()).expect("this is a runtime");
    let drops = Drops::default();
    let ((is_inside, inside), (go_on, goes_on)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let (stream, _theirs) = UnixStream::pair().expect("there are descriptors");
    let early = Early { stream, looks: AtomicUsize::new(0), is_inside, goes_on, _payload: drops.payload() };
    let (mine, runtime) = (pool.clone(), tokio::runtime::Handle::current());
    let putting = std::thread::spawn(move || {
        let _within = runtime.enter();
        mine.put(1, Pooled::new(early)).is_ok()
    });
    until(|| inside.try_recv().is_ok()).await;
    // The watcher has been woken: these are turns for it, in which it looks.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    go_on.send(()).expect("it waits");
    until(|| drops.count() == 1).await;
    assert!(putting.join().expect("no panic"), "it was put");
    assert_eq!((pool.pool().idle(), pool.pool().metrics().closed_while_idle), (0, 1));
}
