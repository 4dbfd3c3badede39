//! For whom a full node evicts nobody: a connection that would be turned away all the same.

use std::net::{IpAddr, Ipv4Addr};

use handfast::lifecycle::{
    Announcement, Config, Core, Direction, Duplicates, Limits, NodeConfig, Origin, Reason, WhenFull,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::lifecycle::support::{Node, Stepped, idle, node};

fn evicting(limits: Limits) -> Node {
    node(NodeConfig::new(Config::new(limits, Duplicates::KeepOld).with_when_full(WhenFull::EvictWorst)))
}

fn v4(network: u8, host: u8) -> Option<IpAddr> {
    Some(Ipv4Addr::new(10, 0, network, host).into())
}

async fn up(node: &Node, origin: Origin, key: u32) -> Stepped {
    let mut session = Stepped::open(node, origin).expect("there is a slot");
    session.handshake_done(key);
    idle().await;
    session
}

/// A connection of this origin is turned away for this reason, and everybody stays.
fn assert_turned_away(node: &Node, origin: Origin, reason: Reason) {
    let before = node.sessions().len();
    let refused = Stepped::open(node, origin).err().map(|rejected| rejected.reason);
    assert_eq!((refused, node.sessions().len()), (Some(reason), before), "{origin:?}");
    assert_eq!(node.metrics().downs.get(Reason::Evicted.name()), None, "{origin:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_evicted_for_a_dial_that_finds_no_slot_for_dials() {
    let node = evicting(Limits::by_direction(4, 1));
    let mut held = vec![up(&node, Origin::outbound(v4(9, 1)), 0).await];
    for key in 1..5 {
        held.push(up(&node, Origin::inbound(v4(key as u8, 1)), key).await);
    }
    assert_turned_away(&node, Origin::outbound(v4(9, 2)), Reason::Full);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_evicted_for_a_source_that_has_too_much_already() {
    let limits = Limits::by_direction(6, 2);
    for limits in [limits.with_per_address(2), limits.with_per_source(2), limits.with_pending_per_source(2)] {
        let node = evicting(limits);
        let mut held = Vec::new();
        for key in 0..4 {
            held.push(up(&node, Origin::inbound(v4(key as u8, 1)), key).await);
        }
        for _ in 0..2 {
            held.push(Stepped::open(&node, Origin::inbound(v4(9, 1))).expect("there is a slot"));
        }
        let mapped = IpAddr::from(Ipv4Addr::new(10, 0, 9, 1).to_ipv6_mapped());
        for address in [v4(9, 1), Some(mapped)] {
            assert_turned_away(&node, Origin::inbound(address), Reason::Inbound);
        }
        let another = up(&node, Origin::inbound(v4(8, 1)), 10).await;
        assert_eq!(
            (another.handle.ended(), node.sessions().len()),
            (None, 6),
            "another source has its slot: {limits:?}"
        );
    }
}

/// Those that are announced would not make room for one more that is not.
#[tokio::test(start_paused = true)]
async fn a_silent_session_and_no_peer_is_evicted_where_the_slots_of_silent_ones_are_taken_too() {
    let node = evicting(Limits::new(4, 2));
    let silent = [1, 2].map(|network| Stepped::open(&node, Origin::inbound(v4(network, 1))).expect("there is a slot"));
    let peers =
        [up(&node, Origin::inbound(v4(3, 1)).privileged(), 1).await, up(&node, Origin::outbound(None), 2).await];
    let _newcomer = Stepped::open(&node, Origin::inbound(v4(5, 1))).expect("the younger silent one gave way");
    assert_eq!(silent[1].handle.ended().map(|ended| ended.reason), Some(Reason::Evicted));
    assert!(silent[..1].iter().chain(&peers).all(|session| session.handle.ended().is_none()));

    let node = evicting(Limits::new(4, 4));
    let mut held = vec![Stepped::open(&node, Origin::inbound(v4(1, 1))).expect("there is a slot")];
    for key in 2..5 {
        held.push(up(&node, Origin::inbound(v4(key as u8, 1)), key).await);
    }
    node.set_limits(Limits::new(4, 1)).expect("they are sound");
    assert_turned_away(&node, Origin::inbound(v4(5, 1)), Reason::Full);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_evicted_where_limits_were_lowered_and_one_slot_is_not_enough() {
    let node = evicting(Limits::by_direction(6, 2));
    let mut held = Vec::new();
    for key in 0..6 {
        held.push(up(&node, Origin::inbound(v4(key as u8, 1)), key).await);
    }
    node.set_limits(Limits::by_direction(3, 2)).expect("they are sound");
    for origin in [Origin::inbound(v4(9, 1)), Origin::outbound(v4(9, 1)), Origin::outbound(v4(9, 1)).privileged()] {
        assert_turned_away(&node, origin, Reason::Full);
    }
}

/// Whatever is full: who is evicted makes room, and one whom an eviction would help is not turned away while there is
/// somebody to evict.
#[test]
fn whoever_is_evicted_makes_room() {
    let mut evictions = 0;
    for seed in 0..400 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut limit = |most: usize| random.random_range(1..=most);
        let limits = Limits::by_direction(limit(6), limit(3))
            .with_reserved(limit(3) - 1)
            .with_pending_inbound(limit(4))
            .with_per_address(limit(3))
            .with_per_source(limit(4))
            .with_pending_per_source(limit(3));
        let config = Config::new(limits, Duplicates::Allow(9)).with_when_full(WhenFull::EvictWorst);
        let mut core = Core::<u8>::new(config).expect("the configuration is sound");
        for _ in 0..40 {
            let direction = if random.random_ratio(3, 4) { Direction::Inbound } else { Direction::Outbound };
            let address = v4(random.random_range(0..3), random.random_range(0..2));
            let privileged = random.random_ratio(1, 8);
            let origin = Origin { direction, address, privileged };
            let worst = core.worst(origin);
            if let Some(worst) = worst {
                evictions += 1;
                core.disconnect(worst, Reason::Evicted).expect("it was not told before");
                core.end(worst, Reason::Evicted).expect("it was there");
            }
            match core.open(origin) {
                Ok(session) if random.random() => {
                    let _ = core.handshake_done(session, 0, ());
                    assert_eq!(core.announce(session), Ok(Announcement::Up), "seed {seed}");
                }
                Ok(_) => {}
                Err(rejected) => assert_eq!(worst, None, "seed {seed}: evicted for nothing, {origin:?}: {rejected}"),
            }
        }
    }
    assert!(evictions > 400, "hardly anybody was evicted: {evictions}");
}
