//! Walks over a model's graph that a driver is brought to take.
//!
//! The model's steps are finer than what a driver can be made to do by itself: a rejected session's task ends in the
//! same poll, the last guard finishes the shutdown, whoever cuts off a subscriber goes on to be announced. So a walk is
//! not laid down beforehand. From the state where the driver is, the nearest edge that was not taken is looked for and
//! brought about; the steps that the driver then records move the model. Edges that leave states which the driver
//! passes through within one poll are out of its reach, and are counted as not taken.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use handfast_spec::lifecycle::{Action, Lifecycle};
use handfast_spec::{Machine, Protocol, Recorded};
use model::explore::Graph;
use model::lifecycle::handfast::Handfast;
use tokio::runtime::{Builder, Runtime};

use crate::stepped::{Step, Stepped};

/// How often an edge is tried that the driver did not take: whether it can may depend on how it came to the state.
const ATTEMPTS: u8 = 3;

/// From which length on a walk is not continued.
const MAX_PRODS: usize = 400;

/// What was covered.
pub(crate) struct Covered {
    /// States in which the driver was, also within a poll.
    pub(crate) states: usize,
    /// Edges that it took.
    pub(crate) edges: usize,
    /// States in which it was left waiting.
    pub(crate) rested: usize,
    /// Edges that leave those.
    pub(crate) edges_from_rest: usize,
    /// Of these, edges that it took.
    pub(crate) taken_from_rest: usize,
    /// Walks, each on a fresh node.
    pub(crate) walks: usize,
    /// Actions brought about from outside.
    pub(crate) prods: usize,
    /// Steps recorded and compared.
    pub(crate) steps: usize,
}

pub(crate) struct Walker<'g> {
    graph: &'g Graph<Recorded<Handfast>, Action>,
    visited: Vec<bool>,
    rested: Vec<bool>,
    taken: Vec<bool>,
    failures: Vec<u8>,
    walks: usize,
    prods: usize,
    steps: usize,
}

impl<'g> Walker<'g> {
    pub(crate) fn new(graph: &'g Graph<Recorded<Handfast>, Action>) -> Self {
        Self {
            graph,
            visited: vec![false; graph.state_count()],
            rested: vec![false; graph.state_count()],
            taken: vec![false; graph.edge_count()],
            failures: vec![0; graph.edge_count()],
            walks: 0,
            prods: 0,
            steps: 0,
        }
    }

    pub(crate) fn covered(&self) -> Covered {
        let count = |marks: &[bool]| marks.iter().filter(|mark| **mark).count();
        let rested = (0..self.graph.state_count() as u32).filter(|&state| self.rested[state as usize]);
        let from_rest = rested.flat_map(|state| self.graph.edges(state));
        Covered {
            states: count(&self.visited),
            edges: count(&self.taken),
            rested: count(&self.rested),
            edges_from_rest: from_rest.clone().count(),
            taken_from_rest: from_rest.filter(|&edge| self.taken[edge]).count(),
            walks: self.walks,
            prods: self.prods,
            steps: self.steps,
        }
    }

    /// Walks from one state that the system starts in until nothing more can be taken from there.
    pub(crate) fn cover_from(&mut self, initial: u32) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without IO needs nothing");
        while let Some(way) = self.way_to_open_edge(initial) {
            self.walks += 1;
            self.walk(&runtime, initial, way);
        }
    }

    fn walk(&mut self, runtime: &Runtime, initial: u32, mut way: VecDeque<usize>) {
        let start = self.graph.state(initial);
        let mut node = Stepped::new(runtime, start.machine.config(), start.machine.subscribers());
        let mut at = initial;
        self.visited[at as usize] = true;
        self.rested[at as usize] = true;
        for _ in 0..MAX_PRODS {
            if way.is_empty() {
                way = match self.way_to_open_edge(at) {
                    Some(way) => way,
                    None => break,
                };
            }
            let Some(edge) = way.pop_front() else { break };
            let action = self.graph.actions()[self.graph.label(edge)];
            self.prods += 1;
            let steps = node.prod(action);
            at = self.follow(at, &steps);
            self.rested[at as usize] = true;
            node.agrees_with(&self.graph.state(at).ledger);
            if at != self.graph.target(edge) || !self.taken[edge] {
                self.failures[edge] += 1;
                way.clear();
            }
        }
        let steps = node.run_to_rest();
        at = self.follow(at, &steps);
        self.assert_rest(at, &mut node);
    }

    /// Moves the model by what the driver recorded.
    fn follow(&mut self, from: u32, steps: &[Step]) -> u32 {
        let mut at = from;
        for (action, observation) in steps {
            self.steps += 1;
            let mut model = self.graph.state(at).machine.clone();
            let expected = model.step(action);
            assert_eq!(&expected, observation, "{action}, after {:?}", self.graph.state(at));
            if expected.is_refused() {
                continue;
            }
            let label = |edge: &usize| self.graph.actions()[self.graph.label(*edge)] == *action;
            let edge = self.graph.edges(at).find(label).expect("what the model does is an edge of its graph");
            self.taken[edge] = true;
            at = self.graph.target(edge);
            self.visited[at as usize] = true;
            let ledger = &self.graph.state(at).ledger;
            let violated = Lifecycle::invariants().iter().find(|rule| !(rule.holds)(ledger));
            assert!(violated.is_none(), "{action} violates a rule");
        }
        at
    }

    /// Where every task waits, none of them has anything to do: nobody was told to end and was not woken.
    fn assert_rest(&self, at: u32, node: &mut Stepped<'_>) {
        let state = self.graph.state(at);
        node.agrees_with(&state.ledger);
        for edge in self.graph.edges(at) {
            let action = self.graph.actions()[self.graph.label(edge)];
            assert!(!matches!(action, Action::End { .. } | Action::Finish), "{action}, and nobody was woken");
        }
        let complete = state.ledger.phase == handfast_spec::lifecycle::Phase::Complete;
        assert_eq!(node.says_that_it_is_complete(), complete);
    }

    /// The shortest way to an edge that was not taken, over edges that the driver may take.
    fn way_to_open_edge(&self, from: u32) -> Option<VecDeque<usize>> {
        // The state that was left for each state that was found, and by which edge.
        let mut found: HashMap<u32, (u32, usize)> = HashMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(state) = queue.pop_front() {
            for edge in self.graph.edges(state).filter(|&edge| self.failures[edge] < ATTEMPTS) {
                if !self.taken[edge] {
                    let mut way = VecDeque::from([edge]);
                    let mut at = state;
                    while at != from {
                        let (before, edge) = found[&at];
                        way.push_front(edge);
                        at = before;
                    }
                    return Some(way);
                }
                let target = self.graph.target(edge);
                if target != from
                    && let Entry::Vacant(entry) = found.entry(target)
                {
                    entry.insert((state, edge));
                    queue.push_back(target);
                }
            }
        }
        None
    }
}
