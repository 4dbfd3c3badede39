//! A design of a protocol, as something to explore.

use core::fmt::{self, Debug, Formatter};
use core::hash::Hash;

use handfast_spec::protocol::{ActionOf, HistoryOf};
use handfast_spec::{Machine, Observation, Protocol, Recorded};
use serde::Serialize;
use serde_json::Value;
use stateright::{Model, Property};

use crate::checker::explore::{Graph, Options, Packed, Recording, Split, Store, Whole, explore, explore_recorded};

/// A machine that can be explored: it can be cloned, compared and hashed.
///
/// Machines are compared and hashed whole; derive both, never write them.
pub trait Design: Machine + Clone + Debug + Eq + Hash + Serialize + Send + Sync + 'static {
    /// Whether nobody waits for anything, so that the machine may stay as it is for ever. A state without any enabled
    /// action that is not at rest is a deadlock.
    fn at_rest(&self) -> bool;

    /// How the node was configured, as the header of a log says it; null for designs of which no logs are read.
    fn header(&self) -> Value {
        Value::Null
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

    /// Explores it: the graph that [`explore`] gives, found faster, because every machine is stepped once only.
    pub fn explore(&self, options: &Options<'_, Recorded<D>>) -> Graph<Recorded<D>, ActionOf<D>> {
        if options.symmetry.is_some() {
            return explore(self, options);
        }
        let Self { initial, alphabet, machines, histories } = self;
        explore_recorded(&Recording { initial, alphabet, machines: *machines, histories: *histories }, options)
    }

    /// Every action that may be attempted.
    pub fn alphabet(&self) -> &[ActionOf<D>] {
        &self.alphabet
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

    /// One `always` property for each invariant, one for deadlocks, one `sometimes` property for each witness, and one
    /// `always` property that holds everywhere: while it is awaited, Stateright explores to the end.
    fn properties(&self) -> Vec<Property<Self>> {
        let invariants = D::Protocol::INVARIANTS;
        let witnesses = D::Protocol::WITNESSES;
        let mut properties = Vec::with_capacity(invariants.len() + witnesses.len() + 2);
        properties.push(Property::always(TO_THE_END, |_, _| true));
        properties.push(Property::always(D::Protocol::DEADLOCK.0, |checked: &Self, state: &Self::State| {
            state.machine.at_rest() || checked.can_act(state)
        }));
        let conditions = conditions::<D>();
        for (index, invariant) in invariants.iter().enumerate() {
            properties.push(Property::always(invariant.id, conditions[index]));
        }
        for (index, witness) in witnesses.iter().enumerate() {
            properties.push(Property::sometimes(witness.id, conditions[invariants.len() + index]));
        }
        properties
    }
}

impl<D: Design> Debug for Checked<D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("initial", &self.initial).finish_non_exhaustive()
    }
}

/// The name of the property that holds everywhere.
pub const TO_THE_END: &str = "explored to the end";

type Condition<D> = fn(&Checked<D>, &Recorded<D>) -> bool;

/// Stateright wants plain function pointers, which capture nothing: one function for each index into the predicates.
fn conditions<D: Design>() -> [Condition<D>; 48] {
    fn nth<D: Design, const INDEX: usize>(_: &Checked<D>, state: &Recorded<D>) -> bool {
        let invariants = D::Protocol::INVARIANTS;
        let holds: fn(&HistoryOf<D>) -> bool = match INDEX.checked_sub(invariants.len()) {
            None => invariants[INDEX].holds,
            Some(index) => D::Protocol::WITNESSES[index].holds,
        };
        holds(&state.history)
    }
    macro_rules! table {
        ($($index:literal)*) => { [$(nth::<D, $index>),*] };
    }
    table!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
           40 41 42 43 44 45 46 47)
}
