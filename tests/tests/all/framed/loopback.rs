//! Full queues, and peers of every kind.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use handfast::framed::{Config, Connection, Drain, Error, Frame, Idle, Outcome, Reader, Writer};
use socket2::{SockFilter, SockRef};
use tokio::sync::Barrier;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::support::{connections, drain, pair, registered, reset, within};
use crate::support::deadline;

type Socket = tokio::net::TcpStream;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

/// Writes until neither the transport nor the connection takes more. How many frames were accepted.
async fn fill(writer: &mut Writer<Socket>) -> u32 {
    let payload = Bytes::from(vec![5; 10_000]);
    let mut accepted = 0;
    while let Ok(fed) = timeout(Duration::from_millis(20), writer.feed(Frame::new(accepted, payload.clone()))).await {
        fed.expect("the peer is there");
        accepted += 1;
    }
    accepted
}

/// Reads frames, numbered from 0, until there are no more.
async fn count(reader: &mut Reader<Socket>) -> (u32, Result<(), Error>) {
    let mut count = 0;
    loop {
        match reader.read().await {
            Ok(Some(frame)) => {
                assert_eq!(frame.kind, count, "in order, each once");
                assert!(frame.payload.iter().all(|byte| *byte == 5));
                count += 1;
            }
            Ok(None) => return (count, Ok(())),
            Err(error) => return (count, Err(error)),
        }
    }
}

/// What the original loses: everybody's queues are full, and both ends shut down at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_queues_are_full_and_both_shut_down_at_once() {
    let _deadline = deadline("both ends to shut down");
    let (one, other) = connections(None, &Config::default());
    // Whoever fills what the other one drains already comes to no end.
    let filled = Arc::new(Barrier::new(2));
    let ends = [one, other].map(|end| {
        let filled = Arc::clone(&filled);
        tokio::spawn(async move {
            let (mut reader, mut writer) = end.into_split();
            let written = fill(&mut writer).await;
            filled.wait().await;
            let shutdown = tokio::spawn(async move { writer.shutdown(within(LONG)).await });
            let read = count(&mut reader).await;
            (written, shutdown.await.expect("it does not panic"), read)
        })
    });
    let begin = Instant::now();
    let [one, other] = ends;
    let one = one.await.expect("it does not panic");
    let other = other.await.expect("it does not panic");
    println!("{} and {} frames in {:?}", one.0, other.0, begin.elapsed());
    assert_eq!((one.1, other.1), (Outcome::Clean, Outcome::Clean));
    assert_eq!(one.2, (other.0, Ok(())));
    assert_eq!(other.2, (one.0, Ok(())));
    assert!(begin.elapsed() < LONG / 2);
}

/// The same where nobody wants the other's frames: neither is stuck, and both learn what became of theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_queues_are_full_and_nobody_reads_any_more() {
    let _deadline = deadline("both ends to shut down");
    let (mut one, mut other) = connections(None, &Config::default());
    fill(one.writer()).await;
    fill(other.writer()).await;
    let begin = Instant::now();
    let (one, other) = tokio::join!(one.shutdown(within(LONG)), other.shutdown(within(LONG)));
    assert_eq!((one, other), (Outcome::Clean, Outcome::Clean));
    assert!(begin.elapsed() < LONG / 2);
}

