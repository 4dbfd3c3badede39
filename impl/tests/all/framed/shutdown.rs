//! The end of a connection.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::SinkExt;
use handfast::framed::{Config, Connection, Drain, Error, Outcome};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::support::{MARKER, bytes_of, connection, frame, once, wire, within};

fn seconds(begin: Instant) -> u64 {
    begin.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn everything_that_was_accepted_is_before_the_marker_and_nothing_behind_it() {
    let (ours, peer) = connection(Config::default());
    let (_reader, mut writer) = ours.into_split();
    writer.write(frame(1, 3)).await.expect("the peer takes it");
    writer.feed(frame(2, 3)).await.expect("there is room");
    assert_eq!(writer.shutdown(within(1)).await, Outcome::Clean);
    assert_eq!(writer.write(frame(3, 3)).await, Err(Error::ShutDown));
    assert_eq!(writer.feed(frame(3, 3)).await, Err(Error::ShutDown));
    assert_eq!(writer.flush().await, Ok(()), "everything that was accepted is flushed");
    assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), bytes_of(&frame(2, 3)), MARKER.to_vec()].concat());
    assert!(peer.ours.get().finished);
}

#[tokio::test(start_paused = true)]
async fn frames_that_only_a_dropped_writer_knew_of_are_written_by_the_shutdown() {
    let (ours, peer) = connection(Config::default());
    let closer = ours.closer();
    let (_reader, mut writer) = ours.into_split();
    writer.feed(frame(1, 3)).await.expect("there is room");
    drop(writer);
    assert_eq!(closer.shutdown(within(1)).await, Outcome::Clean);
    assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_everything_has_arrived_and_not_before() {
    let (ours, peer) = connection(Config::default());
    let (_reader, mut writer) = ours.into_split();
    peer.ours.get().moves = false;
    writer.feed(frame(1, 3)).await.expect("there is room");
    let shutdown = tokio::spawn(async move { writer.shutdown(within(60)).await });
    for _ in 0..8 + 3 + 8 {
        sleep(Duration::from_secs(1)).await;
        assert!(!shutdown.is_finished());
        peer.ours.get().deliver(1);
    }
    // The end of the stream came with the last byte.
    let begin = Instant::now();
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean);
    assert!(begin.elapsed() <= Duration::from_millis(50), "it is noticed soon: {:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_tells_how_far_it_came() {
    for (room, outcome) in [
        (0, Outcome::DeadlineExceeded { unwritten: 19 }),
        (12, Outcome::DeadlineExceeded { unwritten: 7 }),
        (18, Outcome::DeadlineExceeded { unwritten: 1 }),
        (19, Outcome::Unacknowledged { bytes: 20 }),
    ] {
        let (ours, peer) = connection(Config::default());
        let (mut reader, mut writer) = ours.into_split();
        peer.ours.get().moves = false;
        peer.ours.get().send_room = room;
        writer.feed(frame(1, 3)).await.expect("there is room");
        let begin = Instant::now();
        assert_eq!(writer.shutdown(within(5)).await, outcome);
        assert_eq!(seconds(begin), 5);
        // No half of it stays blocked.
        assert_eq!(reader.read().await, Err(Error::DeadlineExceeded));
        assert_eq!(writer.write(frame(2, 3)).await, Err(Error::DeadlineExceeded));
        peer.ours.get().send_room = usize::MAX;
        assert_eq!(writer.flush().await, Err(Error::DeadlineExceeded));
        assert_eq!(peer.ours.get().sent.len(), room, "no byte follows a frame that is torn");
        assert_eq!(writer.shutdown(within(5)).await, outcome, "what was said stays said");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_past_gives_the_transport_what_it_takes_at_once() {
    let (mut ours, peer) = connection(Config::default());
    ours.feed(frame(1, 3)).await.expect("there is room");
    assert_eq!(ours.shutdown(Instant::now()).await, Outcome::Clean);
    assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
}

#[tokio::test(start_paused = true)]
async fn m15_a_deadline_can_only_shrink() {
    for (first, second, holds) in [(3, 9, 3), (9, 3, 3)] {
        let (ours, peer) = connection(Config::default());
        peer.ours.get().send_room = 0;
        let begin = Instant::now();
        let closer = ours.closer();
        let one = tokio::spawn(async move { closer.shutdown(within(first)).await });
        yield_now().await;
        let closer = ours.closer();
        let other = tokio::spawn(async move { closer.shutdown(within(second)).await });
        let outcome = Outcome::DeadlineExceeded { unwritten: 8 };
        assert_eq!((one.await.expect("no panic"), other.await.expect("no panic")), (outcome, outcome));
        assert_eq!(seconds(begin), holds);
    }
}

#[tokio::test(start_paused = true)]
async fn m27_everybody_who_shuts_down_is_told_the_same() {
    let (ours, peer) = connection(Config::default());
    peer.ours.get().moves = false;
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let closer = ours.closer();
            tokio::spawn(async move { closer.shutdown(within(60)).await })
        })
        .collect();
    yield_now().await;
    assert_eq!(ours.closer().outcome(), None);
    peer.ours.get().deliver(usize::MAX);
    for task in tasks {
        assert_eq!(task.await.expect("it does not panic"), Outcome::Clean);
    }
    assert_eq!(ours.closer().outcome(), Some(Outcome::Clean));
    assert_eq!(ours.closer().shutdown(Instant::now()).await, Outcome::Clean);
    assert_eq!(peer.receive(), MARKER, "there is one marker");
}

/// Whoever drives it is dropped wherever it waits, and somebody else goes on.
#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_dropped_goes_on_with_the_next() {
    let (ours, peer) = connection(Config::default());
    let (_reader, mut writer) = ours.into_split();
    peer.ours.get().moves = false;
    peer.ours.get().send_room = 0;
    writer.feed(frame(1, 3)).await.expect("there is room");
    for room in 0..=19 {
        peer.ours.get().send_room = room;
        assert_eq!(once(writer.shutdown(within(60))), Poll::Pending);
        assert_eq!(writer.feed(frame(2, 3)).await, Err(Error::ShutDown), "it has begun");
    }
    let closer = writer.closer();
    let waits = tokio::spawn(async move { closer.shutdown(within(60)).await });
    yield_now().await;
    let drives = tokio::spawn(async move { writer.shutdown(within(60)).await });
    yield_now().await;
    waits.abort();
    assert!(waits.await.is_err_and(|error| error.is_cancelled()));
    peer.ours.get().deliver(usize::MAX);
    assert_eq!(drives.await.expect("it does not panic"), Outcome::Clean);
    assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_resets_is_gone_and_that_is_known_at_once() {
    for read_by_hand in [true, false] {
        let (ours, peer) = connection(Config::default());
        peer.ours.get().moves = false;
        let (reader, mut writer) = ours.into_split();
        let reader = read_by_hand.then_some(reader);
        writer.feed(frame(1, 3)).await.expect("there is room");
        let begin = Instant::now();
        let shutdown = tokio::spawn(async move { writer.shutdown(within(60)).await });
        yield_now().await;
        peer.reset();
        assert_eq!(shutdown.await.expect("it does not panic"), Outcome::PeerGone { unwritten: 0 });
        assert_eq!(seconds(begin), 0);
        drop(reader);
    }
}

/// It may have ended its direction with ours half read.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_peer_is_no_proof() {
    let (ours, peer) = connection(Config::default());
    peer.ours.get().moves = false;
    let shutdown = tokio::spawn(ours.shutdown(within(5)));
    peer.send(&MARKER);
    peer.finish();
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Unacknowledged { bytes: 9 });
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_tells_nothing_never_ends_clean() {
    let (end, peer) = wire::<false>();
    let shutdown = tokio::spawn(Connection::new(end, Config::default()).shutdown(within(5)));
    yield_now().await;
    assert!(!shutdown.is_finished());
    peer.send(&MARKER);
    peer.finish();
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Unconfirmed { peer_ended: true });

    let (end, _peer) = wire::<false>();
    let (mut reader, mut writer) = Connection::new(end, Config::default()).into_split();
    let begin = Instant::now();
    assert_eq!(writer.shutdown(within(5)).await, Outcome::Unconfirmed { peer_ended: false });
    assert_eq!(seconds(begin), 5);
    assert_eq!(reader.read().await, Err(Error::DeadlineExceeded));
}

