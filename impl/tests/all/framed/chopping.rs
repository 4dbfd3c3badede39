//! A wire that moves few bytes at a time, and futures that are dropped where they wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use handfast::framed::{Config, Connection, Frame};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::framed::support::{End, Peer, bytes_of, connection, frame};

/// Bytes that the wire moves at a time.
pub(crate) const CHOPS: [usize; 3] = [1, 3, 13];

/// Longer than anything takes when nobody is left asleep.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// Polls a future at most so many times, and then drops it: none.
pub(crate) struct Polled<F> {
    future: Option<Pin<Box<F>>>,
    left: usize,
}

pub(crate) fn polled<F: Future>(times: usize, future: F) -> Polled<F> {
    Polled { future: Some(Box::pin(future)), left: times }
}

impl<F: Future> Future for Polled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = &mut *self;
        if this.left > 0
            && let Some(future) = &mut this.future
        {
            this.left -= 1;
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
        }
        if this.left > 0 {
            return Poll::Pending;
        }
        this.future = None;
        Poll::Ready(None)
    }
}

/// A wire that moves so many bytes each millisecond, and a peer that reads all that comes.
pub(crate) struct Wire {
    pub(crate) peer: Peer,
    came: Arc<Mutex<Vec<u8>>>,
    moves: AbortHandle,
}

impl Wire {
    pub(crate) fn new(chop: usize, config: Config) -> (Connection<End<true>>, Self) {
        let (connection, peer) = connection(config);
        for direction in [&peer.ours, &peer.theirs] {
            let mut direction = direction.get();
            (direction.moves, direction.send_room, direction.at_once) = (false, chop, chop);
        }
        peer.theirs.get().send_room = usize::MAX;
        let came = Arc::new(Mutex::new(Vec::new()));
        let (of_task, in_task) = (peer.clone(), Arc::clone(&came));
        let moves = tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(1)).await;
                of_task.ours.get().deliver(chop);
                of_task.theirs.get().deliver(chop);
                in_task.lock().expect("nothing panics in here").extend(of_task.receive());
            }
        });
        (connection, Self { peer, came, moves: moves.abort_handle() })
    }

    pub(crate) fn came(&self) -> Vec<u8> {
        self.came.lock().expect("nothing panics in here").clone()
    }

    /// Bytes that were handed over so far.
    pub(crate) fn handed(&self) -> usize {
        self.came().len() + self.peer.ours.get().sent.len()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.moves.abort();
    }
}

pub(crate) fn frames() -> Vec<Frame> {
    [(1, 0), (2, 1), (3, 11), (4, 0), (5, 19)].map(|(kind, length)| frame(kind, length)).to_vec()
}

pub(crate) fn all_bytes(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(bytes_of).collect()
}

pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("nobody is left asleep")
}

/// Runs a test for each number of polls, until one says that the operation was over before it was dropped. How many there were.
pub(crate) async fn for_every_number_of_polls<F: Future<Output = bool>>(test: impl Fn(usize) -> F) -> usize {
    for times in 0.. {
        if !test(times).await {
            return times;
        }
    }
    unreachable!("numbers do not end")
}
