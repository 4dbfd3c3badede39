//! What a model predicts of a design, and the orders of steps that show it.

use std::collections::BTreeSet;

use handfast_spec::lifecycle::{History, SELECTOR, SessionId, Stream};
use handfast_spec::{Protocol, Recorded};
use model::checker::cover;
use model::checker::design::Checked;
use model::checker::explore::{Completeness, Graph, Options};
use model::checker::liveness::{Promise, decide};
use model::checker::trace::{actions_of, actions_to};
use model::lifecycle::btcd::{Action, Bounds, Btcd, Historical, Switches, checked};

/// What a test lets happen.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// How much of the node is looked at.
    pub bounds: Bounds,
    /// What has happened before, in this order; where a design does not have a step, it is left out.
    pub given: &'static [Action],
    /// What may happen from then on. Everything that a task does by itself should be allowed.
    pub allows: fn(&Action) -> bool,
}

/// What the model of a design predicts in a scenario.
pub struct Predicted {
    /// The rules that are violated in some order.
    pub violated: BTreeSet<&'static str>,
    /// For each of them, an order that violates it, as short as there is; what was given before included.
    pub counterexamples: Vec<(&'static str, Vec<Action>)>,
    /// What can have been heard of the first session when every task waits for the environment.
    pub heard: BTreeSet<Heard>,
    /// Orders that together take every step that there is in every state, and end wherever every task waits for the
    /// environment and something else was heard.
    pub orders: Vec<Vec<Action>>,
}

impl Scenario {
    /// Explores the model of a design.
    ///
    /// # Panics
    ///
    /// If the scenario is too large to be explored whole.
    pub fn predict(&self, switches: Switches) -> Predicted {
        let alphabet: Vec<Action> = checked(switches, self.bounds).alphabet().to_vec();
        let mut start = Btcd::recorded(switches, self.bounds);
        let given: Vec<Action> = self.given.iter().copied().filter(|step| !start.step(step).is_refused()).collect();
        let allowed = alphabet.into_iter().filter(self.allows).collect();
        let graph = Checked::new(vec![start], allowed).explore(&Options::default());
        assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph predicts anything");
        let mut counterexamples = counterexamples(&graph);
        let mut orders: Vec<Vec<Action>> = cover::edges(&graph)
            .iter()
            .map(|walk| walk.edges.iter().map(|&edge| graph.actions()[graph.label(edge)]).collect())
            .collect();
        let waits = |state| graph.steps(state).all(|step| step.action.component().is_none());
        let mut heard = BTreeSet::new();
        for state in (0..graph.state_count() as u32).filter(|&state| waits(state)) {
            if heard.insert(Heard::in_all(&graph.state(state).history)) {
                orders.push(actions_to(&graph, state).1);
            }
        }
        let behaviours = counterexamples.iter_mut().map(|(_, order)| order).chain(&mut orders);
        behaviours.for_each(|order| drop(order.splice(0..0, given.iter().copied())));
        Predicted { violated: counterexamples.iter().map(|(id, _)| *id).collect(), counterexamples, heard, orders }
    }
}

/// What was heard of the first session.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Heard {
    /// By the registry: btcd's server loop, handfast's core.
    pub by_registry: &'static str,
    /// By the subscriber that synchronises.
    pub by_subscriber: &'static str,
}

impl Heard {
    /// All that was heard until now.
    pub fn in_all(history: &History) -> Self {
        Self {
            by_registry: words(history.sessions.get(SessionId(0).index()).registry),
            by_subscriber: words(history.heard(SELECTOR, SessionId(0))),
        }
    }
}

fn words(stream: Stream) -> &'static str {
    match stream {
        Stream::Nothing => "nothing",
        Stream::Up => "up",
        Stream::Over => "up, down",
        Stream::Bare => "down",
        Stream::Late => "down, up",
        Stream::LateOver => "down, up, down",
        Stream::Repeated => "up, up",
        Stream::RepeatedOver => "more than one down",
    }
}

/// For each rule that is violated, a shortest order that violates it.
fn counterexamples(graph: &Graph<Recorded<Btcd>, Action>) -> Vec<(&'static str, Vec<Action>)> {
    let mut found = Vec::new();
    for rule in Historical::INVARIANTS {
        let violation = graph.first(|state| !(rule.holds)(&state.history));
        found.extend(violation.map(|state| (rule.id, actions_to(graph, state).1)));
    }
    for goal in Historical::GOALS {
        let promise = Promise {
            trigger: &|state: &Recorded<Btcd>| (goal.trigger)(&state.history),
            outcome: &|state: &Recorded<Btcd>| (goal.outcome)(&state.history),
            fair: &|action: &Action| action.component().filter(goal.fair),
        };
        let verdict = decide(graph, &promise).expect("the graph is whole");
        found.extend(verdict.broken.map(|lasso| (goal.id, actions_of(graph, &lasso).1)));
    }
    found
}
