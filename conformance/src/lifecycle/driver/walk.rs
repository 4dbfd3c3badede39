//! Walks over a model's graph that a driver is brought to take.
//!
//! From the state where the driver is, the nearest edge that was not taken is looked for and brought about; the steps
//! that the driver then records move the model. What the driver can do may depend on more than the model's state: on
//! when a task began to wait, or which of two waits for less long. So a walk is not laid down beforehand, an edge that
//! was not taken is tried again with other [habits](Habits), and at last by each way into the state that it leaves.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Display, Formatter};

use handfast_spec::lifecycle::{Action, Lifecycle, Output, Refusal};
use handfast_spec::log::Line;
use handfast_spec::{Observation, Protocol, Recorded};
use model::checker::explore::Graph;
use model::lifecycle::handfast::Handfast;
use tokio::runtime::Runtime;

use crate::edges::Fault;
use crate::lifecycle::driver::chooser::Habits;
use crate::lifecycle::driver::stepped::{Step, Stepped};
use crate::lifecycle::driver::task::Pool;
use crate::{failure, paused};

/// How often an edge is tried, with each combination of habits.
const ATTEMPTS: u8 = 2;

/// From which length on a walk is not continued.
const MAX_PRODS: usize = 400;

/// What was covered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Covered {
    /// States in which the driver was left waiting or held.
    pub states: usize,
    /// Edges that it took.
    pub edges: usize,
    /// Walks, each on a fresh node.
    pub walks: usize,
    /// Actions brought about from outside.
    pub prods: usize,
    /// Steps recorded and compared.
    pub steps: usize,
}

/// Walks a driver over the edges of a model's state graph.
pub struct Walker<'g> {
    graph: &'g Graph<Recorded<Handfast>, Action>,
    /// The state that each edge leaves.
    sources: Vec<u32>,
    visited: Vec<bool>,
    taken: Vec<bool>,
    failures: Vec<u8>,
    covered: Covered,
    /// What the driver records is tampered with, as if it was broken.
    tamper: fn(Step) -> Step,
}

/// A walk as it goes.
struct Walk<'w> {
    node: Stepped<'w>,
    at: u32,
    prods: Vec<Prod>,
}

impl<'g> Walker<'g> {
    /// Creates a walker over a graph. `tamper` changes what the driver recorded, as if the driver was broken.
    pub fn new(graph: &'g Graph<Recorded<Handfast>, Action>, tamper: fn(Step) -> Step) -> Self {
        Self {
            graph,
            sources: (0..graph.state_count() as u32).flat_map(|state| graph.edges(state).map(move |_| state)).collect(),
            visited: vec![false; graph.state_count()],
            taken: vec![false; graph.edge_count()],
            failures: vec![0; graph.edge_count()],
            covered: Covered::default(),
            tamper,
        }
    }

    /// Walks until every edge was taken, or no more can be.
    pub fn cover(&mut self) -> Result<Covered, Box<Failure>> {
        let runtime = paused::runtime();
        let mut pool = Pool::new(runtime.handle().clone());
        let mut before = None;
        while before != Some(self.missing()) && self.missing() > 0 {
            before = Some(self.missing());
            for habits in Habits::ALL {
                self.failures.fill(0);
                for initial in 0..self.graph.initial() {
                    while let Some(way) = self.way_to_open_edge(initial) {
                        self.walk(&runtime, &mut pool, habits, initial, way)?;
                    }
                }
            }
            for habits in Habits::ALL {
                for way in self.ways_over_each_edge_before() {
                    if way.back().is_some_and(|&last| !self.taken[last]) {
                        self.walk(&runtime, &mut pool, habits, self.sources[way[0]], way)?;
                    }
                }
            }
        }
        let count = |marks: &[bool]| marks.iter().filter(|mark| **mark).count();
        Ok(Covered { states: count(&self.visited), edges: count(&self.taken), ..self.covered })
    }

    fn missing(&self) -> usize {
        self.taken.iter().filter(|taken| !**taken).count()
    }

