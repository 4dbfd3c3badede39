//! What real ends record, over sockets and pipes, is a behaviour of the model to its end; with one mistake most are none.

use std::collections::BTreeMap;
use std::time::Duration;

use conformance::log::Log;
use handfast::framed::{Config, Connection, Drain, Error, Frame, Idle, Opaque, Outcome, Transport};
use model::checker::explain::Explanation;
use model::registry::find;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::support::{pair, registered, within};
use crate::support::deadline;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(60);
const MARKER: [u8; 8] = [0x10, 0, 0, 0, 0, 0, 0, 0];

/// A kind of stream whose ends are made in pairs.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + Sized + 'static {
    const NAME: &'static str;
    type End: Transport + Send + 'static;

    fn pair() -> (Self, Self);
    fn end(self) -> Self::End;
}

impl Stream for TcpStream {
    const NAME: &'static str = "TCP";
    type End = Self;

    fn pair() -> (Self, Self) {
        let (one, other) = pair(Some(16 * 1024));
        (registered(one), registered(other))
    }

    fn end(self) -> Self {
        self
    }
}

impl Stream for UnixStream {
    const NAME: &'static str = "a socket pair";
    type End = Self;

    fn pair() -> (Self, Self) {
        UnixStream::pair().expect("there are sockets")
    }

    fn end(self) -> Self {
        self
    }
}

impl Stream for DuplexStream {
    const NAME: &'static str = "a pipe";
    type End = Opaque<Self>;

    fn pair() -> (Self, Self) {
        duplex(5_000)
    }

    fn end(self) -> Opaque<Self> {
        Opaque(self)
    }
}

