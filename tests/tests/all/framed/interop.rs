//! With a peer that speaks the original's bytes.

use std::time::Duration;

use handfast::framed::{Config, Connection, Error, Frame, Outcome};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::unbounded_channel;

use super::original::{End, Original};
use super::support::{pair, registered, within};
use crate::support::deadline;

const SECONDS: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_original_reads_our_frames_to_the_marker() {
    let _deadline = deadline("the original's end to read to the marker");
    let (ours, theirs) = pair(None);
    let lengths = [1, 0, 8, 100, 100_000, 0, 0, 7];
    let original = tokio::spawn(async move {
        let mut original = Original::new(registered(theirs));
        let mut read = Vec::new();
        for _ in lengths {
            read.push(original.read().await);
        }
        let ends = [original.read().await, original.read().await];
        (read, ends, original.shut_down().await)
    });
    let mut ours = Connection::new(registered(ours), Config::default());
    for (length, kind) in lengths.into_iter().zip(1..) {
        ours.feed(Frame::new(kind, vec![kind as u8; length])).await.expect("the peer reads");
    }
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    let (read, ends, shut_down) = original.await.expect("it does not panic");
    for ((read, length), kind) in read.into_iter().zip(lengths).zip(1..) {
        assert_eq!(read, Ok((kind, vec![kind as u8; length])));
    }
    assert_eq!(ends, [Err(End::ShutDown), Err(End::ShutDown)]);
    // Its marker may meet a socket that is closed already; nothing of ours is lost for that.
    assert!(shut_down.is_err() || shut_down.is_ok_and(|dropped| dropped == 0));
}

/// The original holds back a frame until it has read the header behind it: one without a payload releases it.
#[tokio::test]
async fn an_empty_frame_releases_the_one_before_to_the_original() {
    let _deadline = deadline("the original to give out both frames");
    let (ours, theirs) = pair(None);
    let (told, mut tells) = unbounded_channel();
    let original = tokio::spawn(async move {
        let mut original = Original::new(registered(theirs));
        while let Ok(frame) = original.read().await {
            told.send(frame).expect("the test waits");
        }
    });
    let mut ours = Connection::new(registered(ours), Config::default());
    ours.write(Frame::new(1, "held back")).await.expect("the peer reads");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(tells.try_recv(), Err(TryRecvError::Empty), "it has everything and says nothing");
    ours.write(Frame::new(2, "")).await.expect("the peer reads");
    let told = [tells.recv().await, tells.recv().await];
    assert_eq!(told, [Some((1, b"held back".to_vec())), Some((2, Vec::new()))]);
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    original.await.expect("it does not panic");
}

#[tokio::test]
async fn we_read_the_originals_frames_to_its_marker_and_answer() {
    let _deadline = deadline("the original's frames and its marker");
    let (ours, theirs) = pair(None);
    let original = tokio::spawn(async move {
        let mut original = Original::new(registered(theirs));
        for kind in 1..=50 {
            original.write(kind, &vec![kind as u8; kind as usize * 100]).await.expect("we read");
        }
        original.shut_down().await
    });
    let config = Config::default().with_answer(Some(SECONDS));
    let mut ours = Connection::new(registered(ours), config);
    for kind in 1..=50 {
        assert_eq!(ours.read().await, Ok(Some(Frame::new(kind, vec![kind as u8; kind as usize * 100]))));
    }
    assert_eq!(ours.read().await, Ok(None));
    assert_eq!(ours.write(Frame::new(1, "")).await, Err(Error::ShutDown), "the original would drop it");
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    assert_eq!(original.await.expect("it does not panic").expect("we are there"), 8, "our marker");
}

#[tokio::test]
async fn we_read_a_frame_of_the_original_without_what_follows_it() {
    let _deadline = deadline("one frame of the original");
    let (ours, theirs) = pair(None);
    let mut original = Original::new(registered(theirs));
    let mut ours = Connection::new(registered(ours), Config::default());
    original.write(1, b"alone").await.expect("we read");
    assert_eq!(ours.read().await, Ok(Some(Frame::new(1, "alone"))));
}

#[tokio::test]
async fn both_send_heartbeats_and_neither_is_given_out_by_us() {
    let _deadline = deadline("heartbeats both ways and a shutdown");
    let (ours, theirs) = pair(None);
    let original = tokio::spawn(async move {
        let mut original = Original::new(registered(theirs));
        original.heartbeat().await.expect("we read");
        original.write(1, b"frame").await.expect("we read");
        original.heartbeat().await.expect("we read");
        let heartbeats = [original.read().await, original.read().await];
        original.shut_down().await.expect("we are there");
        heartbeats
    });
    let config = Config::default().with_heartbeat(Some(Duration::from_millis(10)));
    let mut ours = Connection::new(registered(ours), config);
    let heartbeats = tokio::spawn(ours.heartbeats());
    assert_eq!(ours.read().await, Ok(Some(Frame::new(1, "frame"))));
    assert_eq!(ours.read().await, Ok(None));
    assert_eq!(ours.shutdown(within(SECONDS)).await, Outcome::Clean);
    assert_eq!(original.await.expect("it does not panic"), [Ok((1 << 24, Vec::new())), Ok((1 << 24, Vec::new()))]);
    assert_eq!(heartbeats.await.expect("it does not panic"), Error::ShutDown);
}

#[tokio::test]
async fn the_original_and_we_shut_down_at_once() {
    let _deadline = deadline("a hundred shutdowns at both ends");
    for _ in 0..100 {
        let (ours, theirs) = pair(Some(8 * 1024));
        let original = tokio::spawn(async move {
            let mut original = Original::new(registered(theirs));
            for kind in 1..=20 {
                original.write(kind, &[1; 1000]).await.expect("we read");
            }
            original.shut_down().await
        });
        let (mut reader, mut writer) = Connection::new(registered(ours), Config::default()).into_split();
        for kind in 1..=20 {
            writer.feed(Frame::new(kind, vec![1; 1000])).await.expect("the peer is there");
        }
        let shutdown = tokio::spawn(async move { writer.shutdown(within(SECONDS)).await });
        for kind in 1..=20 {
            assert_eq!(reader.read().await, Ok(Some(Frame::new(kind, vec![1; 1000]))), "nothing of its frames is lost");
        }
        assert_eq!(reader.read().await, Ok(None));
        assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean, "it took ours, if only to drop them");
        let dropped = original.await.expect("it does not panic").expect("we are there");
        assert_eq!(dropped, 20 * 1008 + 8);
    }
}
