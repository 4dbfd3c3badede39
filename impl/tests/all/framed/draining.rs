//! What is read while we shut down, and for whom.

use std::task::Poll;
use std::time::Duration;

use handfast::framed::{Config, Connection, Drain, Error, Outcome};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::support::{MARKER, bytes_of, connection, frame, once, wire, within};

/// Both send queues are full, and both shut down: the marker is behind frames that the other end must read first.
#[tokio::test(start_paused = true)]
async fn m22_reading_goes_on_while_the_marker_is_written() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, mut writer) = ours.into_split();
    peer.ours.get().send_room = 10;
    peer.ours.get().receive_room = 10;
    peer.theirs.get().receive_room = 10;
    for kind in 0..20 {
        peer.send_frame(&frame(kind, 12));
        writer.feed(frame(kind, 12)).await.expect("there is room");
    }
    peer.send(&MARKER);
    assert_eq!(once(writer.flush()), Poll::Pending);
    let shutdown = tokio::spawn(async move { writer.shutdown(within(60)).await });
    // The peer reads only after all that it has written was read.
    while !peer.theirs.get().sent.is_empty() {
        yield_now().await;
    }
    let begin = Instant::now();
    let mut bytes = Vec::new();
    while !shutdown.is_finished() {
        bytes.extend(peer.receive());
        sleep(Duration::from_micros(100)).await;
    }
    bytes.extend(peer.receive());
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean);
    assert_eq!(begin.elapsed().as_secs(), 0, "well before the deadline");
    assert_eq!(bytes, (0..20).flat_map(|kind| bytes_of(&frame(kind, 12))).chain(MARKER).collect::<Vec<_>>());
    // And what was read meanwhile is not lost either.
    for kind in 0..20 {
        assert_eq!(reader.read().await, Ok(Some(frame(kind, 12))));
    }
    assert_eq!(reader.read().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn m24_frames_go_on_coming_after_our_shutdown_until_the_peers_marker() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, mut writer) = ours.into_split();
    assert_eq!(writer.shutdown(within(60)).await, Outcome::Clean);
    for kind in 0..20 {
        peer.send_frame(&frame(kind, 12));
        assert_eq!(reader.read().await, Ok(Some(frame(kind, 12))));
    }
    peer.send(&MARKER);
    assert_eq!(reader.read().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn m26_a_peer_that_never_ends_holds_nobody_beyond_the_deadline() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, mut writer) = ours.into_split();
    let begin = Instant::now();
    let read = tokio::spawn(async move { reader.read().await });
    yield_now().await;
    assert_eq!(writer.shutdown(within(7)).await, Outcome::Clean);
    assert_eq!(begin.elapsed().as_secs(), 0, "what we have sent has arrived");
    assert_eq!(read.await.expect("it does not panic"), Err(Error::DeadlineExceeded));
    assert_eq!(begin.elapsed().as_secs(), 7);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_the_reader_is_bounded() {
    let drain = Drain::default().with_keep(1000);
    let (ours, peer) = connection(Config::default().with_drain(drain));
    let (mut reader, mut writer) = ours.into_split();
    peer.theirs.get().receive_room = 100;
    peer.ours.get().moves = false;
    for kind in 0..100 {
        peer.send_frame(&frame(kind, 92));
    }
    let shutdown = tokio::spawn(async move { writer.shutdown(within(5)).await });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(peer.theirs.get().sent.len(), 100 * 100 - 1000 - 100);
    // As the reader reads, more is kept for it.
    for kind in 0..50 {
        assert_eq!(reader.read().await, Ok(Some(frame(kind, 92))));
    }
    sleep(Duration::from_secs(1)).await;
    let left = peer.theirs.get().sent.len();
    assert!((3000..4000).contains(&left), "{left}");
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Unacknowledged { bytes: 9 });
}

