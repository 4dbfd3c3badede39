//! No call holds a thread for longer than a poll may, whatever the peer does.
//!
//! A task that waits for its turn counts the turns of the connection's, and how much is done in each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use handfast::framed::{Config, Outcome};
use tokio::task::{JoinHandle, yield_now};

use super::support::{HEARTBEAT, MARKER, bytes_of, connection, frame, within};

/// What a task does in one poll at the most: 128 times 16 KiB, and what one call brings beyond that.
const BYTES: usize = 128 * 16 * 1024 + 256 * 1024;

/// The same in frames, of which each counts for 256 bytes more than it has.
const FRAMES: usize = BYTES / 256;

/// Counts the turns that a task has until it is done, and the most that it does in one of them.
async fn turns(task: &JoinHandle<()>, done: impl Fn() -> usize) -> (usize, usize) {
    let (mut turns, mut most) = (0, 0);
    while !task.is_finished() {
        let before = done();
        yield_now().await;
        turns += 1;
        most = most.max(done() - before);
        assert!(turns < 1_000_000, "it comes to no end");
    }
    (turns, most)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_small_frames_without_a_pause_leaves_turns_to_others() {
    let (mut ours, peer) = connection(Config::default());
    peer.send(&bytes_of(&frame(1, 0)).repeat(100_000));
    peer.send(&MARKER);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let reading = tokio::spawn(async move {
        while let Some(frame) = ours.read().await.expect("the peer keeps to the protocol") {
            assert_eq!(frame.kind, 1);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (turns, most) = turns(&reading, || count.load(Ordering::Relaxed)).await;
    reading.await.expect("it does not panic");
    assert_eq!(count.load(Ordering::Relaxed), 100_000);
    assert!(most <= FRAMES && turns >= 100_000 / FRAMES, "{most} frames in one of {turns} turns");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_heartbeats_without_a_pause_leaves_turns_to_others() {
    let heartbeat = Some(std::time::Duration::from_secs(1));
    let (mut ours, peer) = connection(Config::default().with_heartbeat(heartbeat));
    peer.send(&HEARTBEAT.repeat(200_000));
    peer.send(&MARKER);
    let reading = tokio::spawn(async move { assert_eq!(ours.read().await, Ok(None)) });
    let (turns, _) = turns(&reading, || 0).await;
    reading.await.expect("it does not panic");
    assert!(turns >= 200_000 / FRAMES, "{turns} turns");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_everything_leaves_turns_to_others() {
    let (mut ours, peer) = connection(Config::default().with_max_frame(1 << 30));
    peer.ours.get().at_once = 64 * 1024;
    let writing = tokio::spawn(async move {
        ours.write(frame(1, 10 << 20)).await.expect("the peer takes it");
        for _ in 0..50_000 {
            ours.feed(frame(1, 0)).await.expect("the peer takes it");
        }
        ours.flush().await.expect("the peer takes it");
    });
    let arrived = || peer.ours.get().arrived.len();
    let (turns, most) = turns(&writing, arrived).await;
    writing.await.expect("it does not panic");
    assert_eq!(arrived(), (10 << 20) + 8 * 50_001);
    assert!(most <= BYTES && turns >= 5, "{most} bytes in one of {turns} turns");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_drained_leaves_turns_to_others() {
    let (ours, peer) = connection(Config::default());
    peer.ours.get().moves = false;
    peer.send(&vec![7; 20 << 20]);
    peer.finish();
    let draining = tokio::spawn(async move {
        let outcome = ours.shutdown(within(5)).await;
        assert_eq!(outcome, Outcome::Unacknowledged { bytes: 9 });
    });
    let sent = || (20 << 20) - peer.theirs.get().arrived.len();
    let mut most = 0;
    while sent() < 20 << 20 {
        let before = sent();
        yield_now().await;
        most = most.max(sent() - before);
    }
    assert!(most <= BYTES, "{most} bytes in one turn");
    draining.await.expect("it does not panic");
}
