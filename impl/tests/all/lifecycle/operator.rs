//! Bans for a time, and the end of all sessions of one peer.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use handfast::lifecycle::{Duplicates, Greeting, Network, Origin, Reason, StateError};
use tokio::time::advance;

use crate::lifecycle::support::{Heard, Node, Stepped, assert_empty, config, heard, idle, node, shaking, up};

const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_nanos(1);
const PEER: u32 = 1;
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn turned_away(node: &Node, address: IpAddr) -> Option<Reason> {
    Stepped::open(node, Origin::inbound(Some(address))).err().map(|rejected| rejected.reason)
}

#[tokio::test(start_paused = true)]
async fn a_ban_for_a_time_ends_when_the_time_does_and_not_before() {
    let node = node(config());
    let live = up(&node, PEER).await;
    node.ban_for(PEER, MINUTE);
    let since = tokio::time::Instant::now();
    idle().await;
    assert_eq!(live.handle.ended().map(|ended| ended.reason), Some(Reason::Banned));
    let early = up(&node, PEER).await;
    assert_eq!(early.handle.ended().map(|ended| ended.reason), Some(Reason::Banned));
    advance(MINUTE - since.elapsed() - MOMENT).await;
    assert!(node.is_banned(&PEER));
    advance(MOMENT).await;
    assert!(!node.is_banned(&PEER));
    assert_eq!(node.unban(&PEER), Err(StateError::NotBanned), "it has ended");
    let late = up(&node, PEER).await;
    assert_eq!(late.handle.ended(), None);
}

