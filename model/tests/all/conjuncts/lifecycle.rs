//! Conditions of the rules of the peer lifecycle.

use handfast_spec::lifecycle::{History, Lifecycle, SessionRecord, Stream, SubscriberRecord, Subscription, Violation};
use model::checker::catalogue::Scope;
use model::checker::target::Instance;
use model::lifecycle::{btcd, handfast};

use super::{Alternative, Bench, every_rule_is_there, has_operators, without};

/// Rules that come to one condition.
const SINGLE: &[&str] = &[
    "PEER-1", "PEER-2", "PEER-4", "PEER-5", "PEER-6", "PEER-7", "PEER-9", "PEER-10", "PEER-15", "PEER-16", "PEER-17",
    "PEER-23", "PEER-25", "PEER-28", "PEER-41", "PEER-42", "PEER-44", "PEER-48", "PEER-49", "PEER-50",
];

/// Conditions that no design needs, and why.
const UNNEEDED: &[(&str, &str, &str)] = &[
    ("PEER-8", "the snapshot", "every listed design takes a snapshot of the registry itself"),
    ("PEER-11", "it is registered", "the designs that register what was rejected let a subscriber hear of it"),
    ("PEER-12", "it has a key", "no listed design registers two sessions without a handshake, which is PEER-5's"),
    ("PEER-13", "it holds a slot", "an address is recorded only as long as it does"),
    ("PEER-14", "an id is given twice", "the id is in the action that opens a session, and no design opens one twice"),
    ("PEER-18", "something follows", "what follows a complete shutdown in a listed design was owed by it"),
    ("PEER-21", "or it is registered", "a listed design that keeps it in the registry owes a subscriber its Down"),
    ("PEER-27", "or it is registered", "every listed design removes it when the registry hears of its end, or before"),
];

fn any(history: &History, condition: impl FnMut(&SessionRecord) -> bool) -> bool {
    history.sessions.iter().any(condition)
}

/// Some session with its number.
fn some(history: &History, condition: impl Fn(usize, &SessionRecord) -> bool) -> bool {
    history.sessions.iter().enumerate().any(|(session, record)| condition(session, record))
}

fn streams(history: &History) -> impl Iterator<Item = Stream> {
    history.subscribers.iter().flat_map(|record| record.heard.iter().copied())
}

/// Whether a subscriber takes it for live.
fn is_heard_of(history: &History, session: usize) -> bool {
    history.subscribers.iter().any(|record| record.heard.get(session).believes())
}

fn rejected_are_unheard(history: &History) -> bool {
    !some(history, |session, record| record.rejected.is_some() && is_heard_of(history, session))
}

fn is_consistent(session: &SessionRecord) -> bool {
    !session.registered || session.registry == Stream::Up
}

fn is_banned(history: &History, session: &SessionRecord) -> bool {
    let is_in = |address| history.banned_networks.iter().any(|network| network.contains(address));
    session.origin.address.is_some_and(is_in)
}

/// What the rule about bans says without one of its parts.
fn unbanned(history: &History, is_spared: impl Fn(&SessionRecord) -> bool) -> bool {
    !history.has(Violation::RegisteredBanned) && !any(history, is_spared)
}

fn is_our_own(history: &History, session: &SessionRecord) -> bool {
    session.key.is_some() && session.key == history.local
}

/// At most as many sessions as the policy says, of those that count and are alike.
fn at_most(
    history: &History,
    counts: impl Fn(&SessionRecord) -> bool,
    alike: impl Fn(&SessionRecord, &SessionRecord) -> bool,
) -> bool {
    let counted = || history.sessions.iter().filter(|session| counts(session));
    let most = history.duplicates.most() as usize;
    counted().all(|session| counted().filter(|other| alike(session, other)).count() <= most)
}

