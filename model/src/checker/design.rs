//! A design of a protocol, as something to explore.

use core::fmt::{self, Debug, Formatter};
use core::hash::Hash;

use handfast_spec::protocol::{ActionOf, HistoryOf};
use handfast_spec::{Machine, Observation, Protocol, Recorded};
use serde::Serialize;
use serde_json::Value;
use stateright::{Expectation, Model, Property};

use crate::checker::explore::{Graph, Options, Packed, Recording, Split, Store, Whole, explore_recorded};

/// The outputs of a machine.
pub type OutputOf<M> = <<M as Machine>::Protocol as Protocol>::Output;

/// The refusals of a machine.
pub(crate) type RefusalOf<M> = <<M as Machine>::Protocol as Protocol>::Refusal;

/// A machine that can be explored: it can be cloned, compared and hashed.
///
/// Machines are compared and hashed whole; derive both, never write them.
pub trait Design: Machine + Clone + Debug + Eq + Hash + Serialize + Send + Sync + 'static {
    /// Whether no participant waits for anything, so that the machine may stay as it is for ever. A state without any enabled
    /// action that is not at rest is a deadlock.
    fn at_rest(&self) -> bool;

    /// How the node was configured, as the header of a log says it; null for designs of which no logs are read.
    fn header(&self) -> Value {
        Value::Null
    }

    // How its behaviours are told to people.

    /// Returns the state in words: a line for each part, which begins with the name of the part and a colon.
    fn in_words(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns who waits, and for what.
    fn waits(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the participants, and what their messages go through, in the order in which they are drawn.
    fn lanes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns who takes an action in this state, and from which lane to which something goes with it.
    fn flow(&self, action: &ActionOf<Self>) -> Flow {
        Flow::within(
            Self::Protocol::component(action).map_or(ENVIRONMENT.to_owned(), |component| component.to_string()),
        )
    }

    /// Returns an action that is taken in this state, in the words of the original system.
    fn action_in_words(&self, action: &ActionOf<Self>) -> String {
        action.to_string()
    }

    /// Returns an output in the words of the original system.
    fn output_in_words(&self, output: &OutputOf<Self>) -> String {
        output.to_string()
    }
}

/// Returns those of these participants that cannot take their next step, each with the reason.
pub(crate) fn stuck<D: Design, Who>(
    machine: &D,
    next: impl IntoIterator<Item = (Who, ActionOf<D>)>,
) -> impl Iterator<Item = (Who, RefusalOf<D>)> {
    let refusal = |(who, action)| match machine.clone().step(&action) {
        Observation::Refused(refusal) => Some((who, refusal)),
        Observation::Accepted(_) => None,
    };
    next.into_iter().filter_map(refusal)
}

/// The lane of actions of which no fairness is assumed.
pub const ENVIRONMENT: &str = "environment";

/// Where an action happens, for a drawing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flow {
    /// The lane of the participant that acts.
    pub actor: String,
    /// The lane that a message comes from and the one that it goes to, if there is a message.
    pub message: Option<[String; 2]>,
}

impl Flow {
    /// Returns the flow of an action that stays within one lane.
    pub fn within(lane: impl Into<String>) -> Self {
        Self { actor: lane.into(), message: None }
    }

    /// Returns the flow of a message that its sender puts into another lane.
    pub fn send(from: impl Into<String>, to: impl Into<String>) -> Self {
        let from = from.into();
        Self { actor: from.clone(), message: Some([from, to.into()]) }
    }

    /// Returns the flow of a message that its receiver takes from another lane.
    pub fn receive(from: impl Into<String>, to: impl Into<String>) -> Self {
        let to = to.into();
        Self { actor: to.clone(), message: Some([from.into(), to]) }
    }
}

