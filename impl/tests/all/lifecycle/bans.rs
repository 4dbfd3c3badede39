//! Bans of networks, lists of bans, and the end of many at once.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use handfast::lifecycle::{Ban, Banned, Network, Origin, Reason, StateError};
use tokio::time::advance;

use crate::lifecycle::support::{Node, Stepped, config, idle, node, up};

const MINUTE: Duration = Duration::from_secs(60);

fn network(text: &str) -> Network {
    text.parse().expect("it is a network")
}

fn turned_away(node: &Node, address: &str) -> Option<Reason> {
    let address: IpAddr = address.parse().expect("it is an address");
    Stepped::open(node, Origin::inbound(Some(address))).err().map(|rejected| rejected.reason)
}

#[tokio::test(start_paused = true)]
async fn a_ban_of_a_network_ends_all_its_sessions_and_keeps_its_addresses_out() {
    let node = node(config());
    let open = |address: &str| Stepped::open(&node, Origin::inbound(address.parse().ok())).expect("there is a slot");
    let (mut first, second, other) = (open("2001:db8::1"), open("2001:db8::2"), open("2001:db8:1::1"));
    first.handshake_done(1);
    idle().await;
    node.ban_address(network("2001:db8::/48")).unwrap();
    idle().await;
    for session in [first, second] {
        assert_eq!(session.handle.ended().map(|ended| ended.reason), Some(Reason::Banned));
    }
    assert_eq!(other.handle.ended(), None);
    assert_eq!(turned_away(&node, "2001:db8:0:ffff::1"), Some(Reason::Banned));
    assert_eq!(turned_away(&node, "2001:db8:1::2"), None);
}

/// An IPv4 address and its mapped form are one, alone and in a network.
#[tokio::test(start_paused = true)]
async fn a_network_of_mapped_addresses_is_the_network_of_ipv4() {
    let node = node(config());
    node.ban_address(network("::ffff:192.0.2.0/120")).unwrap();
    assert_eq!(node.ban_address(network("192.0.2.77/24")), Err(StateError::AlreadyBanned));
    for address in ["192.0.2.1", "::ffff:192.0.2.1"] {
        assert!(node.is_address_banned(address.parse().unwrap()));
        assert_eq!(turned_away(&node, address), Some(Reason::Banned));
    }
    assert!(!node.is_address_banned("192.0.3.1".parse().unwrap()));
    // A prefix that is shorter than that of mapped addresses has none of IPv4.
    node.ban_address(network("::/0")).unwrap();
    assert!(!node.is_address_banned("192.0.3.1".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_address_is_banned_as_long_as_one_network_that_has_it_is() {
    let node = node(config());
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    node.ban_address(address).unwrap();
    node.ban_address_for(network("192.0.2.0/24"), MINUTE);
    node.ban_address_for(network("192.0.0.0/16"), 2 * MINUTE);
    node.unban_address(address).unwrap();
    assert_eq!(node.unban_address(address), Err(StateError::NotBanned), "it is not banned alone");
    advance(MINUTE).await;
    assert!(node.is_address_banned(address));
    advance(MINUTE).await;
    assert_eq!(turned_away(&node, "192.0.2.1"), None);
}

#[tokio::test(start_paused = true)]
async fn bans_are_listed_with_what_is_left_and_imported_by_the_next_node() {
    let first = node(config());
    first.ban(7).unwrap();
    first.ban_for(3, 3 * MINUTE);
    first.ban_for(5, MINUTE);
    first.ban_address_for(network("192.0.2.0/24"), 2 * MINUTE);
    advance(MINUTE).await;
    let (for_good, left) = (None, |minutes: u32| Some(minutes * MINUTE));
    let expected = [
        Ban { banned: Banned::Key(3), left: left(2) },
        Ban { banned: Banned::Key(7), left: for_good },
        Ban { banned: Banned::Network(network("192.0.2.0/24")), left: left(1) },
    ];
    assert_eq!((first.bans(), first.ban_count()), (expected.to_vec(), 3), "one of them is over");

    let written = serde_json::to_string(&first.bans()).expect("bans are plain data");
    assert!(written.contains("192.0.2.0/24"), "{written}");
    let read: Vec<Ban<u32>> = serde_json::from_str(&written).expect("it was written so");
    let second = node(config());
    // What is banned for longer stays so.
    second.ban_for(3, 10 * MINUTE);
    second.import_bans(read);
    advance(MINUTE).await;
    assert_eq!((second.is_banned(&3), second.is_banned(&7), second.ban_count()), (true, true, 2));
    advance(2 * MINUTE).await;
    assert!(second.is_banned(&3) && second.is_banned(&7));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_bans_has_each_of_many() {
    let node = node(config());
    node.import_bans((0..1_000).map(|key| Ban { banned: Banned::Key(key), left: None }));
    node.import_bans((0..1_000_u32).map(|bits| Ban {
        banned: Banned::Network(IpAddr::from(Ipv4Addr::from_bits(bits)).into()),
        left: Some(MINUTE),
    }));
    let bans = node.bans();
    assert_eq!((bans.len(), node.ban_count()), (2_000, 2_000));
    let keys = bans.iter().filter_map(|ban| match ban.banned {
        Banned::Key(key) => Some(key),
        Banned::Network(_) => None,
    });
    assert!(keys.eq(0..1_000));
}

/// The handshake has said who it is and goes on; a ban does not wait for its end.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_said_who_it_is_ends_at_once_under_a_new_ban() {
    let node = node(config());
    let waiting = Stepped::open(&node, Origin::inbound(None)).unwrap();
    let _ = waiting.signal.handshake_done(1, ()).unwrap();
    idle().await;
    node.ban(1).unwrap();
    idle().await;
    let ended = waiting.handle.ended().map(|ended| (ended.announced, ended.reason));
    assert_eq!(ended, Some((false, Reason::Banned)));
}

/// One step lifts a few, so that the lock is not held for long. What a step relies on it finds lifted all the same.
#[tokio::test(start_paused = true)]
async fn many_bans_that_end_together_are_lifted_in_slices() {
    const MANY: u32 = 5_000;
    let node = node(config());
    for bits in 0..MANY {
        node.ban_for(bits, MINUTE);
        node.ban_address_for(IpAddr::from(Ipv4Addr::from_bits(bits)), MINUTE);
    }
    advance(MINUTE).await;
    let left = node.metrics().bans;
    assert!(2 * MANY as usize - 100 < left && left < 2 * MANY as usize, "{left} are left after one step");
    let late = Ipv4Addr::from_bits(MANY - 1);
    assert!(!node.is_banned(&(MANY - 1)) && !node.is_address_banned(late.into()));
    assert_eq!(node.unban(&(MANY - 2)), Err(StateError::NotBanned));
    assert_eq!(turned_away(&node, &Ipv4Addr::from_bits(MANY - 3).to_string()), None);
    let session = up(&node, MANY - 4).await;
    assert_eq!(session.handle.ended(), None);
    assert!(node.metrics().bans > 0, "most of them are still to be lifted");
    assert_eq!((node.ban_count(), node.bans(), node.metrics().bans), (0, vec![], 0));
}

#[test]
fn what_is_no_network_is_refused() {
    for text in ["", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/-1", "example.org/24", "192.0.2.0/24/8"]
    {
        let error = text.parse::<Network>().expect_err(text);
        assert!(error.to_string().starts_with(&format!("{text:?} is no network")), "{error}");
    }
}
