//! What the model of the original predicts.

use std::collections::BTreeMap;

use handfast_spec::framed::{Action, Framed};
use handfast_spec::{Protocol, Recorded};
use model::checker::cover;
use model::checker::explore::{Completeness, Options};
use model::checker::liveness::{Promise, decide};
use model::checker::trace::{actions_of, actions_to};
use model::framed::zrepl::{Zrepl, instances};

use super::Place;

/// What the model of the original predicts in one of its instances.
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
    /// Explores the model in the instance with this name.
    ///
    /// # Panics
    ///
    /// If there is no such instance, or it is too large to be explored whole.
    pub fn of(name: &str) -> Self {
        let instance = instances().into_iter().find(|instance| instance.name == name);
        let graph = instance.expect("there is such an instance").checked.explore(&Options::default());
        assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph predicts anything");
        let Recorded { machine, history } = graph.state(0).clone();
        let place = Place { kernel: machine.kernel(), frames: machine.frames(), discards: history.discards };
        let mut counterexamples = BTreeMap::new();
        for rule in Framed::INVARIANTS {
            let violation = graph.first(|state| !(rule.holds)(&state.history));
            counterexamples.extend(violation.map(|state| (rule.id, actions_to(&graph, state).1)));
        }
        for goal in Framed::GOALS {
            let promise = Promise {
                trigger: &|state: &Recorded<Zrepl>| (goal.trigger)(&state.history),
                outcome: &|state: &Recorded<Zrepl>| (goal.outcome)(&state.history),
                fair: &|action: &Action| action.component().filter(goal.fair),
            };
            let verdict = decide(&graph, &promise).expect("the graph is whole");
            counterexamples.extend(verdict.broken.map(|lasso| (goal.id, actions_of(&graph, &lasso).1)));
        }
        let actions = |walk: &cover::Walk| walk.edges.iter().map(|&edge| graph.actions()[graph.label(edge)]).collect();
        Self { place, counterexamples, orders: cover::edges(&graph).iter().map(actions).collect() }
    }
}
