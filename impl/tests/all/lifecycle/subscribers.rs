//! Slow subscribers, dropped ones, and snapshots.

use std::sync::Arc;
use std::time::Duration;

use handfast::lifecycle::{Event, Reason};

use crate::lifecycle::support::{Heard, Node, PATIENCE, assert_empty, config, heard, idle, node, shaking, up};

/// For how long what a subscriber held up counts.
const WINDOW: Duration = Duration::from_secs(60);

/// A node whose only subscriber has no room for another session.
async fn full() -> (Node, handfast::lifecycle::Subscription<u32>) {
    let mut config = config();
    config.registry.capacity = 5;
    let node = node(config);
    let slow = node.subscribe().unwrap();
    for key in [1, 2] {
        up(&node, key).await.finish_body(Reason::RemoteClosed);
        idle().await;
    }
    (node, slow)
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_is_told_that_it_lags_and_gets_a_fresh_snapshot() {
    let (node, mut slow) = full().await;
    let mut waiting = shaking(&node);
    waiting.handshake_done(3);
    idle().await;
    assert!(node.peers().is_empty(), "there is no room for it");
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(node.peers().len(), 1, "the patience is over");
    assert_eq!(node.metrics().evicted, 1);
    waiting.finish_body(Reason::RemoteClosed);
    let still_there = up(&node, 4).await;

    let told = heard(&mut slow);
    assert_eq!(told.len(), 5, "what was queued, two Ups and two Downs, and Lagged: {told:?}");
    assert_eq!(told[4], Heard::Lagged);
    let after = tokio::time::timeout(PATIENCE, slow.next()).await.map(|event| event.is_none());
    assert_eq!(after, Ok(true), "a task that waits for the next event learns that none comes after it");
    assert!(slow.try_next().is_none());
    let mut fresh = node.subscribe().unwrap();
    let listed: Vec<_> = fresh.snapshot().iter().map(|peer| peer.session).collect();
    assert_eq!(listed, [still_there.id()]);
    node.disconnect(still_there.id(), Reason::Local).unwrap();
    idle().await;
    assert_eq!(heard(&mut fresh), [Heard::Down(still_there.id(), Reason::Local)]);
    assert_empty(&node);
}

/// What it held up a while ago is forgotten, and each single hold-up is short enough.
#[tokio::test(start_paused = true)]
async fn a_subscriber_that_takes_its_events_in_time_is_never_cut_off() {
    let (node, mut slow) = full().await;
    for key in 3..20 {
        let mut session = shaking(&node);
        session.handshake_done(key);
        tokio::time::sleep(PATIENCE - Duration::from_millis(10)).await;
        while slow.try_next().is_some() {}
        idle().await;
        assert_eq!(node.peers().len(), 1);
        session.finish_body(Reason::RemoteClosed);
        tokio::time::sleep(WINDOW).await;
    }
    assert_eq!(node.metrics().evicted, 0);
}

/// An instant of room forgives nothing: what a subscriber holds up within the window counts together.
#[tokio::test(start_paused = true)]
async fn a_subscriber_that_makes_room_for_one_event_now_and_then_is_cut_off() {
    let (node, mut slow) = full().await;
    let begin = tokio::time::Instant::now();
    let mut waiting: Vec<_> = (3..7).map(|key| (shaking(&node), key)).collect();
    waiting.iter_mut().for_each(|(session, key)| session.handshake_done(*key));
    idle().await;
    for _ in 0..3 {
        tokio::time::sleep(PATIENCE - Duration::from_millis(100)).await;
        // Room for one more session, which takes it at once.
        assert!(slow.try_next().is_some() && slow.try_next().is_some());
        idle().await;
        if node.metrics().evicted == 1 {
            break;
        }
    }
    assert_eq!(node.metrics().evicted, 1);
    assert!(begin.elapsed() < PATIENCE * 3, "after {:?}", begin.elapsed());
    idle().await;
    assert_eq!(node.peers().len(), 4, "nobody waits for it any more");
}

/// The hold-up ends with the session that was held up, also if the subscriber has made no room.
#[tokio::test(start_paused = true)]
async fn the_time_in_which_no_session_waits_is_no_hold_up() {
    let (node, _slow) = full().await;
    let mut first = shaking(&node);
    first.handshake_done(3);
    idle().await;
    node.disconnect(first.id(), Reason::Local).expect("it waits");
    tokio::time::sleep(PATIENCE * 2).await;
    let mut next = shaking(&node);
    next.handshake_done(4);
    idle().await;
    assert_eq!(node.metrics().evicted, 0, "it has held up no session meanwhile");
    tokio::time::sleep(PATIENCE).await;
    assert_eq!((node.metrics().evicted, node.peers().len()), (1, 1), "it holds up this one");
}

/// Only who holds up announcements loses patience; who holds up nobody may sleep.
#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_that_holds_up_nobody_is_left_alone() {
    let (node, mut slow) = full().await;
    tokio::time::sleep(PATIENCE * 10).await;
    assert_eq!(node.metrics().evicted, 0);
    assert_eq!(heard(&mut slow).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_subscriber_releases_whoever_waits_for_it() {
    let (node, slow) = full().await;
    let mut waiting = shaking(&node);
    waiting.handshake_done(3);
    idle().await;
    assert!(node.peers().is_empty());
    drop(slow);
    idle().await;
    assert_eq!(node.peers().len(), 1);
    assert_eq!(node.metrics().subscribers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_down_never_waits_for_room() {
    let mut config = config();
    config.registry.capacity = 5;
    let node = node(config);
    let mut slow = node.subscribe().unwrap();
    let mut sessions = Vec::new();
    for key in 0..2 {
        sessions.push(up(&node, key).await);
    }
    up(&node, 8).await;
    assert_eq!(node.metrics().announced, 2, "the queue keeps room for two Downs and has none for a third pair");
    for session in &sessions {
        node.disconnect(session.id(), Reason::Local).unwrap();
        assert!(session.handle.wait().await.announced);
    }
    let expected = [
        Heard::Up(sessions[0].id()),
        Heard::Up(sessions[1].id()),
        Heard::Down(sessions[0].id(), Reason::Local),
        Heard::Down(sessions[1].id(), Reason::Local),
    ];
    assert_eq!(heard(&mut slow), expected);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_event_is_cancel_safe() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    for key in 0..20 {
        let short = tokio::time::timeout(Duration::from_millis(1), events.next()).await;
        assert!(short.is_err(), "nothing happens, and the wait is cancelled");
        let mut session = up(&node, key).await;
        session.finish_body(Reason::RemoteClosed);
        idle().await;
        assert!(matches!(events.next().await, Some(Event::Up(peer)) if peer.key == key));
        assert!(matches!(events.next().await, Some(Event::Down(peer, _)) if peer.session == session.id()));
    }
}

/// Nothing that a session brought with it outlives the last that was told of it.
#[tokio::test(start_paused = true)]
async fn when_everybody_is_gone_nothing_is_left() {
    use handfast::lifecycle::{Origin, Reason};
    let node = handfast::lifecycle::Node::<u32, Arc<()>>::new(config()).unwrap();
    let info = Arc::new(());
    let brought = Arc::clone(&info);
    let heard_nothing = node.subscribe().unwrap();
    let session = node
        .open(
            Origin::inbound(None),
            |handshake| async move {
                let _ = handshake.handshake_done(1, brought);
                Ok::<_, ()>(())
            },
            |_, ()| async { Reason::RemoteClosed },
        )
        .unwrap();
    session.wait().await;
    assert!(Arc::strong_count(&info) > 1, "its Up and Down are queued");
    drop(node);
    drop(heard_nothing);
    drop(session);
    idle().await;
    assert_eq!(Arc::strong_count(&info), 1);
}

/// A window that is over is forgotten, also if no session has ended.
#[tokio::test(start_paused = true)]
async fn patience_begins_anew_with_each_window() {
    let mut config = config();
    config.registry.capacity = 5;
    let node = node(config);
    let mut slow = node.subscribe().unwrap();
    let (_first, _second) = (up(&node, 1).await, up(&node, 2).await);
    let mut alive = Vec::new();
    for announced in [3, 4] {
        let mut waiting = shaking(&node);
        waiting.handshake_done(announced);
        tokio::time::sleep(PATIENCE - Duration::from_millis(100)).await;
        assert_eq!(node.metrics().announced, u64::from(announced) - 1, "there is no room for it");
        while slow.try_next().is_some() {}
        idle().await;
        assert_eq!(node.metrics().announced, u64::from(announced));
        alive.push(waiting);
        tokio::time::sleep(WINDOW).await;
    }
    assert_eq!(node.metrics().evicted, 0);
}

/// A window of zero is the patience of old: each hold-up counts by itself.
#[tokio::test(start_paused = true)]
async fn without_a_window_each_hold_up_counts_by_itself() {
    let mut config = config();
    config.registry.capacity = 5;
    config.slow_subscriber_window = Duration::ZERO;
    let node = node(config);
    let mut slow = node.subscribe().unwrap();
    for key in 1..20 {
        let mut session = shaking(&node);
        session.handshake_done(key);
        idle().await;
        if node.peers().is_empty() {
            tokio::time::sleep(PATIENCE - Duration::from_millis(100)).await;
            while slow.try_next().is_some() {}
            idle().await;
        }
        session.finish_body(Reason::RemoteClosed);
        idle().await;
    }
    assert_eq!((node.metrics().evicted, node.metrics().announced), (0, 19));
}

/// No body reads the connection of a session that waits: what watches it gives the slot back.
#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_room_notices_that_its_peer_is_gone() {
    use handfast::lifecycle::Origin;
    let (node, slow) = full().await;
    let (theirs, ours) = tokio::sync::oneshot::channel::<()>();
    let handshake = move |handshake: handfast::lifecycle::Handshake<u32>| async move {
        let _ = handshake.handshake_done(3, ());
        handshake.ends_when(async {
            let _ = ours.await;
            Reason::RemoteClosed
        });
        Ok::<_, ()>(())
    };
    let session = node.open(Origin::inbound(None), handshake, |_, ()| async { Reason::Local }).unwrap();
    idle().await;
    assert_eq!((node.metrics().pending, node.metrics().waits_for_room), (1, 1));
    let begin = tokio::time::Instant::now();
    drop(theirs);
    assert_eq!(session.wait().await.reason, Reason::RemoteClosed);
    assert_eq!((begin.elapsed(), node.metrics().sessions), (Duration::ZERO, 0));
    tokio::time::sleep(PATIENCE * 2).await;
    assert_eq!(node.metrics().evicted, 0, "nobody is held up any more");
    drop(slow);
}

/// What watched the connection is dropped before the body is made, which has the connection alone.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_watched_is_the_bodys_alone_when_it_is_announced() {
    use handfast::lifecycle::Origin;
    let (node, mut slow) = full().await;
    let handshake = move |handshake: handfast::lifecycle::Handshake<u32>| async move {
        let _ = handshake.handshake_done(3, ());
        let connection = Arc::new(());
        let watched = Arc::clone(&connection);
        handshake.ends_when(async move {
            let _watched = watched;
            std::future::pending().await
        });
        Ok::<_, ()>(connection)
    };
    let body = |_, connection: Arc<()>| async move {
        Arc::into_inner(connection).map_or(Reason::Failed, |()| Reason::RemoteClosed)
    };
    let session = node.open(Origin::inbound(None), handshake, body).unwrap();
    idle().await;
    assert_eq!(node.metrics().pending, 1);
    while slow.try_next().is_some() {}
    assert_eq!(session.wait().await.reason, Reason::RemoteClosed);
}

/// Whose key or address is banned while it waits ends at once, and no subscriber is cut off for its sake.
#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_room_and_is_banned_gives_its_slot_back() {
    use handfast::lifecycle::Origin;
    let (node, slow) = full().await;
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    for bans_key in [true, false] {
        let mut waiting = crate::lifecycle::support::Stepped::open(&node, Origin::inbound(Some(address))).unwrap();
        waiting.handshake_done(3);
        idle().await;
        assert_eq!(node.metrics().pending, 1);
        if bans_key {
            node.ban(3).unwrap()
        } else {
            node.ban_address(address).unwrap()
        }
        let begin = tokio::time::Instant::now();
        assert_eq!(waiting.handle.wait().await.reason, Reason::Banned);
        assert_eq!((begin.elapsed(), node.metrics().sessions), (Duration::ZERO, 0));
        if bans_key {
            node.unban(&3).unwrap();
        }
    }
    // One whose handshake says later that it has a banned key is rejected, and does not hold up anything either.
    node.ban(4).unwrap();
    let mut banned = shaking(&node);
    banned.handshake_done(4);
    idle().await;
    assert_eq!(banned.handle.ended().map(|ended| ended.reason), Some(Reason::Banned));
    tokio::time::sleep(PATIENCE * 2).await;
    assert_eq!(node.metrics().evicted, 0);
    drop(slow);
}

/// A node with a subscriber whose queue is full, and slots for as many sessions as are to wait.
async fn full_with_slots(total: usize) -> (Node, handfast::lifecycle::Subscription<u32>) {
    let mut config = config();
    config.registry.limits = handfast::lifecycle::Limits::new(total, total);
    config.registry.capacity = total + 1;
    config.slow_subscriber_timeout = Duration::from_secs(3600);
    config.handshake_timeout = Duration::from_secs(7200);
    let node = node(config);
    let slow = node.subscribe().unwrap();
    for key in 0..u32::try_from(total / 2).unwrap() {
        up(&node, key).await.finish_body(Reason::RemoteClosed);
        idle().await;
    }
    (node, slow)
}

/// PEER-50: room goes to the one that has waited longest, however many come later.
#[tokio::test(start_paused = true)]
async fn newcomers_do_not_pass_those_that_wait_for_room() {
    let (node, mut slow) = full_with_slots(100).await;
    let mut announced = node.subscribe_with_timeout(Duration::MAX).unwrap();
    let mut waiting = Vec::new();
    for key in 1_000..1_010 {
        let mut session = shaking(&node);
        session.handshake_done(key);
        idle().await;
        waiting.push(session);
    }
    assert_eq!(node.metrics().waits_for_room, 10);
    let mut newcomers = Vec::new();
    for turn in 0..60 {
        // A newcomer comes in the moment in which there is room, before the one that waits can run.
        let mut newcomer = shaking(&node);
        newcomer.handshake_done(2_000 + turn);
        assert!(slow.try_next().is_some());
        newcomers.push(newcomer);
        if turn % 2 == 1 {
            idle().await;
        }
    }
    idle().await;
    let ups = heard(&mut announced);
    let in_order = waiting.iter().chain(&newcomers).map(|session| Heard::Up(session.id()));
    assert!(ups.len() > 20, "{} were announced", ups.len());
    assert_eq!(ups, in_order.take(ups.len()).collect::<Vec<_>>());
}

/// One of those that wait is woken when there is room for it, and none for each event.
#[tokio::test(start_paused = true)]
async fn an_event_that_is_taken_wakes_no_more_than_one_of_those_that_wait() {
    let (node, mut slow) = full_with_slots(400).await;
    let mut waiting = Vec::new();
    for key in 1_000..1_400 {
        let mut session = shaking(&node);
        session.handshake_done(key);
        waiting.push(session);
    }
    idle().await;
    while slow.try_next().is_some() {
        idle().await;
    }
    assert_eq!(node.peers().len(), 400);
    let tried = node.metrics().waits_for_room;
    assert!(tried <= 2 * 400, "400 that waited tried {tried} times in vain");
}

/// Whoever is the first in the line and goes makes place for the next, also where it had been told that there is room.
#[tokio::test(start_paused = true)]
async fn the_next_in_the_line_is_announced_when_the_first_goes() {
    let (node, mut slow) = full_with_slots(10).await;
    let mut waiting = Vec::new();
    for key in 1_000..1_004 {
        let mut session = shaking(&node);
        session.handshake_done(key);
        idle().await;
        waiting.push(session);
    }
    // There is room for one, and the first is told so; before it can run it is told to end, and the second is aborted.
    assert!(slow.try_next().is_some() && slow.try_next().is_some());
    node.disconnect(waiting[0].id(), Reason::Local).unwrap();
    waiting[1].handle.abort();
    idle().await;
    let announced: Vec<_> = node.peers().iter().map(|peer| peer.session).collect();
    assert_eq!(announced, [waiting[2].id()]);
    // The last one is cut free by the patience, although it never was the first before.
    assert_eq!(node.metrics().evicted, 0);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((node.metrics().evicted, node.peers().len()), (1, 2));
}

/// A session whose key is taken while it waits does not hold up those behind it, and has its place when the key is free.
#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_its_key_too_is_passed_over_and_keeps_its_place() {
    let mut config = config();
    config.registry.limits = handfast::lifecycle::Limits::new(8, 8);
    config.registry.capacity = 9;
    config.registry.duplicates = handfast::lifecycle::Duplicates::KeepNew;
    config.grace = Duration::from_secs(5);
    let node = node(config);
    let mut slow = node.subscribe_with_timeout(Duration::MAX).unwrap();
    for key in 0..4 {
        up(&node, key).await.finish_body(Reason::RemoteClosed);
        idle().await;
    }
    let mut waiting = Vec::new();
    for key in [7, 7, 8, 9] {
        let mut session = shaking(&node);
        session.handshake_done(key);
        idle().await;
        waiting.push(session);
    }
    let announced = || -> Vec<_> { node.peers().iter().map(|peer| peer.session).collect() };
    let mut take = |count: usize| (0..count).for_each(|_| assert!(slow.try_next().is_some()));
    take(1);
    idle().await;
    assert_eq!(announced(), [waiting[0].id()], "there is room for the first");
    take(2);
    idle().await;
    assert_eq!(announced(), [waiting[0].id(), waiting[2].id()], "the second waits until the first has ended");
    tokio::time::sleep(Duration::from_secs(5)).await;
    take(2);
    idle().await;
    assert_eq!(announced(), [waiting[1].id(), waiting[2].id()], "it comes before the fourth");
}