fn invariants() -> Vec<Alternative<History>> {
    vec![
        without("PEER-3", "Up after Down", |history: &History| streams(history).all(|stream| !stream.is_repeated())),
        without("PEER-3", "one twice", |history: &History| streams(history).all(|stream| !stream.is_late())),
        without("PEER-8", "what is registered was heard of", |history: &History| !history.has(Violation::Misreported)),
        without("PEER-8", "the snapshot", |history: &History| history.sessions.iter().all(is_consistent)),
        without("PEER-8", "it is registered", |history: &History| {
            history.sessions.iter().all(|it| it.registry == Stream::Up) && !history.has(Violation::Misreported)
        }),
        without("PEER-8", "it was heard of", |history: &History| {
            !any(history, |it| it.registered) && !history.has(Violation::Misreported)
        }),
        without("PEER-11", "it is registered", rejected_are_unheard),
        without("PEER-11", "a subscriber hears of it", |history: &History| !history.has(Violation::RegisteredRejected)),
        without("PEER-11", "it was rejected", |history: &History| {
            !history.has(Violation::RegisteredRejected) && !some(history, |session, _| is_heard_of(history, session))
        }),
        without("PEER-12", "it is registered", |history: &History| {
            at_most(history, |it| it.key.is_some(), |one, other| one.key == other.key)
        }),
        without("PEER-12", "they have one key", |history: &History| {
            at_most(history, |it| it.registered && it.key.is_some(), |_, _| true)
        }),
        without("PEER-12", "it has a key", |history: &History| {
            at_most(history, |it| it.registered, |one, other| one.key == other.key)
        }),
        without("PEER-14", "a live one is removed", |history: &History| {
            !history.has(Violation::IdReused) && !history.has(Violation::KeyOverlaps)
        }),
        without("PEER-14", "an id is given twice", |history: &History| {
            !history.has(Violation::RemovedLive) && !history.has(Violation::KeyOverlaps)
        }),
        without("PEER-14", "a key overlaps", |history: &History| {
            !history.has(Violation::RemovedLive) && !history.has(Violation::IdReused)
        }),
        without("PEER-18", "something follows", |history: &History| !history.has(Violation::OwedAtComplete)),
        without("PEER-18", "an end is owed", |history: &History| !history.has(Violation::AfterComplete)),
        without("PEER-43", "both ends prefer it", |history: &History| {
            !any(history, |it| it.registered && is_our_own(history, it))
        }),
        without("PEER-43", "it has our own key", |history: &History| !history.has(Violation::PreferredRejected)),
        without("PEER-43", "it is registered", |history: &History| {
            !history.has(Violation::PreferredRejected) && !any(history, |it| is_our_own(history, it))
        }),
    ]
}

fn invariant_of_bans() -> Vec<Alternative<History>> {
    let in_network =
        |history: &History, it: &SessionRecord| is_banned(history, it) && it.holds_slot() && !it.is_told_to_end();
    vec![
        without("PEER-13", "one is registered", move |history: &History| {
            !any(history, |it| it.owed_ban || in_network(history, it))
        }),
        without("PEER-13", "one is owed its end", move |history: &History| {
            unbanned(history, |it| in_network(history, it))
        }),
        without("PEER-13", "one has an address", |history: &History| unbanned(history, |it| it.owed_ban)),
        without("PEER-13", "the network is banned", |history: &History| {
            unbanned(history, |it| it.owed_ban || it.holds_slot() && !it.is_told_to_end())
        }),
        without("PEER-13", "it holds a slot", |history: &History| {
            unbanned(history, |it| it.owed_ban || is_banned(history, it) && !it.is_told_to_end())
        }),
        without("PEER-13", "it was not told to end", |history: &History| {
            unbanned(history, |it| it.owed_ban || is_banned(history, it) && it.holds_slot())
        }),
    ]
}

fn is_unheard(history: &History, session: usize, counts: impl Fn(&SubscriberRecord) -> bool) -> bool {
    let is_unheard = |it: &SubscriberRecord| counts(it) && it.heard.get(session) == Stream::Nothing;
    history.subscribers.iter().any(is_unheard)
}

fn is_subscribed(record: &SubscriberRecord) -> bool {
    record.subscription == Subscription::On
}

