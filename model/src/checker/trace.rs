//! A behaviour of a design, written down: what was done, by whom, and what each participant was told.

use handfast_spec::protocol::{ActionOf, HistoryOf};
use handfast_spec::{Goal, Machine, Observation, Protocol, Recorded};
use serde_json::Value;

use crate::checker::design::{Design, Flow};
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
    /// The id of the rule that it breaks, or of the witness that it reaches.
    pub rule: Option<&'static str>,
    /// Where the design comes from, if it is none of the protocol's own.
    pub origin: Option<Origin>,
    /// How the node was configured, as the header of a log says it.
    pub header: Value,
    /// The state in which it starts.
    pub initial: Value,
    /// That state in words, a line for each part.
    pub starts_as: Vec<String>,
    /// The participants and what lies between them, in the order in which they are drawn.
    pub lanes: Vec<String>,
    /// What happens.
    pub steps: Vec<TraceStep>,
    /// Who waits at the end, and for what.
    pub waits: Vec<String>,
    /// From which step on the behaviour repeats itself for ever; the number of steps if it stays in its last state.
    pub repeats_from: Option<usize>,
    /// The step from which on the goal that it misses is owed, counted from 1; 0 if it is from the start.
    pub owed_from: Option<usize>,
}

/// Where a design comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin {
    /// What it is, in a word.
    pub kind: &'static str,
    /// The project with the commit, pull request or issue.
    pub source: &'static str,
    /// What is wrong with it.
    pub about: &'static str,
    /// Every id that it violates.
    pub violates: &'static [&'static str],
}

/// One step of a behaviour.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceStep {
    /// Who does it; a lane.
    pub actor: String,
    /// The lane that a message comes from and the one that it goes to, if there is a message.
    pub message: Option<[String; 2]>,
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
    /// That state in words, a line for each part.
    pub state_words: Vec<String>,
    /// The ids of the invariants that are violated from this step on.
    pub violates: Vec<&'static str>,
    /// What else could have been done instead, in words.
    pub alternatives: Vec<String>,
}

impl TraceStep {
    /// Returns what is done, without its actor where the words begin with it.
    pub fn deed(&self) -> &str {
        let action = self.action.strip_prefix("the ").filter(|rest| rest.starts_with(&self.actor));
        let rest = action.unwrap_or(&self.action).strip_prefix(self.actor.as_str()).unwrap_or_default();
        let deed = [": ", " ", "'s "].into_iter().find_map(|joint| rest.strip_prefix(joint));
        deed.unwrap_or(&self.action)
    }
}

impl Trace {
    /// Returns the invariants that are violated on the way, each with the step that begins it, counted from 1.
    pub fn violations(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let steps = self.steps.iter().zip(1..);
        steps.flat_map(|(step, number)| step.violates.iter().map(move |&id| (number, id)))
    }

    /// Returns the rules that a step, counted from 1, begins to violate or to owe, each with what is to be said of it.
    pub fn marks(&self, number: usize) -> Vec<String> {
        let violates = self.steps[number - 1].violates.iter().map(|id| format!("{id} is violated"));
        // What is owed from the start has no step of its own.
        let owes = self.rule.filter(|_| self.owed_from.is_some_and(|from| from.max(1) == number));
        violates.chain(owes.map(|id| format!("{id} is owed from here on"))).collect()
    }

    /// Returns what the design is listed with and this behaviour does not show.
    pub fn violated_elsewhere(&self) -> Vec<&'static str> {
        let listed = self.origin.map_or(&[][..], |origin| origin.violates).iter().copied();
        listed.filter(|&id| self.rule != Some(id) && self.violations().all(|(_, shown)| shown != id)).collect()
    }

    /// Returns the lanes in which something happens, in the order in which they are drawn.
    pub fn used_lanes(&self) -> Vec<&str> {
        let lanes = self.steps.iter().flat_map(|step| step.message.iter().flatten().chain([&step.actor]));
        let used: Vec<&str> = lanes.map(String::as_str).collect();
        let known = self.lanes.iter().map(String::as_str).filter(|lane| used.contains(lane));
        let mut lanes: Vec<&str> = known.collect();
        for lane in used {
            if !lanes.contains(&lane) {
                lanes.push(lane);
            }
        }
        lanes
    }
}

