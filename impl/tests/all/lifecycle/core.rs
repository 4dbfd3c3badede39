//! The core of the peer lifecycle and the selector, step by step: what the driver's tests and the model do not look at.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use handfast::lifecycle::{
    ActivePeer, Announcement, Config, ConfigError, Core, Duplicates, Greeting, Heard, Limits, Origin, Reason,
    SessionId, StateError, Switch,
};

fn core(limits: Limits) -> Core<u8> {
    let config = Config::new(limits, Duplicates::KeepOld).with_capacity(limits.total + 1);
    Core::new(config).expect("the configuration is sound")
}

fn open(core: &mut Core<u8>) -> SessionId {
    core.open(Origin::inbound(None)).expect("there is a slot")
}

fn greeted(core: &mut Core<u8>, key: u8) -> SessionId {
    let session = open(core);
    assert_eq!(core.handshake_done(session, key, ()), Ok(Greeting::First));
    session
}

fn up(core: &mut Core<u8>, key: u8) -> SessionId {
    let session = greeted(core, key);
    assert_eq!(core.announce(session), Ok(Announcement::Up));
    session
}

#[test]
fn what_can_be_seen_of_a_core_is_what_was_done() {
    let mut core = core(Limits::new(3, 2));
    let (first, second) = (open(&mut core), up(&mut core, 7));
    assert_eq!((first.number(), second.number()), (0, 1));
    assert_eq!(open(&mut core).number(), 2);
    assert_eq!((core.slots_held(), core.pending()), (3, 2));
    assert_eq!(core.sessions().map(SessionId::number).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(core.contains(second));
    core.end(second, Reason::Local).unwrap();
    assert!(!core.contains(second));
    assert_eq!((core.slots_held(), core.pending()), (2, 2));
}

#[test]
fn a_session_is_to_end_when_it_was_told_to_or_rejected() {
    let mut core = core(Limits::new(3, 3));
    let (told, holder, rejected) = (open(&mut core), up(&mut core, 7), greeted(&mut core, 7));
    assert!([told, holder, rejected].iter().all(|&session| !core.is_to_end(session)));
    core.disconnect(told, Reason::Local).unwrap();
    assert_eq!(core.announce(rejected), Ok(Announcement::Rejected(Reason::Duplicate)));
    assert!(core.is_to_end(told) && core.is_to_end(rejected) && !core.is_to_end(holder));
    core.end(told, Reason::Local).unwrap();
    assert!(!core.is_to_end(told), "it has ended");
}

#[test]
fn a_key_is_banned_from_its_ban_to_its_end() {
    let mut core = core(Limits::new(1, 1));
    assert!(!core.is_banned(&7));
    core.ban(7).unwrap();
    assert!(core.is_banned(&7) && !core.is_banned(&8));
    core.unban(&7).unwrap();
    assert!(!core.is_banned(&7));
}

#[test]
fn all_slots_may_be_reserved_and_no_more() {
    let config = |reserved| {
        let limits = Limits::new(2, 2).with_reserved_of_total(reserved);
        Config::<u8>::new(limits, Duplicates::KeepOld).with_capacity(3)
    };
    assert_eq!(Core::<u8>::new(config(3)).err(), Some(ConfigError::ReservedTooMany { reserved: 3, total: 2 }));
    let mut core: Core<u8> = Core::new(config(2)).expect("both may be reserved");
    let rejected = core.open(Origin::inbound(None)).expect_err("none is for everybody");
    assert_eq!(rejected.reason, Reason::Reserved);
    assert!(core.open(Origin::inbound(None).privileged()).is_ok());
}

#[test]
fn a_source_is_a_64_of_ipv6() {
    let address = |network: u64, host: u64| {
        let bits = (u128::from(network) << 64) | u128::from(host);
        Origin::inbound(Some(IpAddr::from(Ipv6Addr::from_bits(bits))))
    };
    let mut core = core(Limits::new(4, 4).with_pending_per_source(1));
    assert!(core.open(address(0x2001_0db8_0000_0001, 1)).is_ok());
    for host in [1, 2, u64::MAX] {
        let reason = core.open(address(0x2001_0db8_0000_0001, host)).map_err(|rejected| rejected.reason);
        assert_eq!(reason, Err(Reason::PendingFromSource));
    }
    assert!(core.open(address(0x2001_0db8_0000_0002, 1)).is_ok());
    assert!(core.open(address(0x2001_0db8_0000_0003, 1)).is_ok());
}

#[test]
fn subscribers_are_told_apart_and_their_queues_measured() {
    let mut core = core(Limits::new(2, 2));
    assert_eq!((core.subscribers(), core.longest_queue()), (0, 0));
    let first = core.subscribe().unwrap().subscriber;
    let second = core.subscribe().unwrap().subscriber;
    assert_ne!(first, second);
    assert_eq!((core.subscribers(), core.longest_queue()), (2, 0));
    let session = up(&mut core, 7);
    core.end(session, Reason::Local).unwrap();
    assert_eq!(core.longest_queue(), 2);
    assert!(core.receive(first).unwrap().is_some());
    assert_eq!(core.longest_queue(), 2, "the other has taken none");
    assert!(core.receive(second).unwrap().is_some());
    assert_eq!(core.longest_queue(), 1);
    core.unsubscribe(first).unwrap();
    assert_eq!(core.subscribers(), 1);
    assert!(core.unsubscribe(first).is_err());
}

/// Only who has no room may be cut off, and only while somebody waits for it.
#[test]
fn a_subscriber_is_cut_off_only_if_it_holds_up_somebody() {
    let mut core = core(Limits::new(2, 2));
    let slow = core.subscribe().unwrap().subscriber;
    let first = up(&mut core, 1);
    core.end(first, Reason::Local).unwrap(); // Up and Down are queued, and three is all there is room for
    assert_eq!(core.holding().collect::<Vec<_>>(), [slow]);
    assert_eq!(core.evict(slow), Err(StateError::NotHolding(slow)), "there is nobody");
    let shaking = open(&mut core);
    assert_eq!(core.evict(slow), Err(StateError::NotHolding(slow)), "nobody waits: the handshake goes on");
    assert_eq!(core.handshake_done(shaking, 2, ()), Ok(Greeting::First));
    core.disconnect(shaking, Reason::Local).unwrap();
    assert_eq!(core.evict(slow), Err(StateError::NotHolding(slow)), "nobody waits: it was told to end");

    let waiting = greeted(&mut core, 3);
    assert_eq!(core.announce(waiting), Ok(Announcement::Queued));
    let prompt = core.subscribe().unwrap().subscriber;
    assert_eq!(core.evict(prompt), Err(StateError::NotHolding(prompt)), "it has room");
    assert_eq!(core.evict(slow), Ok(()));
    assert_eq!(core.announce(waiting), Ok(Announcement::Up));
}

#[test]
fn a_shutdown_begins_and_completes() {
    let mut core = core(Limits::new(1, 1));
    let session = up(&mut core, 7);
    let phase = |core: &Core<u8>| (core.is_shutting_down(), core.is_complete());
    assert_eq!((phase(&core), core.finish()), ((false, false), Err(StateError::NotShuttingDown)));
    core.shut_down().unwrap();
    assert_eq!((phase(&core), core.finish()), ((true, false), Ok(false)));
    core.end(session, Reason::ShuttingDown).unwrap();
    assert_eq!(phase(&core), (true, false));
    assert_eq!((core.finish(), phase(&core)), (Ok(true), (false, true)));
    assert_eq!((core.finish(), phase(&core)), (Err(StateError::NotShuttingDown), (false, true)));
}

#[test]
fn each_reason_has_a_name_of_its_own() {
    let reasons = [
        (Reason::Full, "full"),
        (Reason::Pending, "pending"),
        (Reason::Reserved, "reserved"),
        (Reason::Inbound, "inbound"),
        (Reason::Outbound, "outbound"),
        (Reason::PendingFromSource, "pending_from_source"),
        (Reason::PerSource, "per_source"),
        (Reason::PerAddress, "per_address"),
        (Reason::Evicted, "evicted"),
        (Reason::Banned, "banned"),
        (Reason::Duplicate, "duplicate"),
        (Reason::Myself, "myself"),
        (Reason::Replaced, "replaced"),
        (Reason::HandshakeTimeout, "handshake_timeout"),
        (Reason::HandshakeFailed, "handshake_failed"),
        (Reason::RemoteClosed, "remote_closed"),
        (Reason::Failed, "failed"),
        (Reason::Local, "local"),
        (Reason::Aborted, "aborted"),
        (Reason::Panicked, "panicked"),
        (Reason::ShuttingDown, "shutting_down"),
    ];
    for (reason, name) in reasons {
        assert_eq!((reason.name(), reason.to_string().as_str()), (name, name));
    }
    assert_eq!(reasons.iter().map(|(reason, _)| reason.name()).collect::<BTreeSet<_>>().len(), reasons.len());
    assert_eq!(
        (Reason::Application("too_old").name(), Reason::Application("too_old").to_string().as_str()),
        ("too_old", "too_old")
    );
    let mut core = core(Limits::new(1, 1));
    assert_eq!(open(&mut core).to_string(), "session 0");
}

/// Of those that are ahead the oldest is active, until it goes or stalls.
#[test]
fn the_selector_names_one_that_is_there_and_ahead() {
    let mut core = core(Limits::new(4, 4));
    let [one, two, three, four] = std::array::from_fn(|_| open(&mut core));
    let switch = |from, to| Some(Switch { from, to });
    let mut selector = ActivePeer::new();
    assert_eq!((selector.active(), selector.stalled(), selector.forget_all()), (None, None, None));
    assert_eq!(selector.ahead(one), Heard::Unknown);

    assert_eq!((selector.up(one, false), selector.active()), (None, None));
    assert_eq!((selector.up(two, true), selector.active()), (switch(None, Some(two)), Some(two)));
    assert_eq!((selector.up(three, true), selector.active()), (None, Some(two)));
    assert_eq!((selector.ahead(one), selector.active()), (Heard::Noted(None), Some(two)));
    assert_eq!((selector.up(four, true), selector.down(four)), (None, None), "it was not active");

    assert_eq!((selector.stalled(), selector.active()), (switch(Some(two), Some(one)), Some(one)));
    assert_eq!(selector.ahead(two), Heard::Noted(None), "who stalled rests");
    assert_eq!((selector.down(one), selector.active()), (switch(Some(one), Some(three)), Some(three)));
    assert_eq!((selector.down(three), selector.active()), (switch(Some(three), None), None));
    assert_eq!((selector.ahead(two), selector.active()), (Heard::Noted(None), None), "even if there is nobody else");
    assert!(selector.has_stalled(two) && !selector.has_stalled(three));
    assert_eq!((selector.reconsider(two, true), selector.active()), (switch(None, Some(two)), Some(two)));
    assert_eq!((selector.reconsider(two, true), selector.stalled()), (None, switch(Some(two), None)));
    assert_eq!((selector.reconsider(two, false), selector.has_stalled(two)), (None, false), "it is level");
    assert_eq!(
        (selector.ahead(two), selector.down(two)),
        (Heard::Noted(switch(None, Some(two))), switch(Some(two), None))
    );
    assert_eq!((selector.up(four, false), selector.ahead(four)), (None, Heard::Noted(switch(None, Some(four)))));
    assert_eq!((selector.forget_all(), selector.active()), (switch(Some(four), None), None));
    assert_eq!(selector.ahead(four), Heard::Unknown);
}