fn explained(log: &str) -> Explanation {
    let entry = find("framed").expect("it is a protocol");
    (entry.explain)(&mut log.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{log}"))
}

/// A log of an end that is closed: the model explains it to its end, no rule is broken, and nothing is owed.
#[track_caller]
fn finished(log: &Log, what: &str, says: &[&str]) -> String {
    let text = String::from_utf8(log.take()).expect("a log is text");
    let found = explained(&text);
    assert!(found.is_behaviour() && found.owed.is_empty() && found.torn.is_none(), "{what}: {found:#?}\n{text}");
    assert_eq!((found.runs, found.steps + 1), (1, text.lines().count()), "{what}");
    for word in says {
        assert!(text.contains(word), "{what} does not say {word}\n{text}");
    }
    text
}

fn recorded<S: Stream>(stream: S, config: Config) -> (Connection<S::End>, Log) {
    let log = Log::default();
    (Connection::recorded(stream.end(), config, log.clone()), log)
}

/// An end and its peer's bytes.
fn beside_bytes<S: Stream>(config: Config) -> (Connection<S::End>, Log, S) {
    let (one, other) = S::pair();
    let (connection, log) = recorded(one, config);
    (connection, log, other)
}

fn frame(length: usize) -> Frame {
    Frame::new(1, vec![5; length])
}

async fn read_to_the_end<T: Transport>(reader: &mut handfast::framed::Reader<T>) -> Result<usize, Error> {
    let mut frames = 0;
    while reader.read().await?.is_some() {
        frames += 1;
    }
    Ok(frames)
}

const LENGTHS: [usize; 7] = [0, 1, 2, 100, 0, 30_000, 150_000];

/// Both ends write frames, read each other's, and shut down.
async fn both_write_and_end<S: Stream>(heartbeat: Option<Duration>) -> Vec<String> {
    let (one, other) = S::pair();
    let config = Config::default().with_heartbeat(heartbeat);
    let ends = [recorded(one, config.clone()), recorded(other, config)].map(|(connection, log)| {
        tokio::spawn(async move {
            let heartbeats = tokio::spawn(connection.heartbeats());
            let (mut reader, mut writer) = connection.into_split();
            let writes = tokio::spawn(async move {
                for length in LENGTHS {
                    writer.write(frame(length)).await.expect("the peer reads");
                }
                writer.feed(frame(3)).await.expect("there is room");
                writer.shutdown(within(LONG)).await
            });
            let read = read_to_the_end(&mut reader).await;
            let outcome = writes.await.expect("it does not panic");
            // It holds the connection, if the shutdown has not ended it.
            heartbeats.abort();
            let _ = heartbeats.await;
            drop(reader);
            (read, outcome, log)
        })
    });
    let mut logs = Vec::new();
    for end in ends {
        let (read, outcome, log) = end.await.expect("it does not panic");
        assert_eq!(read, Ok(LENGTHS.len() + 1), "{}", S::NAME);
        let tells = matches!(outcome, Outcome::Clean);
        assert!(tells || outcome == (Outcome::Unconfirmed { peer_ended: true }), "{}: {outcome}", S::NAME);
        let outcome = if tells { r#"{"over":["left","clean"]}"# } else { r#"{"over":["left","unconfirmed"]}"# };
        logs.push(finished(&log, S::NAME, &[outcome, r#"{"ended":["left","marker"]}"#, r#"{"closed":"left"}"#]));
    }
    logs
}

const MORE_THAN_IS_HELD: usize = 8_000_000;

/// The answer to the peer's marker, and a deadline that a second call shortens.
async fn answered<S: Stream>() -> Vec<String> {
    let (one, other) = S::pair();
    let (mut one, one_log) = recorded(one, Config::default().with_answer(Some(LONG)));
    let (other, other_log) = recorded(other, Config::default());
    one.feed(frame(10)).await.expect("there is room");
    let (mut reader, mut writer) = other.into_split();
    // More than a kernel holds, so that the first shutdown is not over before the second one begins.
    writer.feed(frame(MORE_THAN_IS_HELD)).await.expect("there is room");
    let closers = [writer.closer(), writer.closer()];
    let (begun, both_began) = tokio::sync::oneshot::channel();
    let shutdowns = tokio::spawn(async move {
        let [first, second] = &closers;
        let both = async { tokio::join!(first.shutdown(within(LONG)), second.shutdown(within(LONG / 2))) };
        let begun = async { begun.send(()).expect("it is waited for") };
        tokio::join!(both, begun).0
    });
    both_began.await.expect("it does not panic");
    let reads = tokio::spawn(async move { (read_to_the_end(&mut reader).await, reader) });
    assert_eq!(one.read().await.map(|read| read.map(|frame| frame.payload.len())), Ok(Some(MORE_THAN_IS_HELD)));
    assert_eq!(one.read().await, Ok(None));
    let (read, reader) = reads.await.expect("it does not panic");
    assert_eq!(read, Ok(1));
    let (first, second) = shutdowns.await.expect("it does not panic");
    for outcome in [first, second] {
        assert!(matches!(outcome, Outcome::Clean | Outcome::Unconfirmed { peer_ended: true }), "{outcome}");
    }
    drop((reader, writer));
    let _ = one.shutdown(within(LONG)).await;
    let says = [r#"{"answers":["left","late"]}"#, r#"{"ended":["left","marker"]}"#, r#"{"over":["#];
    vec![
        finished(&one_log, S::NAME, &says),
        finished(&other_log, S::NAME, &[r#"{"begun":["left","late"]}"#, r#"{"begun":["left","soon"]}"#]),
    ]
}

/// A peer that reads nothing: the deadline passes with frames that were not handed over, after calls that were dropped.
async fn not_in_time<S: Stream>() -> Vec<String> {
    let (connection, log, peer) = beside_bytes::<S>(Config::default());
    let (mut reader, mut writer) = connection.into_split();
    let mut accepted = 0;
    while timeout(SHORT / 4, writer.feed(frame(100_000))).await.is_ok() {
        accepted += 1;
        assert!(accepted < 1_000, "it is full some time");
    }
    assert!(timeout(SHORT / 4, reader.read()).await.is_err(), "nothing comes");
    assert!(timeout(SHORT / 4, writer.shutdown(within(SHORT))).await.is_err(), "nothing is taken");
    let outcome = writer.shutdown(within(LONG)).await;
    assert!(matches!(outcome, Outcome::DeadlineExceeded { .. }), "{outcome}");
    assert_eq!(reader.read().await, Err(Error::DeadlineExceeded));
    drop((reader, writer, peer));
    let says = [r#"["left","deadline_exceeded"]"#, r#"{"passed":"late"}"#, r#"{"ended":["left","deadline"]}"#];
    vec![finished(&log, S::NAME, &says)]
}

/// A peer whose bytes end like this, the connection being shut down then. `ending` is what the reader is told.
async fn ends_like<S: Stream>(bytes: &[u8], frames: usize, ending: &str) -> Vec<String> {
    let (connection, log, mut peer) = beside_bytes::<S>(Config::default().with_max_frame(1_000));
    let (mut reader, mut writer) = connection.into_split();
    writer.write(frame(20)).await.expect("there is room");
    peer.write_all(bytes).await.expect("there is room");
    peer.shutdown().await.expect("it is open");
    let mut given = 0;
    let end = loop {
        match reader.read().await {
            Ok(Some(_)) => given += 1,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert_eq!(given, frames, "{} {ending}", S::NAME);
    assert_eq!(end.is_ok(), ending == "marker", "{} {ending}: {end:?}", S::NAME);
    let reads = tokio::spawn(async move {
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).await.map(|_| bytes)
    });
    let outcome = writer.shutdown(within(LONG)).await;
    drop((reader, writer));
    let read = reads.await.expect("it does not panic").expect("nothing resets it");
    assert!(read.ends_with(&MARKER), "{}: the shutdown says {outcome}", S::NAME);
    vec![finished(&log, S::NAME, &[&format!(r#"{{"ended":["left","{ending}"]}}"#), r#"{"over":["left","#])]
}

/// A peer that is gone with what it has not read, or goes on sending to a reader that was dropped, or is silent.
async fn gone<S: Stream>() -> Vec<String> {
    let (connection, log, peer) = beside_bytes::<S>(Config::default());
    let (mut reader, mut writer) = connection.into_split();
    writer.write(frame(20)).await.expect("there is room");
    drop(peer);
    let failed = timeout(LONG, async {
        while writer.write(frame(1_000)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    failed.await.expect("writing to a peer that has gone fails");
    let read = reader.read().await;
    assert!(read.is_err(), "{}: {read:?}", S::NAME);
    let outcome = writer.shutdown(within(LONG)).await;
    assert!(matches!(outcome, Outcome::PeerGone { .. }), "{}: {outcome}", S::NAME);
    drop((reader, writer));
    let gone = finished(&log, S::NAME, &[r#"{"write_failed":"left"}"#, r#"["left","peer_gone"]"#]);

    let (connection, log, mut peer) =
        beside_bytes::<S>(Config::default().with_drain(Drain::default().with_linger(Duration::from_millis(1))));
    let (reader, mut writer) = connection.into_split();
    drop(reader);
    let peer = tokio::spawn(async move {
        for _ in 0..20 {
            peer.write_all(&[0, 0, 0, 1, 0, 0, 0, 2, 3, 4]).await.expect("it is dropped there");
        }
        peer.write_all(&MARKER).await.expect("it is dropped there");
        peer.shutdown().await.expect("it is open");
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).await.expect("nothing resets it");
    });
    let outcome = writer.shutdown(within(LONG)).await;
    assert!(matches!(outcome, Outcome::Clean | Outcome::Unconfirmed { peer_ended: true }), "{outcome}");
    drop(writer);
    peer.await.expect("it does not panic");
    let dropped = finished(&log, S::NAME, &[r#"{"left":"left"}"#]);

    let config = Config::default().with_idle(Some(Idle::after(SHORT / 2)));
    let (mut connection, log, peer) = beside_bytes::<S>(config);
    assert!(matches!(connection.read().await, Err(Error::Unresponsive { .. })));
    drop((connection, peer));
    let silent = finished(&log, S::NAME, &[r#"{"ended":["left","reset"]}"#, r#"{"abandoned":"left"}"#]);
    vec![gone, dropped, silent]
}

async fn every_end_of<S: Stream>() -> Vec<String> {
    let (whole, cut) = ([0, 0, 0, 1, 0, 0, 0, 2, 3, 4], [0, 0, 0, 1, 0, 0, 0, 9, 3, 4]);
    let mut logs = both_write_and_end::<S>(None).await;
    logs.extend(both_write_and_end::<S>(Some(SHORT)).await);
    logs.extend(answered::<S>().await);
    logs.extend(not_in_time::<S>().await);
    logs.extend(ends_like::<S>(&[&whole[..], &MARKER, b"more"].concat(), 1, "marker").await);
    logs.extend(ends_like::<S>(&whole, 1, "without_marker").await);
    logs.extend(ends_like::<S>(&[&whole[..], &cut].concat(), 1, "truncated").await);
    logs.extend(ends_like::<S>(&[&whole[..], &MARKER[..5]].concat(), 1, "truncated").await);
    logs.extend(ends_like::<S>(&[0x20, 0, 0, 0, 0, 0, 0, 0], 0, "violation").await);
    logs.extend(ends_like::<S>(&[0, 0, 0, 1, 0, 0, 4, 0], 0, "violation").await);
    logs.extend(ends_like::<S>(&[0x10, 0, 0, 0, 0, 0, 0, 1], 0, "violation").await);
    logs.extend(gone::<S>().await);
    logs
}

/// Every end that a connection may have, over three kinds of streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_real_ends_record_is_a_behaviour_of_the_model() {
    let _deadline = deadline("every end to be recorded");
    let logs =
        [every_end_of::<TcpStream>().await, every_end_of::<UnixStream>().await, every_end_of::<DuplexStream>().await];
    let logs = logs.concat();
    let steps: usize = logs.iter().map(|log| log.lines().count() - 1).sum();
    println!("{} logs, {steps} steps", logs.len());
    assert!(logs.len() >= 48 && steps > 2_000, "{} logs, {steps} steps", logs.len());
}

/// One mistake of a recorder.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    Lost,
    Swapped,
    Doubled,
    Changed,
}

impl Mistake {
    /// How many of a hundred logs with it must be rejected at least. Steps of the two directions commute.
    fn least_rejected(self) -> usize {
        match self {
            Self::Lost | Self::Doubled | Self::Changed => 80,
            Self::Swapped => 50,
        }
    }

    /// Makes the mistake in a step of a log, of which the first line is the header. Returns whether anything changed.
    fn make(self, lines: &mut Vec<Value>, at: usize, random: &mut StdRng) -> bool {
        let before = lines.clone();
        match self {
            Self::Lost => drop(lines.remove(at)),
            Self::Swapped if at + 1 < lines.len() => lines.swap(at, at + 1),
            Self::Swapped => {}
            Self::Doubled => lines.insert(at, lines[at].clone()),
            Self::Changed => {
                // Words and numbers of what was observed become those of another line.
                let other = random.random_range(1..lines.len());
                lines[at]["observation"] = lines[other]["observation"].clone();
            }
        }
        *lines != before
    }
}

fn is_accepted(lines: &[Value]) -> bool {
    let log: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let entry = find("framed").expect("it is a protocol");
    (entry.explain)(&mut log.as_bytes()).is_ok_and(|found| found.is_behaviour() && found.owed.is_empty())
}

/// The name of the action of a line.
fn action(line: &Value) -> String {
    line["action"].as_object().and_then(|action| action.keys().next().cloned()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn most_logs_of_real_ends_with_one_mistake_are_rejected() {
    const SEED: u64 = 7;
    const TRIES: usize = 200;
    let _deadline = deadline("every end to be recorded and told otherwise");
    let mut random = StdRng::seed_from_u64(SEED);
    let logs: Vec<Vec<Value>> = every_end_of::<DuplexStream>()
        .await
        .iter()
        .map(|log| log.lines().map(|line| serde_json::from_str(line).expect("a log is JSON")).collect())
        .collect();
    for mistake in [Mistake::Lost, Mistake::Swapped, Mistake::Doubled, Mistake::Changed] {
        let (mut tried, mut accepted) = (0, BTreeMap::<String, usize>::new());
        while tried < TRIES {
            let mut lines = logs[random.random_range(0..logs.len())].clone();
            let at = random.random_range(1..lines.len());
            let name = action(&lines[at]);
            if mistake.make(&mut lines, at, &mut random) {
                tried += 1;
                if is_accepted(&lines) {
                    *accepted.entry(name).or_default() += 1;
                }
            }
        }
        let rejected = TRIES - accepted.values().sum::<usize>();
        println!("seed {SEED}, one line {mistake:?}: {rejected} of {TRIES} rejected; accepted: {accepted:?}");
        assert!(rejected * 100 >= mistake.least_rejected() * TRIES, "{mistake:?}: {rejected} of {TRIES}");
    }
}

/// What a driver with one fault would have recorded.
#[tokio::test(start_paused = true)]
async fn the_log_of_a_driver_with_a_fault_is_rejected() {
    let _deadline = deadline("an end to be recorded");
    let not_in_time = not_in_time::<DuplexStream>().await.concat();
    let cut = ends_like::<DuplexStream>(&[0, 0, 0, 1, 0, 0, 0, 9, 3], 0, "truncated").await.concat();
    let whole = both_write_and_end::<DuplexStream>(None).await.remove(0);
    let expires = r#"{"expire":{"end":"left"}}"#;
    let faults = [
        ("a shutdown is clean although frames are owed", &not_in_time, r#""deadline_exceeded""#, r#""clean""#),
        ("a shutdown is clean before its deadline", &not_in_time, expires, r#"{"confirm":{"end":"left"}}"#),
        ("a peer that was cut off has ended in order", &cut, r#"["left","truncated"]"#, r#"["left","marker"]"#),
        ("nothing is known, and it is clean", &whole, r#"["left","unconfirmed"]"#, r#"["left","clean"]"#),
        ("a frame is given twice", &whole, r#"["left",{"frame":3}]"#, r#"["left",{"frame":2}]"#),
        (
            "another frame than the next is handed over",
            &whole,
            r#""handed":["left",{"item":{"frame":[1"#,
            r#""handed":["left",{"item":{"frame":[2"#,
        ),
    ];
    for (fault, log, word, other) in faults {
        let told_otherwise = log.replacen(word, other, 1);
        assert_ne!(*log, told_otherwise, "{fault}: there is no {word}\n{log}");
        assert!(!explained(&told_otherwise).is_behaviour(), "{fault}: accepted\n{told_otherwise}");
    }
}
