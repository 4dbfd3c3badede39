//! The selector of the active peer, on the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use handfast::lifecycle::{
    Heard, Node, Origin, Reason, Selector, SelectorConfig, SessionHandle, SessionId, Stalled, StateError,
};
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};

use crate::lifecycle::support::{PATIENCE, config, idle};

type Info = Arc<AtomicBool>;

const STALL: Duration = Duration::from_secs(180);

fn node() -> Node<u32, Info> {
    Node::new(config()).expect("the configuration is sound")
}

fn select(node: &Node<u32, Info>, stalled: Stalled) -> (Selector<u32, Info>, JoinHandle<()>) {
    let config = SelectorConfig::new(STALL, stalled);
    Selector::spawn(node, config, |peer| peer.info.load(Ordering::Relaxed)).expect("the node is open")
}

/// A session that stays until it is told to end, and what its peer says of itself.
fn come(node: &Node<u32, Info>, key: u32, ahead: bool) -> (SessionHandle, Info) {
    let info = Info::new(AtomicBool::new(ahead));
    let said = Arc::clone(&info);
    let session = node.open(
        Origin::inbound(None),
        move |handshake| async move { handshake.handshake_done(key, said).map(drop) },
        |mut live, ()| async move { live.told_to_end().await },
    );
    (session.expect("there is a slot"), info)
}

fn active(selector: &Selector<u32, Info>) -> Option<SessionId> {
    selector.active().map(|peer| peer.session)
}

#[tokio::test(start_paused = true)]
async fn whoever_is_ahead_becomes_active_at_its_up_or_when_it_says_so() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let (level, news) = come(&node, 1, false);
    idle().await;
    assert_eq!(active(&selector), None);
    assert_eq!(selector.look_at(level.session()), Heard::Noted(None), "it has nothing new");
    news.store(true, Ordering::Relaxed);
    assert!(matches!(selector.look_at(level.session()), Heard::Noted(Some(_))));
    assert_eq!(active(&selector), Some(level.session()));
    let (other, _) = come(&node, 2, true);
    idle().await;
    assert_eq!(active(&selector), Some(level.session()), "one is enough");
    node.disconnect(level.session(), Reason::Local).expect("it lives");
    idle().await;
    assert_eq!(active(&selector), Some(other.session()), "a dead peer does not stay active");
}

#[tokio::test(start_paused = true)]
async fn news_that_overtake_the_up_are_not_lost() {
    let node = node();
    let (selector, task) = select(&node, Stalled::Disconnect);
    task.abort();
    let _ = task.await;
    let config = SelectorConfig::new(STALL, Stalled::Disconnect);
    let ask = |peer: &handfast::lifecycle::Peer<u32, Info>| peer.info.load(Ordering::Relaxed);
    let (second, unpolled) = Selector::prepare(&node, config, ask).expect("the node is open");
    let (session, news) = come(&node, 1, false);
    idle().await;
    news.store(true, Ordering::Relaxed);
    assert_eq!(second.look_at(session.session()), Heard::Unknown, "its Up is queued");
    let _running = tokio::spawn(unpolled);
    idle().await;
    assert_eq!(active(&second), Some(session.session()));
    assert_eq!(active(&selector), None, "the one whose task was aborted names nobody");
}

#[tokio::test(start_paused = true)]
async fn a_peer_without_progress_is_disconnected_and_another_is_picked() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let (slow, _) = come(&node, 1, true);
    let (next, _) = come(&node, 2, true);
    idle().await;
    assert_eq!(active(&selector), Some(slow.session()));
    advance(STALL - Duration::from_secs(1)).await;
    selector.progress(next.session()); // not the active one
    selector.progress(slow.session());
    sleep(STALL - Duration::from_secs(1)).await;
    assert_eq!(active(&selector), Some(slow.session()), "its time began anew");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(slow.wait().await.reason, Reason::Stalled);
    assert_eq!(active(&selector), Some(next.session()));
    sleep(STALL + Duration::from_secs(1)).await;
    assert_eq!(next.wait().await.reason, Reason::Stalled);
    assert_eq!(active(&selector), None);
}

/// The deadline itself is part of the time that is over. A selector that waits for what is due already never rests, so that
/// no paused clock moves on: the test gives it turns instead.
#[tokio::test(start_paused = true)]
async fn a_peer_stalls_at_its_deadline_and_not_after_it() {
    let turns = async || {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    };
    let node = node();
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let (slow, _) = come(&node, 1, true);
    let (next, _) = come(&node, 2, true);
    turns().await;
    assert_eq!(active(&selector), Some(slow.session()));
    advance(STALL).await;
    turns().await;
    assert_eq!(active(&selector), Some(next.session()), "the time of the first one is over");
}