/// The peer has broken the protocol or ended without a word. What we had accepted before is its all the same.
#[tokio::test(start_paused = true)]
async fn a_reader_that_failed_does_not_keep_our_frames_from_arriving() {
    for garbage in [&[0xff; 8][..], &[]] {
        let (mut ours, peer) = connection(Config::default());
        ours.feed(frame(1, 3)).await.expect("there is room");
        peer.send(garbage);
        peer.finish();
        let error = ours.read().await.expect_err("it broke the protocol");
        assert_eq!(ours.write(frame(2, 3)).await, Err(error));
        assert_eq!(ours.shutdown(within(1)).await, Outcome::Clean);
        assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_stuck_is_freed_by_the_shutdown() {
    let (ours, peer) = connection(Config::default().with_write_buffer(20));
    let (_reader, mut writer) = ours.into_split();
    peer.ours.get().send_room = 0;
    peer.ours.get().moves = false;
    writer.feed(frame(1, 30)).await.expect("there is room");
    let closer = writer.closer();
    let stuck = tokio::spawn(async move {
        let fed = writer.feed(frame(2, 3)).await;
        (fed, writer)
    });
    yield_now().await;
    let shutdown = tokio::spawn(async move { closer.shutdown(within(60)).await });
    yield_now().await;
    let (fed, mut writer) = stuck.await.expect("it does not panic");
    assert_eq!(fed, Err(Error::ShutDown), "it was not accepted");
    let flush = tokio::spawn(async move { writer.flush().await });
    yield_now().await;
    peer.ours.get().send_room = usize::MAX;
    peer.ours.get().moves = true;
    peer.ours.get().wake();
    assert_eq!(flush.await.expect("it does not panic"), Ok(()), "what was accepted is flushed");
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_connection_waits_for_nothing_and_writes_nothing() {
    let (mut ours, peer) = connection(Config::default());
    ours.feed(frame(1, 3)).await.expect("there is room");
    drop(ours);
    assert_eq!(peer.receive(), b"");
    assert!(!peer.ours.get().finished, "the peer is not told that this is the end");
}

/// FRM-6: where no call drives the shutdown, one that flushes may hand over the last of it.
#[tokio::test(start_paused = true)]
async fn what_a_flush_has_handed_over_counts_as_handed_over_at_the_deadline() {
    let (ours, peer) = connection(Config::default());
    let closer = ours.closer();
    let (mut reader, mut writer) = ours.into_split();
    peer.ours.get().send_room = 10;
    peer.ours.get().moves = false;
    writer.feed(frame(1, 12)).await.expect("there is room");
    assert_eq!(once(closer.shutdown(within(5))), Poll::Pending, "it has begun, and no call goes on with it");
    peer.ours.get().send_room = usize::MAX;
    writer.flush().await.expect("the transport takes it");
    assert_eq!(reader.read().await, Err(Error::DeadlineExceeded));
    // Neither the frame nor the marker nor the end of the direction has arrived.
    assert_eq!(closer.outcome(), Some(Outcome::Unacknowledged { bytes: 20 + 8 + 1 }));
}

/// What has arrived has arrived, also if the peer's direction was reset behind it.
#[tokio::test(start_paused = true)]
async fn a_reset_behind_the_last_acknowledgement_is_no_loss() {
    let (ours, peer) = connection(Config::default());
    peer.theirs.get().fail(std::io::ErrorKind::ConnectionReset);
    assert_eq!(ours.shutdown(within(60)).await, Outcome::Clean);
    assert_eq!(peer.receive(), MARKER);
}

/// A first call with much time is there and not polled, as in a `select!` whose other arm is in more of a hurry.
#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_need_another_call_to_be_polled() {
    let (ours, peer) = connection(Config::default());
    let (_reader, mut writer) = ours.into_split();
    peer.ours.get().send_room = 0;
    writer.feed(frame(1, 3)).await.expect("there is room");
    let (closer, other) = (writer.closer(), writer.closer());
    let mut patient = pin!(closer.shutdown(within(60)));
    assert!(once(patient.as_mut()).is_pending());
    let begin = Instant::now();
    assert_eq!(other.shutdown(within(2)).await, Outcome::DeadlineExceeded { unwritten: 19 });
    assert_eq!(seconds(begin), 2, "it ends by the earliest deadline");
    assert_eq!(once(patient.as_mut()), Poll::Ready(Outcome::DeadlineExceeded { unwritten: 19 }));
}

/// The same where the peer takes everything after a while: the call that is polled hands it over, and learns of it.
#[tokio::test(start_paused = true)]
async fn the_call_that_is_polled_drives_a_shutdown() {
    for drops in [false, true] {
        let (ours, peer) = connection(Config::default());
        let (_reader, mut writer) = ours.into_split();
        peer.ours.get().send_room = 0;
        writer.feed(frame(1, 3)).await.expect("there is room");
        let (closer, other) = (writer.closer(), writer.closer());
        let driven = tokio::spawn(async move { other.shutdown(within(60)).await });
        yield_now().await;
        // It is polled last, once, and waits for the transport then.
        let mut latest = Box::pin(closer.shutdown(within(60)));
        assert!(once(latest.as_mut()).is_pending());
        let _kept = (!drops).then_some(latest);
        let begin = Instant::now();
        sleep(Duration::from_secs(1)).await;
        peer.ours.get().send_room = usize::MAX;
        peer.ours.get().wake();
        assert_eq!(driven.await.expect("no panic"), Outcome::Clean);
        assert_eq!(seconds(begin), 1, "at once when there is room");
        assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
    }
}

/// Durations that no clock holds are taken for as long as one does.
#[tokio::test(start_paused = true)]
async fn the_longest_durations_are_for_ever() {
    let drain = Drain::default().with_linger(Duration::MAX);
    let config = Config::default().with_answer(Some(Duration::MAX)).with_close_within(Duration::MAX).with_drain(drain);
    let (ours, peer) = connection(config.clone());
    let (mut reader, mut writer) = ours.into_split();
    peer.send(&MARKER);
    assert_eq!(reader.read().await, Ok(None), "the answer is handed over");
    assert_eq!(writer.close().await, Ok(()));

    let (ours, peer) = connection(config);
    let (reader, writer) = ours.into_split();
    drop(reader);
    peer.send(b"more is to come");
    assert_eq!(writer.closer().shutdown(within(5)).await, Outcome::Clean, "the peer is waited for until the deadline");
}

fn is_sync<T: Sync>(_: &T) {}

/// So that a future that holds a reference may go to another thread.
#[tokio::test(start_paused = true)]
async fn a_connection_and_its_parts_may_be_shared_between_threads() {
    let (ours, _peer) = connection(Config::default());
    is_sync(&ours);
    is_sync(&ours.closer());
    let (reader, writer) = ours.into_split();
    is_sync(&reader);
    is_sync(&writer);
}
