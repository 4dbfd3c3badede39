//! Expanding the states of any model.

use core::hash::Hash;
use core::ops::Range;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rustc_hash::FxBuildHasher;
use stateright::Model;

use super::graph::{Edges, Graph, Reduction};
use super::search::{Expand, Limit, Options, search};
use super::store::{Sought, Store, Whole};

type Representative<S> = fn(&S) -> S;

/// Explores every state of `model` that is reachable within its boundary.
pub fn explore<M: Model + Sync>(model: &M, options: &Options<'_, M::State>) -> Graph<M::State, M::Action>
where
    M::State: Clone + Eq + Hash + Send + Sync + 'static,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    let Options { symmetry, store, .. } = *options;
    let store = store.unwrap_or(|| Box::new(Whole::default()));
    let labels = Labels { actions: Vec::new(), numbers: HashMap::default() };
    let mut steps = Steps { model, symmetry, states: store(), labels, bounded: false };
    let mut shape = search(&mut steps, options.limits());
    shape.reduction = Reduction { bounded: steps.bounded, symmetric: symmetry.is_some() };
    Graph { states: steps.states, actions: steps.labels.actions, shape }
}

/// Takes the steps of a model.
struct Steps<'m, M: Model> {
    model: &'m M,
    symmetry: Option<Representative<M::State>>,
    states: Box<dyn Store<M::State>>,
    labels: Labels<M::Action>,
    bounded: bool,
}

/// Actions, each under the number that counts those that were seen before it.
struct Labels<A> {
    actions: Vec<A>,
    numbers: HashMap<A, u16, FxBuildHasher>,
}

impl<A: Clone + Eq + Hash> Labels<A> {
    /// The label of an action, a new one if it was not seen before.
    fn enter(&mut self, action: A) -> Result<u16, Limit> {
        match self.numbers.entry(action) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => {
                let label = u16::try_from(self.actions.len()).map_err(|_| Limit::Numbers)?;
                self.actions.push(entry.key().clone());
                Ok(*entry.insert(label))
            }
        }
    }
}

impl<M: Model> Steps<'_, M> {
    /// Replaces a state by its representative.
    fn represent(&self, state: &mut M::State) {
        if let Some(representative) = self.symmetry {
            *state = representative(state);
        }
    }
}

/// What was found out about some states.
struct Stretch<S, A> {
    /// How many edges leave each of them.
    degrees: Vec<usize>,
    targets: Sought<S>,
    labels: Vec<Label>,
    /// For each new label, its action.
    actions: Vec<A>,
    beyond_boundary: bool,
}

#[derive(Clone, Copy)]
enum Label {
    Known(u16),
    New,
}

impl<M: Model + Sync> Expand for Steps<'_, M>
where
    M::State: Send + Sync + 'static,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    type Ahead = Stretch<M::State, M::Action>;

    fn start(&mut self) {
        for mut state in self.model.init_states() {
            self.represent(&mut state);
            if self.model.within_boundary(&state) {
                let mut initial = Sought::new(self.states.columns());
                initial.seek(&*self.states, state, &mut vec![0; self.states.columns()]);
                initial.enter(&mut *self.states);
            } else {
                self.bounded = true;
            }
        }
    }

    fn prepare(&mut self, _: Range<u32>, _: usize) {}

    fn look(&self, states: Range<u32>) -> Stretch<M::State, M::Action> {
        let mut stretch = Stretch {
            degrees: Vec::with_capacity(states.len()),
            targets: Sought::new(self.states.columns()),
            labels: Vec::new(),
            actions: Vec::new(),
            beyond_boundary: false,
        };
        let mut row = vec![0; self.states.columns()];
        let mut row_of_next = row.clone();
        for state in states {
            let before = stretch.labels.len();
            let state = self.states.load(state, &mut row);
            for (action, mut next) in self.model.next_steps(&state) {
                self.represent(&mut next);
                if !self.model.within_boundary(&next) {
                    stretch.beyond_boundary = true;
                    continue;
                }
                row_of_next.copy_from_slice(&row);
                stretch.targets.seek(&*self.states, next, &mut row_of_next);
                let label = self.labels.numbers.get(&action).map_or(Label::New, |&label| Label::Known(label));
                if matches!(label, Label::New) {
                    stretch.actions.push(action);
                }
                stretch.labels.push(label);
            }
            stretch.degrees.push(stretch.labels.len() - before);
        }
        stretch
    }

    fn enter(&mut self, stretch: Stretch<M::State, M::Action>, edges: &mut Edges) -> Result<(), Limit> {
        self.bounded |= stretch.beyond_boundary;
        let targets = stretch.targets.enter(&mut *self.states);
        let mut actions = stretch.actions.into_iter();
        let mut found = stretch.labels.into_iter().zip(targets);
        for degree in stretch.degrees {
            for (label, target) in found.by_ref().take(degree) {
                let label = match label {
                    Label::Known(label) => label,
                    Label::New => self.labels.enter(actions.next().expect("a new action was kept"))?,
                };
                edges.push(label, target);
            }
            edges.close_state(self.states.len())?;
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn bytes(&self) -> usize {
        let (states, index) = self.states.bytes();
        states + index
    }
}
