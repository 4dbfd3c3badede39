//! Who is on trial, and what comes out.

use std::collections::BTreeSet;

use conformance::lifecycle::suite::{Heard, Historical, Node, Own, Predicted, Scenario, Trial, paused};
use handfast_spec::lifecycle::{History, SessionId};
use model::lifecycle::btcd::{Action, Bounds, Variant, variants};

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
    let runtime = paused();
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