/// Nobody asks about the ban between its end and the announcement that it would prevent.
#[tokio::test(start_paused = true)]
async fn a_ban_that_is_over_prevents_nothing() {
    let node = node(config());
    node.ban_for(PEER, MINUTE / 10);
    let mut waiting = shaking(&node);
    idle().await;
    advance(MINUTE / 10).await;
    waiting.handshake_done(PEER);
    idle().await;
    assert_eq!((waiting.handle.ended(), node.peers().len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_short_ban_does_not_lift_a_longer_one_unless_it_is_asked_to() {
    let node = node(config());
    let banned = || node.is_banned(&PEER);
    node.ban_for(PEER, 3 * MINUTE);
    node.ban_for(PEER, MINUTE);
    advance(2 * MINUTE).await;
    assert!(banned(), "the longest ban counts");
    advance(MINUTE).await;
    assert!(!banned());
    // A ban for good stays one, until it is replaced.
    node.ban_for(PEER, MINUTE);
    assert_eq!(node.ban(PEER), Ok(()));
    assert_eq!(node.ban(PEER), Err(StateError::AlreadyBanned));
    node.ban_for(PEER, MINUTE);
    advance(MINUTE).await;
    assert!(banned());
    node.ban_only_for(PEER, MINUTE);
    advance(MINUTE).await;
    assert!(!banned());
    // The end of a ban that was lifted is not that of the next one.
    node.ban_for(PEER, MINUTE);
    assert_eq!(node.unban(&PEER), Ok(()));
    assert!(!banned());
    node.ban_for(PEER, 2 * MINUTE);
    advance(MINUTE).await;
    assert!(banned());
    // What the clock cannot reach is for good; what takes no time is over.
    node.ban_for(PEER, Duration::MAX);
    advance(100_000 * MINUTE).await;
    assert_eq!(node.ban(PEER), Err(StateError::AlreadyBanned));
    node.ban_only_for(PEER, Duration::ZERO);
    assert!(!banned());
}

#[tokio::test(start_paused = true)]
async fn addresses_are_banned_for_a_time_like_keys() {
    let node = node(config());
    let mapped = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
    let live = Stepped::open(&node, Origin::inbound(Some(ADDRESS))).unwrap();
    node.ban_address_for(mapped, MINUTE);
    idle().await;
    assert_eq!(live.handle.ended().map(|ended| ended.reason), Some(Reason::Banned));
    assert_eq!(turned_away(&node, ADDRESS), Some(Reason::Banned));
    assert_eq!(node.ban_address(ADDRESS), Ok(()), "for good now, under either name");
    advance(MINUTE).await;
    assert_eq!(node.ban_address(mapped), Err(StateError::AlreadyBanned));
    node.ban_address_only_for(ADDRESS, MINUTE);
    assert!(node.is_address_banned(mapped));
    advance(MINUTE).await;
    assert_eq!(turned_away(&node, ADDRESS), None, "nobody asked before the connection came");
    assert!(!node.is_address_banned(ADDRESS));
    node.ban_address_for(ADDRESS, MINUTE);
    assert_eq!((node.unban_address(mapped), node.unban_address(mapped)), (Ok(()), Err(StateError::NotBanned)));
}

#[tokio::test(start_paused = true)]
async fn many_bans_end_each_at_its_time() {
    let node = node(config());
    for key in 0..100 {
        node.ban_for(key, MINUTE * (100 - key));
        node.ban_address_for(IpAddr::from(Ipv4Addr::from(key)), MINUTE * (key + 1));
    }
    for minute in 1..=100 {
        advance(MINUTE).await;
        let keys = (0..100).filter(|key| node.is_banned(key)).count();
        let addresses = (0..100).filter(|&key| node.is_address_banned(Ipv4Addr::from(key).into())).count();
        assert_eq!((keys, addresses), (100 - minute, 100 - minute), "after {minute} minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_disconnected_with_all_its_sessions() {
    let mut config = config();
    config.registry.duplicates = Duplicates::Allow(2);
    let node = node(config);
    let mut events = node.subscribe().unwrap();
    let sessions = [up(&node, PEER).await, up(&node, PEER).await];
    let other = up(&node, 2).await;
    let told = shaking(&node);
    assert_eq!(told.signal.handshake_done(PEER, ()), Ok(Greeting::First));
    assert_eq!(node.disconnect_key(&PEER, Reason::Application("seven")), 3);
    assert_eq!(node.disconnect_key(&PEER, Reason::Local), 0, "they were told before");
    assert_eq!(node.disconnect_key(&9, Reason::Local), 0);
    idle().await;
    let [one, two] = sessions.map(|session| session.id());
    let down = |session| Heard::Down(session, Reason::Application("seven"));
    let mut expected = vec![Heard::Up(one), Heard::Up(two), Heard::Up(other.id()), down(one), down(two)];
    let mut found = heard(&mut events);
    expected.sort_by_key(|event| format!("{event:?}"));
    found.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(found, expected);
    assert_eq!(told.handle.ended().map(|ended| ended.announced), Some(false));
    assert_eq!(node.peers().len(), 1);
    let again = up(&node, PEER).await;
    assert_eq!(again.handle.ended(), None, "it is not banned");
    assert_eq!((node.disconnect_key(&PEER, Reason::Local), node.disconnect_key(&2, Reason::Local)), (1, 1));
    idle().await;
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn all_sessions_of_an_address_or_a_network_are_disconnected() {
    let node = node(config());
    let open = |address: &str| Stepped::open(&node, Origin::inbound(address.parse().ok())).expect("there is a slot");
    let (mut up, shaking, other) = (open("192.0.2.1"), open("::ffff:192.0.2.2"), open("198.51.100.1"));
    up.handshake_done(PEER);
    idle().await;
    let network: Network = "192.0.2.0/24".parse().unwrap();
    assert_eq!(node.disconnect_address(network, Reason::Local), 2);
    assert_eq!(node.disconnect_address(network, Reason::Local), 0, "they were told before");
    idle().await;
    for session in [up, shaking] {
        assert_eq!(session.handle.ended().map(|ended| ended.reason), Some(Reason::Local));
    }
    assert_eq!(other.handle.ended(), None);
    assert_eq!(node.disconnect_address("198.51.100.1".parse::<IpAddr>().unwrap(), Reason::Local), 1);
    assert_eq!(turned_away(&node, ADDRESS), None, "it is not banned");
}
