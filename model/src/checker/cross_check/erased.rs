//! A model with its types forgotten, so that Stateright's searches are compiled once and not for every design.
//!
//! Nothing but types is forgotten: actions are taken one at a time, and the states themselves are compared and hashed.
//! None of it is done by our explorer.

use core::any::Any;
use core::fmt::{self, Debug, Formatter};
use core::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::quality::FixedState;
use handfast_spec::{Protocol, Recorded};
use stateright::{Expectation, Model, Property};

use crate::checker::design::{Checked, Design, Numbered, numbered};

/// A model of any type.
#[derive(Clone)]
pub(crate) struct Erased(Arc<dyn Steps>);

/// A state of any type.
#[derive(Clone)]
pub(crate) struct State(Arc<dyn AnyState>);

/// An action, as the state that it leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Action {
    /// What it is called, where that is shown.
    name: String,
    next: State,
}

impl Erased {
    /// Forgets the types of a model.
    pub(super) fn of<M>(model: &M) -> Self
    where
        M: Model + Clone + Send + Sync + 'static,
        M::State: PartialEq + Hash + Debug + Send + Sync + 'static,
        M::Action: Debug,
    {
        let properties = model.properties();
        let rules = properties.iter().map(|property| (property.expectation.clone(), property.name)).collect();
        let holds = move |model: &M, number: usize, state: &M::State| (properties[number].condition)(model, state);
        let steps = |model: &M, state: &M::State| {
            let mut actions = Vec::new();
            model.actions(state, &mut actions);
            let next = |action| model.next_state(state, action).map(|next| (String::new(), next));
            actions.into_iter().filter_map(next).collect()
        };
        Self(Arc::new(Typed { model: model.clone(), rules, holds, steps }))
    }

    /// Forgets the types of a design. Actions have names if they are to be shown.
    pub(crate) fn of_design<D: Design>(checked: &Checked<D>, is_shown: bool) -> Self {
        let (model, mut rules, holds) = (checked.clone(), Checked::<D>::rules(), Checked::<D>::holds);
        if is_shown {
            rules.iter_mut().for_each(|(_, id)| *id = titled::<D::Protocol>(id));
        }
        let steps = move |model: &Checked<D>, state: &Recorded<D>| {
            let named = |(action, next)| (if is_shown { model.format_action(&action) } else { String::new() }, next);
            model.steps_one_by_one(state).into_iter().map(named).collect()
        };
        Self(Arc::new(Typed { model, rules, holds, steps }))
    }
}

/// An id with its title, for people. Stateright wants a name that lives for ever: that of a rule of a design that is served
/// until the program ends.
fn titled<P: Protocol>(id: &'static str) -> &'static str {
    let predicates = P::INVARIANTS.iter().chain(P::WITNESSES).map(|rule| (rule.id, rule.title));
    let title = predicates.chain([P::DEADLOCK]).find(|(known, _)| *known == id).map(|(_, title)| title);
    title.map_or(id, |title| Box::leak(format!("{id} {title}").into_boxed_str()))
}

impl Model for Erased {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.0.init_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, _: &State, action: Action) -> Option<State> {
        Some(action.next)
    }

    fn format_action(&self, action: &Action) -> String {
        action.name.clone()
    }

    fn format_step(&self, state: &State, action: Action) -> Option<String> {
        self.0.format_step(state, &action.name)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        numbered(self.0.rules())
    }

    fn within_boundary(&self, state: &State) -> bool {
        self.0.within_boundary(state)
    }
}

impl Numbered for Erased {
    fn holds(&self, number: usize, state: &State) -> bool {
        self.0.holds(number, state)
    }
}

/// What is asked of a model.
trait Steps: Send + Sync {
    fn init_states(&self) -> Vec<State>;
    fn actions(&self, state: &State, actions: &mut Vec<Action>);
    fn format_step(&self, state: &State, name: &str) -> Option<String>;
    fn rules(&self) -> &[(Expectation, &'static str)];
    fn holds(&self, number: usize, state: &State) -> bool;
    fn within_boundary(&self, state: &State) -> bool;
}

struct Typed<M, H, N> {
    model: M,
    rules: Vec<(Expectation, &'static str)>,
    /// Whether the rule with a number holds.
    holds: H,
    /// What each enabled action is called, if that is to be shown, and where it leads.
    steps: N,
}

impl<M, H, N> Steps for Typed<M, H, N>
where
    M: Model + Send + Sync,
    M::State: PartialEq + Hash + Debug + Send + Sync + 'static,
    M::Action: Debug,
    H: Fn(&M, usize, &M::State) -> bool + Send + Sync,
    N: Fn(&M, &M::State) -> Vec<(String, M::State)> + Send + Sync,
{
    fn init_states(&self) -> Vec<State> {
        self.model.init_states().into_iter().map(State::of).collect()
    }

    fn actions(&self, state: &State, into: &mut Vec<Action>) {
        let steps = (self.steps)(&self.model, state.typed()).into_iter();
        into.extend(steps.map(|(name, next)| Action { name, next: State::of(next) }));
    }

    fn format_step(&self, state: &State, name: &str) -> Option<String> {
        let state = state.typed();
        let mut actions = Vec::new();
        self.model.actions(state, &mut actions);
        let action = actions.into_iter().find(|action| self.model.format_action(action) == name)?;
        self.model.format_step(state, action)
    }

    fn rules(&self) -> &[(Expectation, &'static str)] {
        &self.rules
    }

    fn holds(&self, number: usize, state: &State) -> bool {
        (self.holds)(&self.model, number, state.typed())
    }

    fn within_boundary(&self, state: &State) -> bool {
        self.model.within_boundary(state.typed())
    }
}

trait AnyState: Any + Debug + Send + Sync {
    fn hash(&self) -> u64;
    fn is(&self, other: &State) -> bool;
}

impl<S: PartialEq + Hash + Debug + Send + Sync + 'static> AnyState for S {
    fn hash(&self) -> u64 {
        FixedState::with_seed(0).hash_one(self)
    }

    fn is(&self, other: &State) -> bool {
        self == other.typed::<S>()
    }
}

impl State {
    fn of(state: impl PartialEq + Hash + Debug + Send + Sync + 'static) -> Self {
        Self(Arc::new(state))
    }

    fn typed<S: 'static>(&self) -> &S {
        let state: &dyn Any = &*self.0;
        state.downcast_ref().expect("a model is asked of its own states")
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(other)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(AnyState::hash(&*self.0));
    }
}

impl Debug for State {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
