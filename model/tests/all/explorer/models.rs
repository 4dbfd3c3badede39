//! Small models with what explorers stumble over.

use core::hash::{Hash, Hasher};
use std::collections::HashMap;

use stateright::{Model, Property};

/// The two-phase commit of Gray and Lamport, with the messages as a set of flags.
#[derive(Clone)]
pub(crate) struct TwoPhase {
    pub(crate) managers: usize,
}

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Commit {
    /// For each resource manager: its stage, whether it sent *prepared*, whether that was received.
    managers: Vec<(Stage, bool, bool)>,
    decided: Option<bool>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Stage {
    Working,
    Prepared,
    Committed,
    Aborted,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Action {
    Prepare(usize),
    ChooseAbort(usize),
    Receive(usize),
    Decide(bool),
    Learn(usize),
}

impl Commit {
    /// Managers are interchangeable.
    pub(crate) fn representative(&self) -> Self {
        let mut representative = self.clone();
        representative.managers.sort();
        representative
    }
}

impl Model for TwoPhase {
    type State = Commit;
    type Action = Action;

    fn init_states(&self) -> Vec<Commit> {
        vec![Commit { managers: vec![(Stage::Working, false, false); self.managers], decided: None }]
    }

    fn actions(&self, state: &Commit, actions: &mut Vec<Action>) {
        actions.extend([Action::Decide(true), Action::Decide(false)]);
        for manager in 0..self.managers {
            if state.managers[manager].0 == Stage::Working {
                actions.extend([Action::Prepare(manager), Action::ChooseAbort(manager)]);
            }
            actions.extend([Action::Receive(manager), Action::Learn(manager)]);
        }
    }

    /// Nothing comes of an action that is not possible.
    fn next_state(&self, state: &Commit, action: Action) -> Option<Commit> {
        let mut next = state.clone();
        match action {
            Action::Prepare(manager) => next.managers[manager] = (Stage::Prepared, true, false),
            Action::ChooseAbort(manager) => next.managers[manager].0 = Stage::Aborted,
            Action::Receive(manager) => {
                let (_, sent, received) = &mut next.managers[manager];
                if !*sent || *received || next.decided.is_some() {
                    return None;
                }
                *received = true;
            }
            Action::Decide(commit) => {
                let all = state.managers.iter().all(|(_, _, received)| *received);
                if state.decided.is_some() || (commit && !all) {
                    return None;
                }
                next.decided = Some(commit);
            }
            // Hearing the outcome twice changes nothing, which is an edge to the same state.
            Action::Learn(manager) => {
                next.managers[manager].0 = if state.decided? { Stage::Committed } else { Stage::Aborted };
            }
        }
        Some(next)
    }
}

/// Walks in a grid that goes on for ever, of which a part is within the boundary.
pub(crate) struct Grid {
    pub(crate) side: u8,
    pub(crate) dimensions: usize,
}

impl Model for Grid {
    type State = Vec<u8>;
    type Action = usize;

    fn init_states(&self) -> Vec<Vec<u8>> {
        vec![vec![0; self.dimensions]]
    }

    fn actions(&self, _: &Vec<u8>, actions: &mut Vec<usize>) {
        actions.extend(0..self.dimensions);
    }

    fn next_state(&self, state: &Vec<u8>, dimension: usize) -> Option<Vec<u8>> {
        let mut next = state.clone();
        next[dimension] += 1;
        Some(next)
    }

    fn within_boundary(&self, state: &Vec<u8>) -> bool {
        state.iter().all(|&at| at < self.side)
    }
}

/// Counts round, from several states of which some are named twice. Counters from 100 are beyond the boundary.
pub(crate) struct Counters {
    pub(crate) starts: Vec<u32>,
    pub(crate) modulus: u32,
}

impl Model for Counters {
    type State = u32;
    type Action = u32;

    fn init_states(&self) -> Vec<u32> {
        self.starts.clone()
    }

    fn actions(&self, _: &u32, actions: &mut Vec<u32>) {
        actions.extend([1, 2]);
    }

    fn next_state(&self, state: &u32, by: u32) -> Option<u32> {
        Some((state + by) % self.modulus)
    }

    fn within_boundary(&self, state: &u32) -> bool {
        *state < 100
    }
}

/// As many actions as this, each in one state and to the same one.
pub(crate) struct Jumps(pub(crate) u32);

impl Model for Jumps {
    type State = u32;
    type Action = u32;

    fn init_states(&self) -> Vec<u32> {
        (0..1024).collect()
    }

    fn actions(&self, state: &u32, actions: &mut Vec<u32>) {
        actions.extend((0..self.0).filter(|action| action % 1024 == *state));
    }

    fn next_state(&self, _: &u32, _: u32) -> Option<u32> {
        Some(0)
    }
}

/// Two states, two actions between them, one that stays and one that is not possible.
pub(crate) struct Parity;

impl Model for Parity {
    type State = bool;
    type Action = &'static str;

    fn init_states(&self) -> Vec<bool> {
        vec![false]
    }

    fn actions(&self, _: &bool, actions: &mut Vec<&'static str>) {
        actions.extend(["stay", "inc", "nothing", "dec"]);
    }

    fn next_state(&self, state: &bool, action: &'static str) -> Option<bool> {
        match action {
            "stay" => Some(*state),
            "nothing" => None,
            _ => Some(!state),
        }
    }
}

/// A line of states that all have the same hash.
#[derive(Clone)]
pub(crate) struct Collide;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Numb(pub(crate) u32);

impl Hash for Numb {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0_u32.hash(state);
    }
}

impl Model for Collide {
    type State = Numb;
    type Action = ();

    fn init_states(&self) -> Vec<Numb> {
        vec![Numb(0)]
    }

    fn actions(&self, _: &Numb, actions: &mut Vec<()>) {
        actions.push(());
    }

    fn next_state(&self, state: &Numb, (): ()) -> Option<Numb> {
        (state.0 < 199).then_some(Numb(state.0 + 1))
    }

    /// Without a property that is awaited, Stateright does not explore.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("explored to the end", |_, _| true)]
    }
}

// A search that is as simple as possible, to compare with.

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
