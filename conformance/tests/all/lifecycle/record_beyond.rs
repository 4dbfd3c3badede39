//! What a record says that the configuration does not allow is no behaviour of the model; and what has outgrown the
//! numbers of a small model still is one.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use conformance::log::Log;
use handfast::lifecycle::{Config, Duplicates, Event, Limits, Node, NodeConfig, Origin, Reason, SessionHandle};
use model::checker::explain::{Explanation, explain};
use model::lifecycle::handfast::Handfast;
use tokio::time::{advance, sleep};

type Peers = Node<u32>;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const MINUTE: Duration = Duration::from_secs(60);

fn node(limits: Limits, duplicates: Duplicates) -> (Peers, Log) {
    node_with(Config::new(limits, duplicates))
}

fn node_with(registry: Config<u32>) -> (Peers, Log) {
    let log = Log::default();
    let config = NodeConfig::new(registry);
    (Node::recorded(config, log.clone()).expect("whatever is sound can be recorded"), log)
}

/// A session that stays, announced under the key if there is one.
async fn connect(node: &Peers, origin: Origin, key: Option<u32>) -> Option<SessionHandle> {
    let handshake = move |signal: handfast::lifecycle::Handshake<u32>| async move {
        match key {
            Some(key) => drop(signal.handshake_done(key, ())),
            None => std::future::pending().await,
        }
        Ok::<(), ()>(())
    };
    let session = node.open(origin, handshake, |_live, ()| std::future::pending::<Reason>()).ok();
    sleep(Duration::from_millis(1)).await;
    session
}

fn explained(log: &str) -> Explanation {
    explain::<Handfast>(&mut log.as_bytes()).expect("what is recorded can be read")
}

#[track_caller]
fn assert_accepted(log: &str) {
    let Explanation { rejection, violated, .. } = explained(log);
    assert_eq!((rejection, violated), (None, vec![]));
}

/// The model leaves the log at this line, the header being the first.
#[track_caller]
fn assert_rejected_at(log: &str, line: usize) {
    assert_eq!(explained(log).rejection.map(|rejection| rejection.line), Some(line), "{log}");
}

