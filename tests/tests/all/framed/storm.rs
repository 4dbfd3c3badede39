//! Thousands of shutdowns of every kind. Frames are counted on both sides: none may be missing where the outcome is clean,
//! and whatever is missing must be owned up to.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use handfast::framed::{Config, Connection, Error, Frame, Outcome, Reader, Writer};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::support::{pair, registered, reset, within};
use crate::support::{deadline, one_storm_at_a_time};

type Socket = tokio::net::TcpStream;

/// Of each kind.
const SHUTDOWNS: u32 = 2000;

/// At once: there are only so many descriptors and so little patience.
const AT_ONCE: usize = 48;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(30);

/// What the peer does while we shut down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// It reads to our marker.
    Reads,
    /// It has said something that nobody has read, and reads.
    Talked,
    /// It writes all the while, and reads.
    Talks,
    /// It writes all the while, reads, and nobody reads what it writes.
    TalksToNobody,
    /// It begins to read when our queues are full.
    ReadsLate,
    /// It shuts down at the same time, with its queues full.
    ShutsDown,
    /// The same, and neither has a reader any more.
    ShutsDownUnread,
    /// It never reads.
    NeverReads,
    /// It reads a few frames and closes, with input that it has not read.
    ReadsSomeAndCloses,
    /// It resets at once.
    Resets,
    /// Our deadline has passed already when we begin.
    TooLate,
}

const KINDS: [Kind; 11] = [
    Kind::Reads,
    Kind::Talked,
    Kind::Talks,
    Kind::TalksToNobody,
    Kind::ReadsLate,
    Kind::ShutsDown,
    Kind::ShutsDownUnread,
    Kind::NeverReads,
    Kind::ReadsSomeAndCloses,
    Kind::Resets,
    Kind::TooLate,
];

/// What came of one shutdown.
struct Ended {
    accepted: u32,
    delivered: u32,
    /// The peer saw our marker.
    marked: bool,
    outcome: Outcome,
}

fn frame(number: u32) -> Frame {
    static PAYLOAD: [u8; 3000] = [9; 3000];
    Frame::new(number, Bytes::from_static(&PAYLOAD[..(number as usize * 131) % 3000]))
}

/// Reads numbered frames until there are no more; whether the end was the marker.
async fn count(reader: &mut Reader<Socket>, at_most: u32) -> (u32, bool) {
    let mut count = 0;
    while count < at_most {
        match reader.read().await {
            Ok(Some(read)) => {
                assert_eq!(read, frame(count), "in order, each once, whole");
                count += 1;
            }
            Ok(None) => return (count, true),
            Err(error) => {
                assert!(!matches!(error, Error::Violation(_)), "{error}");
                return (count, false);
            }
        }
    }
    (count, false)
}

/// Writes frames, some in batches, until so many are accepted or the queues are full.
async fn write(writer: &mut Writer<Socket>, frames: u32) -> u32 {
    let mut accepted = 0;
    while accepted < frames {
        match timeout(SHORT, writer.feed(frame(accepted))).await {
            Ok(Ok(())) => accepted += 1,
            Ok(Err(_)) | Err(_) => return accepted,
        }
        if accepted % 7 == 0 && timeout(SHORT, writer.flush()).await.is_err() {
            return accepted;
        }
    }
    accepted
}

async fn one(kind: Kind, number: u32) -> Ended {
    let (ours, theirs) = pair(Some(4096 << (number % 3)));
    let ours = registered(ours);
    let (reader, mut writer) = Connection::new(ours, Config::default()).into_split();
    let deadline = match kind {
        Kind::NeverReads => SHORT,
        Kind::TooLate => Duration::ZERO,
        _ => LONG, // Whoever is still there when this is over has got stuck.
    };
    let delivered = Arc::new(AtomicU32::new(0));
    let peer = tokio::spawn(be_the_peer(kind, theirs, Arc::clone(&delivered)));
    let frames = 10 + number % 50;
    let (accepted, outcome) = match kind {
        Kind::Talked | Kind::TalksToNobody | Kind::ShutsDownUnread => {
            let accepted = write(&mut writer, frames).await;
            drop(reader);
            (accepted, writer.shutdown(within(deadline)).await)
        }
        Kind::Reads
        | Kind::Talks
        | Kind::ReadsLate
        | Kind::ShutsDown
        | Kind::NeverReads
        | Kind::ReadsSomeAndCloses
        | Kind::Resets
        | Kind::TooLate => {
            let mut reader = reader;
            let written = async {
                let accepted = write(&mut writer, frames).await;
                (accepted, writer.shutdown(within(deadline)).await)
            };
            // The reader may read to the deadline; it is over when the peer is.
            let read = async {
                let _ = timeout(LONG, count(&mut reader, u32::MAX)).await;
            };
            match kind {
                Kind::Talks | Kind::ShutsDown => tokio::join!(written, read).0,
                _ => written.await, // The reader is there and does not read.
            }
        }
    };
    drop(writer);
    let marked = peer.await.expect("it does not panic");
    Ended { accepted, delivered: delivered.load(Ordering::Relaxed), marked, outcome }
}

