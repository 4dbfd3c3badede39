//! Sessions that are not announced in time because nobody polls their task, or because it blocks.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::lifecycle::{Ended, Limits, Origin, Reason, SessionHandle};
use tokio::time::{Instant, sleep, sleep_until};

use crate::lifecycle::support::{HANDSHAKE, Node, Stepped, assert_empty, config, heard, idle, node, shaking, up};

const OVERDUE: Duration = Duration::from_secs(10);
const TIMED_OUT: Option<Ended> = Some(Ended { announced: false, reason: Reason::HandshakeTimeout });

/// A session whose task is polled once and never again, as one that does not come to an `await`.
fn unpolled(node: &Node, key: Option<u32>) -> (SessionHandle, Pin<Box<dyn Future<Output = ()>>>) {
    let handshake = async move |handshake: handfast::lifecycle::Handshake<u32>| match key {
        Some(key) => handshake.handshake_done(key, ()).map(drop),
        None => std::future::pending().await,
    };
    let prepared = node.prepare(Origin::inbound(None), handshake, |_, ()| std::future::pending::<Reason>());
    let (handle, task) = prepared.expect("there is a slot");
    let mut task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
    assert_eq!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    (handle, task)
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_blocks_gives_its_slot_to_a_newcomer_when_it_is_overdue() {
    for grace in [Duration::ZERO, Duration::from_secs(3)] {
        let mut config = config().with_overdue(OVERDUE).with_grace(grace);
        config.registry.limits = Limits::new(2, 1);
        let node = node(config);
        let begin = Instant::now();
        let (blocked, task) = unpolled(&node, None);
        sleep_until(begin + HANDSHAKE + grace + OVERDUE - Duration::from_millis(10)).await;
        let refused = Stepped::open(&node, Origin::inbound(None)).err();
        assert_eq!(refused.map(|refused| refused.reason), Some(Reason::Pending), "it has its time");
        sleep_until(begin + HANDSHAKE + grace + OVERDUE).await;
        let newcomer = up(&node, 1).await;
        assert_eq!((blocked.ended(), newcomer.handle.ended()), (TIMED_OUT, None));
        drop(task);
        assert_eq!(node.metrics().sessions, 1, "its guard finds nothing to do");
    }
}

/// Its task is the caller's, who cannot be made to drop it. It is told, and its handshake's time does not begin.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_overdue_before_its_first_poll_ends_with_that() {
    let mut config = config().with_overdue(OVERDUE);
    config.registry.limits = Limits::new(2, 1);
    let node = node(config);
    let handshake = |_| std::future::pending::<Result<(), std::convert::Infallible>>();
    let prepared = node.prepare(Origin::inbound(None), handshake, |_, ()| std::future::pending::<Reason>());
    let (unpolled, task) = prepared.expect("there is a slot");
    sleep(HANDSHAKE + OVERDUE).await;
    let _newcomer = up(&node, 1).await;
    assert_eq!(unpolled.ended(), TIMED_OUT);
    assert_eq!(Box::pin(task).as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
}

/// The time is for what comes before the announcement: a session that is up stays.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_announced_is_not_overdue() {
    let mut config = config().with_overdue(OVERDUE);
    config.registry.limits = Limits::new(2, 1);
    let node = node(config);
    let (blocked, _task) = unpolled(&node, Some(1));
    assert_eq!(node.peers().len(), 1);
    sleep((HANDSHAKE + OVERDUE) * 3).await;
    let newcomer = up(&node, 2).await;
    assert_eq!((blocked.ended(), newcomer.handle.ended()), (None, None));
}

/// PEER-50 has those behind it wait for it; no newcomer is needed to end that.
#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_answer_when_there_is_room_holds_up_the_line_until_it_is_overdue() {
    let mut config = config().with_overdue(OVERDUE);
    config.registry.capacity = 5;
    let node = node(config);
    let mut slow = node.subscribe().expect("the node is open");
    for key in [1, 2] {
        up(&node, key).await.finish_body(Reason::RemoteClosed);
        idle().await;
    }
    let begin = Instant::now();
    let (first, _task) = unpolled(&node, Some(3));
    heard(&mut slow);
    sleep_until(begin + HANDSHAKE - Duration::from_secs(5)).await;
    let mut second = shaking(&node);
    second.handshake_done(4);
    sleep_until(begin + HANDSHAKE + OVERDUE - Duration::from_millis(10)).await;
    assert_eq!((node.peers().len(), first.ended(), second.handle.ended()), (0, None, None), "it has its time");
    sleep_until(begin + HANDSHAKE + OVERDUE).await;
    idle().await;
    assert_eq!(first.ended(), TIMED_OUT);
    let announced: Vec<_> = node.peers().iter().map(|peer| peer.session).collect();
    assert_eq!(announced, [second.id()], "it waits for one that is overdue");
    second.finish_body(Reason::RemoteClosed);
    second.handle.wait().await;
    assert_empty(&node);
}
