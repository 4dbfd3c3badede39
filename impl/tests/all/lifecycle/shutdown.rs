//! The end of a node.

use std::convert::Infallible;
use std::time::Duration;

use handfast::lifecycle::{Origin, Reason, Report, StateError};
use tokio::time::Instant;

use crate::lifecycle::support::{Heard, Stepped, assert_empty, config, heard, idle, node, shaking, up};

const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_shutdown_of_nobody_is_complete_at_once() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let begin = Instant::now();
    assert_eq!(node.shutdown(DEADLINE).await, Report { drained: 0, aborted: 0 });
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(heard(&mut events), [Heard::Closed]);
    assert_eq!(node.subscribe().err(), Some(StateError::ShuttingDown));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_pending_handshakes_and_waits_for_no_subscriber() {
    let mut config = config();
    config.registry.capacity = 5;
    let node = node(config);
    let mut slow = node.subscribe().unwrap();
    let first = up(&node, 1).await;
    let second = up(&node, 2).await;
    let mut waits_for_room = shaking(&node);
    waits_for_room.handshake_done(3);
    let shakes_hands = shaking(&node);
    idle().await;
    assert_eq!(node.metrics().announced, 2);
    let begin = Instant::now();
    assert_eq!(node.shutdown(DEADLINE).await, Report { drained: 4, aborted: 0 });
    assert_eq!(begin.elapsed(), Duration::ZERO);
    for unannounced in [&waits_for_room, &shakes_hands] {
        let ended = unannounced.handle.ended().expect("everybody has ended");
        assert_eq!((ended.announced, ended.reason), (false, Reason::ShuttingDown));
    }
    let down = |session: &Stepped| Heard::Down(session.id(), Reason::ShuttingDown);
    let up = |session: &Stepped| Heard::Up(session.id());
    assert_eq!(heard(&mut slow), [up(&first), up(&second), down(&first), down(&second), Heard::Closed]);
    let turned_away = Stepped::open(&node, Origin::inbound(None)).err().map(|rejected| rejected.reason);
    assert_eq!(turned_away, Some(Reason::ShuttingDown));
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_deadline_is_aborted() {
    let node = node(config().with_grace(Duration::from_secs(3600)));
    let mut events = node.subscribe().unwrap();
    let stuck = up(&node, 1).await;
    let quick = node
        .open(
            Origin::outbound(None),
            |handshake| async move {
                let _ = handshake.handshake_done(2, ());
                Ok::<_, Infallible>(())
            },
            |mut live, ()| async move { live.told_to_end().await },
        )
        .unwrap();
    idle().await;
    let begin = Instant::now();
    let (one, other) = tokio::join!(node.shutdown(DEADLINE), node.shutdown(DEADLINE * 100));
    assert_eq!(one, Report { drained: 1, aborted: 1 });
    assert_eq!(other, one, "the earlier deadline counts for both");
    assert_eq!(begin.elapsed(), DEADLINE);
    let told = heard(&mut events);
    let expected = [
        Heard::Up(stuck.id()),
        Heard::Up(quick.session()),
        Heard::Down(quick.session(), Reason::ShuttingDown),
        Heard::Down(stuck.id(), Reason::ShuttingDown),
        Heard::Closed,
    ];
    assert_eq!(told, expected);
    idle().await;
    assert_empty(&node);
}

/// The guard that comes late finds nothing to do.
#[tokio::test(start_paused = true)]
async fn a_task_that_nobody_polls_does_not_hold_up_the_shutdown() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let (handle, task) = node
        .prepare(Origin::inbound(None), |_| std::future::pending::<Result<(), ()>>(), |_, ()| async { Reason::Local })
        .unwrap();
    assert_eq!(node.shutdown(DEADLINE).await, Report { drained: 0, aborted: 1 });
    assert_eq!(handle.ended().map(|ended| ended.reason), Some(Reason::ShuttingDown));
    drop(task);
    assert_eq!(heard(&mut events), [Heard::Closed]);
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_whose_caller_goes_away_completes() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let session = up(&node, 1).await;
    assert!(tokio::time::timeout(Duration::ZERO, node.shutdown(DEADLINE)).await.is_err());
    idle().await;
    let down = Heard::Down(session.id(), Reason::ShuttingDown);
    assert_eq!(heard(&mut events), [Heard::Up(session.id()), down, Heard::Closed]);
    assert_eq!(node.shutdown(DEADLINE).await, Report { drained: 1, aborted: 0 });
}