    fn walk(
        &mut self,
        runtime: &Runtime,
        pool: &mut Pool,
        habits: Habits,
        initial: u32,
        mut way: VecDeque<usize>,
    ) -> Result<(), Box<Failure>> {
        self.covered.walks += 1;
        let start = self.graph.state(initial);
        // Where no peer can get ahead, there is nothing to select for.
        let selects = self.graph.actions().iter().any(|action| matches!(action, Action::PeerAhead { .. }));
        let habits = Habits { selects, ..habits };
        let node = Stepped::new(runtime, pool, habits, &start.machine, self.tamper);
        let mut walk = Walk { node, at: initial, prods: Vec::new() };
        self.visited[initial as usize] = true;
        if let Err(()) = self.go(&mut walk, &mut way) {
            let prods = walk.prods;
            return Err(Failure::shrunk(runtime, pool, habits, start, prods, self.tamper));
        }
        Ok(())
    }

    fn go(&mut self, walk: &mut Walk<'_>, way: &mut VecDeque<usize>) -> Result<(), ()> {
        for _ in 0..MAX_PRODS {
            if way.is_empty() {
                *way = self.way_to_open_edge(walk.at).unwrap_or_default();
            }
            let Some(edge) = way.pop_front() else { break };
            let action = self.graph.actions()[self.graph.label(edge)];
            self.prod(walk, Prod::Action(action))?;
            walk.node.agrees_with(&self.graph.state(walk.at).history);
            if walk.at != self.graph.target(edge) || !self.taken[edge] {
                self.failures[edge] += 1;
                way.clear();
            }
        }
        self.prod(walk, Prod::ToRest)?;
        self.assert_rest(walk);
        Ok(())
    }

    fn prod(&mut self, walk: &mut Walk<'_>, prod: Prod) -> Result<(), ()> {
        self.covered.prods += 1;
        walk.prods.push(prod);
        let steps = prod.carry_out(&mut walk.node);
        walk.at = self.follow(walk.at, &steps)?;
        Ok(())
    }

    /// Moves the model by what the driver recorded.
    fn follow(&mut self, from: u32, steps: &[Step]) -> Result<u32, ()> {
        let mut at = from;
        for (action, observation) in steps {
            self.covered.steps += 1;
            let mut model = self.graph.state(at);
            if compare(&mut model, action, observation).is_some() {
                return Err(());
            }
            if observation.is_refused() {
                continue;
            }
            let label = |edge: &usize| self.graph.actions()[self.graph.label(*edge)] == *action;
            let edge = self.graph.edges(at).find(label);
            let edge = edge.unwrap_or_else(|| panic!("{action} is no edge of {:?}", self.graph.state(at)));
            self.taken[edge] = true;
            at = self.graph.target(edge);
            self.visited[at as usize] = true;
        }
        Ok(at)
    }

    /// Where every task waits, none of them has anything to do: no session was told to end and was not woken.
    fn assert_rest(&self, walk: &Walk<'_>) {
        let state = self.graph.state(walk.at);
        walk.node.agrees_with(&state.history);
        for edge in self.graph.edges(walk.at) {
            let action = self.graph.actions()[self.graph.label(edge)];
            assert!(
                !matches!(action, Action::End { .. } | Action::Close { .. } | Action::Finish),
                "{action}, and nobody was woken"
            );
        }
        let complete = state.history.phase == handfast_spec::lifecycle::Phase::Complete;
        assert_eq!(walk.node.says_that_it_is_complete(), complete);
    }
}

