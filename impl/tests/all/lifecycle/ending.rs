//! Every way in which a session can end, and the reason that its Down gives.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use handfast::lifecycle::{Ended, NodeConfig, Origin, Reason};
use tokio::time::Instant;

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
                panic!("meant to panic, in a body")
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
    let mut config = NodeConfig { slow_subscriber_timeout: Duration::from_secs(3600), ..config() };
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
    let node = node(NodeConfig { grace, ..config() });
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

/// The connection is closed before its slot is given to somebody else.
#[tokio::test(start_paused = true)]
async fn a_connection_is_dropped_before_its_slot_is_returned() {
    struct Connection(crate::lifecycle::support::Node);
    impl Drop for Connection {
        fn drop(&mut self) {
            assert_eq!(self.0.metrics().sessions, 1, "the slot is held as long as the connection");
        }
    }
    let node = node(config());
    for polls in 0..3 {
        let connection = Connection(node.clone());
        let (handle, task) = node
            .prepare(
                Origin::inbound(None),
                |handshake| async move {
                    tokio::task::yield_now().await;
                    let _ = handshake.handshake_done(1, ());
                    Ok::<_, Infallible>(connection)
                },
                |_, _connection| std::future::pending(),
            )
            .unwrap();
        let mut task = Box::pin(task);
        for _ in 0..polls {
            let _ = poll_once(task.as_mut());
        }
        drop(task);
        assert_eq!(handle.ended().map(|ended| ended.reason), Some(Reason::Aborted), "after {polls} polls");
        assert_empty(&node);
    }
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
