//! What a session's task holds when the session has ended: its connection, and what becomes of it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use handfast::lifecycle::{
    Config, Duplicates, Handshake, Limits, NodeConfig, Origin, Reason, Report, SessionContext, SessionHandle,
    SessionId, WhenFull,
};
use tokio::time::{Instant, sleep};

use crate::lifecycle::support::{Node, Stepped, assert_empty, config, idle, node, up};

const LONG: Duration = Duration::from_secs(3_600);
const OVERDUE: Duration = Duration::from_secs(10);

/// A connection, which counts its drop.
#[derive(Clone, Debug, Default)]
struct Dropped(Arc<AtomicUsize>);

struct Connection(Dropped);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Dropped {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// An announced session with a body of the test's, which has the connection.
async fn announced<B, F>(node: &Node, address: Option<IpAddr>, key: u32, dropped: &Dropped, body: B) -> SessionHandle
where
    B: FnOnce(SessionContext<u32>, Connection) -> F + Send + 'static,
    F: Future<Output = (Reason, Connection)> + Send + 'static,
{
    let connection = Connection(dropped.clone());
    let session = node.open(
        Origin::inbound(address),
        move |handshake| async move { handshake.handshake_done(key, ()).map(|_| connection) },
        body,
    );
    let session = session.expect("there is a slot");
    idle().await;
    assert!(node.peers().iter().any(|peer| peer.session == session.session()), "it is announced");
    session
}

/// PEER-49, also where the body returns in its grace.
#[tokio::test(start_paused = true)]
async fn what_a_body_returns_in_its_grace_is_dropped_when_the_session_has_ended() {
    struct Asks(Node, SessionId, Arc<Mutex<Option<bool>>>);

    impl Drop for Asks {
        fn drop(&mut self) {
            *self.2.lock().expect("whole") = Some(self.0.session(self.1).is_none());
        }
    }

    let node = node(config().with_grace(LONG));
    let (seen, had_ended) = (node.clone(), Arc::default());
    let answer = Arc::clone(&had_ended);
    let session = node.open(
        Origin::inbound(None),
        |handshake| async move { handshake.handshake_done(1, ()).map(drop) },
        move |mut live, ()| async move {
            let asks = Asks(seen, live.peer.session, answer);
            let reason = live.told_to_end().await;
            sleep(Duration::from_secs(1)).await;
            (reason, asks)
        },
    );
    let session = session.expect("there is a slot");
    idle().await;
    node.disconnect(session.session(), Reason::Local).expect("it lives");
    session.wait().await;
    idle().await;
    assert_eq!(
        *had_ended.lock().expect("whole"),
        Some(true),
        "the connection was closed while the session held its slot"
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_panics_in_its_grace_has_ended_in_time() {
    let node = node(config().with_grace(LONG));
    let dropped = Dropped::default();
    let ends = |mut live: SessionContext<u32>, connection| async move {
        let reason = live.told_to_end().await;
        sleep(Duration::from_secs(1)).await;
        assert_ne!(reason, Reason::ShuttingDown, "meant to panic, in a body that was told to end");
        (reason, connection)
    };
    let session = announced(&node, None, 1, &dropped, ends).await;
    assert_eq!(node.shutdown(LONG).await, Report { drained: 1, aborted: 0 }, "no task was aborted");
    assert_eq!((session.wait().await.reason, dropped.count()), (Reason::ShuttingDown, 1));
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_until_a_session_that_has_ended_has_dropped_its_connection() {
    let node = node(config().with_grace(LONG));
    let dropped = Dropped::default();
    let ends = |live: SessionContext<u32>, connection| async move {
        sleep(Duration::from_millis(10)).await;
        live.end(Reason::Local);
        sleep(Duration::from_secs(5)).await;
        (Reason::Local, connection)
    };
    let session = announced(&node, None, 1, &dropped, ends).await;
    assert_eq!(session.wait().await.reason, Reason::Local);
    let begin = Instant::now();
    assert_eq!(node.shutdown(LONG).await, Report { drained: 0, aborted: 0 });
    assert_eq!(dropped.count(), 1, "the shutdown was over while a task had a connection");
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_kept_when_its_session_has_ended_is_dropped_at_the_shutdowns_deadline() {
    let node = node(config().with_grace(LONG * 2));
    let dropped = Dropped::default();
    let stays = |live: SessionContext<u32>, connection| async move {
        live.end(Reason::Local);
        std::future::pending::<()>().await;
        (Reason::Local, connection)
    };
    let connection = Connection(dropped.clone());
    let session = node.open(
        Origin::inbound(None),
        move |handshake| async move { handshake.handshake_done(1, ()).map(|_| connection) },
        stays,
    );
    assert_eq!(session.expect("there is a slot").wait().await.reason, Reason::Local);
    let begin = Instant::now();
    let _ = node.shutdown(Duration::from_secs(1)).await;
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    idle().await;
    assert_eq!(dropped.count(), 1, "the task went on behind the shutdown");
}

/// It has no grace: the slot is the newcomer's, and its descriptor is wanted.
#[tokio::test(start_paused = true)]
async fn the_task_of_a_session_that_is_evicted_is_aborted() {
    let address = |host| Some(IpAddr::from(Ipv4Addr::new(10, 0, 0, host)));
    let registry = Config::new(Limits::new(2, 2), Duplicates::KeepOld).with_when_full(WhenFull::EvictWorst);
    let node = node(NodeConfig::new(registry).with_grace(LONG));
    let dropped = Dropped::default();
    let stays = |_, connection| async move {
        std::future::pending::<()>().await;
        (Reason::Local, connection)
    };
    let mut sessions = Vec::new();
    for key in [1, 2] {
        sessions.push(announced(&node, address(key as u8), key, &dropped, stays).await);
    }
    let dialed = node.take_slot(Origin::outbound(address(9)));
    assert_eq!(sessions[1].ended().map(|ended| ended.reason), Some(Reason::Evicted));
    idle().await;
    assert_eq!((dropped.count(), sessions[0].ended()), (1, None), "the body of the evicted session goes on");
    assert!(dialed.is_ok());
}

/// No timer is there for an abort outside of a runtime: the next one who needs the slot ends the session.
#[tokio::test(start_paused = true)]
async fn a_session_that_was_aborted_outside_of_a_runtime_gives_its_slot_to_a_newcomer() {
    let registry = Config::new(Limits::new(1, 1), Duplicates::KeepOld);
    let node = node(NodeConfig::new(registry).with_overdue(OVERDUE));
    // Its task blocks a thread of its own, so that no abort reaches it.
    let (blocked, is_blocked) = std::sync::mpsc::channel::<()>();
    let (send, opened) = std::sync::mpsc::channel();
    let opening = node.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let body = move |_, ()| async move {
                let _ = is_blocked.recv();
                std::future::pending::<Reason>().await
            };
            let session = opening.open(
                Origin::inbound(None),
                |handshake| async move { handshake.handshake_done(2, ()).map(drop) },
                body,
            );
            let _ = send.send(session.expect("there is a slot"));
            tokio::task::yield_now().await;
        });
    });
    let session = opened.recv_timeout(Duration::from_secs(60)).expect("it is opened within a minute");
    let began = std::time::Instant::now();
    while node.peers().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "it is announced within a minute");
        std::thread::yield_now();
    }
    let session = std::thread::spawn(move || {
        session.abort();
        session
    });
    let session = session.join().expect("no panic");
    assert!(node.take_slot(Origin::inbound(None)).is_err(), "it is not overdue yet");
    sleep(OVERDUE * 10).await;
    assert_eq!(session.ended(), None, "there is no timer");
    let newcomer = node.take_slot(Origin::inbound(None));
    assert!(newcomer.is_ok(), "the slot is held for a session that was aborted long ago");
    assert_eq!(session.ended().map(|ended| ended.reason), Some(Reason::Aborted));
    drop((newcomer, blocked));
    thread.join().expect("the thread ends");
    let _ = up(&node, 3).await;
}