/// Without a time to stall a kept peer rests for a second all the same: it is not asked again and again.
#[tokio::test(start_paused = true)]
async fn a_kept_peer_rests_also_where_the_stall_timeout_is_zero() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let node = node();
    let config = SelectorConfig::new(Duration::ZERO, Stalled::Keep);
    let ask = move |_: &handfast::lifecycle::Peer<u32, Info>| {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    };
    let (_selector, _task) = Selector::spawn(&node, config, ask).expect("the node is open");
    let _peer = come(&node, 1, true);
    // A selector that never rests keeps the paused clock where it is, so that these are turns and no time.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let asked = asked.load(Ordering::Relaxed);
    assert!((1..10).contains(&asked), "it was asked {asked} times within an instant");
}

/// A peer that makes progress while it is not active has all of its time when it is active again.
#[tokio::test(start_paused = true)]
async fn progress_counts_for_a_peer_that_is_not_active() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let (peer, news) = come(&node, 1, true);
    idle().await;
    sleep(STALL - Duration::from_secs(10)).await;
    let look = |ahead| {
        news.store(ahead, Ordering::Relaxed);
        let _ = selector.look_at(peer.session());
    };
    look(false);
    assert_eq!(active(&selector), None);
    selector.progress(peer.session());
    look(true);
    sleep(STALL - Duration::from_secs(1)).await;
    assert_eq!((active(&selector), peer.ended()), (Some(peer.session()), None), "its progress was forgotten");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(peer.ended().map(|ended| ended.reason), Some(Reason::Stalled));
}

/// PEER-24: the only peer is better than none, after a while.
#[tokio::test(start_paused = true)]
async fn a_kept_peer_that_stalled_stays_and_is_picked_again_after_a_while() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Keep);
    let (slow, news) = come(&node, 1, true);
    idle().await;
    for _ in 0..3 {
        assert_eq!(active(&selector), Some(slow.session()));
        sleep(STALL).await;
        assert_eq!((active(&selector), slow.ended()), (None, None));
        assert_eq!(selector.look_at(slow.session()), Heard::Noted(None), "it rests");
        sleep(STALL - Duration::from_secs(1)).await;
        assert_eq!(active(&selector), None);
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(active(&selector), Some(slow.session()));
    sleep(STALL).await;
    news.store(false, Ordering::Relaxed);
    sleep(STALL).await;
    assert_eq!(active(&selector), None, "it is asked, and has nothing that we lack");
    news.store(true, Ordering::Relaxed);
    assert!(matches!(selector.look_at(slow.session()), Heard::Noted(Some(_))), "it is a peer like others again");
}

#[tokio::test(start_paused = true)]
async fn a_kept_peer_that_stalled_is_not_picked_while_a_better_one_is_there() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Keep);
    let (slow, _) = come(&node, 1, true);
    let (honest, honest_news) = come(&node, 2, true);
    idle().await;
    sleep(STALL).await;
    assert_eq!(active(&selector), Some(honest.session()));
    for _ in 0..5 {
        sleep(STALL - Duration::from_secs(1)).await;
        selector.progress(honest.session());
    }
    assert_eq!(active(&selector), Some(honest.session()));
    honest_news.store(false, Ordering::Relaxed);
    let _ = selector.look_at(honest.session());
    idle().await;
    assert_eq!(active(&selector), Some(slow.session()), "it has rested, and nobody else is ahead");
}

/// Of several that stalled the one is picked again first that stalled first.
#[tokio::test(start_paused = true)]
async fn kept_peers_that_stalled_take_turns() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Keep);
    let sessions: Vec<_> = (1..=3).map(|key| come(&node, key, true).0.session()).collect();
    idle().await;
    for turn in 0..9 {
        assert_eq!(active(&selector), Some(sessions[turn % 3]), "in turn {turn}");
        sleep(STALL).await;
    }
}

/// Only progress counts: neither making place nor coming back begins the time anew.
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_level_and_ahead_in_turn_stalls() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let (slow, news) = come(&node, 1, true);
    idle().await;
    let mut was_active = Duration::ZERO;
    while slow.ended().is_none() {
        assert!(was_active <= STALL, "it was active for {was_active:?}");
        sleep(STALL * 5 / 6).await;
        was_active += STALL * 5 / 6;
        for ahead in [false, true] {
            news.store(ahead, Ordering::Relaxed);
            let _ = selector.look_at(slow.session());
        }
    }
    assert_eq!(slow.ended().map(|ended| ended.reason), Some(Reason::Stalled));
}

