//! The peer's marker begins our own shutdown, where that is configured. Whoever reads finishes it.

use std::task::Poll;
use std::time::Duration;

use handfast::framed::{Config, Error, Outcome};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::support::{MARKER, bytes_of, connection, frame, once, within};

fn config() -> Config {
    Config::default().with_answer(Some(Duration::from_secs(3))).with_write_buffer(8 << 20)
}

#[tokio::test(start_paused = true)]
async fn m31_the_peers_marker_is_answered_where_that_is_configured() {
    let (mut ours, peer) = connection(config());
    ours.feed(frame(1, 3)).await.expect("there is room");
    peer.send(&MARKER);
    assert_eq!(ours.read().await, Ok(None));
    assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
    assert!(peer.ours.get().finished);
    assert_eq!(ours.write(frame(2, 3)).await, Err(Error::ShutDown));
    assert_eq!(ours.shutdown(within(60)).await, Outcome::Clean);

    let (mut ours, peer) = connection(Config::default());
    peer.send(&MARKER);
    assert_eq!(ours.read().await, Ok(None));
    ours.write(frame(2, 3)).await.expect("the peer has ended its direction, not ours");
    assert_eq!(peer.receive(), bytes_of(&frame(2, 3)));
}

/// Nothing but the reader goes on, with 4 MiB in a queue of which the transport takes 270,000 bytes at a time.
#[tokio::test(start_paused = true)]
async fn an_answer_behind_a_full_queue_is_finished_by_whoever_reads() {
    let (mut ours, peer) = connection(config());
    peer.ours.get().send_room = 270_000;
    peer.ours.get().moves = false;
    let frames: Vec<_> = (0..4).map(|kind| frame(kind, 1 << 20)).collect();
    for frame in &frames {
        ours.feed(frame.clone()).await.expect("there is room");
    }
    peer.send(&MARKER);
    let closer = ours.closer();
    let read = tokio::spawn(async move { (ours.read().await, ours) });
    let mut bytes = Vec::new();
    while !read.is_finished() {
        yield_now().await;
        peer.ours.get().deliver(usize::MAX);
        bytes.extend(peer.receive());
    }
    let (read, mut ours) = read.await.expect("it does not panic");
    assert_eq!(read, Ok(None));
    peer.ours.get().deliver(usize::MAX);
    bytes.extend(peer.receive());
    assert!(bytes == frames.iter().flat_map(bytes_of).chain(MARKER).collect::<Vec<_>>(), "{} bytes", bytes.len());
    assert!(peer.ours.get().finished);
    assert_eq!(ours.read().await, Ok(None));
    assert_eq!(closer.outcome(), None, "what arrives is for a shutdown to say");
    assert_eq!(closer.shutdown(within(1)).await, Outcome::Clean);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_ends_at_its_deadline() {
    let (mut ours, peer) = connection(config());
    peer.ours.get().send_room = 10;
    peer.ours.get().moves = false;
    ours.feed(frame(1, 10)).await.expect("there is room");
    peer.send(&MARKER);
    let begin = Instant::now();
    assert_eq!(ours.read().await, Ok(None), "the peer has said everything all the same");
    assert_eq!(begin.elapsed().as_secs(), 3);
    let outcome = Outcome::DeadlineExceeded { unwritten: 16 };
    assert_eq!(ours.closer().outcome(), Some(outcome));
    assert_eq!(ours.write(frame(2, 3)).await, Err(Error::DeadlineExceeded));
    assert_eq!(ours.shutdown(within(60)).await, outcome);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_peer_that_has_gone_ends_at_once() {
    let (mut ours, peer) = connection(config());
    peer.ours.get().send_room = 0;
    peer.send(&MARKER);
    let closer = ours.closer();
    let read = tokio::spawn(async move { ours.read().await });
    yield_now().await;
    let begin = Instant::now();
    peer.reset();
    assert_eq!(read.await.expect("it does not panic"), Ok(None));
    assert_eq!((closer.outcome(), begin.elapsed().as_secs()), (Some(Outcome::PeerGone { unwritten: 8 }), 0));
}

/// The read is dropped wherever it waits, and the next one goes on, or a shutdown.
#[tokio::test(start_paused = true)]
async fn an_answer_goes_on_where_a_read_was_dropped() {
    for by_reading in [true, false] {
        let (mut ours, peer) = connection(config());
        peer.ours.get().moves = false;
        ours.feed(frame(1, 3)).await.expect("there is room");
        peer.send(&MARKER);
        for room in 0..19 {
            peer.ours.get().send_room = room;
            assert_eq!(once(ours.read()), Poll::Pending);
            assert_eq!(peer.ours.get().sent.len(), room);
        }
        peer.ours.get().send_room = 19;
        if by_reading {
            assert_eq!(ours.read().await, Ok(None));
            assert!(peer.ours.get().finished);
        }
        peer.ours.get().moves = true;
        peer.ours.get().wake();
        assert_eq!(ours.closer().shutdown(within(1)).await, Outcome::Clean);
        assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
    }
}

/// The shutdown that the application began is the application's to drive.
#[tokio::test(start_paused = true)]
async fn the_marker_of_a_peer_that_answers_us_is_not_answered() {
    let (mut ours, peer) = connection(config());
    peer.ours.get().send_room = 0;
    assert_eq!(once(ours.closer().shutdown(within(60))), Poll::Pending);
    peer.send(&MARKER);
    assert_eq!(once(ours.read()), Poll::Ready(Ok(None)));
    peer.ours.get().send_room = 8;
    assert_eq!(ours.closer().shutdown(within(60)).await, Outcome::Clean);
}
