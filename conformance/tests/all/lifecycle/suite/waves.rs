//! Many at a time, and those that never come to their verack.

use std::collections::BTreeSet;

use conformance::dice::Dice;
use conformance::lifecycle::suite::{Heard, Historical, Node, Own, Predicted, Scenario, Trial};
use conformance::paused;
use handfast_spec::lifecycle::{History, SessionId, Stream};
use model::lifecycle::btcd::{Action, Bounds, Variant, variants};

/// What a fake peer could not do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FakePeerFailed {
    Handshake(SessionId),
    Disconnect(SessionId),
}

/// Peers come, all of them, and are registered, all of them; then they go, and nobody is left.
fn wave(trial: &mut Trial<impl Node>, peers: usize) -> Result<(), FakePeerFailed> {
    let before = registered(trial.node.history());
    let sessions: Vec<SessionId> = (0..peers).map(|_| trial.node.connect()).collect();
    for &session in &sessions {
        let done = trial.node.complete_handshake(session);
        if !done {
            return Err(FakePeerFailed::Handshake(session));
        }
    }
    trial.rest();
    assert_eq!(registered(trial.node.history()), before + peers, "the wave has come");
    for &session in &sessions {
        if !trial.node.disconnect(session) {
            return Err(FakePeerFailed::Disconnect(session));
        }
    }
    trial.rest();
    assert_eq!(registered(trial.node.history()), before, "the wave has gone");
    Ok(())
}

fn node(design: &Variant) -> Trial<Historical> {
    Trial::new(Historical::with_room(design.switches, Bounds::BASE, 4, 4))
}

/// A wave shows that the stress happened. It does not tell the designs apart, because each step is taken as soon as it
/// can be: the order in which the race happens has to be brought about.
#[test]
fn t6_each_wave_has_come_before_it_goes_and_nobody_is_left() {
    for name in IN_USE {
        let mut trial = node(design(name));
        for peers in [1, 8, 20] {
            assert_eq!(wave(&mut trial, peers), Ok(()), "{name}");
        }
        assert_eq!(*trial.violated(), set([]), "{name}");
    }
    let runtime = paused::runtime();
    let mut own = Trial::new(Own::new(&runtime, 20));
    for peers in [1, 8, 20] {
        assert_eq!(wave(&mut own, peers), Ok(()));
    }
    assert_eq!(*own.violated(), set([]));
}

/// A fake peer that was turned away makes the wave fail, and does not count as one that came and went.
#[test]
fn t6_a_fake_peer_that_fails_fails_the_wave() {
    let runtime = paused::runtime();
    let mut own = Trial::new(Own::new(&runtime, 3));
    assert_eq!(wave(&mut own, 4), Err(FakePeerFailed::Handshake(SessionId(3))), "there is no fourth slot");
    assert_eq!(*own.violated(), set([]));

    let mut merged = node(design("btcd-merged"));
    let session = merged.node.connect();
    assert!(merged.node.disconnect(session));
    merged.rest();
    assert!(!merged.node.complete_handshake(session), "the connection is closed");
    assert!(!merged.node.disconnect(session), "it has gone already");
}

/// Nobody completes his handshake.
const NO_VERACK: Scenario =
    Scenario { bounds: Bounds::BASE, given: &[], allows: |step| !matches!(step, Action::Verack(_)) };

#[test]
fn t7_a_disconnect_before_the_verack_tells_no_subscriber_anything() {
    let [before, fix1, fix2, merged, own] = try_all(&NO_VERACK);
    for design in [before, fix1, fix2, merged] {
        assert_eq!((&design.violated, design.by_subscriber()), (&set([]), set(["nothing"])));
    }
    assert_eq!(own.by_subscriber(), set(["nothing"]));
}

/// Where the gate is open the sync manager is told of the end of peers that it never heard of.
#[test]
fn t7_without_a_gate_a_disconnect_before_the_verack_is_told() {
    let (_, ungated) = try_as_predicted("btcd-ungated", &NO_VERACK);
    assert_eq!(ungated.violated, set(["PEER-4"]));
}

