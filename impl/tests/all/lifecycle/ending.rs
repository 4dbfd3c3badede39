//! Every way in which a session can end, and the reason that its Down gives.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use handfast::lifecycle::{Ended, Origin, Reason};
use tokio::time::{Instant, timeout};

use crate::lifecycle::support::{HANDSHAKE, Heard, PATIENCE, assert_empty, config, heard, idle, node, shaking, up};

const NOT_ANNOUNCED: bool = false;

#[tokio::test(start_paused = true)]
async fn an_abort_between_up_and_down_is_heard_as_down() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let session = up(&node, 1).await;
    session.handle.abort();
    idle().await;
    assert_eq!(heard(&mut events), [Heard::Up(session.id()), Heard::Down(session.id(), Reason::Aborted)]);
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn an_abort_before_up_is_not_heard() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let never_polled = shaking(&node);
    never_polled.handle.abort();
    let shaking = shaking(&node);
    idle().await;
    shaking.handle.abort();
    for session in [never_polled, shaking] {
        assert_eq!(session.handle.wait().await, Ended { announced: NOT_ANNOUNCED, reason: Reason::Aborted });
    }
    assert_eq!(heard(&mut events), []);
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_a_session_and_nothing_else() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let bystander = up(&node, 9).await;
    let in_handshake = node
        .open(
            Origin::inbound(None),
            |_| async {
                tokio::task::yield_now().await;
                let who: Option<u32> = None;
                who.map(Ok::<_, Infallible>).expect("meant to panic, in a handshake")
            },
            |_, _| async { Reason::Local },
        )
        .unwrap();
    let in_body = node
        .open(
            Origin::inbound(None),
            |handshake| async move {
                let _ = handshake.handshake_done(1, ());
                Ok::<_, Infallible>(())
            },
            |_, ()| async {
                tokio::task::yield_now().await;
                let reason: Reason = std::iter::empty().next().expect("meant to panic, in a body");
                reason
            },
        )
        .unwrap();
    assert_eq!(in_handshake.wait().await, Ended { announced: false, reason: Reason::Panicked });
    assert_eq!(in_body.wait().await, Ended { announced: true, reason: Reason::Panicked });
    let body = in_body.session();
    assert_eq!(heard(&mut events), [Heard::Up(bystander.id()), Heard::Up(body), Heard::Down(body, Reason::Panicked)]);
    drop(bystander);
    idle().await;
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn a_silent_handshake_times_out() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let begin = Instant::now();
    let session = shaking(&node);
    assert_eq!(session.handle.wait().await, Ended { announced: false, reason: Reason::HandshakeTimeout });
    assert_eq!(begin.elapsed(), HANDSHAKE);
    assert_eq!(heard(&mut events), []);
    assert_empty(&node);
}

