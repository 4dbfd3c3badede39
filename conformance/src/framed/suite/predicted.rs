//! What the model of the original predicts.

use std::collections::BTreeMap;

use handfast_spec::framed::{Action, Framed};
use handfast_spec::{Protocol, Recorded};
use model::cover;
use model::explore::{Completeness, Options};
use model::framed::zrepl::{Zrepl, settings};
use model::liveness::{Promise, decide};
use model::trace::{actions_of, actions_to};

use super::Place;

/// What the model of the original predicts in one of its settings.
#[derive(Debug)]
pub struct Predicted {
    /// Where it is.
    pub place: Place,
    /// For each rule that is violated, a shortest order that violates it.
    pub counterexamples: BTreeMap<&'static str, Vec<Action>>,
    /// Orders that together take every step that there is in every state.
    pub orders: Vec<Vec<Action>>,
}

impl Predicted {
    /// Explores the model in the setting with this name.
    ///
    /// # Panics
    ///
    /// If there is no such setting, or it is too large to be explored whole.
    pub fn of(name: &str) -> Self {
        let setting = settings().into_iter().find(|setting| setting.name == name);
        let graph = setting.expect("there is such a setting").checked.explore(&Options::default());
        assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph predicts anything");
        let Recorded { machine, ledger } = graph.state(0).clone();
        let place = Place { kernel: machine.kernel(), frames: machine.frames(), discards: ledger.discards };
        let mut counterexamples = BTreeMap::new();
        for rule in Framed::INVARIANTS {
            let violation = graph.first(|state| !(rule.holds)(&state.ledger));
            counterexamples.extend(violation.map(|state| (rule.id, actions_to(&graph, state).1)));
        }
        for goal in Framed::GOALS {
            let promise = Promise {
                trigger: &|state: &Recorded<Zrepl>| (goal.trigger)(&state.ledger),
                outcome: &|state: &Recorded<Zrepl>| (goal.outcome)(&state.ledger),
                fair: &|action: &Action| action.component().filter(goal.fair),
            };
            let verdict = decide(&graph, &promise).expect("the graph is whole");
            counterexamples.extend(verdict.broken.map(|lasso| (goal.id, actions_of(&graph, &lasso).1)));
        }
        let actions = |walk: &cover::Walk| walk.edges.iter().map(|&edge| graph.actions()[graph.label(edge)]).collect();
        Self { place, counterexamples, orders: cover::edges(&graph).iter().map(actions).collect() }
    }
}
