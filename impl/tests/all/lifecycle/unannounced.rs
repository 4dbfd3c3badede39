//! Peers that are not announced: why, what they are told, and who else hears of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use handfast::lifecycle::{Duplicates, Failure, Limits, Origin, Reason, SessionHandle, SessionStage, StateError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{advance, sleep};

use crate::lifecycle::support::{Heard, Node, Stepped, config, heard, idle, node, shaking, up};

/// Why this test's handshakes fail.
#[derive(Debug)]
enum Refused {
    TooOld,
    Closed(std::io::Error),
}

impl From<&Refused> for Reason {
    fn from(error: &Refused) -> Self {
        match error {
            Refused::TooOld => Self::Application("too_old"),
            Refused::Closed(error) => error.into(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_handshake_is_the_reason_for_the_end() {
    let node = node(config());
    let mut failures = node.failures(8);
    let closed = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let cases = [(Refused::TooOld, Reason::Application("too_old")), (Refused::Closed(closed), Reason::RemoteClosed)];
    for (error, reason) in cases {
        let handshake = |_signal| async move { Err::<(), _>(error) };
        let session = node.open(Origin::inbound(None), handshake, |_context, ()| async { Reason::Local }).unwrap();
        assert_eq!(session.wait().await.reason, reason);
        assert_eq!(failures.next().await.map(|failure| failure.reason), Some(reason));
    }
    let expected = [("remote_closed", 1), ("too_old", 1)].into();
    assert_eq!(node.metrics().ended_unannounced, expected, "a reason of the application is counted by its label");
}

#[tokio::test(start_paused = true)]
async fn a_reason_of_the_application_reaches_down_and_is_counted_by_its_label() {
    const PROTOCOL_VIOLATED: Reason = Reason::Application("protocol_violated");
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let mut session = up(&node, 1).await;
    session.finish_body(PROTOCOL_VIOLATED);
    idle().await;
    assert_eq!(heard(&mut events), [Heard::Up(session.id()), Heard::Down(session.id(), PROTOCOL_VIOLATED)]);
    assert_eq!(node.metrics().downs, [("protocol_violated", 1)].into());
}

#[tokio::test(start_paused = true)]
async fn connections_that_no_subscriber_hears_of_are_heard_of_as_failures() {
    let mut config = config();
    config.registry.limits = Limits::new(4, 4).with_per_address(1);
    let node = node(config);
    let mut failures = node.failures(8);
    let address = "::ffff:192.0.2.1".parse().ok();
    let origin = Origin::inbound(address);
    let mut first = Stepped::open(&node, origin).unwrap();
    let refused = Stepped::open(&node, origin).err().expect("the address has one");
    first.handshake_done(7);
    idle().await;
    let mut duplicate = shaking(&node);
    duplicate.handshake_done(7);
    idle().await;
    let silent = shaking(&node);
    sleep(Duration::from_secs(30)).await;
    first.finish_body(Reason::RemoteClosed);
    idle().await;

    let short = |Failure { session, origin, peer, reason }: Failure<u32>| {
        (session, origin.address.map(|address| address.to_string()), peer.map(|peer| peer.key), reason)
    };
    let found: Vec<_> = std::iter::from_fn(|| failures.try_next()).map(short).collect();
    let expected = [
        (refused.session, Some("192.0.2.1".to_owned()), None, Reason::PerAddress),
        (duplicate.id(), None, None, Reason::Duplicate),
        (silent.id(), None, None, Reason::HandshakeTimeout),
    ];
    assert_eq!(found, expected, "a session that was announced has its Down");
    assert_eq!(failures.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn failures_tell_who_it_was_if_the_handshake_had_said_so() {
    let node = node(config());
    let mut failures = node.failures(8);
    let waiting = shaking(&node);
    let _ = waiting.signal.handshake_done(7, ()).unwrap();
    node.ban(7).unwrap();
    let failure = failures.next().await.expect("the node is open");
    assert_eq!((failure.peer.map(|peer| peer.key), failure.reason), (Some(7), Reason::Banned));
}

/// Strangers make failures at will: the oldest are lost, and counted, and nothing waits.
#[tokio::test(start_paused = true)]
async fn failures_that_are_not_taken_are_lost_and_counted() {
    let mut config = config();
    config.registry.limits = Limits::new(1, 1);
    let node = node(config);
    let (mut few, mut many) = (node.failures(3), node.failures(100));
    drop(node.failures(5));
    let _holder = shaking(&node);
    let refused: Vec<_> =
        (0..10).filter_map(|_| Stepped::open(&node, Origin::inbound(None)).err()).map(|error| error.session).collect();
    let taken: Vec<_> = std::iter::from_fn(|| few.try_next()).map(|failure| failure.session).collect();
    assert_eq!((taken.as_slice(), few.lost()), (&refused[7..], 7));
    assert_eq!((std::iter::from_fn(|| many.try_next()).count(), many.lost()), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn failures_end_with_the_node() {
    let node = node(config());
    let mut failures = node.failures(8);
    let _pending = shaking(&node);
    let waits = tokio::spawn(async move {
        let first = failures.next().await.map(|failure| failure.reason);
        (first, failures.next().await.is_none())
    });
    idle().await;
    assert_eq!(node.shutdown(Duration::from_secs(1)).await.aborted, 0);
    let heard = tokio::time::timeout(Duration::from_secs(1), waits).await.expect("a listener does not wait for ever");
    assert_eq!(heard.unwrap(), (Some(Reason::ShuttingDown), true));
}

/// A session on a pipe that says goodbye to a peer that is not announced, and the peer's end.
fn with_farewell(node: &Node, key: u32, goodbye: &'static str) -> (SessionHandle, DuplexStream) {
    let (ours, theirs) = duplex(64);
    let slot = node.take_slot(Origin::inbound(None)).expect("there is a slot");
    let session = slot.open_with_farewell(
        move |handshake| async move {
            let _ = handshake.handshake_done(key, ());
            Ok::<_, StateError>(ours)
        },
        move |stream, reason| {
            Box::pin(async move {
                let _ = stream.write_all(format!("{goodbye}: {reason}").as_bytes()).await;
            })
        },
        |mut context, _stream| async move { context.told_to_end().await },
    );
    (session, theirs)
}

async fn heard_by(mut peer: DuplexStream) -> String {
    let mut text = String::new();
    peer.read_to_string(&mut text).await.expect("a pipe does not fail");
    text
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_rejected_is_told_why_before_its_connection_closes() {
    let node = node(config());
    let _first = up(&node, 1).await;
    node.ban(2).unwrap();
    for (key, reason) in [(1, Reason::Duplicate), (2, Reason::Banned)] {
        let (session, peer) = with_farewell(&node, key, "goodbye");
        assert_eq!(session.wait().await.reason, reason);
        assert_eq!(heard_by(peer).await, format!("goodbye: {reason}"));
    }
    // A peer that is announced has its body to say it.
    let (session, peer) = with_farewell(&node, 3, "goodbye");
    idle().await;
    node.disconnect(session.session(), Reason::Local).unwrap();
    assert_eq!(heard_by(peer).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_waits_to_be_announced_is_told_that_the_node_shuts_down() {
    let mut config = config();
    config.registry.capacity = 5;
    let node = node(config);
    let _slow = node.subscribe().unwrap();
    // Up and Down of two are queued, and there is no room for a third.
    for key in 0..2 {
        up(&node, key).await.handle.abort();
        idle().await;
    }
    let (_session, peer) = with_farewell(&node, 7, "goodbye");
    idle().await;
    assert_eq!(node.metrics().pending, 1);
    assert_eq!(node.shutdown(Duration::from_secs(5)).await.aborted, 0);
    assert_eq!(heard_by(peer).await, "goodbye: shutting_down");
}

#[tokio::test(start_paused = true)]
async fn a_farewell_that_nobody_reads_takes_no_longer_than_is_configured() {
    let node = node(config().with_farewell(Duration::from_secs(3)));
    let _first = up(&node, 1).await;
    let long: &'static str = Box::leak("goodbye ".repeat(100).into_boxed_str());
    let (session, peer) = with_farewell(&node, 1, long);
    let begun = tokio::time::Instant::now();
    assert_eq!(session.wait().await.reason, Reason::Duplicate);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_gets_no_slot_stays_with_the_caller() {
    let mut config = config();
    config.registry.limits = Limits::new(1, 1);
    let node = node(config);
    let slot = node.take_slot(Origin::inbound(None)).unwrap();
    let session = slot.session();
    assert_eq!(node.session(session).map(|status| status.stage), Some(SessionStage::Handshaking));
    assert_eq!(node.take_slot(Origin::inbound(None)).err().map(|rejected| rejected.reason), Some(Reason::Full));
    drop(slot);
    assert!(node.session(session).is_none());
    assert_eq!(node.metrics().ended_unannounced, [("aborted", 1)].into());
}

#[tokio::test(start_paused = true)]
async fn a_session_can_be_looked_up_by_its_id_and_its_key() {
    let mut config = config();
    config.registry.duplicates = Duplicates::Allow(2);
    let node = node(config);
    let first = up(&node, 7).await;
    let opened = tokio::time::Instant::now();
    let mut second = shaking(&node);
    advance(Duration::from_secs(5)).await;
    let status = node.session(second.id()).expect("it holds a slot");
    assert_eq!((status.stage, status.age, status.up_for), (SessionStage::Handshaking, opened.elapsed(), None));
    assert!(status.peer.is_none() && status.ending.is_none());
    second.handshake_done(7);
    idle().await;
    advance(Duration::from_secs(5)).await;
    let found = node.sessions_of(&7);
    assert_eq!(found.iter().map(|status| status.session).collect::<Vec<_>>(), [first.id(), second.id()]);
    let status = &found[1];
    assert_eq!((status.stage, status.age), (SessionStage::Up, opened.elapsed()));
    let up_for = status.up_for.expect("it is announced");
    assert!(up_for >= Duration::from_secs(5) && up_for < Duration::from_secs(6), "{up_for:?}");
    assert_eq!(status.peer.as_ref().map(|peer| peer.key), Some(7));
    assert_eq!((node.sessions().len(), node.sessions_of(&8).len()), (2, 0));
    let waits = Stepped::open(&node, Origin::outbound(None)).unwrap();
    let _ = waits.signal.handshake_done(9, ());
    node.disconnect(waits.id(), Reason::Local).unwrap();
    let status = node.session(waits.id()).expect("its task has not run");
    assert_eq!((status.stage, status.ending), (SessionStage::HandshakeDone, Some(Reason::Local)));
    idle().await;
    assert!(node.session(waits.id()).is_none());
}

/// A connection that the other end has closed or reset says so, by whichever call it is noticed.
#[test]
fn an_error_of_the_connection_says_whether_the_other_end_closed_it() {
    use std::io::{Error, ErrorKind};
    let closed =
        [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted, ErrorKind::BrokenPipe];
    for kind in closed {
        assert_eq!(Reason::from(&Error::from(kind)), Reason::RemoteClosed, "{kind}");
    }
    for kind in [ErrorKind::TimedOut, ErrorKind::InvalidData, ErrorKind::Other] {
        assert_eq!(Reason::from(&Error::from(kind)), Reason::HandshakeFailed, "{kind}");
    }
}

/// What is woken by the end of a session.
struct Looks<F>(F);

impl<F: Fn() + Send + Sync> std::task::Wake for Looks<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Who learns of the end finds the failure: it is queued in the same step, so that no other failure and no end of the
/// shutdown comes between.
#[tokio::test(start_paused = true)]
async fn a_failure_is_queued_in_the_step_in_which_it_becomes_known() {
    let node = node(config());
    let failures = Arc::new(Mutex::new(node.failures(8)));
    let found = Arc::new(Mutex::new(Vec::new()));
    let (session, task) = node
        .prepare(Origin::inbound(None), |_| std::future::pending::<Result<(), ()>>(), |_, ()| async { Reason::Local })
        .expect("there is a slot");
    let (looks_at, finds) = (Arc::clone(&failures), Arc::clone(&found));
    let looks = Looks(move || {
        let failure = looks_at.lock().unwrap().try_next();
        finds.lock().unwrap().push(failure.map(|failure| (failure.session, failure.reason)));
    });
    let waker = Arc::new(looks).into();
    let mut ended = std::pin::pin!(session.wait());
    assert!(ended.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    drop(task);
    assert_eq!(*found.lock().unwrap(), [Some((session.session(), Reason::Aborted))]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_after_the_shutdown_is_no_failure_any_more() {
    let node = node(config());
    let mut failures = node.failures(8);
    let _ = node.shutdown(Duration::from_secs(1)).await;
    assert!(failures.next().await.is_none());
    assert!(Stepped::open(&node, Origin::inbound(None)).is_err());
    assert!(failures.next().await.is_none(), "it came after the end");
    assert_eq!(node.metrics().refused.get(Reason::ShuttingDown.name()), Some(&1));
}
