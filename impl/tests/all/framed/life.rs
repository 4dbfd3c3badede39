//! Heartbeats, and peers that are dead or as good as dead.

use std::time::Duration;

use handfast::framed::{Config, Error, Idle, Outcome};
use tokio::time::{Instant, sleep};

use super::support::{HEARTBEAT, MARKER, bytes_of, connection, frame, within};

const TIMEOUT: Duration = Duration::from_secs(10);
const DEAD: Error = Error::Unresponsive { after: TIMEOUT };

fn config() -> Config {
    Config::default().with_idle(Some(Idle::after(TIMEOUT))).with_heartbeat(Some(Duration::from_secs(4)))
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_dead_after_the_timeout() {
    let (mut ours, peer) = connection(config());
    sleep(Duration::from_secs(3)).await;
    peer.send_frame(&frame(1, 3));
    assert_eq!(ours.read().await, Ok(Some(frame(1, 3))));
    let begin = Instant::now();
    assert_eq!(ours.read().await, Err(DEAD));
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert_eq!(ours.read().await, Err(DEAD));
    assert_eq!(ours.write(frame(1, 3)).await, Err(DEAD), "both halves are told");
    assert_eq!(ours.shutdown(within(5)).await, Outcome::PeerGone { unwritten: 0 });
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_nobody_is_dead() {
    let (mut ours, peer) = connection(Config::default());
    let late = tokio::spawn(async move {
        sleep(Duration::from_secs(1_000_000)).await;
        peer.send_frame(&frame(1, 3));
        peer
    });
    assert_eq!(ours.read().await, Ok(Some(frame(1, 3))));
    late.await.expect("it does not panic");
}

#[tokio::test(start_paused = true)]
async fn m14_a_drip_does_not_keep_a_peer_alive() {
    let (mut ours, peer) = connection(config());
    let begin = Instant::now();
    let drip = tokio::spawn(async move {
        for byte in bytes_of(&frame(1, 10_000)) {
            peer.send(&[byte]);
            sleep(Duration::from_secs(9)).await;
        }
    });
    assert_eq!(ours.read().await, Err(DEAD));
    assert!(begin.elapsed() <= 2 * TIMEOUT, "{:?}", begin.elapsed());
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn a_large_frame_over_a_slow_link_is_no_drip() {
    let (mut ours, peer) = connection(config());
    let begin = Instant::now();
    let slow = tokio::spawn(async move {
        for part in bytes_of(&frame(1, 100_000)).chunks(5000) {
            sleep(Duration::from_secs(9)).await;
            peer.send(part);
        }
        peer
    });
    assert_eq!(ours.read().await, Ok(Some(frame(1, 100_000))));
    assert!(begin.elapsed() > 10 * TIMEOUT);
    slow.await.expect("it does not panic");
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_stuck_notices_a_dead_peer() {
    let (mut ours, peer) = connection(config());
    sleep(Duration::from_secs(100)).await;
    peer.ours.get().send_room = 0;
    let begin = Instant::now();
    assert_eq!(ours.write(frame(1, 3)).await, Err(DEAD));
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert_eq!(ours.read().await, Err(DEAD));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_stuck_is_freed_when_the_reader_notices() {
    let (ours, peer) = connection(config());
    let (mut reader, mut writer) = ours.into_split();
    peer.ours.get().send_room = 0;
    let write = tokio::spawn(async move { writer.write(frame(1, 3)).await });
    tokio::task::yield_now().await;
    peer.finish();
    assert_eq!(reader.read().await, Err(Error::EndedWithoutMarker));
    let begin = Instant::now();
    assert_eq!(write.await.expect("it does not panic"), Err(Error::EndedWithoutMarker));
    assert_eq!(begin.elapsed().as_secs(), 0);
}

/// A peer that reads slowly, or nothing for a while, and says that it is alive.
#[tokio::test(start_paused = true)]
async fn m13_a_writer_that_is_stuck_waits_as_long_as_the_peer_is_alive() {
    let (ours, peer) = connection(config());
    let (mut reader, mut writer) = ours.into_split();
    peer.ours.get().send_room = 0;
    let write = tokio::spawn(async move { writer.write(frame(1, 3)).await });
    let read = tokio::spawn(async move { reader.read().await });
    for _ in 0..20 {
        sleep(Duration::from_secs(9)).await;
        peer.send(&HEARTBEAT);
    }
    assert!(!write.is_finished());
    peer.ours.get().send_room = usize::MAX;
    peer.ours.get().wake();
    assert_eq!(write.await.expect("it does not panic"), Ok(()));
    peer.send(&MARKER);
    assert_eq!(read.await.expect("it does not panic"), Ok(None), "heartbeats are not given out");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_sent_when_nothing_else_was() {
    let (mut ours, peer) = connection(config());
    let heartbeats = tokio::spawn(ours.heartbeats());
    for round in 0..5 {
        sleep(Duration::from_millis(4001)).await;
        assert_eq!(peer.receive(), HEARTBEAT, "{round}");
    }
    for _ in 0..5 {
        sleep(Duration::from_secs(3)).await;
        ours.write(frame(1, 3)).await.expect("the peer takes it");
    }
    assert_eq!(peer.receive(), bytes_of(&frame(1, 3)).repeat(5), "frames are signs of life, too");
    let closer = ours.closer();
    assert_eq!(closer.shutdown(within(5)).await, Outcome::Clean);
    assert_eq!(heartbeats.await.expect("it does not panic"), Error::ShutDown);
    assert_eq!(peer.receive(), MARKER);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_waits_its_turn() {
    let (mut ours, peer) = connection(config());
    let heartbeats = tokio::spawn(ours.heartbeats());
    sleep(Duration::from_secs(1)).await;
    peer.ours.get().send_room = 10;
    peer.ours.get().moves = false;
    let halfway = tokio::time::timeout(Duration::from_secs(9), ours.write(frame(1, 30))).await;
    assert!(halfway.is_err(), "it is dropped in the middle of the frame");
    peer.ours.get().send_room = usize::MAX;
    peer.ours.get().moves = true;
    peer.ours.get().wake();
    ours.flush().await.expect("the peer takes it");
    sleep(Duration::from_secs(5)).await;
    let bytes = peer.receive();
    let expected = [bytes_of(&frame(1, 30)), HEARTBEAT.to_vec()].concat();
    assert!(bytes.starts_with(&expected), "no heartbeat within a frame: {bytes:?}");
    heartbeats.abort();
}

/// What waits to be written is as good a sign of life as soon as it can be.
#[tokio::test(start_paused = true)]
async fn no_heartbeat_is_queued_behind_frames_that_wait() {
    let (mut ours, peer) = connection(Config::default().with_heartbeat(Some(Duration::from_secs(4))));
    let heartbeats = tokio::spawn(ours.heartbeats());
    peer.ours.get().send_room = 0;
    ours.feed(frame(1, 30)).await.expect("there is room");
    sleep(Duration::from_secs(60)).await;
    let queued = ours.writer().queued();
    assert_eq!(queued, bytes_of(&frame(1, 30)).len(), "the frame and nothing behind it");
    peer.ours.get().send_room = usize::MAX;
    peer.ours.get().wake();
    ours.flush().await.expect("the peer takes it");
    assert_eq!(peer.receive(), bytes_of(&frame(1, 30)));
    heartbeats.abort();
}

#[tokio::test(start_paused = true)]
async fn heartbeats_end_with_the_connection() {
    let (mut ours, peer) = connection(config());
    let heartbeats = tokio::spawn(ours.heartbeats());
    tokio::task::yield_now().await;
    peer.finish();
    assert_eq!(ours.read().await, Err(Error::EndedWithoutMarker));
    let begin = Instant::now();
    assert_eq!(heartbeats.await.expect("it does not panic"), Error::EndedWithoutMarker);
    assert_eq!(begin.elapsed().as_secs(), 0);
}

/// A few bytes now and then are no progress, however often they are taken.
#[tokio::test(start_paused = true)]
async fn one_byte_now_and_then_does_not_keep_a_stuck_writer_alive() {
    let timeout = Duration::from_millis(100);
    let idle = Some(Idle::after(timeout).with_progress(4096));
    let (mut ours, peer) = connection(Config::default().with_idle(idle));
    peer.ours.get().send_room = 0;
    peer.ours.get().moves = false;
    let drip = tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(20)).await;
            peer.ours.get().send_room += 1;
            peer.ours.get().wake();
        }
    });
    let begin = Instant::now();
    assert_eq!(ours.write(frame(1, 3000)).await, Err(Error::Unresponsive { after: timeout }));
    assert_eq!(begin.elapsed().as_millis(), 100);
    drip.abort();
}

/// So many bytes within each timeout are progress, and so is everything.
#[tokio::test(start_paused = true)]
async fn a_slow_transport_that_takes_enough_is_alive() {
    for (length, at_once) in [(100_000, 5000), (900, 1000)] {
        let (mut ours, peer) = connection(config());
        peer.ours.get().send_room = 0;
        peer.ours.get().moves = false;
        let begin = Instant::now();
        let slow = tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs(9)).await;
                peer.ours.get().send_room += at_once;
                peer.ours.get().wake();
            }
        });
        for _ in 0..3 {
            assert_eq!(ours.write(frame(1, length)).await, Ok(()), "{length}");
        }
        assert!(begin.elapsed() > 2 * TIMEOUT, "{:?}", begin.elapsed());
        slow.abort();
    }
}

