//! tokio's own question with each event, whether it is still ready: `AsyncFd::try_io`. It keeps nobody out.

use std::hint::black_box;
use std::io::Write;
use std::os::unix::net::UnixStream;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Runtime};

use crate::rival::{Enter, Rival, SHARED};

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
