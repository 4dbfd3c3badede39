//! What strangers can fill, and what they cannot; sources; eviction; limits that change.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use handfast::lifecycle::{
    Config, ConfigError, Direction, Duplicates, Limits, NodeConfig, Origin, Reason, StateError, WhenFull,
};

use crate::lifecycle::support::{Heard, Node, Stepped, assert_empty, config, heard, idle, node};

fn limited(limits: Limits) -> Node {
    node(NodeConfig::new(Config::new(limits, Duplicates::KeepOld)))
}

fn evicting(limits: Limits) -> Node {
    node(NodeConfig::new(Config::new(limits, Duplicates::KeepOld).with_when_full(WhenFull::EvictWorst)))
}

fn v4(network: u8, host: u8) -> Option<IpAddr> {
    Some(Ipv4Addr::new(10, 0, network, host).into())
}

fn refusal(node: &Node, origin: Origin) -> Option<Reason> {
    Stepped::open(node, origin).err().map(|rejected| rejected.reason)
}

fn silent(node: &Node, origin: Origin) -> Stepped {
    Stepped::open(node, origin).expect("there is a slot")
}

async fn up(node: &Node, origin: Origin, key: u32) -> Stepped {
    let mut session = silent(node, origin);
    session.handshake_done(key);
    idle().await;
    session
}

#[tokio::test(start_paused = true)]
async fn silent_strangers_do_not_keep_the_node_from_dialing() {
    let limits = Limits::by_direction(16, 8)
        .with_pending_inbound(8)
        .with_pending_outbound(2)
        .with_pending_per_source(4)
        .with_reserved_of_total(4);
    let node = limited(limits);
    let _silent: Vec<Stepped> = (0..8).map(|network| silent(&node, Origin::inbound(v4(network, 1)))).collect();
    assert_eq!(refusal(&node, Origin::inbound(v4(9, 1))), Some(Reason::Pending));
    let _dialed = silent(&node, Origin::outbound(v4(20, 1)));
    let _privileged = silent(&node, Origin::outbound(v4(21, 1)).privileged());
    let _trusted = silent(&node, Origin::inbound(v4(22, 1)).privileged());
    // Privileged dials do not wait for ordinary ones either.
    let _last = silent(&node, Origin::outbound(v4(23, 1)));
    assert_eq!(refusal(&node, Origin::outbound(v4(24, 1))), Some(Reason::Pending));
    assert_eq!(refusal(&node, Origin::outbound(v4(24, 1)).privileged()), None);
}

#[tokio::test(start_paused = true)]
async fn strangers_do_not_keep_the_node_from_dialing_their_neighbour_or_their_address() {
    let node = limited(Limits::by_direction(40, 8).with_pending_per_source(16).with_per_address(4).with_per_source(20));
    let _silent: Vec<Stepped> = (0..16).map(|host| silent(&node, Origin::inbound(v4(0, host)))).collect();
    assert_eq!(refusal(&node, Origin::inbound(v4(0, 99))), Some(Reason::PendingFromSource));
    let _neighbour = silent(&node, Origin::outbound(v4(0, 100)));
    let mut announced = Vec::new();
    for key in 0..4 {
        announced.push(up(&node, Origin::inbound(v4(1, 1)), key).await);
    }
    assert_eq!(refusal(&node, Origin::inbound(v4(1, 1))), Some(Reason::PerAddress));
    let _same = silent(&node, Origin::outbound(v4(1, 1)));
    // What is dialed does not count where others are accepted from there.
    assert_eq!(refusal(&node, Origin::inbound(v4(1, 2))), None);
}

#[tokio::test(start_paused = true)]
async fn every_slot_for_accepted_sessions_is_taken_and_every_one_for_dialed_ones_is_free() {
    let node = limited(Limits::by_direction(6, 3));
    let _accepted: Vec<Stepped> = (0..6).map(|host| silent(&node, Origin::inbound(v4(0, host)))).collect();
    assert_eq!(refusal(&node, Origin::inbound(None)), Some(Reason::Inbound));
    let _dialed: Vec<Stepped> = (0..3).map(|_| silent(&node, Origin::outbound(None))).collect();
    assert_eq!(refusal(&node, Origin::outbound(None)), Some(Reason::Full));
}

#[tokio::test(start_paused = true)]
async fn privileged_sessions_use_up_no_slot_of_ordinary_ones() {
    let node = limited(Limits::new(8, 1).with_outbound(1).with_inbound(1).with_per_address(1));
    let privileged = [Origin::outbound(v4(0, 1)), Origin::inbound(v4(0, 1)), Origin::inbound(v4(0, 1))];
    let _held: Vec<Stepped> = privileged.map(|origin| silent(&node, origin.privileged())).into();
    let _dialed = silent(&node, Origin::outbound(v4(0, 1)));
    let _accepted = silent(&node, Origin::inbound(v4(0, 1)));
    assert_eq!(refusal(&node, Origin::outbound(None)), Some(Reason::Outbound));
}

