//! Whatever a node is configured with, what it records is a behaviour of the model; and what goes beyond a limit of the
//! configuration is not.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use conformance::log::Log;
use conformance::paused;
use handfast::lifecycle::{Config, Duplicates, Handshake, Limits, Network, Node, NodeConfig, Origin, Reason, WhenFull};
use model::checker::explain::{Explanation, explain};
use model::lifecycle::handfast::Handfast;
use proptest::prelude::*;
use tokio::time::{advance, sleep};

type Peers = Node<&'static str>;

/// Less than our own key, our own, and greater.
const KEYS: [&str; 5] = ["a", "b", OUR_OWN, "y", "z"];
const OUR_OWN: &str = "m";

/// Two of one source, under two names, and two of others.
const ADDRESSES: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped()),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

const HANDSHAKE: Duration = Duration::from_secs(10);

/// What happens to a node from outside, one thing after the other.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// A connection that says who it is, or stays silent.
    Connection(Origin, Option<Greeting>),
    Abort(usize),
    Disconnect(usize),
    DisconnectKey(&'static str),
    Ban(&'static str, Option<Duration>),
    Unban(&'static str),
    BanAddress(Network, Option<Duration>),
    UnbanAddress(Network),
    DisconnectAddress(Network),
    SetLimits(Limits),
    Time(Duration),
}

/// What a handshake says.
#[derive(Clone, Copy, Debug)]
struct Greeting {
    key: &'static str,
    rank: u32,
    is_trusted: bool,
}

fn greeting() -> impl Strategy<Value = Greeting> {
    (key(), 0..3_u32, prop::bool::weighted(0.2)).prop_map(|(key, rank, is_trusted)| Greeting { key, rank, is_trusted })
}

fn network() -> impl Strategy<Value = Network> {
    (address(), prop_oneof![Just(u8::MAX), Just(120), Just(24), Just(0)])
        .prop_map(|(address, length)| Network::new(address, length))
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&KEYS[..])
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop::sample::select(&ADDRESSES[..])
}

fn duration() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((1..8_u64).prop_map(Duration::from_secs))
}

fn origin() -> impl Strategy<Value = Origin> {
    let known = (any::<bool>(), prop::option::weighted(0.8, address()), prop::bool::weighted(0.15));
    known.prop_map(|(accepted, address, privileged)| {
        let origin = if accepted { Origin::inbound(address) } else { Origin::outbound(address) };
        if privileged { origin.privileged() } else { origin }
    })
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => (origin(), prop::option::weighted(0.8, greeting())).prop_map(|(origin, said)| Happens::Connection(origin, said)),
        1 => (0..40_usize).prop_map(Happens::Abort),
        4 => (0..40_usize).prop_map(Happens::Disconnect),
        1 => key().prop_map(Happens::DisconnectKey),
        1 => (key(), duration()).prop_map(|(key, duration)| Happens::Ban(key, duration)),
        1 => key().prop_map(Happens::Unban),
        1 => (network(), duration()).prop_map(|(network, duration)| Happens::BanAddress(network, duration)),
        1 => network().prop_map(Happens::UnbanAddress),
        1 => network().prop_map(Happens::DisconnectAddress),
        1 => limits().prop_map(Happens::SetLimits),
        4 => (0..6_u64).prop_map(|seconds| Happens::Time(Duration::from_secs(seconds))),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let most = || prop_oneof![Just(usize::MAX), 1..4_usize];
    let lengths = prop_oneof![Just((24, 64)), Just((16, 48)), Just((32, 128))];
    (3..7_usize, (2..6_usize, 2..6_usize), most(), most(), most(), most(), most(), 0..3_usize, lengths).prop_map(
        |(total, pending, inbound, outbound, pending_per_source, per_source, per_address, reserved, lengths)| {
            // What is accepted must leave something to dial with.
            let inbound = if inbound < total && inbound + reserved >= total { usize::MAX } else { inbound };
            Limits::new(total, pending.0)
                .with_inbound(inbound)
                .with_outbound(outbound)
                .with_pending_outbound(pending.1)
                .with_pending_per_source(pending_per_source)
                .with_per_source(per_source)
                .with_per_address(per_address)
                .with_reserved_of_total(reserved)
                .with_source_v4(lengths.0)
                .with_source_v6(lengths.1)
        },
    )
}