/// Each end reads only when its own shutdown is over: what is read ahead for it is bounded, and what could not arrive is
/// named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_queues_are_full_and_both_readers_come_late() {
    let _deadline = deadline("both ends to shut down and to be read");
    for (keep, clean) in [(1 << 30, true), (1000, false)] {
        let config = Config::default().with_drain(Drain::default().with_keep(keep));
        let (mut one, mut other) = connections(None, &config);
        let written = (fill(one.writer()).await, fill(other.writer()).await);
        let deadline = within(if clean { LONG } else { SHORT });
        let [one, other] = [one, other].map(|end| {
            tokio::spawn(async move {
                let (mut reader, mut writer) = end.into_split();
                let outcome = writer.shutdown(deadline).await;
                (outcome, count(&mut reader).await)
            })
        });
        let (one, other) = (one.await.expect("it does not panic"), other.await.expect("it does not panic"));
        if clean {
            assert_eq!((one.0, other.0), (Outcome::Clean, Outcome::Clean));
            assert_eq!((one.1, other.1), ((written.1, Ok(())), (written.0, Ok(()))));
        } else {
            for (outcome, (_, end)) in [one, other] {
                // Or that the other end, whose deadline is the same, was a moment faster.
                assert_ne!(outcome, Outcome::Clean);
                assert!(end.is_err(), "nobody takes it for the end");
            }
        }
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_is_named_at_the_deadline() {
    let _deadline = deadline("a shutdown to give up");
    let (ours, theirs) = pair(None);
    let mut ours = Connection::new(registered(ours), Config::default());
    fill(ours.writer()).await;
    let begin = Instant::now();
    let outcome = ours.shutdown(within(SHORT)).await;
    assert!(matches!(outcome, Outcome::DeadlineExceeded { unwritten } if unwritten > 0), "{outcome:?}");
    assert!((SHORT..2 * SHORT).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    drop(theirs);
}

/// The peer sends as fast as it can and reads our frames at the end. What we read and drop is bounded, and our frames are
/// all there if we say so.
#[tokio::test]
async fn a_peer_that_pumps_for_ever_costs_no_more_than_the_limit() {
    let _deadline = deadline("a shutdown against a peer that pumps");
    static STOP: AtomicBool = AtomicBool::new(false);
    let (ours, theirs) = pair(None);
    let limit = 1 << 20;
    let drain_limit = Drain::default().with_discard(limit);
    let mut ours = Connection::new(registered(ours), Config::default().with_drain(drain_limit));
    let mut pumps = theirs.try_clone().expect("there are descriptors");
    pumps.set_write_timeout(Some(SHORT)).expect("it is a socket");
    let pump = thread::spawn(move || {
        let mut pumped = 0;
        while let Ok(bytes) = pumps.write(&[0; 64 * 1024]) {
            pumped += bytes;
            if STOP.load(Ordering::Relaxed) {
                break;
            }
        }
        pumped
    });
    for kind in 0..20 {
        ours.write(Frame::new(kind, vec![1; 10_000])).await.expect("there is room");
    }
    let mut reads = theirs;
    let reader = spawn_blocking(move || {
        let mut bytes = vec![0; 20 * 10_008 + 8];
        reads.read_exact(&mut bytes).map(|()| bytes)
    });
    let begin = Instant::now();
    let outcome = ours.shutdown(within(LONG)).await;
    STOP.store(true, Ordering::Relaxed);
    let pumped = pump.join().expect("it does not panic") as u64;
    assert_eq!(outcome, Outcome::Clean);
    assert!(begin.elapsed() < LONG / 2, "the acknowledgement ends it, not the deadline");
    let queues = 64 << 20;
    assert!(pumped < limit + queues, "{pumped} bytes were pumped");
    let bytes = reader.await.expect("it does not panic").expect("everything has arrived");
    assert!(bytes.ends_with(&[0x10, 0, 0, 0, 0, 0, 0, 0]));
}

#[tokio::test]
async fn a_peer_that_resets_is_gone_at_once() {
    let _deadline = deadline("a reset to be noticed");
    let (ours, theirs) = pair(None);
    let mut ours = Connection::new(registered(ours), Config::default());
    fill(ours.writer()).await;
    let (mut reader, mut writer) = ours.into_split();
    let shutdown = tokio::spawn(async move { (writer.shutdown(within(LONG)).await, writer) });
    tokio::task::yield_now().await;
    let begin = Instant::now();
    reset(theirs);
    let (outcome, mut writer) = shutdown.await.expect("it does not panic");
    assert!(matches!(outcome, Outcome::PeerGone { unwritten } if unwritten > 0), "{outcome:?}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    let error = reader.read().await.expect_err("it is gone");
    assert!(matches!(&error, Error::Transport(fault) if fault.kind() == std::io::ErrorKind::ConnectionReset));
    assert_eq!(writer.write(Frame::new(1, "")).await, Err(error));
}

/// It has ended its own direction, so that there is nothing to read, and resets when we only wait.
#[tokio::test]
async fn a_reset_is_noticed_when_there_is_nothing_to_read_or_write() {
    let _deadline = deadline("a reset to be noticed");
    let (ours, mut theirs) = pair(None);
    let mut ours = Connection::new(registered(ours), Config::default());
    // More than the peer's kernel takes, and less than both kernels.
    ours.feed(Frame::new(1, vec![1; 3 << 20])).await.expect("there is room");
    let shutdown = tokio::spawn(ours.shutdown(within(LONG)));
    theirs.write_all(&[0x10, 0, 0, 0, 0, 0, 0, 0]).expect("we are there");
    theirs.shutdown(Shutdown::Write).expect("we are there");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!shutdown.is_finished());
    let begin = Instant::now();
    drop(theirs);
    let outcome = shutdown.await.expect("it does not panic");
    assert!(matches!(outcome, Outcome::PeerGone { .. }), "{outcome:?}");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

/// Nothing comes from the peer any more, not even an acknowledgement, as if a cable were cut.
fn cut(peer: &TcpStream) {
    const DROP_EVERYTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    SockRef::from(peer).attach_filter(&[DROP_EVERYTHING]).expect("it is a socket");
}

#[tokio::test]
async fn a_half_open_peer_is_named_at_the_deadline() {
    let _deadline = deadline("a shutdown to give up");
    let (ours, theirs) = pair(None);
    let mut ours = Connection::new(registered(ours), Config::default());
    ours.write(Frame::new(1, "before")).await.expect("the peer is there");
    cut(&theirs);
    ours.write(Frame::new(2, "after")).await.expect("nobody has noticed");
    let outcome = ours.shutdown(within(SHORT)).await;
    assert_eq!(outcome, Outcome::Unacknowledged { bytes: 8 + 5 + 8 + 1 });
}

#[tokio::test]
async fn a_half_open_peer_is_dead_after_the_idle_timeout() {
    let _deadline = deadline("the idle timeout");
    let config = Config::default().with_idle(Some(Idle::after(SHORT)));
    for reads in [true, false] {
        let (ours, theirs) = pair(None);
        let (mut reader, mut writer) = Connection::new(registered(ours), config.clone()).into_split();
        cut(&theirs);
        let begin = Instant::now();
        let error = if reads {
            reader.read().await.expect_err("nothing comes")
        } else {
            loop {
                if let Err(error) = writer.write(Frame::new(1, vec![1; 100_000])).await {
                    break error;
                }
            }
        };
        assert_eq!(error, Error::Unresponsive { after: SHORT });
        assert!((SHORT..SHORT * 5).contains(&begin.elapsed()), "{:?}", begin.elapsed());
        drop(theirs);
    }
}

/// 40 frames that were written with success, to a peer that had said something which nobody read: with a plain close, most
/// of them would be lost.
#[tokio::test]
async fn forty_frames_and_a_word_that_nobody_read() {
    let _deadline = deadline("forty frames");
    let (ours, mut theirs) = pair(Some(4096));
    theirs.write_all(&[0; 8]).expect("there is room");
    let mut ours = Connection::new(registered(ours), Config::default());
    let peer = spawn_blocking(move || {
        // Late enough that nothing has been read when the last frame is accepted.
        let read = drain(&mut theirs);
        (read, theirs)
    });
    for kind in 0..40 {
        ours.write(Frame::new(kind, vec![1; 4096])).await.expect("the peer reads");
    }
    assert_eq!(ours.shutdown(within(LONG)).await, Outcome::Clean);
    let ((read, _), _theirs) = peer.await.expect("it does not panic");
    assert_eq!(read, 40 * (8 + 4096) + 8);
}