/// Counts the frames that it reads; whether it read our marker.
async fn be_the_peer(kind: Kind, peer: TcpStream, delivered: Arc<AtomicU32>) -> bool {
    if kind == Kind::Resets {
        tokio::task::yield_now().await;
        reset(peer);
        return false;
    }
    let (mut reader, mut writer) = Connection::new(registered(peer), Config::default()).into_split();
    let (count, marked) = match kind {
        Kind::Reads | Kind::TooLate => count(&mut reader, u32::MAX).await,
        Kind::Talked => {
            writer.write(frame(0)).await.expect("there is room");
            count(&mut reader, u32::MAX).await
        }
        Kind::Talks | Kind::TalksToNobody => {
            let talk = tokio::spawn(async move { write(&mut writer, 200).await });
            let counted = count(&mut reader, u32::MAX).await;
            talk.abort();
            counted
        }
        Kind::ReadsLate => {
            tokio::time::sleep(SHORT).await;
            count(&mut reader, u32::MAX).await
        }
        Kind::ShutsDown | Kind::ShutsDownUnread => {
            let shutdown = tokio::spawn(async move {
                write(&mut writer, 40).await;
                let _ = writer.shutdown(within(LONG)).await;
            });
            let counted = count(&mut reader, u32::MAX).await;
            shutdown.await.expect("it does not panic");
            counted
        }
        Kind::NeverReads => {
            tokio::time::sleep(SHORT * 10).await;
            count(&mut reader, u32::MAX).await
        }
        Kind::ReadsSomeAndCloses => count(&mut reader, 5).await,
        Kind::Resets => (0, false),
    };
    delivered.store(count, Ordering::Relaxed);
    marked
}

#[test]
fn no_frame_is_lost_by_a_clean_shutdown_and_every_loss_is_owned_up_to() {
    let _storm = one_storm_at_a_time();
    let _deadline = deadline("thousands of shutdowns");
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("there is a runtime");
    KINDS.into_iter().for_each(|kind| runtime.block_on(shutdowns(kind)));
}

async fn shutdowns(kind: Kind) {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..SHUTDOWNS {
        let permit = Arc::clone(&permits).acquire_owned().await.expect("nobody closes it");
        tasks.spawn(async move {
            let ended = timeout(2 * LONG, one(kind, number)).await.expect("nobody is stuck");
            drop(permit);
            ended
        });
    }
    let mut table: BTreeMap<&str, (u32, u32, u32)> = BTreeMap::new();
    while let Some(ended) = tasks.join_next().await {
        let Ended { accepted, delivered, marked, outcome } = ended.expect("it does not panic");
        // Whoever stops reading, or closes with unread input, has no right to the rest.
        if outcome.is_clean() && !matches!(kind, Kind::ReadsSomeAndCloses | Kind::Resets) {
            assert_eq!((delivered, marked), (accepted, true), "{kind:?}: clean, and frames are missing");
        }
        assert!(delivered <= accepted);
        assert!(delivered == accepted || !marked, "{kind:?}: the peer took it for the end");
        let row = table.entry(name(outcome)).or_default();
        *row = (row.0 + 1, row.1 + accepted, row.2 + delivered);
    }
    for (outcome, (shutdowns, accepted, delivered)) in &table {
        println!("{kind:?}: {outcome}: {shutdowns} shutdowns, {accepted} frames accepted, {delivered} delivered");
    }
    expect(kind, &table);
}

/// What must have happened at least, so that nothing is true for want of anything happening.
fn expect(kind: Kind, table: &BTreeMap<&str, (u32, u32, u32)>) {
    let of = |outcome: &str| table.get(outcome).copied().unwrap_or_default();
    match kind {
        Kind::Reads | Kind::Talked | Kind::Talks | Kind::TalksToNobody | Kind::ReadsLate | Kind::ShutsDown => {
            assert_eq!(of("clean").0, SHUTDOWNS, "{kind:?}");
        }
        Kind::ShutsDownUnread => assert!(of("clean").0 > SHUTDOWNS / 2, "{kind:?}"),
        Kind::NeverReads => assert!(of("clean").0 < SHUTDOWNS, "{kind:?}"),
        Kind::ReadsSomeAndCloses | Kind::Resets => assert!(of("gone").0 > SHUTDOWNS / 2, "{kind:?}"),
        Kind::TooLate => assert_eq!(table.values().map(|row| row.0).sum::<u32>(), SHUTDOWNS),
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Clean => "clean",
        Outcome::Unacknowledged { .. } => "unacknowledged",
        Outcome::DeadlineExceeded { .. } => "deadline",
        Outcome::PeerGone { .. } => "gone",
        Outcome::Unconfirmed { .. } => "unconfirmed",
        _ => "unknown to this test", // There may be more some day.
    }
}