#[test]
fn t7_after_fifty_disconnects_before_the_verack_the_node_goes_on() {
    fn storm(trial: &mut Trial<impl Node>, who: &str) {
        for round in 0..50 {
            let session = trial.node.connect();
            if round % 2 == 0 {
                trial.rest_without_timers();
            }
            assert!(trial.node.disconnect(session), "{who}: the fake peer disconnects");
            trial.rest();
        }
        let mut heard = trial.node.history().subscribers.iter().flat_map(|subscriber| subscriber.heard.iter());
        assert!(heard.all(|stream| *stream == Stream::Nothing), "{who}: nobody heard of anybody");
        drop(heard);
        let live = trial.node.connect();
        assert!(trial.node.complete_handshake(live));
        trial.rest();
        assert_eq!(trial.node.observed().active, Some(live), "{who}: the node synchronises");
        assert_eq!(*trial.violated(), set([]), "{who}");
    }
    for name in IN_USE {
        storm(&mut node(design(name)), name);
    }
    let runtime = paused::runtime();
    storm(&mut Trial::new(Own::new(&runtime, 1)), "handfast");
}

/// Three hundred connections at a time: each completes its handshake and is disconnected, or the other way round, while
/// tasks take steps in random order. The rules that were violated.
fn crowd(mut trial: Trial<impl Node>, seed: u64) -> BTreeSet<&'static str> {
    const PEERS: usize = 300;
    let mut dice = Dice::new(seed);
    let sessions: Vec<SessionId> = (0..PEERS).map(|_| trial.node.connect()).collect();
    let mut to_come: Vec<(SessionId, bool)> =
        sessions.iter().flat_map(|&session| [(session, true), (session, false)]).collect();
    let mut steps = 0;
    loop {
        steps += 1;
        let happens = !to_come.is_empty() && dice.roll(3) == 0;
        if happens {
            let (session, completes) = to_come.swap_remove(dice.roll(to_come.len()));
            let _ = if completes { trial.node.complete_handshake(session) } else { trial.node.disconnect(session) };
        } else if !trial.take_any(&mut |below| dice.roll(below)) && to_come.is_empty() {
            break;
        }
        if steps % 64 == 0 {
            trial.judge();
        }
    }
    trial.rest();
    println!("seed {seed}: {steps} steps; violated: {:?}", trial.violated());
    trial.violated().clone()
}

#[test]
fn t10_three_hundred_at_a_time_with_fewer_places_than_peers() {
    for name in IN_USE.into_iter().chain(["btcd-corrected"]) {
        let design = design(name);
        let listed: BTreeSet<&str> = design.violates.iter().copied().collect();
        for seed in 0..4 {
            print!("{name}, ");
            let violated = crowd(node(design), seed);
            assert!(violated.is_subset(&listed), "{name}, seed {seed}: {violated:?}");
            assert!(name == "btcd-corrected" || !violated.is_empty(), "{name}, seed {seed}: the crowd shows nothing");
        }
    }
    let runtime = paused::runtime();
    for (slots, seed) in [(300, 0), (300, 1), (100, 2), (7, 3)] {
        print!("handfast with {slots} slots, ");
        assert_eq!(crowd(Trial::new(Own::new(&runtime, slots)), seed), set([]), "{slots} slots, seed {seed}");
    }
}

// Who is on trial, and what comes out.

/// The first connection.
pub(crate) const PEER: SessionId = SessionId(0);

/// What was in use: before the repair, after its first and its second step, and as merged.
pub(crate) const IN_USE: [&str; 4] = ["btcd-before", "btcd-fix1", "btcd-fix2", "btcd-merged"];

/// A design of the model's catalogue.
pub(crate) fn design(name: &str) -> &'static Variant {
    variants().find(|variant| variant.name == name).unwrap_or_else(|| panic!("there is no design {name}"))
}

/// What came out of some orders.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// The rules that were violated in some order.
    pub(crate) violated: BTreeSet<&'static str>,
    /// What had been heard of the first session when every task waited, in some order.
    pub(crate) heard: BTreeSet<Heard>,
}