/// What becomes of duplicates, and our own key, which is known where it must be and elsewhere now and then.
type Policy = (Duplicates, Option<&'static str>);

fn policies() -> impl Strategy<Value = Policy> {
    let policies = prop_oneof![
        Just(Duplicates::KeepOld),
        Just(Duplicates::KeepNew),
        Just(Duplicates::TieBreak),
        (1..4_usize).prop_map(Duplicates::Allow),
    ];
    (policies, any::<bool>()).prop_map(|(duplicates, is_known)| {
        (duplicates, (is_known || duplicates == Duplicates::TieBreak).then_some(OUR_OWN))
    })
}

fn node(limits: Limits, (duplicates, local): Policy, when_full: WhenFull, log: &Log) -> Peers {
    let registry =
        Config::new(limits, duplicates).with_capacity(2 * limits.total).with_local(local).with_when_full(when_full);
    let config = NodeConfig::new(registry).with_handshake_timeout(HANDSHAKE);
    Node::recorded(config, log.clone()).expect("whatever is sound can be recorded")
}

/// Runs what happens, with a subscriber that keeps up; what was recorded.
fn recorded(limits: Limits, policy: Policy, when_full: WhenFull, happens: &[Happens]) -> Vec<u8> {
    let log = Log::default();
    paused::runtime().block_on(async {
        let node = node(limits, policy, when_full, &log);
        let mut events = node.subscribe().expect("the node is open");
        let mut sessions = Vec::new();
        for &happens in happens {
            match happens {
                Happens::Connection(origin, said) => sessions.extend(connect(&node, origin, said)),
                Happens::Abort(number) => sessions.get(number).into_iter().for_each(|session| session.abort()),
                Happens::Disconnect(number) => {
                    let session = sessions.get(number).map(handfast::lifecycle::SessionHandle::session);
                    let _ = session.map(|session| node.disconnect(session, Reason::Local));
                }
                Happens::DisconnectKey(key) => drop(node.disconnect_key(&key, Reason::Local)),
                Happens::Ban(key, None) => drop(node.ban(key)),
                Happens::Ban(key, Some(duration)) => node.ban_for(key, duration),
                Happens::Unban(key) => drop(node.unban(&key)),
                Happens::BanAddress(address, None) => drop(node.ban_address(address)),
                Happens::BanAddress(address, Some(duration)) => node.ban_address_for(address, duration),
                Happens::UnbanAddress(address) => drop(node.unban_address(address)),
                Happens::DisconnectAddress(network) => drop(node.disconnect_address(network, Reason::Local)),
                Happens::SetLimits(limits) => drop(node.set_limits(limits)),
                Happens::Time(time) => advance(time).await,
            }
            sleep(Duration::from_millis(1)).await;
            while events.try_next().is_some() {}
        }
        let report = node.shutdown(Duration::from_secs(1)).await;
        assert_eq!((report.aborted, node.metrics().sessions), (0, 0));
        while events.try_next().is_some() {}
        node.flush_record().expect("memory takes everything");
    });
    log.take()
}

fn connect(node: &Peers, origin: Origin, said: Option<Greeting>) -> Option<handfast::lifecycle::SessionHandle> {
    let handshake = move |signal: Handshake<&'static str>| async move {
        match said {
            Some(Greeting { key, rank, is_trusted }) => {
                if is_trusted {
                    let _ = signal.grant_privilege();
                }
                let _ = signal.set_rank(rank);
                let _ = signal.handshake_done(key, ());
            }
            None => std::future::pending().await,
        }
        Ok::<(), ()>(())
    };
    node.open(origin, handshake, |_live, ()| std::future::pending::<Reason>()).ok()
}

fn explained(log: &[u8]) -> Explanation {
    explain::<Handfast>(&mut &*log).expect("what is recorded can be read")
}

#[test]
fn every_configuration_is_recorded_as_a_behaviour_of_the_model() {
    let words = [
        "\"rejected\"",
        "full",
        "\"pending\"]",
        "reserved\"]",
        "inbound\"]",
        "outbound\"]",
        "per_address\"]",
        "pending_from_source",
        "per_source\"]",
        "privileged\":0",
        "ranked",
        "limited",
        "unsound",
        "myself",
        "duplicate\"]",
        "banned\"]",
        "network_banned",
        "network_unbanned",
        "unbanned",
        "tie_break",
        "allow",
        "disconnecting",
        "privileged\":true",
        "already_banned",
        "not_banned",
    ];
    let seen = std::cell::RefCell::new(BTreeMap::new());
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let run = |(limits, policy, evicts, happens): (Limits, Policy, bool, Vec<Happens>)| {
        let when_full = if evicts { WhenFull::EvictWorst } else { WhenFull::TurnAway };
        let log = recorded(limits, policy, when_full, &happens);
        let Explanation { runs, rejection, violated, .. } = explained(&log);
        prop_assert_eq!((runs, rejection, violated), (1, None, vec![]));
        let log = String::from_utf8_lossy(&log);
        for word in words {
            *seen.borrow_mut().entry(word).or_insert(0) += log.matches(word).count();
        }
        Ok(())
    };
    let outcome = runner.run(&(limits(), policies(), any::<bool>(), prop::collection::vec(happens(), 10..60)), run);
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    println!("{:?}", seen.borrow());
    assert!(seen.borrow().values().all(|&times| times > 0), "not everything happened that should: {:?}", seen.borrow());
}
