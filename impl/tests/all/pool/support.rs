//! Connections that count their ends, and workers to put them on.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handfast::pool::{Carrying, Config, Limits, Local, Pool, Pooled, WorkerHandle, Workers};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Counts its drops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drops(Arc<AtomicUsize>);

impl Drops {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn payload(&self) -> Payload {
        Payload(self.clone())
    }
}

/// What travels with a connection.
#[derive(Debug)]
pub(crate) struct Payload(Drops);

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) type Connection<S> = Carrying<S, Payload>;
pub(crate) type Idle = Pool<u8, Connection<UnixStream>>;

pub(crate) fn workers(count: u16) -> Workers {
    crate::limit::limited();
    Workers::start(NonZeroU16::new(count).expect("some")).expect("threads can be made")
}

pub(crate) fn config() -> Config {
    crate::limit::limited();
    let limits = Limits::new(8, 16).with_idle(Duration::from_secs(30)).with_age(Duration::from_secs(3600));
    Config::default().with_limits(limits).with_descriptors(4096).with_spread(0)
}

pub(crate) fn unix(drops: &Drops) -> (Pooled<Connection<UnixStream>>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("there are descriptors");
    (Pooled::new(Carrying { stream: ours, payload: drops.payload() }), theirs)
}

pub(crate) async fn tcp(drops: &Drops) -> (Pooled<Connection<TcpStream>>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let ours = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
    let (theirs, _) = listener.accept().await.expect("it was dialed");
    (Pooled::new(Carrying { stream: ours, payload: drops.payload() }), theirs)
}

/// Lets everything else run until it is so.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    // By the clock of the machine: a paused one stands still while this does not wait.
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not come to this in 20 s");
        tokio::task::yield_now().await;
    }
}

/// Runs something on a worker and gives what it gives.
pub(crate) fn on<T, F>(workers: &Workers, worker: usize, make: impl FnOnce(WorkerHandle) -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + 'static,
{
    workers.spawn(worker, make).expect("the worker runs").wait().expect("it ends without a panic")
}

/// Puts a connection, and gives its other end.
pub(crate) fn put(local: &Local<u8, Connection<UnixStream>>, key: u8, drops: &Drops) -> UnixStream {
    let (ours, theirs) = unix(drops);
    local.put(key, ours).expect("it is idle");
    theirs
}