/// A design at a scope: where it starts and what may be attempted.
///
/// As a [`stateright::Model`] its actions are those of the alphabet that are not refused, and its states are machines
/// with the history of what they told.
#[derive(Clone)]
pub struct Checked<D: Design> {
    initial: Vec<Recorded<D>>,
    alphabet: Vec<ActionOf<D>>,
    machines: fn() -> Box<dyn Store<D>>,
    histories: fn() -> Box<dyn Store<HistoryOf<D>>>,
}

impl<D: Design> Checked<D> {
    /// A design that starts in one of `initial` and may attempt every action of `alphabet` in every state.
    pub fn new(initial: Vec<Recorded<D>>, alphabet: Vec<ActionOf<D>>) -> Self {
        Self { initial, alphabet, machines: || Box::new(Whole::default()), histories: || Box::new(Whole::default()) }
    }

    /// The same, with its machines and histories kept in parts when it is explored.
    #[must_use]
    pub fn in_parts(self) -> Self
    where
        D: Split,
        HistoryOf<D>: Split,
    {
        Self { machines: || Box::new(Packed::default()), histories: || Box::new(Packed::default()), ..self }
    }

    /// Explores it: the graph that [`explore`](crate::checker::explore::explore) gives, found faster, because every
    /// machine is stepped once only.
    ///
    /// # Panics
    ///
    /// If the options ask for a reduction by symmetry, which [`explore`](crate::checker::explore::explore) knows.
    pub fn explore(&self, options: &Options<'_, Recorded<D>>) -> Graph<Recorded<D>, ActionOf<D>> {
        assert!(options.symmetry.is_none(), "designs are not reduced by symmetry");
        let Self { initial, alphabet, machines, histories } = self;
        explore_recorded(&Recording { initial, alphabet, machines: *machines, histories: *histories }, options)
    }

    /// Every action that may be attempted.
    pub fn alphabet(&self) -> &[ActionOf<D>] {
        &self.alphabet
    }

    /// The rules as Stateright's properties: one `always` property that holds everywhere, because Stateright explores to
    /// the end while it awaits one; one for deadlocks, one for each invariant, and one `sometimes` property for each
    /// witness.
    pub fn rules() -> Vec<(Expectation, &'static str)> {
        const {
            let rules = 2 + D::Protocol::INVARIANTS.len() + D::Protocol::WITNESSES.len();
            assert!(rules <= MOST_RULES, "a protocol has more invariants and witnesses than Stateright is asked about");
        }
        let always = |id| (Expectation::Always, id);
        let invariants = D::Protocol::INVARIANTS.iter().map(|invariant| always(invariant.id));
        let witnesses = D::Protocol::WITNESSES.iter().map(|witness| (Expectation::Sometimes, witness.id));
        [always(TO_THE_END), always(D::Protocol::DEADLOCK.0)].into_iter().chain(invariants).chain(witnesses).collect()
    }

    /// Whether the rule with this number, an index into [`Checked::rules`], holds of a state.
    pub fn holds(&self, number: usize, state: &Recorded<D>) -> bool {
        let Some(predicate) = number.checked_sub(2) else {
            return number == 0 || state.machine.at_rest() || self.can_act(state);
        };
        let invariants = D::Protocol::INVARIANTS;
        let predicate =
            invariants.get(predicate).unwrap_or_else(|| &D::Protocol::WITNESSES[predicate - invariants.len()]);
        (predicate.holds)(&state.history)
    }

    /// Attempts every action in a state, for the second engine: each accepted action is taken once.
    pub(crate) fn steps_one_by_one(&self, state: &Recorded<D>) -> Vec<(ActionOf<D>, Recorded<D>)> {
        let mut steps = Vec::new();
        let mut machine = state.machine.clone();
        for action in &self.alphabet {
            let observation = machine.step(action);
            if !observation.is_refused() {
                let machine = core::mem::replace(&mut machine, state.machine.clone());
                let mut next = Recorded { machine, history: state.history.clone() };
                next.record(&observation);
                steps.push((*action, next));
            }
        }
        steps
    }