/// It has a timer of its own: no newcomer is needed.
#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_an_older_one_is_announced_when_that_is_overdue() {
    let mut config = config().with_overdue(OVERDUE);
    config.registry.duplicates = Duplicates::KeepNew;
    let node = node(config);
    let prepared = node.prepare(
        Origin::inbound(None),
        move |handshake| async move { handshake.handshake_done(1, ()).map(drop) },
        |_, ()| std::future::pending::<Reason>(),
    );
    let (older, task) = prepared.expect("there is a slot");
    // Polled once and never again, as a task that does not come to an `await`.
    let mut task = Box::pin(task);
    assert!(task.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
    let newer = up(&node, 1).await;
    sleep(OVERDUE - Duration::from_secs(1)).await;
    assert_eq!((older.ended(), newer.handle.ended()), (None, None), "the older one has its time");
    sleep(Duration::from_secs(1)).await;
    let announced: Vec<_> = node.peers().iter().map(|peer| peer.session).collect();
    assert_eq!(announced, [newer.id()], "nothing ends the older one, which is overdue");
    assert_eq!(older.ended().map(|ended| ended.reason), Some(Reason::Replaced));
}

/// The slot that ends the eviction is dropped at once, and nobody else is there to be waited for.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_connection_of_a_session_that_was_evicted() {
    let registry = Config::new(Limits::new(2, 2), Duplicates::KeepOld).with_when_full(WhenFull::EvictWorst);
    let node = node(NodeConfig::new(registry));
    let dropped = Dropped::default();
    let older = node.take_slot(Origin::inbound(None)).expect("there is a slot");
    let stays = |_, connection| async move { (std::future::pending().await, connection) };
    let evicted = announced(&node, None, 1, &dropped, stays).await;
    drop((node.take_slot(Origin::outbound(None)).expect("another gave way"), older));
    assert_eq!(evicted.ended().map(|ended| ended.reason), Some(Reason::Evicted));
    assert_eq!(node.shutdown(LONG).await, Report { drained: 0, aborted: 0 });
    assert_eq!(dropped.count(), 1, "the shutdown was over while a task had a connection");
}

