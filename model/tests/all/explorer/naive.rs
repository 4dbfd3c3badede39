//! A search that is as simple as possible, to compare with.

use core::hash::Hash;
use std::collections::HashMap;

use stateright::Model;

/// A graph in the plainest form.
pub(crate) struct Naive<S, A> {
    pub(crate) states: Vec<S>,
    pub(crate) steps: Vec<Vec<(A, u32)>>,
    pub(crate) depths: Vec<usize>,
    pub(crate) initial: u32,
}

/// Breadth-first, one state after the other, through `actions` and `next_state`.
pub(crate) fn explore<M: Model>(model: &M) -> Naive<M::State, M::Action>
where
    M::State: Clone + Eq + Hash,
    M::Action: Clone,
{
    let mut naive = Naive { states: Vec::new(), steps: Vec::new(), depths: Vec::new(), initial: 0 };
    let mut numbers = HashMap::new();
    for state in model.init_states().into_iter().filter(|state| model.within_boundary(state)) {
        naive.enter(&mut numbers, state, 0);
    }
    naive.initial = naive.states.len() as u32;
    for state in 0.. {
        let Some(at) = naive.states.get(state).cloned() else { break };
        let mut actions = Vec::new();
        model.actions(&at, &mut actions);
        let mut steps = Vec::new();
        for action in actions {
            let next = model.next_state(&at, action.clone()).filter(|next| model.within_boundary(next));
            if let Some(next) = next {
                let depth = naive.depths[state] + 1;
                steps.push((action, naive.enter(&mut numbers, next, depth)));
            }
        }
        naive.steps.push(steps);
    }
    naive
}

impl<S: Clone + Eq + Hash, A> Naive<S, A> {
    fn enter(&mut self, numbers: &mut HashMap<S, u32>, state: S, depth: usize) -> u32 {
        let next = self.states.len() as u32;
        *numbers.entry(state).or_insert_with_key(|state| {
            self.states.push(state.clone());
            self.depths.push(depth);
            next
        })
    }
}
