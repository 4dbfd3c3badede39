//! Threads that begin together.

use std::hint::black_box;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Runtime};

/// So many threads.
pub(crate) struct Crew {
    threads: usize,
}

impl Crew {
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads }
    }

    /// Has every thread, by its number, do this, beginning together, and says how long the slowest was at it. One
    /// thread is the calling one.
    pub(crate) fn run(&self, work: impl Fn(usize) -> Duration + Sync) -> Duration {
        let barrier = Barrier::new(self.threads);
        let (barrier, work) = (&barrier, &work);
        let begin_together = move |number| {
            barrier.wait();
            work(number)
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|number| scope.spawn(move || begin_together(number))).collect();
            let own = begin_together(0);
            others.into_iter().map(|other| other.join().expect("no rival panics")).fold(own, Duration::max)
        })
    }
}

// tokio's own question with each event, whether it is still ready: `AsyncFd::try_io`. It keeps nobody out.

/// See the [module](self). Sockets that have something to read, and whose runtime has noticed.
pub(crate) struct Readiness {
    sockets: Vec<AsyncFd<UnixStream>>,
    _others: Vec<UnixStream>,
    _runtime: Runtime,
}

impl Rival for Readiness {
    const NAME: &'static str = "readiness";

    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_io().build().expect("there is an epoll");
        let pair = || {
            let (ours, mut theirs) = UnixStream::pair().expect("there are sockets");
            ours.set_nonblocking(true).expect("it is a socket");
            theirs.write_all(b"x").expect("there is room");
            let ours = runtime.block_on(async {
                // SAFETY: the socket keeps its descriptor for as long as it lives, and `AsyncFd` owns it.
                #[expect(unsafe_code, reason = "tokio asks for this promise, and its safe constructor is deprecated")]
                let ours = unsafe { AsyncFd::register(ours) }.expect("it can be watched");
                ours.readable().await.expect("the runtime is there").retain_ready();
                ours
            });
            (ours, theirs)
        };
        let (sockets, others) = (0..=SHARED).map(|_| pair()).unzip();
        Self { sockets, _others: others, _runtime: runtime }
    }
}

impl Enter for Readiness {
    #[inline]
    fn enter_and_leave(&self, number: usize, _: usize) {
        let told = self.sockets[number].try_io(Interest::READABLE, |socket| {
            black_box(socket);
            Ok(())
        });
        told.expect("it is ready");
    }
}

// What is asked of everybody.

/// The descriptors that belong to the threads of these numbers, to begin with.
pub(crate) const OWNED: [usize; 2] = [0, 1];

/// The descriptor that belongs to every thread.
pub(crate) const SHARED: usize = 2;

/// Where there is no descriptor, for each thread.
pub(crate) const FREE: [usize; 2] = [3, 4];

/// How many numbers there are.
pub(crate) const NUMBERS: usize = 5;

/// A way to own descriptors. What is kept for one number is on a cache line of its own.
pub(crate) trait Rival: Sync {
    const NAME: &'static str;

    fn new() -> Self;
}

/// May this thread run the callback, and if so, does.
pub(crate) trait Enter: Rival {
    fn enter_and_leave(&self, number: usize, thread: usize);
}

/// Becomes the owner, and is inside for a moment; at once or not at all.
pub(crate) trait Takeover: Rival {
    #[must_use]
    fn take_over_and_leave(&self, number: usize, thread: usize) -> bool;
}

/// Puts a descriptor that costs nothing there and has it closed.
pub(crate) trait Insert: Rival {
    fn insert_and_delete(&self, number: usize, thread: usize);
}
