//! The reader.

use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use handfast::framed::{Config, Connection, Error, Fault, Frame, Outcome, Violation};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::support::{MARKER, bytes_of, connection, frame, once, within};

#[tokio::test(start_paused = true)]
async fn m8_a_frame_is_read_without_waiting_for_what_follows_it() {
    let (mut ours, peer) = connection(Config::default());
    for length in [0, 1, 100, 100_000] {
        peer.send_frame(&frame(1, length));
        assert_eq!(once(ours.read()), Poll::Ready(Ok(Some(frame(1, length)))));
    }
    assert_eq!(once(ours.read()), Poll::Pending);
}

/// Each byte arrives alone, and each read is dropped where it waits for the next one.
#[tokio::test(start_paused = true)]
async fn m3_m4_a_read_that_is_dropped_loses_no_byte() {
    let (mut ours, peer) = connection(Config::default());
    let frames: Vec<Frame> = [0, 1, 5, 0, 20].into_iter().zip(1..).map(|(length, kind)| frame(kind, length)).collect();
    let mut found = Vec::new();
    for byte in frames.iter().flat_map(bytes_of).chain(MARKER) {
        assert_eq!(once(ours.read()), Poll::Pending);
        assert!(timeout(Duration::from_millis(1), ours.read()).await.is_err(), "dropped by a timer, too");
        peer.send(&[byte]);
        while let Poll::Ready(Ok(Some(frame))) = once(ours.read()) {
            found.push(frame);
        }
    }
    assert_eq!(found, frames);
    assert_eq!(ours.read().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn the_marker_is_the_end_for_ever() {
    let (mut ours, peer) = connection(Config::default());
    peer.send_frame(&frame(1, 4));
    peer.send(&MARKER);
    peer.send_frame(&frame(2, 4));
    assert_eq!(ours.read().await, Ok(Some(frame(1, 4))));
    for _ in 0..3 {
        assert_eq!(ours.read().await, Ok(None), "what follows the marker is nobody's");
    }
    peer.reset();
    assert_eq!(ours.read().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn m5_the_last_frame_is_read_before_what_is_wrong_behind_it() {
    for extra in 1..8 {
        let (mut ours, peer) = connection(Config::default());
        peer.send(&[bytes_of(&frame(1, 10)), bytes_of(&frame(2, 1))[..extra].to_vec()].concat());
        peer.finish();
        assert_eq!(ours.read().await, Ok(Some(frame(1, 10))));
        let truncated = Err(Error::Truncated { missing: 8 - extra });
        assert_eq!(ours.read().await, truncated);
        assert_eq!(ours.read().await, truncated);
    }
}

#[tokio::test(start_paused = true)]
async fn m6_an_end_within_a_frame_is_not_an_end_between_frames() {
    let (mut ours, peer) = connection(Config::default());
    peer.send(&bytes_of(&frame(1, 10))[..13]);
    peer.finish();
    assert_eq!(ours.read().await, Err(Error::Truncated { missing: 5 }));

    let (mut ours, peer) = connection(Config::default());
    peer.send_frame(&frame(1, 10));
    peer.finish();
    assert_eq!(ours.read().await, Ok(Some(frame(1, 10))));
    assert_eq!(ours.read().await, Err(Error::EndedWithoutMarker));
    assert!(ours.read().await.is_err_and(|error| error.is_truncation()));
}

/// The operating system tells of a reset once: to the writer here. What the reader then sees looks like an end in order.
#[tokio::test(start_paused = true)]
async fn m7_a_reset_that_the_writer_met_is_what_the_reader_is_told_after_the_frames() {
    let (mut ours, peer) = connection(Config::default());
    peer.send_frame(&frame(1, 10));
    peer.send_frame(&frame(2, 10));
    peer.reset();
    let reset = Error::Transport(Fault::from(ErrorKind::ConnectionReset));
    assert_eq!(ours.write(frame(3, 1)).await, Err(reset.clone()));
    peer.theirs.get().error = None;
    peer.finish();
    assert_eq!(ours.read().await, Ok(Some(frame(1, 10))));
    assert_eq!(ours.read().await, Ok(Some(frame(2, 10))));
    assert_eq!(ours.read().await, Err(reset.clone()));
    assert_eq!(ours.write(frame(3, 1)).await, Err(reset));
}

#[tokio::test(start_paused = true)]
async fn m11_everybody_is_told_the_same() {
    let (mut ours, peer) = connection(Config::default());
    peer.send(&bytes_of(&Frame::new(1 << 29, "")));
    let violation = Error::Violation(Violation::ReservedKind { kind: 1 << 29 });
    assert_eq!(ours.read().await, Err(violation.clone()));
    peer.reset();
    assert_eq!(ours.read().await, Err(violation.clone()));
    assert_eq!(ours.write(frame(1, 1)).await, Err(violation.clone()));
    assert_eq!(ours.feed(frame(1, 1)).await, Err(violation.clone()));
    assert_eq!(ours.reader().error(), Some(&violation));
    assert_eq!(ours.writer().error(), Some(&violation));
}

#[tokio::test(start_paused = true)]
async fn m2_a_length_is_believed_when_it_is_allowed() {
    let (mut ours, peer) = connection(Config::default().with_max_frame(100));
    peer.send(&[1u32.to_be_bytes(), u32::MAX.to_be_bytes()].concat());
    assert_eq!(ours.read().await, Err(Error::Violation(Violation::TooLong { length: u32::MAX, max: 100 })));
}

#[tokio::test(start_paused = true)]
async fn m9_a_marker_with_a_payload_is_not_waited_for() {
    let (mut ours, peer) = connection(Config::default());
    peer.send(&[(1u32 << 28).to_be_bytes(), 100u32.to_be_bytes()].concat());
    assert_eq!(once(ours.read()), Poll::Ready(Err(Error::Violation(Violation::MarkerWithPayload { length: 100 }))));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_to_read_is_woken_by_what_comes() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, _writer) = ours.into_split();
    let task = tokio::spawn(async move { (reader.read().await, reader.read().await) });
    yield_now().await;
    peer.send(&bytes_of(&frame(1, 3))[..9]);
    yield_now().await;
    peer.send(&bytes_of(&frame(1, 3))[9..]);
    peer.send(&MARKER);
    assert_eq!(task.await.expect("it does not panic"), (Ok(Some(frame(1, 3))), Ok(None)));
}

/// A read that was dropped is the last that the transport was told of. The shutdown that waits for the same direction is
/// woken all the same.
#[tokio::test(start_paused = true)]
async fn whoever_stopped_waiting_keeps_nobody_asleep() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, mut writer) = ours.into_split();
    peer.ours.get().send_room = 4;
    peer.ours.get().moves = false;
    let shutdown = tokio::spawn(async move { writer.shutdown(within(60)).await });
    yield_now().await;
    assert_eq!(once(reader.read()), Poll::Pending);
    let reads = peer.theirs.get().reads;
    peer.send_frame(&frame(1, 3));
    yield_now().await;
    yield_now().await;
    assert!(peer.theirs.get().reads > reads, "the shutdown reads on");
    assert!(!shutdown.is_finished());
}

#[tokio::test(start_paused = true)]
async fn as_a_stream_it_gives_frames_then_one_error_then_nothing() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, _writer) = ours.into_split();
    peer.send_frame(&frame(1, 3));
    peer.finish();
    assert_eq!(reader.next().await, Some(Ok(frame(1, 3))));
    assert_eq!(reader.next().await, Some(Err(Error::EndedWithoutMarker)));
    assert_eq!(reader.next().await, None);
    assert_eq!(reader.read().await, Err(Error::EndedWithoutMarker), "whoever asks is still told");

    let (mut ours, peer) = connection(Config::default());
    peer.send(&MARKER);
    assert_eq!(ours.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn halves_of_two_connections_are_none() {
    let (one, _peer) = connection(Config::default());
    let (other, _peer) = connection(Config::default());
    let ((one_reader, one_writer), (other_reader, other_writer)) = (one.into_split(), other.into_split());
    let not = Connection::reunite(one_reader, other_writer).expect_err("they are not one connection");
    let (one_reader, _) = *not.0;
    drop(other_reader);
    assert!(Connection::reunite(one_reader, one_writer).is_ok());
}

/// The transport tells only the writer, as a layer between the socket and the connection may. The reader asks again.
#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_is_woken_when_the_writer_meets_the_end() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, mut writer) = ours.into_split();
    let read = tokio::spawn(async move { reader.read().await });
    yield_now().await;
    peer.ours.get().error = Some(ErrorKind::BrokenPipe);
    peer.theirs.get().error = Some(ErrorKind::ConnectionReset);
    yield_now().await;
    assert!(!read.is_finished(), "the transport does not wake it");
    let broken = Error::Transport(Fault::from(ErrorKind::BrokenPipe));
    assert_eq!(writer.write(frame(1, 3)).await, Err(broken.clone()));
    let read = timeout(Duration::from_secs(1), read).await.expect("it is woken");
    assert_eq!(read.expect("it does not panic"), Err(broken), "the first error is what every call returns");
}