/// A transport that tells nothing is never asked again, so that only the reader can say that there is room.
#[tokio::test(start_paused = true)]
async fn more_is_kept_for_the_reader_as_soon_as_it_has_taken_what_was() {
    let (end, peer) = wire::<false>();
    let ours = Connection::new(end, Config::default().with_drain(Drain::default().with_keep(1000)));
    let (mut reader, mut writer) = ours.into_split();
    peer.theirs.get().receive_room = 100;
    for kind in 0..100 {
        peer.send_frame(&frame(kind, 92));
    }
    let shutdown = tokio::spawn(async move { writer.shutdown(within(60)).await });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(peer.theirs.get().sent.len(), 100 * 100 - 1000 - 100);
    assert_eq!(reader.read().await, Ok(Some(frame(0, 92))));
    sleep(Duration::from_secs(1)).await;
    let left = peer.theirs.get().sent.len();
    assert!(left <= 100 * 100 - 2000 - 100, "the peer is stuck with {left} bytes, though none is kept any more");
    // Without a reader the rest is dropped.
    drop(reader);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(peer.theirs.get().sent.len(), 0, "the peer is stuck, though there is no reader to keep anything for");
    shutdown.abort();
}

#[tokio::test(start_paused = true)]
async fn m25_what_is_discarded_is_bounded_and_the_connection_stays_open_until_all_has_arrived() {
    let drain = Drain::default().with_discard(1000);
    let (ours, peer) = connection(Config::default().with_drain(drain));
    peer.theirs.get().receive_room = 100;
    peer.ours.get().moves = false;
    for kind in 0..100 {
        peer.send_frame(&frame(kind, 92));
    }
    let shutdown = tokio::spawn(ours.shutdown(within(60)));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(peer.theirs.get().sent.len(), 100 * 100 - 1000 - 100, "so much and no more");
    assert!(!shutdown.is_finished());
    peer.ours.get().deliver(usize::MAX);
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_still_sending_is_given_a_moment_to_end() {
    for (pause, silent_for) in [(50, 100), (99, 100), (300, 100)] {
        let (ours, peer) = connection(Config::default());
        let begin = Instant::now();
        let shutdown = tokio::spawn(ours.shutdown(within(60)));
        for kind in 0..5 {
            sleep(Duration::from_millis(pause)).await;
            peer.send_frame(&frame(kind, 10));
        }
        sleep(Duration::from_millis(1)).await;
        assert_eq!(shutdown.is_finished(), pause > silent_for, "{pause}");
        peer.finish();
        assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean);
        assert!(begin.elapsed() <= Duration::from_millis(5 * pause + 2));
    }
}

/// A peer that never pauses: whoever reads finds something each time.
#[tokio::test(start_paused = true)]
async fn a_reader_that_always_finds_something_ends_at_the_deadline() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, mut writer) = ours.into_split();
    assert_eq!(writer.shutdown(within(7)).await, Outcome::Clean, "what we have sent has arrived");
    assert_eq!(writer.shutdown(within(3600)).await, Outcome::Clean, "a later deadline changes nothing");
    let begin = Instant::now();
    let end = loop {
        peer.send_frame(&frame(1, 100));
        match reader.read().await {
            Ok(Some(_)) => sleep(Duration::from_millis(300)).await,
            end => break end,
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "it reads on for ever");
    };
    assert_eq!(end, Err(Error::DeadlineExceeded));
    assert_eq!(begin.elapsed().as_secs(), 7);
    let reads = peer.theirs.get().reads;
    assert_eq!(reader.read().await, Err(Error::DeadlineExceeded));
    assert_eq!(peer.theirs.get().reads, reads, "nothing more is taken from the transport");
}

/// The same peer, where nobody reads: its bytes do not prolong the shutdown, and none is read behind the deadline.
#[tokio::test(start_paused = true)]
async fn a_drain_that_always_finds_something_ends_at_the_deadline() {
    let (ours, peer) = connection(Config::default());
    peer.ours.get().moves = false;
    let begin = Instant::now();
    let shutdown = tokio::spawn(ours.shutdown(within(7)));
    while !shutdown.is_finished() {
        peer.send_frame(&frame(1, 100));
        sleep(Duration::from_millis(300)).await;
        assert!(begin.elapsed() < Duration::from_secs(60), "it drains for ever");
    }
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Unacknowledged { bytes: 9 });
    assert_eq!(begin.elapsed().as_millis(), 7200, "it was looked at every 300 ms");

    let (ours, peer) = connection(Config::default());
    peer.send_frame(&frame(1, 100));
    peer.ours.get().moves = false;
    assert_eq!(ours.shutdown(Instant::now()).await, Outcome::Unacknowledged { bytes: 9 });
    let theirs = peer.theirs.get();
    assert_eq!((theirs.reads, theirs.arrived.len()), (0, 108), "the deadline had passed");
}
