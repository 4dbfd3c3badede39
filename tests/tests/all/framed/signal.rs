//! No write raises `SIGPIPE`, whose default action ends the process: in a plugin of a C program it is the default.

use std::future::poll_fn;
use std::io::IoSlice;
use std::net::Shutdown;
use std::task::Poll;

use handfast::framed::{Config, Connection, Error, Frame, Transport};
use rustix::process::{Signal as Sent, getpid, kill_process};
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::support::alone;

#[test]
fn a_vectored_write_on_a_broken_connection_raises_no_signal() {
    alone("the handler of a signal is its process's", || {
        Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
            let mut pipe = signal(SignalKind::pipe()).expect("a handler can be set");
            let (_listener, stream) = tcp().await;
            breaks(stream).await;
            assert!(!was_raised(&mut pipe).await, "by a frame on TCP");
            let (ours, _theirs) = UnixStream::pair().expect("two descriptors");
            SockRef::from(&ours).shutdown(Shutdown::Write).expect("it is connected");
            breaks(ours).await;
            assert!(!was_raised(&mut pipe).await, "by a frame on a Unix socket");

            // What the test is worth: tokio's own vectored write raises it.
            let (_listener, mut stream) = tcp().await;
            let failed = stream.write_vectored(&[IoSlice::new(b"one"), IoSlice::new(b"two")]).await;
            assert!(failed.is_err());
            assert!(was_raised(&mut pipe).await, "this would be seen");
        });
    });
}

/// A stream whose sending direction is closed, so that a write is answered with `EPIPE`. The listener that it is connected to
/// resets it when it is dropped, and no signal is raised for that.
async fn tcp() -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let stream = TcpStream::connect(address).await.expect("it listens");
    SockRef::from(&stream).shutdown(Shutdown::Write).expect("it is connected");
    (listener, stream)
}

/// Writes a frame in two pieces.
async fn breaks<T: Transport>(stream: T) {
    let written = Connection::new(stream, Config::default()).write(Frame::new(1, vec![7; 100_000])).await;
    assert!(matches!(written, Err(Error::Transport(_))), "{written:?}");
}

/// Whether the signal was raised since this was last asked. Another one that was raised later has come by then.
async fn was_raised(pipe: &mut Signal) -> bool {
    let mut later = signal(SignalKind::user_defined1()).expect("a handler can be set");
    kill_process(getpid(), Sent::USR1).expect("it is this process");
    later.recv().await;
    poll_fn(|cx| Poll::Ready(pipe.poll_recv(cx).is_ready())).await
}