#[tokio::test(start_paused = true)]
async fn two_peers_that_take_turns_do_not_keep_an_honest_one_waiting() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let (one, one_news) = come(&node, 1, true);
    let (other, other_news) = come(&node, 2, false);
    let (honest, _) = come(&node, 3, false);
    idle().await;
    let mut turns = [(&one, &one_news), (&other, &other_news)].into_iter().cycle().take(200);
    let begin = tokio::time::Instant::now();
    while one.ended().is_none() || other.ended().is_none() {
        let (session, news) = turns.next().expect("they do not take turns for ever");
        let (next, next_news) =
            if session.session() == one.session() { (&other, &other_news) } else { (&one, &one_news) };
        sleep(Duration::from_secs(50)).await;
        next_news.store(true, Ordering::Relaxed);
        let _ = selector.look_at(next.session());
        news.store(false, Ordering::Relaxed);
        let _ = selector.look_at(session.session());
    }
    assert!(begin.elapsed() < STALL * 3, "they held the place for {:?}", begin.elapsed());
    assert_eq!(honest.ended(), None);
}

/// Every way to become active starts the time.
#[tokio::test(start_paused = true)]
async fn a_peer_stalls_however_it_became_active() {
    type Way = fn(&Node<u32, Info>, &Selector<u32, Info>, &(SessionHandle, Info), &(SessionHandle, Info));
    let ways: [(&str, Way); 4] = [
        ("looked at", |_, selector, (slow, news), _| {
            news.store(true, Ordering::Relaxed);
            let _ = selector.look_at(slow.session());
        }),
        ("the other went", |node, selector, (slow, news), (other, other_news)| {
            other_news.store(true, Ordering::Relaxed);
            let _ = selector.look_at(other.session());
            news.store(true, Ordering::Relaxed);
            let _ = selector.look_at(slow.session());
            node.disconnect(other.session(), Reason::Local).unwrap();
        }),
        ("the other is level", |_, selector, (slow, news), (other, other_news)| {
            for (session, cell, ahead) in [(other, other_news, true), (slow, news, true), (other, other_news, false)] {
                cell.store(ahead, Ordering::Relaxed);
                let _ = selector.look_at(session.session());
            }
        }),
        ("again, without progress", |_, selector, (slow, news), _| {
            for ahead in [true, false, true] {
                news.store(ahead, Ordering::Relaxed);
                let _ = selector.look_at(slow.session());
            }
        }),
    ];
    for (name, way) in ways {
        let node = node();
        let (selector, _task) = select(&node, Stalled::Disconnect);
        let (slow, other) = (come(&node, 1, false), come(&node, 2, false));
        idle().await;
        // The task waits, with no timer.
        sleep(STALL).await;
        way(&node, &selector, &slow, &other);
        idle().await;
        assert_eq!(active(&selector), Some(slow.0.session()), "{name}");
        sleep(STALL).await;
        assert_eq!(slow.0.ended().map(|ended| ended.reason), Some(Reason::Stalled), "{name}");
    }
    // At its Up, in the snapshot, and when the one before it stalled.
    let node = node();
    let early = come(&node, 1, true).0;
    idle().await;
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let next = come(&node, 2, true).0;
    idle().await;
    assert_eq!(active(&selector), Some(early.session()));
    sleep(STALL).await;
    assert_eq!(early.ended().map(|ended| ended.reason), Some(Reason::Stalled));
    sleep(STALL).await;
    assert_eq!(next.ended().map(|ended| ended.reason), Some(Reason::Stalled));
}