#[tokio::test(start_paused = true)]
async fn a_source_takes_no_more_than_its_share_however_many_addresses_it_has() {
    let address = |subnet: u16, host: u16| Some(IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, subnet, 0, 0, 0, host)));
    for (source_v6, subnets) in [(64, 0..1), (56, 0..200), (48, 0..300)] {
        let node =
            limited(Limits::by_direction(50, 8).with_per_address(1).with_per_source(5).with_source_v6(source_v6));
        let mut held = Vec::new();
        for (number, subnet) in (0..300).zip(subnets.cycle()) {
            // As many are announced as wait.
            match Stepped::open(&node, Origin::inbound(address(subnet, number))) {
                Ok(mut session) => {
                    if number % 2 == 0 {
                        session.handshake_done(number.into());
                    }
                    held.push(session);
                }
                Err(rejected) => assert_eq!(rejected.reason, Reason::PerSource),
            }
            idle().await;
        }
        assert_eq!(held.len(), 5, "a source is a /{source_v6}");
        let other = Some(IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1)));
        assert_eq!(refusal(&node, Origin::inbound(other)), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_of_ipv4_is_as_large_as_configured() {
    for (source_v4, neighbour, stranger) in [(32, v4(0, 2), v4(0, 3)), (24, v4(1, 1), v4(2, 1)), (16, None, None)] {
        let node = limited(Limits::by_direction(8, 8).with_per_source(1).with_source_v4(source_v4));
        let _first = silent(&node, Origin::inbound(v4(0, 1)));
        let within = if source_v4 == 32 { v4(0, 1) } else { v4((24 - source_v4) * 9, 9) };
        assert_eq!(refusal(&node, Origin::inbound(within)), Some(Reason::PerSource), "a source is a /{source_v4}");
        let outside = [neighbour, stranger, Some(Ipv4Addr::new(10, 1, 0, 1).into())];
        for address in outside.into_iter().flatten() {
            assert_eq!(refusal(&node, Origin::inbound(Some(address))), None, "{address} and a /{source_v4}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reserved_slots_are_not_what_ordinary_dials_have() {
    let node = limited(Limits::by_direction(16, 8).with_reserved(8));
    let _accepted: Vec<Stepped> = (0..16).map(|host| silent(&node, Origin::inbound(v4(0, host)))).collect();
    let _dialed: Vec<Stepped> = (0..8).map(|_| silent(&node, Origin::outbound(None))).collect();
    assert_eq!(refusal(&node, Origin::outbound(None)), Some(Reason::Reserved));
    let _privileged: Vec<Stepped> = (0..8).map(|_| silent(&node, Origin::outbound(None).privileged())).collect();
    assert_eq!(refusal(&node, Origin::outbound(None).privileged()), Some(Reason::Full));

    // Where they are taken from the others, strangers must leave some.
    let shared = Limits::by_direction(16, 8).with_reserved_of_total(8);
    let config = Config::<u32>::new(shared, Duplicates::KeepOld);
    let refused = ConfigError::NothingLeftToDial { inbound: 16, reserved: 8, total: 24 };
    assert_eq!(handfast::lifecycle::Core::<u32>::new(config).err(), Some(refused));
    assert_eq!(node.set_limits(shared), Err(refused));
    let fewer = limited(Limits::by_direction(16, 8).with_reserved_of_total(7));
    let _accepted: Vec<Stepped> = (0..16).map(|host| silent(&fewer, Origin::inbound(v4(0, host)))).collect();
    let _dialed = silent(&fewer, Origin::outbound(None));
}

#[tokio::test(start_paused = true)]
async fn a_mapped_address_is_shown_as_the_address_that_it_is() {
    let node = limited(Limits::new(4, 4));
    let mapped = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
    let _session = up(&node, Origin::inbound(Some(mapped)), 1).await;
    assert_eq!(node.peers()[0].origin.address, v4(0, 1));
}

/// The youngest of the source that has most gives way; the older half stays whatever its source.
#[tokio::test(start_paused = true)]
async fn a_full_node_evicts_the_youngest_of_the_source_that_has_most() {
    let node = evicting(Limits::by_direction(6, 2).with_pending_inbound(6));
    let mut events = node.subscribe().unwrap();
    let origins = [(1, 1), (1, 2), (1, 3), (2, 1), (1, 4), (3, 1)];
    let mut sessions = Vec::new();
    for (key, (network, host)) in (0..).zip(origins) {
        sessions.push(up(&node, Origin::inbound(v4(network, host)), key).await);
    }
    heard(&mut events);
    let newcomer = up(&node, Origin::inbound(v4(4, 1)), 10).await;
    let evicted = &sessions[4];
    assert_eq!(evicted.handle.ended().map(|ended| (ended.announced, ended.reason)), Some((true, Reason::Evicted)));
    assert_eq!(heard(&mut events), [Heard::Down(evicted.id(), Reason::Evicted), Heard::Up(newcomer.id())]);
    // Of those that are left in the younger half each is the only one of its source: the youngest goes.
    let next = up(&node, Origin::inbound(v4(5, 1)), 11).await;
    assert_eq!(newcomer.handle.ended().map(|ended| ended.reason), Some(Reason::Evicted));
    assert_eq!((next.handle.ended(), node.metrics().sessions), (None, 6));
    assert!(sessions[..4].iter().all(|session| session.handle.ended().is_none()));
    assert_eq!((node.metrics().downs.get("evicted"), node.metrics().refused.len()), (Some(&2), 0));
}

#[tokio::test(start_paused = true)]
async fn eviction_spares_what_is_dialed_privileged_or_alone() {
    let node = evicting(Limits::new(3, 3).with_inbound(1));
    let alone = up(&node, Origin::inbound(v4(1, 1)), 1).await;
    assert_eq!(refusal(&node, Origin::inbound(v4(2, 1))), Some(Reason::Inbound), "the older half is protected");
    let dialed = up(&node, Origin::outbound(v4(3, 1)), 2).await;
    let privileged = up(&node, Origin::inbound(v4(3, 1)).privileged(), 3).await;
    assert_eq!(refusal(&node, Origin::inbound(v4(2, 1))), Some(Reason::Full));
    for session in [alone, dialed, privileged] {
        assert_eq!(session.handle.ended(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dial_finds_a_slot_in_a_full_node_that_evicts() {
    let node = evicting(Limits::new(2, 2));
    let (old, young) = (up(&node, Origin::inbound(v4(1, 1)), 1).await, silent(&node, Origin::inbound(v4(1, 2))));
    let dialed = up(&node, Origin::outbound(v4(2, 1)), 2).await;
    idle().await;
    assert_eq!(young.handle.ended().map(|ended| (ended.announced, ended.reason)), Some((false, Reason::Evicted)));
    assert_eq!((old.handle.ended(), dialed.handle.ended()), (None, None));
}

/// Silent connections of one source push out each other, and not the peers that are up.
#[tokio::test(start_paused = true)]
async fn a_flood_of_silent_connections_does_not_keep_a_stranger_out() {
    let node = evicting(Limits::by_direction(8, 2).with_pending_inbound(4));
    let peer = up(&node, Origin::inbound(v4(1, 1)), 1).await;
    let flood: Vec<Stepped> = (0..20).map(|host| silent(&node, Origin::inbound(v4(9, host)))).collect();
    let stranger = up(&node, Origin::inbound(v4(2, 1)), 2).await;
    assert_eq!((peer.handle.ended(), stranger.handle.ended()), (None, None));
    assert_eq!(flood.iter().filter(|session| session.handle.ended().is_none()).count(), 3);
    drop(flood);
}

#[tokio::test(start_paused = true)]
async fn limits_that_are_set_at_run_time_hold_from_the_next_connection_on() {
    let node = limited(Limits::new(2, 2));
    let first = up(&node, Origin::inbound(None), 1).await;
    let second = up(&node, Origin::inbound(None), 2).await;
    node.set_limits(Limits::new(1, 1)).unwrap();
    assert_eq!((first.handle.ended(), second.handle.ended()), (None, None), "they keep their slots");
    assert_eq!(refusal(&node, Origin::inbound(None)), Some(Reason::Full));
    first.handle.abort();
    first.handle.wait().await;
    assert_eq!(refusal(&node, Origin::inbound(None)), Some(Reason::Full));
    node.set_limits(Limits::new(3, 3).with_inbound(1)).unwrap();
    assert_eq!(refusal(&node, Origin::inbound(None)), Some(Reason::Inbound));
    assert_eq!((node.limits().inbound, refusal(&node, Origin::outbound(None))), (1, None));
    // Queues hold what was configured for two, and no more.
    assert_eq!(node.set_limits(Limits::new(5, 5)), Err(ConfigError::CapacityTooSmall { capacity: 5, total: 5 }));
    assert_eq!(node.set_limits(Limits::new(0, 1)), Err(ConfigError::AdmitsNone { limit: "total" }));
    assert_eq!(node.limits().total, 3, "nothing has changed");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_granted_privilege_gives_its_slot_to_the_next() {
    let node = limited(Limits::new(3, 1).with_inbound(1).with_pending_per_source(1));
    let mut trusted = silent(&node, Origin::inbound(v4(0, 1)));
    assert_eq!(refusal(&node, Origin::inbound(v4(0, 2))), Some(Reason::Inbound));
    trusted.signal.grant_privilege().unwrap();
    assert_eq!(trusted.signal.grant_privilege(), Err(StateError::AlreadyPrivileged(trusted.id())));
    trusted.handshake_done(1);
    idle().await;
    assert!(node.peers()[0].origin.privileged);
    assert!(matches!(trusted.signal.grant_privilege(), Err(StateError::WrongStage { .. })), "it is too late");
    let stranger = up(&node, Origin::inbound(v4(0, 2)), 2).await;
    assert_eq!(refusal(&node, Origin::inbound(v4(0, 3))), Some(Reason::Inbound));
    for session in [trusted, stranger] {
        session.handle.abort();
        session.handle.wait().await;
    }
    assert_empty(&node);
}

#[tokio::test(start_paused = true)]
async fn our_own_key_is_refused_under_every_policy() {
    let policies =
        [Duplicates::KeepOld, Duplicates::KeepNew, Duplicates::TieBreak, Duplicates::Allow(1), Duplicates::Allow(2)];
    for duplicates in policies {
        for origin in [Origin::inbound(None), Origin::outbound(None).privileged()] {
            let mut config = config();
            config.registry.duplicates = duplicates;
            config.registry.local = Some(7);
            let node = node(config);
            let mirror = up(&node, origin, 7).await;
            let ended = mirror.handle.ended().map(|ended| (ended.announced, ended.reason));
            assert_eq!(ended, Some((false, Reason::Myself)), "{duplicates:?}");
            assert_eq!(up(&node, origin, 8).await.handle.ended(), None);
        }
    }
}

/// Both ends know the ranks of two connections that one of them dialed, and come to them in different orders.
#[tokio::test(start_paused = true)]
async fn both_ends_keep_the_one_of_greater_rank_of_two_that_one_end_dialed() {
    const KEYS: [u32; 2] = [1, 2];
    for dialer in [0, 1] {
        for order in [[3, 5], [5, 3]] {
            for (end, remote) in [(0, 1), (1, 0)] {
                let mut config = config();
                config.registry.duplicates = Duplicates::TieBreak;
                config.registry.local = Some(KEYS[end]);
                let node = node(config);
                let mut held = Vec::new();
                let direction = if dialer == end { Direction::Outbound } else { Direction::Inbound };
                for rank in order {
                    let mut session = silent(&node, Origin { direction, ..Origin::inbound(None) });
                    session.signal.set_rank(rank).unwrap();
                    session.handshake_done(KEYS[remote]);
                    idle().await;
                    let late = session.signal.set_rank(9);
                    assert!(matches!(late, Err(StateError::WrongStage { .. } | StateError::NoSuchSession(_))));
                    held.push(session);
                }
                assert_eq!(node.peers().iter().map(|peer| peer.rank).collect::<Vec<_>>(), [5]);
            }
        }
    }
}

#[test]
fn configurations_that_admit_no_peer_are_refused() {
    let free = Limits::new(4, 4);
    let cases = [
        ("total", free.with_total(0)),
        ("inbound and outbound", free.with_inbound(0).with_outbound(0)),
        ("pending_inbound", free.with_pending_inbound(0)),
        ("pending_outbound", free.with_pending_outbound(0)),
        ("pending_per_source", free.with_pending_per_source(0)),
        ("per_source", free.with_per_source(0)),
        ("per_address", free.with_per_address(0)),
    ];
    for (limit, limits) in cases {
        let config = NodeConfig::new(Config::new(limits, Duplicates::KeepOld));
        assert_eq!(Node::new(config).err(), Some(ConfigError::AdmitsNone { limit }));
    }
    let sound = [
        Limits::by_direction(4, 0),
        Limits::by_direction(0, 4),
        Limits::by_direction(4, 0).with_pending_outbound(0),
        // Privileged sessions alone.
        free.with_inbound(0).with_outbound(0).with_reserved_of_total(4),
    ];
    for limits in sound {
        assert!(Node::new(NodeConfig::new(Config::new(limits, Duplicates::KeepOld))).is_ok(), "{limits:?}");
    }
    let mut timeless = config();
    timeless.handshake_timeout = std::time::Duration::ZERO;
    assert_eq!(Node::new(timeless).err(), Some(ConfigError::NoTimeForHandshake));
    let mut anonymous = config();
    anonymous.registry.duplicates = Duplicates::TieBreak;
    assert_eq!(Node::new(anonymous).err(), Some(ConfigError::NoLocalKey));
}

#[tokio::test(start_paused = true)]
async fn a_configuration_finds_its_capacity() {
    for limits in [Limits::new(1, 1), Limits::by_direction(100, 20), Limits::new(usize::MAX / 4, 4)] {
        let config = Config::<u32>::new(limits, Duplicates::KeepNew);
        assert_eq!(config.capacity, 2 * limits.total + 1);
        assert!(Node::new(NodeConfig::new(config)).is_ok());
    }
}