impl Outcome {
    /// What the registry had heard.
    pub(crate) fn by_registry(&self) -> BTreeSet<&'static str> {
        self.heard.iter().map(|heard| heard.by_registry).collect()
    }

    /// What the subscriber had heard.
    pub(crate) fn by_subscriber(&self) -> BTreeSet<&'static str> {
        self.heard.iter().map(|heard| heard.by_subscriber).collect()
    }

    fn show(&self, who: &str, orders: usize) {
        let (registry, subscriber) = (self.by_registry(), self.by_subscriber());
        println!(
            "{who}: {orders} orders; violated: {:?}; registry: {registry:?}; subscriber: {subscriber:?}",
            self.violated
        );
    }

    fn add(&mut self, trial: &Trial<impl Node>) {
        self.violated.extend(trial.violated());
        self.heard.insert(Heard::in_all(trial.node.history()));
    }
}

/// Puts a design through orders of its model, each on a node of its own. It must take every step.
pub(crate) fn try_design<'o>(
    design: &Variant,
    bounds: Bounds,
    orders: impl IntoIterator<Item = &'o Vec<Action>>,
) -> Outcome {
    let mut outcome = Outcome::default();
    for order in orders {
        let mut trial = Trial::new(Historical::new(design.switches, bounds));
        trial.node.connect();
        let passed_over = trial.follow(order);
        assert!(passed_over.is_empty(), "{} does not take {passed_over:?} of {order:?}", design.name);
        trial.rest();
        outcome.add(&trial);
    }
    outcome
}

/// Puts a node that is built of other tasks, or is another design, through the same orders. What it has no step for is
/// passed over.
pub(crate) fn try_any<'o, N: Node>(
    orders: impl IntoIterator<Item = &'o Vec<Action>>,
    build: impl Fn() -> N,
) -> Outcome {
    let mut outcome = Outcome::default();
    for order in orders {
        let mut trial = Trial::new(build());
        trial.node.connect();
        let _ = trial.follow(order);
        trial.rest();
        outcome.add(&trial);
    }
    outcome
}

/// Puts handfast's node through the same orders.
pub(crate) fn try_own<'o>(orders: impl IntoIterator<Item = &'o Vec<Action>>) -> Outcome {
    let runtime = paused::runtime();
    try_any(orders, || Own::new(&runtime, 4))
}

/// Puts a design through every order of a scenario, and its shortest counterexamples on their own. What comes out must
/// be what its model predicts, no more and no less.
pub(crate) fn try_as_predicted(name: &str, scenario: &Scenario) -> (Predicted, Outcome) {
    let design = design(name);
    let predicted = scenario.predict(design.switches);
    let shortest = try_design(design, scenario.bounds, predicted.counterexamples.iter().map(|(_, order)| order));
    assert_eq!(shortest.violated, predicted.violated, "{name}: counterexamples of the model");
    let outcome = try_design(design, scenario.bounds, &predicted.orders);
    let expected = Outcome { violated: predicted.violated.clone(), heard: predicted.heard.clone() };
    assert_eq!(outcome, expected, "{name}: all orders");
    outcome.show(name, predicted.orders.len());
    (predicted, outcome)
}

/// Puts the four designs that were in use on trial, then handfast through every order of theirs, in which it must
/// violate nothing. What came out, handfast last.
pub(crate) fn try_all(scenario: &Scenario) -> [Outcome; 5] {
    let mut orders = Vec::new();
    let [before, fix1, fix2, merged] = IN_USE.map(|name| {
        let (predicted, outcome) = try_as_predicted(name, scenario);
        orders.extend(predicted.orders);
        outcome
    });
    let own = try_own(&orders);
    own.show("handfast", orders.len());
    assert!(own.violated.is_empty(), "handfast violates {:?}", own.violated);
    [before, fix1, fix2, merged, own]
}

pub(crate) fn set<const N: usize>(ids: [&'static str; N]) -> BTreeSet<&'static str> {
    BTreeSet::from(ids)
}

/// How many sessions are registered by what was told.
pub(crate) fn registered(history: &History) -> usize {
    history.sessions.iter().filter(|session| session.registered).count()
}
