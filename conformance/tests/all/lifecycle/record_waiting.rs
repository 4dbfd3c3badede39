//! What is recorded of sessions that wait, of guards that are run for a task, and of peers that come again is a behaviour of
//! the model; and with two of its lines changed about it is not.

use std::time::Duration;

use conformance::lifecycle::judge::judge;
use conformance::log::Log;
use handfast::lifecycle::{
    Config, Duplicates, Handshake, Limits, Node, NodeConfig, Origin, Reason, SessionContext, SessionHandle,
};
use tokio::time::sleep;

type Peers = Node<u32>;

const OVERDUE: Duration = Duration::from_secs(10);

fn node(slots: usize, duplicates: Duplicates) -> (Peers, Log) {
    let registry = Config::new(Limits::new(slots, slots), duplicates).with_capacity(slots + 1);
    let log = Log::default();
    let config = NodeConfig::new(registry).with_overdue(OVERDUE);
    (Node::recorded(config, log.clone()).expect("whatever is sound can be recorded"), log)
}

/// A session that stays until it is told to end.
fn come(node: &Peers, key: u32) -> SessionHandle {
    let handshake = move |handshake: Handshake<u32>| async move { handshake.handshake_done(key, ()).map(drop) };
    let body = |mut context: SessionContext<u32>, ()| async move { context.told_to_end().await };
    node.open(Origin::inbound(None), handshake, body).expect("there is a slot")
}

async fn settled() {
    sleep(Duration::from_millis(1)).await;
}

/// A node with a subscriber whose queue is full.
async fn full() -> (Peers, Log, handfast::lifecycle::Subscription<u32>) {
    let (node, log) = node(6, Duplicates::KeepOld);
    let slow = node.subscribe().expect("it is open");
    for key in 0..3 {
        let session = come(&node, key);
        settled().await;
        node.disconnect(session.session(), Reason::Local).expect("it lives");
        session.wait().await;
    }
    (node, log, slow)
}

#[tokio::test(start_paused = true)]
async fn a_line_that_moves_on_is_explained_and_one_that_is_passed_is_not() {
    let (node, log, mut slow) = full().await;
    let mut waiting = Vec::new();
    for key in 10..14 {
        waiting.push(come(&node, key));
        settled().await;
    }
    node.disconnect(waiting[1].session(), Reason::Local).expect("it waits");
    while slow.try_next().is_some() {
        settled().await;
    }
    assert_eq!(node.peers().len(), 3);
    let _ = node.shutdown(Duration::from_secs(1)).await;
    while slow.try_next().is_some() {}
    let log = String::from_utf8(log.take()).expect("a record is text");
    assert!(judge(log.as_bytes()).is_fine(), "{:?}", judge(log.as_bytes()));
    // The third is announced where the first was, and the first where the third was.
    let (first, third) = (waiting[0].session().number(), waiting[2].session().number());
    let swapped: String = log.lines().map(|line| swapped(line, first, third) + "\n").collect();
    let verdict = judge(swapped.as_bytes());
    assert!(verdict.rejection.is_some() && verdict.violated.contains("PEER-50"), "{verdict:?}");
}

/// The line with the two sessions changed about, if it says that one is announced.
fn swapped(line: &str, one: u64, other: u64) -> String {
    if !line.contains("\"announced\"") {
        return line.to_owned();
    }
    let rename = |line: String, from: &str, to: &str| {
        let renamed =
            |line: String, word: &str| line.replace(&format!("\"{word}\":{from}"), &format!("\"{word}\":{to}"));
        ["session", "announced", "registered"].into_iter().fold(line, renamed)
    };
    let line = rename(line.to_owned(), &one.to_string(), "?");
    let line = rename(line, &other.to_string(), &one.to_string());
    rename(line, "?", &other.to_string())
}

/// The guard of a task that does not end is run for it, and the connection stays open until it is dropped.
#[tokio::test(start_paused = true)]
async fn a_guard_that_is_run_for_a_task_is_an_abort_whose_connection_is_closed_later() {
    let (node, log) = node(1, Duplicates::KeepNew);
    let handshake = |handshake: Handshake<u32>| async move { handshake.handshake_done(1, ()).map(drop) };
    let prepared = node.prepare(Origin::inbound(None), handshake, |_, ()| std::future::pending::<Reason>());
    let (stuck, task) = prepared.expect("there is a slot");
    let mut task = Box::pin(task);
    let polled = task.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(polled.is_pending());
    node.disconnect(stuck.session(), Reason::Local).expect("it lives");
    sleep(OVERDUE).await;
    let newcomer = come(&node, 1);
    settled().await;
    assert_eq!((stuck.ended().map(|ended| ended.reason), newcomer.ended()), (Some(Reason::Local), None));
    let before = log.take();
    drop(task);
    let after = log.take();
    assert!(String::from_utf8_lossy(&after).contains("{\"close\":{\"session\":0}}"), "the connection is closed last");
    let _ = node.shutdown(Duration::from_secs(1)).await;
    let log = [before, after, log.take()].concat();
    assert!(judge(&log).is_fine(), "{:?}", judge(&log));
}