/// The transport has taken everything and holds it back.
#[tokio::test(start_paused = true)]
async fn a_flush_that_is_stuck_notices_a_dead_peer() {
    let (mut ours, peer) = connection(config());
    peer.ours.get().holds = true;
    let begin = Instant::now();
    assert_eq!(ours.write(frame(1, 3)).await, Err(DEAD));
    assert_eq!(begin.elapsed().as_secs(), 10);
}

/// The transport has taken the first frame, which is room for the second, and does not let it go. Then nothing waits for it.
#[tokio::test(start_paused = true)]
async fn the_time_in_which_no_call_waits_does_not_count() {
    let (mut ours, peer) = connection(config().with_write_buffer(1));
    peer.ours.get().holds = true;
    ours.feed(frame(1, 12)).await.expect("there is room");
    ours.feed(frame(2, 12)).await.expect("what the transport took makes room");
    sleep(10 * TIMEOUT).await;
    let began = Instant::now();
    assert_eq!(ours.flush().await, Err(DEAD));
    assert_eq!(began.elapsed(), TIMEOUT, "a flush waits as long as it may");
}

/// Each feed has room after a while, a byte at a time, and never is everything taken. The wait does not begin anew.
#[tokio::test(start_paused = true)]
async fn feeds_that_find_room_do_not_keep_a_stuck_writer_alive() {
    let (mut ours, peer) = connection(config().with_write_buffer(20));
    peer.ours.get().send_room = 0;
    peer.ours.get().moves = false;
    let drip = tokio::spawn(async move {
        loop {
            sleep(TIMEOUT / 20).await;
            peer.ours.get().send_room += 1;
            peer.ours.get().wake();
        }
    });
    let began = Instant::now();
    let died = loop {
        if let Err(error) = ours.feed(frame(1, 0)).await {
            break error;
        }
        assert!(began.elapsed() < 2 * TIMEOUT, "it goes on although the peer takes next to nothing");
    };
    assert_eq!(died, DEAD);
    assert_eq!(began.elapsed(), TIMEOUT);
    drip.abort();
}