/// Where to go.
impl Walker<'_> {
    /// The shortest way to an edge that was not taken, over edges that the driver may take. Of several it is another one
    /// in each walk.
    fn way_to_open_edge(&self, from: u32) -> Option<VecDeque<usize>> {
        // The state that was left for each state that was found, and by which edge.
        let mut found: HashMap<u32, (u32, usize)> = HashMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(state) = queue.pop_front() {
            let edges = self.graph.edges(state);
            let first = edges.start + self.covered.walks % edges.len().max(1);
            let in_turn = (first..edges.end).chain(edges.start..first);
            for edge in in_turn.filter(|&edge| self.failures[edge] < ATTEMPTS) {
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

    /// For each edge that was not taken: to come to the state that it leaves by each of the edges that lead there.
    fn ways_over_each_edge_before(&self) -> Vec<VecDeque<usize>> {
        let found_by = self.shortest_ways();
        let mut ways = Vec::new();
        for edge in (0..self.taken.len()).filter(|&edge| !self.taken[edge]) {
            let state = self.sources[edge];
            for before in (0..self.taken.len()).filter(|&before| self.graph.target(before) == state) {
                ways.push(self.way_over(&found_by, &[before, edge]));
            }
        }
        ways
    }

    /// Returns the last edge of a shortest way to each state.
    fn shortest_ways(&self) -> Vec<Option<usize>> {
        let mut found_by: Vec<Option<usize>> = vec![None; self.graph.state_count()];
        let mut queue: VecDeque<u32> = (0..self.graph.initial()).collect();
        while let Some(state) = queue.pop_front() {
            for edge in self.graph.edges(state) {
                let target = self.graph.target(edge);
                if target >= self.graph.initial() && found_by[target as usize].is_none() {
                    found_by[target as usize] = Some(edge);
                    queue.push_back(target);
                }
            }
        }
        found_by
    }

    /// Returns a shortest way from an initial state that ends with these edges.
    fn way_over(&self, found_by: &[Option<usize>], last: &[usize]) -> VecDeque<usize> {
        let mut way: VecDeque<usize> = last.iter().copied().collect();
        let mut at = self.sources[last[0]];
        while let Some(edge) = found_by[at as usize] {
            way.push_front(edge);
            at = self.sources[edge];
        }
        way
    }

    /// Returns the edges that were not taken, each with a shortest way there.
    pub fn untaken(&self) -> impl Iterator<Item = Vec<Action>> {
        let found_by = self.shortest_ways();
        let edges = (0..self.taken.len()).filter(|&edge| !self.taken[edge]);
        let action = |edge: usize| self.graph.actions()[self.graph.label(edge)];
        edges.map(move |edge| self.way_over(&found_by, &[edge]).into_iter().map(action).collect())
    }
}

// Where a driver differs from its model, by the fewest prods that show it.

type Observed = Observation<Output, Refusal>;

/// What a test does to a driver.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prod {
    /// It brings about an action.
    Action(Action),
    /// It lets all tasks go on until all wait.
    ToRest,
}

impl Prod {
    pub(crate) fn carry_out(self, node: &mut Stepped<'_>) -> Vec<Step> {
        match self {
            Self::Action(action) => node.prod(action),
            Self::ToRest => node.run_to_rest(),
        }
    }
}

/// Steps the model by what was recorded. What is wrong with it, if anything is.
pub(crate) fn compare(model: &mut Recorded<Handfast>, action: &Action, observed: &Observed) -> Option<Fault<Observed>> {
    let expected = model.step(action);
    if expected != *observed {
        return Some(Fault::Observed { model: expected, implementation: observed.clone() });
    }
    let violated = Lifecycle::INVARIANTS.iter().find(|rule| !(rule.holds)(&model.history));
    violated.map(|rule| Fault::Violated(rule.id))
}

/// A driver's behaviour from which nothing can be left out.
#[derive(Debug)]
pub struct Failure {
    start: Recorded<Handfast>,
    /// What was recorded; the last step is the one that is wrong.
    pub steps: Vec<Step>,
    pub(crate) fault: Fault<Observed>,
}

impl Failure {
    /// Leaves out of a faulty walk what can be left out.
    pub(crate) fn shrunk(
        runtime: &Runtime,
        pool: &mut Pool,
        habits: Habits,
        start: Recorded<Handfast>,
        prods: Vec<Prod>,
        tamper: fn(Step) -> Step,
    ) -> Box<Self> {
        let mut replay = |prods: &[Prod]| {
            let mut node = Stepped::new(runtime, pool, habits, &start.machine, tamper);
            let mut model = start.clone();
            let mut steps = Vec::new();
            for (index, prod) in prods.iter().enumerate() {
                for (action, observed) in prod.carry_out(&mut node) {
                    let fault = compare(&mut model, &action, &observed);
                    steps.push((action, observed));
                    if let Some(fault) = fault {
                        node.run_to_rest();
                        return Some((index + 1, steps, fault));
                    }
                }
            }
            node.run_to_rest();
            None
        };
        let prods = failure::minimal(prods, |prods| replay(prods).map(|(length, ..)| length));
        let (_, steps, fault) = replay(&prods).expect("the driver does the same whenever it is told the same");
        Box::new(Self { start, steps, fault })
    }

    /// What the driver did, as a log that `model` reads.
    pub fn log(&self) -> String {
        let steps = self.steps.iter().map(|(action, observation)| Line::observed(*action, observation.clone()));
        failure::log(&self.start, steps)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "the driver differs from the model:")?;
        for (index, (action, _)) in self.steps.iter().enumerate() {
            writeln!(f, "  {}. {action}", index + 1)?;
        }
        writeln!(f, "{}", self.fault)
    }
}