/// A body that ends its session before it closes the connection, and a peer that is gone while it waits.
#[tokio::test(start_paused = true)]
async fn sessions_that_end_by_themselves_are_explained() {
    let (node, log, slow) = full().await;
    let (theirs, ours) = tokio::sync::oneshot::channel::<()>();
    let handshake = move |handshake: Handshake<u32>| async move {
        handshake.ends_when(async {
            let _ = ours.await;
            Reason::RemoteClosed
        });
        handshake.handshake_done(10, ()).map(drop)
    };
    let gone = node.open(Origin::inbound(None), handshake, |_, ()| async { Reason::Local }).expect("there is a slot");
    settled().await;
    drop(theirs);
    assert_eq!(gone.wait().await.reason, Reason::RemoteClosed);
    drop(slow);
    let handshake = |handshake: Handshake<u32>| async move { handshake.handshake_done(11, ()).map(drop) };
    let body = |context: SessionContext<u32>, ()| async move {
        context.end(Reason::RemoteClosed);
        Reason::Failed
    };
    let session = node.open(Origin::inbound(None), handshake, body).expect("there is a slot");
    assert_eq!(session.wait().await.reason, Reason::RemoteClosed);
    let _ = node.shutdown(Duration::from_secs(1)).await;
    let log = log.take();
    assert!(judge(&log).is_fine(), "{:?}", judge(&log));
}

/// Sessions that are told farewell, whose handshake ends them or fails with the connection, and whose body returns it.
#[tokio::test(start_paused = true)]
async fn every_way_to_end_before_the_connection_closes_is_explained() {
    let (node, log) = node(6, Duplicates::KeepOld);
    let mut events = node.subscribe().expect("it is open");
    let stays = come(&node, 1);
    settled().await;
    let said = std::sync::Arc::new(std::sync::OnceLock::new());
    let heard = std::sync::Arc::clone(&said);
    let slot = node.take_slot(Origin::inbound(None)).expect("there is a slot");
    let rejected = slot.open_with_farewell(
        |handshake: Handshake<u32>| async move { handshake.handshake_done(1, ()).map(drop) },
        move |(), reason| {
            let _ = heard.set(reason);
            Box::pin(std::future::ready(()))
        },
        |_, ()| async { Reason::Failed },
    );
    let ends = |handshake: Handshake<u32>| async move {
        let _ = handshake.handshake_done(2, ());
        handshake.end(Reason::HandshakeFailed);
        Err::<(), _>(())
    };
    let failed = node.open(Origin::inbound(None), ends, |_, ()| async { Reason::Failed }).expect("there is a slot");
    let fine = |handshake: Handshake<u32>| async move { handshake.handshake_done(3, ()).map(drop) };
    let returns = |_, ()| async { (Reason::RemoteClosed, "the connection") };
    let returned = node.open(Origin::inbound(None), fine, returns).expect("there is a slot");
    let ended = [rejected.wait().await, failed.wait().await, returned.wait().await];
    assert_eq!(ended.map(|ended| ended.reason), [Reason::Duplicate, Reason::HandshakeFailed, Reason::RemoteClosed]);
    assert_eq!(said.get(), Some(&Reason::Duplicate));
    node.disconnect(stays.session(), Reason::Local).expect("it lives");
    assert_eq!(node.shutdown(Duration::from_secs(60)).await.aborted, 0);
    while events.try_next().is_some() {}
    let log = log.take();
    assert!(judge(&log).is_fine(), "{:?}", judge(&log));
    // No connection closes before its session has ended.
    let log = String::from_utf8(log).expect("a record is text");
    let mut lines: Vec<&str> = log.lines().collect();
    let line = |action: &str| lines.iter().position(|line| line.contains(&format!("{{\"{action}\":{{\"session\":2}}")));
    let (end, close) = (line("end").expect("it ends"), line("close").expect("it closes"));
    lines.swap(end, close);
    assert!(judge(lines.join("\n").as_bytes()).rejection.is_some(), "{log}");
}