#[tokio::test(start_paused = true)]
async fn what_was_let_in_beyond_a_limit_is_rejected() {
    let free = Limits::new(4, 4);
    let (from, neighbour) = (Origin::inbound(Some(ADDRESS)), Origin::inbound(Some(NEIGHBOUR)));
    let (accepted, dialed) = (Origin::inbound(None), Origin::outbound(None));
    let cases = [
        ("total", Limits::new(2, 2), [accepted, dialed]),
        ("pending_inbound", free.with_pending_inbound(2), [accepted, accepted]),
        ("pending_outbound", free.with_pending_outbound(2), [dialed, dialed]),
        ("inbound", free.with_inbound(2), [accepted, from]),
        ("outbound", free.with_outbound(2), [dialed, dialed]),
        ("per_address", free.with_per_address(2), [from, from]),
        ("per_source", free.with_per_source(2), [from, neighbour]),
        ("pending_per_source", free.with_pending_per_source(2), [from, neighbour]),
    ];
    for (name, limits, origins) in cases {
        let (node, log) = node(limits, Duplicates::KeepOld);
        let mut held = Vec::new();
        for origin in origins {
            held.push(connect(&node, origin, None).await.expect("there is a slot"));
        }
        assert!(connect(&node, origins[1], None).await.is_none(), "{name} is reached");
        let log = String::from_utf8(log.take()).unwrap();
        assert_accepted(&log);
        // Under a smaller limit the second session must not have been let in; under a greater one the third must have.
        let was = format!("\"{name}\":2");
        assert!(log.contains(&was), "{log}");
        assert_rejected_at(&log.replacen(&was, &format!("\"{name}\":1"), 1), 3);
        if name != "total" {
            assert_rejected_at(&log.replacen(&was, &format!("\"{name}\":3"), 1), 4);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reserved_slot_that_anybody_took_is_rejected() {
    let (node, log) = node(Limits::new(2, 2).with_reserved_of_total(1), Duplicates::KeepOld);
    let accepted = Origin::inbound(None);
    let _first = connect(&node, accepted, None).await.expect("there is a slot");
    assert!(connect(&node, accepted, None).await.is_none(), "the other one is reserved");
    let _second = connect(&node, accepted.privileged(), None).await.expect("there is a reserved slot");
    let log = String::from_utf8(log.take()).unwrap();
    assert_accepted(&log);
    assert_rejected_at(&log.replace("\"privileged\":true", "\"privileged\":false"), 4);
    assert_rejected_at(&log.replacen("\"reserved\":1", "\"reserved\":2", 1), 2);
}

#[tokio::test(start_paused = true)]
async fn policies_other_than_the_configured_one_are_rejected() {
    let (several, log) = node(Limits::new(4, 4), Duplicates::Allow(2));
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect(&several, Origin::inbound(None), Some(7)).await);
    }
    let log = String::from_utf8(log.take()).unwrap();
    assert_accepted(&log);
    for policy in ["{\"allow\":1}", "{\"allow\":3}", "\"keep_old\"", "\"keep_new\"", "\"tie_break\",\"local\":5"] {
        assert!(explained(&log.replacen("{\"allow\":2}", policy, 1)).rejection.is_some(), "{policy}");
    }

    let (ties, log) = node_with(Config::new(Limits::new(4, 4), Duplicates::TieBreak).with_local(Some(7)));
    for (origin, key) in [(Origin::outbound(None), 3), (Origin::inbound(None), 3), (Origin::outbound(None), 3)] {
        held.push(connect(&ties, origin, Some(key)).await);
    }
    held.push(connect(&ties, Origin::inbound(None), Some(7)).await);
    let log = String::from_utf8(log.take()).unwrap();
    assert_accepted(&log);
    let ours = "\"local\":2147483648";
    assert!(log.contains(ours) && log.contains("myself"), "{log}");
    // With a lesser key of our own, the connection that we dialed would have stayed.
    assert!(explained(&log.replacen(ours, "\"local\":5", 1)).rejection.is_some());
    for policy in ["{\"allow\":1}", "\"keep_old\"", "\"keep_new\""] {
        let other = log.replacen("\"tie_break\"", policy, 1);
        assert!(explained(&other).rejection.is_some(), "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ban_for_a_time_ends_in_the_record_before_what_relies_on_its_end() {
    let (node, log) = node(Limits::new(4, 4), Duplicates::KeepOld);
    node.ban_for(1, MINUTE);
    node.ban_address_for(ADDRESS, MINUTE);
    advance(MINUTE).await;
    let session = connect(&node, Origin::inbound(Some(ADDRESS)), Some(1)).await.expect("the ban is over");
    node.ban_address_for(ADDRESS, MINUTE);
    assert_eq!(session.wait().await.reason, Reason::Banned);
    assert!(connect(&node, Origin::inbound(Some(ADDRESS)), Some(1)).await.is_none());
    let log = String::from_utf8(log.take()).unwrap();
    assert_accepted(&log);
    let lines: Vec<&str> = log.lines().collect();
    let without = |what: &str| {
        let position = lines.iter().position(|line| line.contains(what)).expect("it was recorded");
        let left: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != position).map(|(_, line)| *line).collect();
        explained(&left.join("\n")).rejection
    };
    for what in ["\"unban\"", "\"unban_network\"", "\"ban_network\""] {
        assert!(without(what).is_some(), "{what} was dropped");
    }
}

/// More subscribers at a time, and more over the life of a node, than a byte can number.
#[tokio::test(start_paused = true)]
async fn hundreds_of_subscribers_and_no_limits_are_recorded() {
    let most = usize::MAX / 4;
    let (node, log) = node(Limits::new(most, most), Duplicates::KeepNew);
    for _ in 0..2 {
        let mut subscriptions: Vec<_> = (0..300).map(|_| node.subscribe().expect("the node is open")).collect();
        let session = connect(&node, Origin::inbound(None), Some(1)).await.expect("there is a slot");
        node.disconnect(session.session(), Reason::Local).unwrap();
        session.wait().await;
        for events in &mut subscriptions {
            assert!(matches!(events.next().await, Some(Event::Up(_))));
            assert!(matches!(events.next().await, Some(Event::Down(..))));
        }
        // Numbers are given back in another order than they were given.
        subscriptions.swap(0, 299);
    }
    node.flush_record().unwrap();
    let log = String::from_utf8(log.take()).unwrap();
    assert!(
        log.contains("{\"subscribe\":{\"subscriber\":299}}") && !log.contains("{\"subscribe\":{\"subscriber\":300}}")
    );
    assert_accepted(&log);
}