    fn can_act(&self, state: &Recorded<D>) -> bool {
        let mut machine = state.machine.clone();
        self.alphabet.iter().any(|action| !machine.step(action).is_refused())
    }
}

impl<D: Design> Model for Checked<D> {
    type State = Recorded<D>;
    type Action = ActionOf<D>;

    fn init_states(&self) -> Vec<Self::State> {
        self.initial.clone()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        let mut machine = state.machine.clone();
        for action in &self.alphabet {
            if !machine.step(action).is_refused() {
                actions.push(*action);
                machine = state.machine.clone();
            }
        }
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = state.clone();
        (!next.step(&action).is_refused()).then_some(next)
    }

    /// Attempts every action in a state.
    ///
    /// A refused action leaves the machine as it was, so that one copy serves until an action is accepted. Designs are
    /// tested for that. The copy is stepped where it will stay, because states are large and moves are most of the cost.
    fn next_steps(&self, state: &Self::State) -> Vec<(Self::Action, Self::State)> {
        let Some(&any) = self.alphabet.first() else { return Vec::new() };
        let mut steps = Vec::with_capacity(8);
        steps.push((any, state.clone()));
        for action in &self.alphabet {
            let Some((taken, next)) = steps.last_mut() else { break };
            if !next.step(action).is_refused() {
                *taken = *action;
                steps.push((any, state.clone()));
            }
        }
        steps.pop();
        steps
    }

    fn format_action(&self, action: &Self::Action) -> String {
        action.to_string()
    }

    fn format_step(&self, state: &Self::State, action: Self::Action) -> Option<String> {
        let mut next = state.clone();
        match next.step(&action) {
            Observation::Refused(_) => None,
            Observation::Accepted(outputs) => {
                let told: String = outputs.iter().map(|output| format!("-> {output}\n")).collect();
                Some(format!("{told}{:?}", next.machine))
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        numbered(&Self::rules())
    }
}

impl<D: Design> Debug for Checked<D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("initial", &self.initial).finish_non_exhaustive()
    }
}

/// The number of the rule that there is no deadlock; see [`Checked::rules`].
pub(crate) const DEADLOCK: usize = 1;

/// The name of the property that holds everywhere.
pub const TO_THE_END: &str = "explored to the end";

/// A model with rules that are known by number.
pub(crate) trait Numbered: Model {
    /// Whether the rule with this number holds of a state.
    fn holds(&self, number: usize, state: &Self::State) -> bool;
}

impl<D: Design> Numbered for Checked<D> {
    fn holds(&self, number: usize, state: &Recorded<D>) -> bool {
        Self::holds(self, number, state)
    }
}

/// Whether a rule holds in a state, as Stateright asks it.
type Condition<M> = fn(&M, &<M as Model>::State) -> bool;

/// How many rules [`numbered`] makes properties of.
const MOST_RULES: usize = 256;

/// Makes properties of rules. Stateright wants plain function pointers, which capture nothing: one function for each
/// number.
///
/// # Panics
///
/// If there are more than 256 rules; designs with more do not compile.
pub(crate) fn numbered<M: Numbered>(rules: &[(Expectation, &'static str)]) -> Vec<Property<M>> {
    fn holds<M: Numbered, const HIGH: usize, const LOW: usize>(model: &M, state: &M::State) -> bool {
        model.holds(16 * HIGH + LOW, state)
    }
    macro_rules! conditions {
        ($($high:literal)*) => { [$(conditions!(@row $high 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)),*] };
        (@row $high:literal $($low:literal)*) => { [$(holds::<M, $high, $low>),*] };
    }
    let conditions: [[Condition<M>; 16]; 16] = conditions!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    assert!(rules.len() <= MOST_RULES, "Stateright is asked about at most {MOST_RULES} properties of a model");
    let conditions = conditions.as_flattened().iter();
    let properties = rules.iter().zip(conditions).map(|((expectation, name), &condition)| Property {
        expectation: expectation.clone(),
        name,
        condition,
    });
    properties.collect()
}