const FAREWELL: Duration = Duration::from_secs(1);

/// The grace, how long it takes to close a connection in order, and whether there is as much time.
const CLOSING: [(Duration, Duration, bool); 4] = [
    (Duration::ZERO, Duration::from_millis(990), true),
    (Duration::ZERO, Duration::from_millis(1_010), false),
    (Duration::from_secs(3), Duration::from_millis(2_990), true),
    (Duration::from_secs(3), Duration::from_millis(3_010), false),
];

/// Without grace, too: it was not told to go, but goes, and has a connection to close.
#[tokio::test(start_paused = true)]
async fn a_body_that_ends_its_session_itself_has_time_to_close_its_connection_and_no_more() {
    for (grace, takes, is_closed) in CLOSING {
        let node = node(config().with_grace(grace).with_farewell(FAREWELL));
        let (closed, dropped) = (Dropped::default(), Dropped::default());
        let closes = closed.clone();
        let ends = move |live: SessionContext<u32>, connection| async move {
            sleep(Duration::from_millis(10)).await;
            live.end(Reason::Local);
            sleep(takes).await;
            drop(Connection(closes));
            (Reason::Local, connection)
        };
        let session = announced(&node, None, 1, &dropped, ends).await;
        assert_eq!(session.wait().await.reason, Reason::Local);
        assert_eq!(dropped.count(), 0, "the body has it");
        sleep(Duration::from_secs(4)).await;
        assert_eq!((closed.count(), dropped.count()), (usize::from(is_closed), 1), "{grace:?}, {takes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_ends_its_session_itself_has_time_to_close_its_connection_and_no_more() {
    for (grace, takes, is_closed) in CLOSING {
        let node = node(config().with_grace(grace).with_farewell(FAREWELL));
        let (closed, dropped) = (Dropped::default(), Dropped::default());
        let (closes, connection) = (closed.clone(), Connection(dropped.clone()));
        let ends = move |handshake: Handshake<u32>| async move {
            sleep(Duration::from_millis(10)).await;
            handshake.end(Reason::Failed);
            sleep(takes).await;
            drop(Connection(closes));
            Ok::<_, ()>(connection)
        };
        let session = node.open(Origin::inbound(None), ends, |_, connection| async { (Reason::Local, connection) });
        assert_eq!(session.expect("there is a slot").wait().await.reason, Reason::Failed);
        assert_eq!((dropped.count(), node.metrics().sessions), (0, 0), "the handshake has it");
        sleep(Duration::from_secs(4)).await;
        assert_eq!((closed.count(), dropped.count()), (usize::from(is_closed), 1), "{grace:?}, {takes:?}");
    }
}

/// Another has told it to end: what it does itself after that gives it no more time.
#[tokio::test(start_paused = true)]
async fn a_session_that_was_told_to_end_before_has_the_grace_alone() {
    let node = node(config().with_grace(FAREWELL / 2).with_farewell(FAREWELL));
    let dropped = Dropped::default();
    let ends = |mut live: SessionContext<u32>, connection| async move {
        let _ = live.told_to_end().await;
        live.end(Reason::Local);
        (std::future::pending().await, connection)
    };
    let session = announced(&node, None, 1, &dropped, ends).await;
    node.disconnect(session.session(), Reason::Failed).expect("it lives");
    assert_eq!(session.wait().await.reason, Reason::Failed);
    sleep(FAREWELL / 2 - Duration::from_millis(10)).await;
    assert_eq!(dropped.count(), 0);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(dropped.count(), 1, "its grace is over");
}

#[tokio::test(start_paused = true)]
async fn what_is_to_watch_a_connection_when_the_wait_is_over_is_dropped_at_once() {
    let node = node(config());
    for waits in [true, false] {
        let mut session = Stepped::open(&node, Origin::inbound(None)).expect("there is a slot");
        match waits {
            true => session.handshake_done(1),
            false => session.finish_handshake(Err(())),
        }
        idle().await;
        let descriptor = Arc::new(());
        let watched = Arc::clone(&descriptor);
        session.signal.ends_when(async move {
            let _watched = watched;
            std::future::pending().await
        });
        assert_eq!(Arc::strong_count(&descriptor), 1, "a handle keeps the descriptor");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_whose_drop_panics_does_not_hold_up_the_shutdown() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("meant to panic, in the drop of what watches a connection");
        }
    }

    let node = node(config());
    let fails = |handshake: Handshake<u32>| async move {
        let watches = Panics;
        handshake.ends_when(async move {
            let _watches = watches;
            std::future::pending().await
        });
        Err::<(), ()>(())
    };
    let session = node.open(Origin::inbound(None), fails, |_, ()| async { Reason::Local }).expect("there is a slot");
    assert_eq!(session.wait().await.reason, Reason::HandshakeFailed);
    idle().await;
    let begin = Instant::now();
    assert_eq!(node.shutdown(LONG).await, Report { drained: 0, aborted: 0 });
    assert_eq!(begin.elapsed(), Duration::ZERO, "it waits for a connection that is closed");
}
