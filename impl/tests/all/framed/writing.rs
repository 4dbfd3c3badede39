//! The writer.

use std::io::ErrorKind;
use std::task::Poll;

use futures_util::SinkExt;
use handfast::framed::{Config, Connection, Error, Fault, Frame, Outcome};
use tokio::io::{AsyncReadExt, duplex};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::support::{MARKER, bytes_of, connection, frame, once, within};

#[tokio::test(start_paused = true)]
async fn many_small_frames_go_out_in_one_write() {
    let (mut ours, peer) = connection(Config::default());
    for kind in 0..100 {
        ours.feed(frame(kind, 20)).await.expect("there is room");
    }
    assert_eq!(peer.ours.get().writes.len(), 0);
    ours.flush().await.expect("the peer takes it");
    assert_eq!(peer.ours.get().writes.len(), 1);
    assert_eq!(peer.receive(), (0..100).flat_map(|kind| bytes_of(&frame(kind, 20))).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_large_payload_is_not_copied() {
    let (mut ours, peer) = connection(Config::default());
    let large = frame(1, 100_000);
    let address = large.payload.as_ptr() as usize;
    ours.feed(frame(2, 3)).await.expect("there is room");
    ours.write(large).await.expect("the peer takes it");
    let writes = peer.ours.get().writes.clone();
    assert_eq!(writes.len(), 1, "both frames in one write");
    assert_eq!(writes[0].get(1), Some(&address), "with the payload from where it was");
}

#[tokio::test(start_paused = true)]
async fn feeding_waits_when_much_is_waiting() {
    let (mut ours, peer) = connection(Config::default().with_write_buffer(100));
    peer.ours.get().send_room = 0;
    for kind in 0..5 {
        ours.feed(frame(kind, 12)).await.expect("there is room");
    }
    // A feed that is dropped while it waits was not accepted.
    assert_eq!(once(ours.feed(frame(5, 12))), Poll::Pending);
    peer.ours.get().send_room = usize::MAX;
    ours.feed(frame(6, 12)).await.expect("there is room again");
    ours.flush().await.expect("the peer takes it");
    assert_eq!(
        peer.receive(),
        [0, 1, 2, 3, 4, 6].into_iter().flat_map(|kind| bytes_of(&frame(kind, 12))).collect::<Vec<_>>()
    );
}

/// A transport that buffers has taken the first frame, and does not let it go.
#[tokio::test(start_paused = true)]
async fn feeding_waits_for_room_and_not_for_a_flush() {
    let (mut ours, peer) = connection(Config::default().with_write_buffer(1));
    peer.ours.get().holds = true;
    ours.feed(frame(1, 12)).await.expect("there is room");
    assert_eq!(once(ours.feed(frame(2, 12))), Poll::Ready(Ok(())), "what the transport took makes room");
    assert!(once(ours.flush()).is_pending(), "a flush waits until the transport holds nothing back");
    peer.ours.get().holds = false;
    peer.ours.get().wake();
    ours.flush().await.expect("the transport lets it go");
    assert_eq!(peer.receive(), [bytes_of(&frame(1, 12)), bytes_of(&frame(2, 12))].concat());
}

/// There is room for a frame when nothing waits, however little is to be gathered.
#[tokio::test(start_paused = true)]
async fn without_a_buffer_frames_are_written_one_by_one() {
    let (mut ours, peer) = connection(Config::default().with_write_buffer(0));
    ours.feed(frame(1, 12)).await.expect("nothing waits");
    ours.feed(frame(2, 12)).await.expect("the first is taken");
    assert_eq!(peer.receive(), bytes_of(&frame(1, 12)));
    ours.write(frame(3, 12)).await.expect("the second is taken");
    assert_eq!(peer.receive(), [bytes_of(&frame(2, 12)), bytes_of(&frame(3, 12))].concat());
}

/// The transport takes any number of bytes, and the write is dropped there.
#[tokio::test(start_paused = true)]
async fn m20_a_write_that_is_dropped_is_finished_by_the_next() {
    for length in [0, 10, 5000] {
        for taken in [0, 1, 7, 8, 9, 12, 17] {
            let (mut ours, peer) = connection(Config::default());
            peer.ours.get().send_room = taken;
            peer.ours.get().moves = false;
            let first = frame(1, length);
            let whole = bytes_of(&first).len() <= taken;
            assert_eq!(once(ours.write(first.clone())).is_ready(), whole, "{length} {taken}");
            peer.ours.get().send_room = usize::MAX;
            ours.write(frame(2, 3)).await.expect("there is room");
            peer.ours.get().deliver(usize::MAX);
            assert_eq!(peer.receive(), [bytes_of(&first), bytes_of(&frame(2, 3))].concat(), "{length} {taken}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_never_polled_wrote_nothing() {
    let (mut ours, peer) = connection(Config::default());
    drop(ours.write(frame(1, 3)));
    ours.flush().await.expect("there is nothing to do");
    assert_eq!(peer.receive(), b"");
}

/// The connection breaks with a frame half written. No byte follows, whoever asks for it.
#[tokio::test(start_paused = true)]
async fn m16_a_failure_poisons() {
    let (mut ours, peer) = connection(Config::default());
    peer.ours.get().send_room = 11;
    peer.ours.get().moves = false;
    assert_eq!(once(ours.write(frame(1, 10))), Poll::Pending);
    peer.reset();
    let reset = Error::Transport(Fault::from(ErrorKind::ConnectionReset));
    assert_eq!(ours.flush().await, Err(reset.clone()));
    peer.ours.get().error = None;
    peer.ours.get().send_room = usize::MAX;
    assert_eq!(ours.write(frame(2, 1)).await, Err(reset.clone()));
    assert_eq!(ours.flush().await, Err(reset));
    assert_eq!(ours.shutdown(within(1)).await, Outcome::PeerGone { unwritten: 7 });
    assert_eq!(peer.ours.get().sent.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn m17_a_frame_that_is_too_long_is_refused_and_changes_nothing() {
    let (mut ours, peer) = connection(Config::default().with_max_frame(10));
    assert_eq!(ours.write(frame(1, 11)).await, Err(Error::FrameTooLong { length: 11, max: 10 }));
    assert_eq!(ours.write(Frame::new(1 << 28, "")).await, Err(Error::KindReserved { kind: 1 << 28 }));
    ours.write(frame(1, 10)).await.expect("the connection is as it was");
    assert_eq!(peer.receive(), bytes_of(&frame(1, 10)));
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_takes_nothing_and_says_so_is_broken() {
    let (mut ours, peer) = connection(Config::default());
    peer.ours.get().error = Some(ErrorKind::BrokenPipe);
    assert_eq!(ours.write(frame(1, 1)).await, Err(Error::Transport(ErrorKind::BrokenPipe.into())));
}

#[tokio::test(start_paused = true)]
async fn as_a_sink_it_takes_frames_and_closes_when_they_have_arrived() {
    let (ours, peer) = connection(Config::default());
    let (_reader, mut writer) = ours.into_split();
    SinkExt::feed(&mut writer, frame(1, 3)).await.expect("there is room");
    SinkExt::send(&mut writer, frame(2, 3)).await.expect("the peer takes it");
    SinkExt::close(&mut writer).await.expect("everything has arrived");
    assert_eq!(peer.receive(), [bytes_of(&frame(1, 3)), bytes_of(&frame(2, 3)), MARKER.to_vec()].concat());
    assert_eq!(SinkExt::send(&mut writer, frame(3, 3)).await, Err(Error::ShutDown));
    SinkExt::close(&mut writer).await.expect("it is closed still");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_know_what_has_arrived_says_so() {
    let (ours, peer) = connection(Config::default());
    peer.ours.get().moves = false;
    let (_reader, mut writer) = ours.into_split();
    SinkExt::feed(&mut writer, frame(1, 3)).await.expect("there is room");
    let unclean = Error::Unclean(Outcome::Unacknowledged { bytes: 8 + 3 + 8 + 1 });
    assert_eq!(SinkExt::close(&mut writer).await, Err(unclean));
}

#[tokio::test(start_paused = true)]
async fn any_stream_of_bytes_will_do() {
    let (one, mut other) = duplex(16);
    let mut ours = Connection::over(one, Config::default());
    let read = tokio::spawn(async move {
        let mut bytes = Vec::new();
        other.read_to_end(&mut bytes).await.map(|_| bytes)
    });
    ours.write(frame(1, 100)).await.expect("the peer reads");
    assert_eq!(ours.shutdown(within(1)).await, Outcome::Unconfirmed { peer_ended: true });
    let bytes = read.await.expect("it does not panic").expect("it is in memory");
    assert_eq!(bytes, [bytes_of(&frame(1, 100)), MARKER.to_vec()].concat());
}

#[tokio::test(start_paused = true)]
async fn a_write_is_over_when_the_transport_has_flushed_it() {
    let (mut ours, peer) = connection(Config::default());
    peer.ours.get().holds = true;
    assert_eq!(once(ours.write(frame(1, 3))), Poll::Pending);
    assert_eq!(peer.receive(), bytes_of(&frame(1, 3)), "it was taken");
    for _ in 0..3 {
        assert_eq!(once(ours.flush()), Poll::Pending, "a flush that waits is not forgotten");
    }
    let flush = tokio::spawn(async move { (ours.flush().await, ours) });
    yield_now().await;
    assert!(!flush.is_finished());
    peer.ours.get().holds = false;
    peer.ours.get().wake();
    let (flushed, mut ours) = flush.await.expect("it does not panic");
    assert_eq!((flushed, peer.ours.get().flushes), (Ok(()), 1));
    assert_eq!((ours.flush().await, peer.ours.get().flushes), (Ok(()), 1), "nothing is left to flush");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_flushes_before_it_ends_the_direction() {
    let (mut ours, peer) = connection(Config::default());
    ours.feed(frame(1, 3)).await.expect("there is room");
    peer.ours.get().holds = true;
    let shutdown = tokio::spawn(ours.shutdown(within(60)));
    yield_now().await;
    assert!(!peer.ours.get().finished);
    peer.ours.get().holds = false;
    peer.ours.get().wake();
    assert_eq!(shutdown.await.expect("it does not panic"), Outcome::Clean);
    assert!(peer.ours.get().finished);
    assert_eq!(peer.ours.get().flushes, 1);

    let (ours, peer) = connection(Config::default());
    peer.ours.get().holds = true;
    let begin = Instant::now();
    assert_eq!(ours.shutdown(within(3)).await, Outcome::DeadlineExceeded { unwritten: 0 });
    assert_eq!(begin.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_fails_is_the_end() {
    let (mut ours, peer) = connection(Config::default());
    peer.ours.get().holds = true;
    assert_eq!(once(ours.write(frame(1, 3))), Poll::Pending);
    peer.ours.get().holds = false;
    peer.reset();
    peer.ours.get().error = Some(ErrorKind::BrokenPipe);
    let broken = Error::Transport(ErrorKind::BrokenPipe.into());
    assert_eq!(ours.write(frame(2, 3)).await, Err(broken.clone()));
    assert_eq!(ours.flush().await, Err(broken));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_interrupted_is_tried_again() {
    let (mut ours, peer) = connection(Config::default());
    peer.ours.get().error = Some(ErrorKind::Interrupted);
    let write = tokio::spawn(async move { ours.write(frame(1, 3)).await });
    yield_now().await;
    assert!(!write.is_finished(), "it is not over as long as it is interrupted");
    peer.ours.get().error = None;
    let written = tokio::time::timeout(std::time::Duration::from_secs(1), write).await;
    assert_eq!(written.expect("it is tried again").expect("it does not panic"), Ok(()));
    assert_eq!(peer.receive(), bytes_of(&frame(1, 3)));
}
