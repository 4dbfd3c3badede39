//! Limits, duplicates, bans.

use std::net::{IpAddr, Ipv4Addr};

use handfast::lifecycle::{ConfigError, Duplicates, Limits, Origin, Reason, StateError};

use crate::lifecycle::support::{Heard, Node, Stepped, assert_empty, config, heard, idle, node, shaking, up};

fn address(last: u8) -> Option<IpAddr> {
    Some(Ipv4Addr::new(192, 0, 2, last).into())
}

fn limited(limits: Limits) -> Node {
    let mut config = config();
    config.registry.limits = limits;
    node(config)
}

fn refusal(node: &Node, origin: Origin) -> Option<Reason> {
    Stepped::open(node, origin).err().map(|rejected| rejected.reason)
}

#[tokio::test(start_paused = true)]
async fn each_limit_has_its_reason_and_is_given_back_once() {
    let (inbound, outbound) = (Origin::inbound, Origin::outbound);
    let mapped = Some(IpAddr::from(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped()));
    let free = Limits::new(4, 4);
    let cases = [
        (Limits::new(1, 1), inbound(None), inbound(None).privileged(), Reason::Full),
        (Limits::new(2, 1), inbound(None), inbound(None), Reason::Pending),
        (Limits::new(2, 1), outbound(None), outbound(None), Reason::Pending),
        (free.with_reserved_of_total(3), inbound(None), outbound(None), Reason::Reserved),
        (free.with_inbound(1), inbound(None), inbound(None), Reason::Inbound),
        (free.with_outbound(1), outbound(None), outbound(None), Reason::Outbound),
        (free.with_per_address(1), inbound(address(1)), inbound(mapped), Reason::PerAddress),
        (free.with_per_source(1), inbound(address(1)), inbound(address(2)), Reason::PerSource),
        (free.with_pending_per_source(1), inbound(mapped), inbound(address(2)), Reason::PendingFromSource),
    ];
    for (limits, first, second, reason) in cases {
        let node = limited(limits);
        for _ in 0..3 {
            let holder = Stepped::open(&node, first).expect("there is a slot");
            assert_eq!(refusal(&node, second), Some(reason));
            holder.handle.abort();
            holder.handle.abort();
            holder.handle.wait().await;
        }
        assert_eq!(node.metrics().refused.get(reason.name()), Some(&3));
        assert_empty(&node);
    }
}

#[tokio::test(start_paused = true)]
async fn the_privileged_have_their_slots_and_the_announced_are_not_pending() {
    let node = limited(Limits::new(2, 1).with_reserved_of_total(1).with_pending_per_source(1));
    let mut first = Stepped::open(&node, Origin::inbound(address(1))).unwrap();
    first.handshake_done(1);
    idle().await;
    assert_eq!(refusal(&node, Origin::inbound(address(2))), Some(Reason::Reserved));
    let mut second = Stepped::open(&node, Origin::inbound(address(2)).privileged()).unwrap();
    second.handshake_done(2);
    idle().await;
    assert_eq!(node.peers().len(), 2);
    assert_eq!(refusal(&node, Origin::inbound(None).privileged()), Some(Reason::Full));
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let mut config = config();
    config.registry.capacity = 4;
    let error = Node::new(config.clone()).err();
    assert_eq!(error, Some(ConfigError::CapacityTooSmall { capacity: 4, total: 4 }));
    config.registry.capacity = 5;
    config.registry.limits.reserved = 5;
    assert_eq!(Node::new(config.clone()).err(), Some(ConfigError::ReservedTooMany { reserved: 5, total: 4 }));
    config.registry.limits.reserved = 0;
    config.registry.duplicates = Duplicates::Allow(0);
    assert_eq!(Node::new(config.clone()).err(), Some(ConfigError::NobodyAllowed));
    assert_eq!(Node::recorded(config, std::io::sink()).err(), Some(ConfigError::NobodyAllowed));
}

fn with(duplicates: Duplicates) -> Node {
    let mut config = config();
    config.registry.duplicates = duplicates;
    node(config)
}

fn breaking_ties(local: u32) -> Node {
    let mut config = config();
    config.registry.duplicates = Duplicates::TieBreak;
    config.registry.local = Some(local);
    node(config)
}

async fn greeted(node: &Node, origin: Origin, key: u32) -> Stepped {
    let mut session = Stepped::open(node, origin).unwrap();
    session.handshake_done(key);
    idle().await;
    session
}

#[tokio::test(start_paused = true)]
async fn keep_old_rejects_the_newcomer_and_nobody_hears_of_it() {
    let node = with(Duplicates::KeepOld);
    let mut events = node.subscribe().unwrap();
    let old = up(&node, 1).await;
    let new = greeted(&node, Origin::inbound(None), 1).await;
    assert_eq!(new.handle.ended().map(|ended| (ended.announced, ended.reason)), Some((false, Reason::Duplicate)));
    assert_eq!(heard(&mut events), [Heard::Up(old.id())]);
}