fn selector_believes(history: &History, session: usize) -> bool {
    history.subscribers.iter().next().is_some_and(|selector| selector.heard.get(session).believes())
}

fn promises() -> Vec<Alternative<History>> {
    let has_not_ended = |it: &SessionRecord| it.registered || !it.registry.is_ended();
    vec![
        without("PEER-21", "it is to end", |history: &History| {
            some(history, |session, it| it.registered || is_heard_of(history, session))
        }),
        without("PEER-21", "or it is registered", |history: &History| {
            some(history, |session, it| it.is_dead() && is_heard_of(history, session))
        }),
        without("PEER-21", "or a subscriber takes it for live", |history: &History| {
            any(history, |it| it.is_dead() && it.registered)
        }),
        without("PEER-22", "it is subscribed", |history: &History| {
            some(history, |session, it| it.registry == Stream::Up && is_unheard(history, session, |_| true))
        }),
        without("PEER-22", "it has heard nothing", |history: &History| {
            any(history, |it| it.registry == Stream::Up) && history.subscribers.iter().any(is_subscribed)
        }),
        without("PEER-22", "it is announced", |history: &History| {
            some(history, |session, _| is_unheard(history, session, is_subscribed))
        }),
        without("PEER-24", "none is active", |history: &History| {
            some(history, |session, it| selector_believes(history, session) && it.ahead && !it.is_dead())
        }),
        without("PEER-24", "the selector takes it for live", |history: &History| {
            history.active.is_none() && any(history, |it| it.ahead && !it.is_dead())
        }),
        without("PEER-24", "it is ahead", |history: &History| {
            let is_live = |session, it: &SessionRecord| selector_believes(history, session) && !it.is_dead();
            history.active.is_none() && some(history, is_live)
        }),
        without("PEER-24", "it is live", |history: &History| {
            history.active.is_none() && some(history, |session, it| selector_believes(history, session) && it.ahead)
        }),
        without("PEER-27", "it has a slot", move |history: &History| {
            any(history, |it| it.is_dead() && has_not_ended(it))
        }),
        without("PEER-27", "it is to end", move |history: &History| any(history, |it| it.opened && has_not_ended(it))),
        without("PEER-27", "or it is registered", |history: &History| {
            any(history, |it| it.opened && it.is_dead() && !it.registry.is_ended())
        }),
        without("PEER-27", "or it has not ended", |history: &History| {
            any(history, |it| it.opened && it.is_dead() && it.registered)
        }),
        without("PEER-29", "it has a slot", |history: &History| any(history, |it| it.registry == Stream::Nothing)),
        without("PEER-29", "the registry has heard nothing", |history: &History| any(history, |it| it.opened)),
        without("PEER-30", "it is to end", |history: &History| any(history, |it| !it.closed)),
        without("PEER-30", "it is open", |history: &History| any(history, SessionRecord::is_dead)),
    ]
}

#[test]
fn each_condition_of_a_lifecycle_rule_is_needed_by_some_design() {
    let mut bench = Bench::new(invariants());
    bench.left.extend(invariant_of_bans());
    bench.left.extend(promises());
    every_rule_is_there::<Lifecycle>(&bench.left, SINGLE);
    has_operators("lifecycle/invariants.rs", 29);
    has_operators("lifecycle/goals.rs", 18);
    bench.ask("handfast", handfast::instances(Scope::Small));
    for &flaw in handfast::Flaw::ALL {
        let shown = handfast::instances(Scope::Small).into_iter();
        let shown = shown.filter(|instance| flaw.row().instances.contains(&instance.name));
        let mutated =
            shown.map(|Instance { name, checked }| Instance { name, checked: handfast::mutated(&checked, flaw) });
        bench.ask(flaw.row().name, mutated.collect());
    }
    for row in btcd::variants() {
        let checked = btcd::checked(row.switches, row.bounds);
        bench.ask(row.name, vec![Instance { name: "btcd", checked }]);
    }
    bench.end(UNNEEDED);
}