/// PEER-29: the timeout bounds the last wait too.
#[tokio::test(start_paused = true)]
async fn a_session_times_out_while_it_waits_for_room_in_a_full_queue() {
    let mut config = config().with_slow_subscriber_timeout(Duration::from_secs(3600));
    config.registry.capacity = 5;
    let node = node(config);
    let mut full = node.subscribe().unwrap();
    for key in [1, 2, 1] {
        let mut session = up(&node, key).await;
        session.finish_body(Reason::RemoteClosed);
        idle().await;
        if node.metrics().announced == 2 {
            break;
        }
    }
    let begin = Instant::now();
    let mut session = shaking(&node);
    session.handshake_done(3);
    idle().await;
    assert_eq!(node.metrics().waits_for_room, 1);
    assert_eq!(session.handle.wait().await, Ended { announced: false, reason: Reason::HandshakeTimeout });
    assert!(begin.elapsed() <= HANDSHAKE + Duration::from_millis(1));
    assert_eq!(heard(&mut full).len(), 4, "the queue was full, and nothing is lost");
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_room_is_announced_when_there_is_some() {
    let mut config = config();
    config.registry.capacity = 5;
    let node = node(config);
    let mut full = node.subscribe().unwrap();
    for key in [1, 2] {
        up(&node, key).await.finish_body(Reason::Failed);
        idle().await;
    }
    let mut session = shaking(&node);
    session.handshake_done(3);
    idle().await;
    assert_eq!(node.peers().len(), 0);
    tokio::time::sleep(PATIENCE / 2).await;
    assert!(full.try_next().is_some());
    idle().await;
    assert_eq!(node.peers().len(), 1, "there was room for its Up and its Down");
    assert_eq!(heard(&mut full).last(), Some(&Heard::Up(session.id())));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_returns_gives_the_reason() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    for reason in [Reason::RemoteClosed, Reason::Failed, Reason::Application("one")] {
        let mut session = up(&node, 1).await;
        session.finish_body(reason);
        idle().await;
        assert_eq!(heard(&mut events), [Heard::Up(session.id()), Heard::Down(session.id(), reason)]);
    }
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn a_body_has_its_grace_and_no_more() {
    let grace = Duration::from_secs(3);
    let node = node(config().with_grace(grace));
    for needs in [Duration::from_secs(1), Duration::from_secs(100)] {
        let session = node
            .open(
                Origin::inbound(None),
                |handshake| async move {
                    let _ = handshake.handshake_done(1, ());
                    Ok::<_, Infallible>(())
                },
                move |mut live, ()| async move {
                    assert_eq!(live.told_to_end().await, Reason::Local);
                    tokio::time::sleep(needs).await;
                    Reason::RemoteClosed
                },
            )
            .unwrap();
        idle().await;
        let begin = Instant::now();
        node.disconnect(session.session(), Reason::Local).unwrap();
        assert_eq!(session.wait().await, Ended { announced: true, reason: Reason::Local }, "the first reason counts");
        assert_eq!(begin.elapsed(), needs.min(grace));
    }
    assert_empty(&node);
}

/// PEER-49: who sees the connection close and comes again finds the slot free, wherever the task was.
#[tokio::test(start_paused = true)]
async fn the_slot_and_the_key_are_free_before_the_connection_is_dropped() {
    struct Connection(crate::lifecycle::support::Node);
    impl Drop for Connection {
        fn drop(&mut self) {
            assert_eq!((self.0.metrics().sessions, self.0.peers().len()), (0, 0), "the guard has run");
        }
    }
    let node = node(config());
    for polls in 0..4 {
        let connection = Connection(node.clone());
        let (handle, task) = node
            .prepare(
                Origin::inbound(None),
                |handshake| async move {
                    tokio::task::yield_now().await;
                    let _ = handshake.handshake_done(1, ());
                    Ok::<_, Infallible>(connection)
                },
                |_, connection| async move {
                    let _connection = connection;
                    std::future::pending::<Reason>().await
                },
            )
            .unwrap();
        let mut task = Box::pin(task);
        for _ in 0..polls {
            let _ = poll_once(task.as_mut());
        }
        if polls == 3 {
            node.disconnect(handle.session(), Reason::Local).unwrap();
            assert!(poll_once(task.as_mut()).is_ready());
        }
        drop(task);
        let reason = if polls == 3 { Reason::Local } else { Reason::Aborted };
        assert_eq!(handle.ended().map(|ended| ended.reason), Some(reason), "after {polls} polls");
        assert_empty(&node);
    }
}

const RETURNS: u8 = 1;
const ENDS: u8 = 2;
const FAILS: u8 = 3;
const ENDS_AND_FAILS: u8 = 4;
const IS_TOLD: u8 = 5;

struct HasConnection(#[expect(dead_code, reason = "dropped with the error")] tokio::io::DuplexStream);

impl From<&HasConnection> for Reason {
    fn from(_: &HasConnection) -> Self {
        Reason::HandshakeFailed
    }
}

/// The same at the other end of a pipe, where the redial comes as soon as the connection is seen to close.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_redials_when_its_connection_closes_is_not_its_own_duplicate() {
    use tokio::io::AsyncReadExt;
    let node = node(config());
    let open = || {
        let (mut ours, theirs) = tokio::io::duplex(16);
        // The peer says how the session is to end.
        let handshake = |handshake: handfast::lifecycle::Handshake<u32>| async move {
            match ours.read_u8().await {
                Ok(FAILS) => Err(HasConnection(ours)),
                Ok(ENDS_AND_FAILS) => {
                    handshake.end(Reason::HandshakeFailed);
                    drop(ours);
                    Err(HasConnection(tokio::io::duplex(1).0))
                }
                how => {
                    let _ = handshake.handshake_done(1, ());
                    Ok((ours, how.expect("it says so")))
                }
            }
        };
        let body = |context: handfast::lifecycle::SessionContext<u32>, (ours, how)| async move {
            match how {
                RETURNS => (Reason::RemoteClosed, Some(ours)),
                ENDS => {
                    context.end(Reason::RemoteClosed);
                    (Reason::RemoteClosed, None)
                }
                _ => std::future::pending::<(Reason, Option<_>)>().await,
            }
        };
        node.open(Origin::inbound(None), handshake, body).map(|session| (session, theirs))
    };
    for turn in 0..2_000_u32 {
        let (session, mut theirs) = open().expect("there is a slot");
        let how = [RETURNS, ENDS, FAILS, ENDS_AND_FAILS, IS_TOLD][turn as usize % 5];
        tokio::io::AsyncWriteExt::write_u8(&mut theirs, how).await.expect("it is open");
        if how == IS_TOLD {
            while node.disconnect(session.session(), Reason::Local).is_err() {}
        }
        let closed = timeout(Duration::from_secs(60), theirs.read(&mut [0])).await;
        assert_eq!(closed.expect("it closes").expect("a pipe does not fail"), 0);
        let ended = session.ended().unwrap_or_else(|| panic!("turn {turn}: it closed before its session had ended"));
        assert_ne!(ended.reason, Reason::Duplicate, "turn {turn}");
    }
    assert_eq!(node.shutdown(Duration::from_secs(60)).await.aborted, 0);
}

/// A session ends when its body says so, and the body goes on with its connection.
#[tokio::test(start_paused = true)]
async fn a_body_that_ends_its_session_first_has_time_to_close_its_connection() {
    let node = node(config().with_grace(Duration::from_secs(10)));
    let mut events = node.subscribe().unwrap();
    let (closed, is_closed) = tokio::sync::oneshot::channel();
    let session = node
        .open(
            Origin::inbound(None),
            |handshake| async move { handshake.handshake_done(1, ()).map(drop) },
            |context, ()| async move {
                context.end(Reason::RemoteClosed);
                context.end(Reason::Local);
                tokio::time::sleep(Duration::from_secs(3)).await;
                let _ = closed.send(());
                Reason::Failed
            },
        )
        .unwrap();
    assert_eq!(session.wait().await, Ended { announced: true, reason: Reason::RemoteClosed });
    let again = up(&node, 1).await;
    let (up, down) = (Heard::Up(session.session()), Heard::Down(session.session(), Reason::RemoteClosed));
    assert_eq!(heard(&mut events), [up, down, Heard::Up(again.id())], "its key is free");
    let begin = Instant::now();
    assert_eq!(node.shutdown(Duration::from_secs(60)).await.drained, 1);
    assert!(begin.elapsed() > Duration::from_secs(2), "the shutdown waits until the connection is dropped");
    is_closed.await.expect("the body came to its end");
    assert_empty(&node);
}

/// The deadline is a total: the wait for room has what the handshake has left of it, whatever the peer does.
#[tokio::test(start_paused = true)]
async fn the_handshake_and_the_wait_for_room_have_one_deadline_together() {
    let mut config = config().with_slow_subscriber_timeout(Duration::from_secs(3600));
    config.registry.capacity = 5;
    let node = node(config);
    let mut full = node.subscribe().unwrap();
    for key in [1, 2] {
        up(&node, key).await.finish_body(Reason::RemoteClosed);
        idle().await;
    }
    let begin = Instant::now();
    let mut session = shaking(&node);
    tokio::time::sleep(HANDSHAKE - Duration::from_secs(1)).await;
    session.handshake_done(3);
    idle().await;
    assert_eq!(node.metrics().waits_for_room, 1);
    // Reports, and room that comes and goes, do not begin it anew.
    let _ = session.signal.handshake_done(3, ());
    let mut also_waits = shaking(&node);
    also_waits.handshake_done(4);
    assert_eq!(session.handle.wait().await, Ended { announced: false, reason: Reason::HandshakeTimeout });
    assert_eq!(begin.elapsed(), HANDSHAKE);
    assert_eq!(heard(&mut full).len(), 4);
}

/// A handshake that is complete when its deadline is there too is not too late; one that has still to wait is.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_completes_at_its_deadline_is_announced_if_it_need_not_wait() {
    let mut config = config().with_slow_subscriber_timeout(Duration::from_secs(3600));
    config.registry.capacity = 5;
    let node = node(config);
    let mut in_time = shaking(&node);
    idle().await;
    tokio::time::advance(HANDSHAKE).await;
    in_time.handshake_done(1);
    idle().await;
    assert_eq!((in_time.handle.ended(), node.peers().len()), (None, 1));
    let _full = node.subscribe().unwrap();
    for key in [2, 3] {
        up(&node, key).await.finish_body(Reason::RemoteClosed);
        idle().await;
    }
    let mut too_late = shaking(&node);
    idle().await;
    tokio::time::advance(HANDSHAKE).await;
    too_late.handshake_done(4);
    assert_eq!(too_late.handle.wait().await.reason, Reason::HandshakeTimeout);
}

const OVERDUE: Duration = Duration::from_secs(10);

/// A session whose task is not polled, as one whose task never yields.
fn stuck(
    node: &crate::lifecycle::support::Node,
    key: u32,
) -> (handfast::lifecycle::SessionHandle, impl Future<Output = ()>) {
    let prepared = node.prepare(
        Origin::inbound(None),
        move |handshake| async move { handshake.handshake_done(key, ()).map(drop) },
        |_, ()| std::future::pending::<Reason>(),
    );
    let (handle, task) = prepared.unwrap();
    let mut task = Box::pin(task);
    assert!(poll_once(task.as_mut()).is_pending());
    (handle, task)
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_end_gives_its_slot_to_a_newcomer_when_it_is_overdue() {
    let mut config = config().with_overdue(OVERDUE);
    config.registry.limits = handfast::lifecycle::Limits::new(1, 1);
    let node = node(config);
    let mut events = node.subscribe().unwrap();
    let (session, task) = stuck(&node, 1);
    node.disconnect(session.session(), Reason::Local).unwrap();
    tokio::time::sleep(OVERDUE - Duration::from_millis(10)).await;
    let refused = crate::lifecycle::support::Stepped::open(&node, Origin::inbound(None)).err();
    assert_eq!(refused.map(|refused| refused.reason), Some(Reason::Full), "it has its time");
    tokio::time::sleep(Duration::from_millis(10)).await;
    let newcomer = up(&node, 1).await;
    assert_eq!(session.ended(), Some(Ended { announced: true, reason: Reason::Local }));
    let expected =
        [Heard::Up(session.session()), Heard::Down(session.session(), Reason::Local), Heard::Up(newcomer.id())];
    assert_eq!(heard(&mut events), expected);
    drop(task);
    assert_eq!(node.metrics().sessions, 1, "its guard finds nothing to do");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_end_gives_its_key_to_a_newcomer_when_it_is_overdue() {
    for duplicates in [handfast::lifecycle::Duplicates::KeepNew, handfast::lifecycle::Duplicates::KeepOld] {
        let mut config = config().with_overdue(OVERDUE);
        config.registry.duplicates = duplicates;
        let keeps_new = duplicates == handfast::lifecycle::Duplicates::KeepNew;
        let node = node(config);
        let (session, _task) = stuck(&node, 1);
        node.disconnect(session.session(), Reason::Local).unwrap();
        tokio::time::sleep(OVERDUE - Duration::from_secs(1)).await;
        let early = up(&node, 1).await;
        let rejected = early.handle.ended().map(|ended| ended.reason);
        assert_eq!(rejected, (!keeps_new).then_some(Reason::Duplicate), "it has its time");
        assert_eq!(session.ended(), None);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let late = up(&node, 1).await;
        assert_eq!(session.ended(), Some(Ended { announced: true, reason: Reason::Local }));
        // The one that waited was announced in its time, and then gave way to the third.
        let replaced = early.handle.ended().map(|ended| (ended.announced, ended.reason));
        let expected = if keeps_new { (true, Reason::Replaced) } else { (false, Reason::Duplicate) };
        assert_eq!(replaced, Some(expected));
        assert_eq!(node.peers().iter().map(|peer| peer.session).collect::<Vec<_>>(), [late.id()]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_aborted_session_whose_task_does_not_end_ends_when_it_is_overdue() {
    let node = node(config().with_overdue(OVERDUE));
    let mut events = node.subscribe().unwrap();
    let session = up(&node, 1).await;
    session.handle.abort();
    idle().await;
    assert_eq!(heard(&mut events).last(), Some(&Heard::Down(session.id(), Reason::Aborted)));
    // Its task blocks a thread of its own, so that no abort reaches it.
    let (blocked, is_blocked) = std::sync::mpsc::channel::<()>();
    let (other, others_handle) = std::sync::mpsc::channel();
    let opening = node.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let session = opening
                .open(
                    Origin::inbound(None),
                    |handshake| async move { handshake.handshake_done(2, ()).map(drop) },
                    move |_, ()| async move {
                        let _ = is_blocked.recv();
                        std::future::pending::<Reason>().await
                    },
                )
                .unwrap();
            let _ = other.send(session);
            idle().await;
        });
    });
    let session = others_handle.recv_timeout(Duration::from_secs(60)).expect("it is opened");
    while node.peers().is_empty() {
        std::thread::yield_now();
    }
    session.abort();
    let begin = Instant::now();
    assert_eq!(timeout(OVERDUE * 2, session.wait()).await, Ok(Ended { announced: true, reason: Reason::Aborted }));
    assert_eq!(begin.elapsed(), OVERDUE);
    assert_eq!(heard(&mut events).last(), Some(&Heard::Down(session.session(), Reason::Aborted)));
    drop(blocked);
    thread.join().expect("the thread ends");
    assert_empty(&node);
}

fn poll_once(task: std::pin::Pin<&mut impl Future<Output = ()>>) -> std::task::Poll<()> {
    task.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[test]
fn a_runtime_that_is_dropped_leaves_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let info = Arc::new(());
    let held = Arc::clone(&info);
    let session = runtime.block_on(async {
        let session = up(&node, 1).await;
        let shaking = node.open(
            Origin::inbound(None),
            move |_| async move {
                let _held = held;
                std::future::pending::<Result<(), Infallible>>().await
            },
            |_, ()| async { Reason::Local },
        );
        shaking.unwrap();
        idle().await;
        session
    });
    drop(runtime);
    assert_eq!(heard(&mut events), [Heard::Up(session.id()), Heard::Down(session.id(), Reason::Aborted)]);
    assert_eq!(Arc::strong_count(&info), 1);
    assert_empty(&node);
}