/// What a replay wrote down.
pub struct Replayed {
    /// The state in which it starts.
    pub initial: Value,
    /// That state in words.
    pub starts_as: Vec<String>,
    /// The lanes, in the order in which they are drawn.
    pub lanes: Vec<String>,
    /// What happens.
    pub steps: Vec<TraceStep>,
    /// Who waits at the end, and for what.
    pub waits: Vec<String>,
    /// The goals that are owed at the end, each with the step from which on it is, counted from 1.
    pub owed: Vec<(&'static str, usize)>,
}

/// Replays actions from a state and writes down what happens.
///
/// # Panics
///
/// If the design refuses one of the actions: a behaviour that was found in its graph is one that it has.
pub fn replay<D: Design>(
    start: &Recorded<D>,
    actions: impl IntoIterator<Item = ActionOf<D>>,
    alphabet: &[ActionOf<D>],
) -> Replayed {
    let mut state = start.clone();
    let mut steps = Vec::new();
    let mut broken = broken(&state, alphabet);
    let mut owed = Owed::<D>::default();
    owed.look(0, &state.history);
    for action in actions {
        let alternatives = alternatives(&state, Some(&action), alphabet);
        let Flow { actor, message } = state.machine.flow(&action);
        let words = state.machine.action_in_words(&action);
        let observation = state.step(&action);
        let told = match &observation {
            Observation::Refused(refusal) => panic!("{action} was refused on replay: {refusal}"),
            Observation::Accepted(outputs) => {
                outputs.iter().map(|output| state.machine.output_in_words(output)).collect()
            }
        };
        let now = self::broken(&state, alphabet);
        steps.push(TraceStep {
            actor,
            message,
            action: words,
            action_value: value(&action),
            told,
            observation_value: value(&observation),
            state: value(&state),
            state_words: state.machine.in_words(),
            violates: now.iter().copied().filter(|id| !broken.contains(id)).collect(),
            alternatives,
        });
        broken = now;
        owed.look(steps.len(), &state.history);
    }
    Replayed {
        initial: value(start),
        starts_as: start.machine.in_words(),
        lanes: start.machine.lanes(),
        steps,
        waits: state.machine.waits(),
        owed: owed.at_the_end(),
    }
}

/// Since which step each goal is owed without having been kept.
struct Owed<D: Machine>(Vec<(&'static Goal<D::Protocol>, Option<usize>)>);

impl<D: Machine> Default for Owed<D> {
    fn default() -> Self {
        Self(D::Protocol::GOALS.iter().map(|goal| (goal, None)).collect())
    }
}

impl<D: Machine> Owed<D> {
    fn look(&mut self, step: usize, history: &HistoryOf<D>) {
        for (goal, since) in &mut self.0 {
            let is_owed = (since.is_some() || (goal.trigger)(history)) && !(goal.outcome)(history);
            *since = is_owed.then(|| since.unwrap_or(step));
        }
    }

    fn at_the_end(self) -> Vec<(&'static str, usize)> {
        self.0.into_iter().filter_map(|(goal, since)| Some((goal.id, since?))).collect()
    }
}

/// The invariants that are violated in a state, freedom from deadlock among them.
fn broken<D: Design>(state: &Recorded<D>, alphabet: &[ActionOf<D>]) -> Vec<&'static str> {
    let invariants = D::Protocol::INVARIANTS.iter().filter(|rule| !(rule.holds)(&state.history)).map(|rule| rule.id);
    // Without an alphabet it is not known whether anything is enabled.
    let is_stuck = !alphabet.is_empty() && !state.machine.at_rest() && alternatives(state, None, alphabet).is_empty();
    invariants.chain(is_stuck.then_some(D::Protocol::DEADLOCK.0)).collect()
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

fn alternatives<D: Design>(state: &Recorded<D>, taken: Option<&ActionOf<D>>, alphabet: &[ActionOf<D>]) -> Vec<String> {
    let mut machine = state.machine.clone();
    let mut others = Vec::new();
    for action in alphabet.iter().filter(|action| Some(*action) != taken) {
        if !machine.step(action).is_refused() {
            others.push(state.machine.action_in_words(action));
            machine = state.machine.clone();
        }
    }
    others
}

fn value(item: &impl serde::Serialize) -> Value {
    serde_json::to_value(item).expect("words and states are plain data with string keys")
}