/// What the peer says while it is asked is not lost: the later question counts.
#[tokio::test(start_paused = true)]
async fn news_that_come_while_the_peer_is_asked_are_not_lost() {
    let node = node();
    let again: Arc<std::sync::Mutex<Option<Selector<u32, Info>>>> = Arc::default();
    let asks = Arc::clone(&again);
    let config = SelectorConfig::new(STALL, Stalled::Disconnect);
    let (selector, _task) = Selector::spawn(&node, config, move |peer| {
        let ahead = peer.info.load(Ordering::Relaxed);
        // Between the answer and its effect, the peer gets ahead and another thread looks at it.
        let selector = asks.lock().unwrap().take();
        if let Some(selector) = selector {
            peer.info.store(true, Ordering::Relaxed);
            assert!(matches!(selector.look_at(peer.session), Heard::Noted(Some(_))));
        }
        ahead
    })
    .unwrap();
    let (session, _) = come(&node, 1, false);
    idle().await;
    *again.lock().unwrap() = Some(selector.clone());
    assert_eq!(selector.look_at(session.session()), Heard::Noted(None), "the other one acts");
    assert_eq!(active(&selector), Some(session.session()));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_we_caught_up_with_makes_place_and_is_not_taken_for_stalled() {
    let node = node();
    let (selector, _task) = select(&node, Stalled::Disconnect);
    let (first, first_news) = come(&node, 1, true);
    let (second, second_news) = come(&node, 2, true);
    idle().await;
    first_news.store(false, Ordering::Relaxed);
    assert!(matches!(selector.look_at(first.session()), Heard::Noted(Some(_))));
    assert_eq!(active(&selector), Some(second.session()));
    second_news.store(false, Ordering::Relaxed); // and nobody says so
    sleep(STALL + Duration::from_secs(1)).await;
    assert_eq!(active(&selector), None);
    assert_eq!((first.ended(), second.ended()), (None, None));
    first_news.store(true, Ordering::Relaxed);
    let _ = selector.look_at(first.session());
    assert_eq!(active(&selector), Some(first.session()), "it may be picked again");
}

/// It had its time, so that it rests as one that is kept: others are picked before it. Then it has all of its time again.
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_level_at_its_deadline_rests_and_has_its_time_anew() {
    for stalled in [Stalled::Disconnect, Stalled::Keep] {
        let node = node();
        let (selector, _task) = select(&node, stalled);
        let (slow, news) = come(&node, 1, true);
        let (other, other_news) = come(&node, 2, false);
        sleep(STALL - Duration::from_secs(1)).await;
        news.store(false, Ordering::Relaxed); // and nobody says so
        sleep(Duration::from_secs(2)).await;
        assert_eq!((active(&selector), slow.ended()), (None, None), "{stalled:?}");
        news.store(true, Ordering::Relaxed);
        let _ = selector.look_at(slow.session());
        assert_eq!(active(&selector), None, "{stalled:?}: it rests");
        other_news.store(true, Ordering::Relaxed);
        let _ = selector.look_at(other.session());
        assert_eq!(active(&selector), Some(other.session()), "{stalled:?}");
        sleep(STALL + Duration::from_secs(1)).await;
        assert_eq!(active(&selector), Some(slow.session()), "{stalled:?}: the other stalled, and it has rested");
        sleep(STALL - Duration::from_secs(2)).await;
        assert_eq!((active(&selector), slow.ended()), (Some(slow.session()), None), "{stalled:?}");
        sleep(Duration::from_secs(2)).await;
        assert_ne!(active(&selector), Some(slow.session()), "{stalled:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_lagged_subscribes_anew() {
    let node = node();
    let config = SelectorConfig::new(STALL, Stalled::Disconnect);
    let ask = |peer: &handfast::lifecycle::Peer<u32, Info>| peer.info.load(Ordering::Relaxed);
    let (selector, unpolled) = Selector::prepare(&node, config, ask).expect("the node is open");
    // Up and Down of four sessions fill its queue, so that the fifth waits until the patience is over.
    for key in 1..5 {
        let (session, _) = come(&node, key, true);
        idle().await;
        node.disconnect(session.session(), Reason::Local).expect("it lives");
        idle().await;
    }
    let (last, _) = come(&node, 5, true);
    sleep(PATIENCE + Duration::from_secs(1)).await;
    assert_eq!(node.metrics().evicted, 1);
    let _running = tokio::spawn(unpolled);
    idle().await;
    assert_eq!(active(&selector), Some(last.session()));
    assert_eq!(node.metrics().subscribers, 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_active_after_the_shutdown_or_without_the_task() {
    let node = node();
    let (selector, task) = select(&node, Stalled::Disconnect);
    let (other, other_task) = select(&node, Stalled::Disconnect);
    let mut watch = selector.watch();
    let (session, _) = come(&node, 1, true);
    idle().await;
    assert!(watch.borrow_and_update().is_some());
    other_task.abort();
    assert!(other_task.await.expect_err("it was aborted").is_cancelled());
    assert_eq!(active(&other), None);
    assert_eq!(node.metrics().subscribers, 1, "what it queued is released");
    assert_eq!(node.shutdown(Duration::from_secs(1)).await.drained, 1);
    task.await.expect("the task ends by itself");
    assert!(watch.borrow_and_update().is_none());
    assert_eq!(selector.look_at(session.session()), Heard::Unknown);
    let config = SelectorConfig::new(STALL, Stalled::Keep);
    assert!(matches!(Selector::prepare(&node, config, |_| true), Err(StateError::ShuttingDown)));
}