#[tokio::test(start_paused = true)]
async fn keep_new_announces_the_newcomer_after_the_down_of_the_old() {
    let node = with(Duplicates::KeepNew);
    let mut events = node.subscribe().unwrap();
    let old = up(&node, 1).await;
    let new = greeted(&node, Origin::inbound(None), 1).await;
    let expected = [Heard::Up(old.id()), Heard::Down(old.id(), Reason::Replaced), Heard::Up(new.id())];
    assert_eq!(heard(&mut events), expected);
}

#[tokio::test(start_paused = true)]
async fn as_many_as_are_allowed_share_a_key() {
    let node = with(Duplicates::Allow(2));
    let first = up(&node, 1).await;
    let second = up(&node, 1).await;
    let third = greeted(&node, Origin::inbound(None), 1).await;
    assert_eq!(third.handle.ended().map(|ended| ended.reason), Some(Reason::Duplicate));
    node.ban(1).unwrap();
    idle().await;
    for session in [first, second] {
        assert_eq!(session.handle.ended().map(|ended| ended.reason), Some(Reason::Banned));
    }
    assert_empty(&node);
}

/// Two nodes dial each other at the same time. In whichever order each of them gets to the two connections, both keep
/// the one that the lesser key dialed (S12).
#[tokio::test(start_paused = true)]
async fn both_ends_keep_the_same_of_two_crossing_connections() {
    const LESSER: u32 = 1;
    const GREATER: u32 = 2;
    for (local, remote) in [(LESSER, GREATER), (GREATER, LESSER)] {
        let kept = if local == LESSER { Origin::outbound(None) } else { Origin::inbound(None) };
        for order in [[Origin::inbound(None), Origin::outbound(None)], [Origin::outbound(None), Origin::inbound(None)]]
        {
            let node = breaking_ties(local);
            let mut sessions = Vec::new();
            for origin in order {
                sessions.push(greeted(&node, origin, remote).await);
            }
            let left: Vec<_> = node.peers().iter().map(|peer| peer.origin).collect();
            assert_eq!(left, [kept], "{local} meets {remote}, {order:?}");
            let newer = greeted(&node, kept, remote).await;
            assert_eq!(node.peers()[0].session, newer.id(), "a peer that lost its connection is not locked out");
        }
    }
    let node = breaking_ties(LESSER);
    let mirror = greeted(&node, Origin::outbound(None), LESSER).await;
    assert_eq!(mirror.handle.ended().map(|ended| ended.reason), Some(Reason::Myself));
}

#[tokio::test(start_paused = true)]
async fn a_ban_holds_for_sessions_that_are_pending_when_it_comes() {
    let node = node(config());
    let mut events = node.subscribe().unwrap();
    let live = up(&node, 1).await;
    let mut pending = shaking(&node);
    idle().await;
    node.ban(1).unwrap();
    assert_eq!(node.ban(1), Err(StateError::AlreadyBanned));
    pending.handshake_done(1);
    idle().await;
    assert_eq!(pending.handle.ended().map(|ended| (ended.announced, ended.reason)), Some((false, Reason::Banned)));
    assert_eq!(heard(&mut events), [Heard::Up(live.id()), Heard::Down(live.id(), Reason::Banned)]);
    assert!(node.is_banned(&1));
    node.unban(&1).unwrap();
    assert_eq!(node.unban(&1), Err(StateError::NotBanned));
    up(&node, 1).await;
    assert_eq!(node.metrics().announced, 2);
}

#[tokio::test(start_paused = true)]
async fn a_banned_address_gets_no_slot_and_loses_those_that_it_has() {
    let node = node(config());
    let banned = address(1).unwrap();
    let live = greeted(&node, Origin::inbound(Some(banned)), 1).await;
    let pending = Stepped::open(&node, Origin::outbound(Some(banned))).unwrap();
    let other = greeted(&node, Origin::inbound(address(2)), 2).await;
    node.ban_address(banned).unwrap();
    assert_eq!(node.ban_address(banned), Err(StateError::AlreadyBanned));
    assert_eq!(refusal(&node, Origin::inbound(Some(banned)).privileged()), Some(Reason::Banned));
    idle().await;
    for session in [live, pending] {
        assert_eq!(session.handle.ended().map(|ended| ended.reason), Some(Reason::Banned));
    }
    assert_eq!(other.handle.ended(), None);
    node.unban_address(banned).unwrap();
    assert_eq!(node.unban_address(banned), Err(StateError::NotBanned));
    assert_eq!(refusal(&node, Origin::inbound(Some(banned))), None);
}