/// TLS reports a peer that closed TCP without `close_notify` as this error. It is the end of the peer's bytes, as on TCP.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_cut_is_truncated_unless_the_marker_was_read() {
    let whole = [bytes_of(&frame(1, 10)), MARKER.to_vec()].concat();
    for (cut, end) in [
        (13, Err(Error::Truncated { missing: 5 })),
        (18, Err(Error::EndedWithoutMarker)),
        (21, Err(Error::Truncated { missing: 5 })),
        (26, Ok(None)),
    ] {
        let (mut ours, peer) = connection(Config::default());
        peer.send(&whole[..cut]);
        peer.theirs.get().error = Some(ErrorKind::UnexpectedEof);
        if cut >= 18 {
            assert_eq!(ours.read().await, Ok(Some(frame(1, 10))));
        }
        let read = ours.read().await;
        assert_eq!(read, end, "{cut}");
        assert_eq!(read.is_err_and(|error| error.is_truncation()), cut < 26, "{cut}");
        assert_eq!(ours.shutdown(within(1)).await, Outcome::Clean, "it took everything of ours: {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_interrupted_is_tried_again() {
    let (ours, peer) = connection(Config::default());
    let (mut reader, _writer) = ours.into_split();
    peer.theirs.get().error = Some(ErrorKind::Interrupted);
    assert_eq!(once(reader.read()), Poll::Pending, "not within one poll");
    let read = tokio::spawn(async move { reader.read().await });
    yield_now().await;
    assert!(!read.is_finished());
    peer.theirs.get().error = None;
    yield_now().await;
    peer.send_frame(&frame(1, 3));
    let read = timeout(Duration::from_secs(1), read).await.expect("it is tried again");
    assert_eq!(read.expect("it does not panic"), Ok(Some(frame(1, 3))));
}
