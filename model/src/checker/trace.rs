//! A behaviour of a design, written down: what was done, by whom, and what each participant was told.

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Observation, Protocol, Recorded};
use serde_json::Value;

use crate::checker::design::Design;
use crate::checker::explore::Graph;
use crate::checker::liveness::Lasso;

/// A behaviour, independent of the types of the protocol, for people and for other programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The protocol.
    pub protocol: &'static str,
    /// The design that behaves like this.
    pub design: String,
    /// The instance in which it was explored.
    pub instance: String,
    /// What the behaviour shows.
    pub title: String,
    /// How the node was configured, as the header of a log says it.
    pub header: Value,
    /// The state in which it starts.
    pub initial: Value,
    /// What happens.
    pub steps: Vec<TraceStep>,
    /// From which step on the behaviour repeats itself for ever; the number of steps if it stays in its last state.
    pub repeats_from: Option<usize>,
}

/// One step of a behaviour.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceStep {
    /// Who does it.
    pub actor: String,
    /// What is done, in words.
    pub action: String,
    /// What is done, as it is written in logs.
    pub action_value: Value,
    /// What participants are told, in words.
    pub told: Vec<String>,
    /// The observation, as it is written in logs.
    pub observation_value: Value,
    /// The state afterwards.
    pub state: Value,
    /// What else could have been done instead, in words.
    pub alternatives: Vec<String>,
}

/// Who takes the actions of which nothing is assumed.
pub const ENVIRONMENT: &str = "environment";

/// Replays actions from a state and writes down what happens.
///
/// # Panics
///
/// If the design refuses one of the actions: a behaviour that was found in its graph is one that it has.
pub fn replay<D: Design>(
    start: &Recorded<D>,
    actions: impl IntoIterator<Item = ActionOf<D>>,
    alphabet: &[ActionOf<D>],
) -> (Value, Vec<TraceStep>) {
    let mut state = start.clone();
    let mut steps = Vec::new();
    for action in actions {
        let alternatives = alternatives(&state, &action, alphabet);
        let observation = state.step(&action);
        let told = match &observation {
            Observation::Refused(refusal) => panic!("{action} was refused on replay: {refusal}"),
            Observation::Accepted(outputs) => outputs.iter().map(ToString::to_string).collect(),
        };
        steps.push(TraceStep {
            actor: D::Protocol::component(&action).map_or(ENVIRONMENT.to_owned(), |component| component.to_string()),
            action: action.to_string(),
            action_value: value(&action),
            told,
            observation_value: value(&observation),
            state: value(&state),
            alternatives,
        });
    }
    (value(start), steps)
}

/// The actions of a shortest path to a state, and the state that it starts from.
pub fn actions_to<D: Design>(graph: &Graph<Recorded<D>, ActionOf<D>>, state: u32) -> (u32, Vec<ActionOf<D>>) {
    let (initial, steps) = graph.path_to(state);
    (initial, steps.into_iter().map(|step| *step.action).collect())
}

/// The actions of a lasso, and the step from which they repeat.
pub fn actions_of<D: Design>(graph: &Graph<Recorded<D>, ActionOf<D>>, lasso: &Lasso) -> (u32, Vec<ActionOf<D>>, usize) {
    let edges = lasso.prefix_edges.iter().chain(&lasso.cycle_edges);
    let actions = edges.map(|&edge| *graph.action(edge)).collect();
    (lasso.prefix[0], actions, lasso.prefix_edges.len())
}

fn alternatives<D: Design>(state: &Recorded<D>, taken: &ActionOf<D>, alphabet: &[ActionOf<D>]) -> Vec<String> {
    let mut machine = state.machine.clone();
    let mut others = Vec::new();
    for action in alphabet.iter().filter(|action| *action != taken) {
        if !machine.step(action).is_refused() {
            others.push(action.to_string());
            machine = state.machine.clone();
        }
    }
    others
}

fn value(item: &impl serde::Serialize) -> Value {
    serde_json::to_value(item).expect("words and states are plain data with string keys")
}
