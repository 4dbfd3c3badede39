//! Two connections over a pipe of 1 to 64 bytes, with calls that are polled a few times and dropped.

#![no_main]

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::framed::{Config, Connection, Error, Frame, Opaque, Outcome, Reader, Writer};
use libfuzzer_sys::fuzz_target;
use tokio::io::{DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

type Io = Opaque<DuplexStream>;

/// Longer than anything takes on a clock that stands still while anybody can go on.
const LONG: Duration = Duration::from_secs(3600);

fuzz_target!(|input: &[u8]| {
    let Some((&room, calls)) = input.split_first() else { return };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without IO needs nothing").block_on(run(1 + usize::from(room) % 64, calls));
});

async fn run(room: usize, calls: &[u8]) {
    let (left, right) = duplex(room);
    let mut ends = [left, right].map(End::new);
    for call in calls.chunks_exact(2).take(400) {
        let [what, number] = *call else { return };
        let which = usize::from(what & 1);
        let [left, right] = &mut ends;
        let (own, peer) = if which == 0 { (left, right) } else { (right, left) };
        let polls = usize::from(number >> 6);
        match (what >> 1) % 4 {
            0 => own.feed(usize::from(number), polls),
            1 => {
                let _ = polled(own.writer.flush(), polls);
            }
            2 => own.read(peer, polls),
            _ => own.shut_down(polls), // The rest of four.
        }
        // A new poll, with a budget of its own.
        yield_now().await;
    }
    let [left, right] = ends;
    let both = async { tokio::join!(left.finish(), right.finish()) };
    let (left, right) = timeout(LONG, both).await.expect("both come to an end");
    assert_eq!((left.read, right.read), (right.fed, left.fed), "whole, and in order");
}

struct End {
    reader: Reader<Io>,
    writer: Writer<Io>,
    shut_down: bool,
    /// What was accepted, and the peer was not given while calls were dropped.
    fed: VecDeque<Frame>,
}

struct Finished {
    fed: VecDeque<Frame>,
    read: VecDeque<Frame>,
}

impl End {
    fn new(io: DuplexStream) -> Self {
        let config = Config::default().with_max_frame(4096).with_write_buffer(100);
        let (reader, writer) = Connection::over(io, config).into_split();
        Self { reader, writer, shut_down: false, fed: VecDeque::new() }
    }

    fn feed(&mut self, number: usize, polls: usize) {
        let frame = Frame::new(number as u32, vec![number as u8; number % 50]);
        match polled(self.writer.feed(frame.clone()), polls) {
            Poll::Ready(Ok(())) => {
                assert!(!self.shut_down);
                self.fed.push_back(frame);
            }
            Poll::Ready(Err(error)) => assert!(error == Error::ShutDown && self.shut_down, "{error}"),
            Poll::Pending => {} // It was not accepted.
        }
    }

    fn read(&mut self, peer: &mut Self, polls: usize) {
        match polled(self.reader.read(), polls) {
            Poll::Ready(Ok(Some(frame))) => assert_eq!(Some(frame), peer.fed.pop_front()),
            Poll::Ready(Ok(None)) => assert!(peer.shut_down && peer.fed.is_empty()),
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => {}
        }
    }

    fn shut_down(&mut self, polls: usize) {
        if polls > 0 {
            self.shut_down = true;
            let closer = self.writer.closer();
            let _ = polled(closer.shutdown(Instant::now() + LONG), polls);
        }
    }

    /// Reads and shuts down to the end.
    async fn finish(self) -> Finished {
        let Self { mut reader, mut writer, fed, .. } = self;
        let mut read = VecDeque::new();
        let reading = async {
            while let Some(frame) = reader.read().await.expect("the peer keeps to the protocol") {
                read.push_back(frame);
            }
        };
        let ((), outcome) = tokio::join!(reading, writer.shutdown(Instant::now() + LONG));
        assert_eq!(outcome, Outcome::Unconfirmed { peer_ended: true });
        Finished { fed, read }
    }
}

/// Polls a call so many times, and drops it.
fn polled<F: Future>(call: F, polls: usize) -> Poll<F::Output> {
    let mut call = pin!(call);
    for _ in 0..polls {
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_ready() {
            return polled;
        }
    }
    Poll::Pending
}
