//! The states that owe a promise, their strongly connected components, and a behaviour that stays in one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Lasso, Marks};
use crate::checker::explore::Shape;

/// The states that owe a promise, and a shortest way to each through states that owe it since it was first owed.
pub(super) struct Owing<'g> {
    graph: &'g Shape,
    /// In order of distance.
    order: Vec<u32>,
    /// The edge by which each state was reached from an owing state, or none where the promise is first owed.
    reached_by: Vec<Reached>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Reached {
    /// It does not owe.
    Not,
    /// The promise is owed there because the trigger holds.
    First,
    /// From this state, by this edge.
    From(u32, usize),
}

impl<'g> Owing<'g> {
    pub(super) fn of(graph: &'g Shape, Marks { triggers, unkept }: &Marks) -> Self {
        let states = graph.state_count();
        let mut owing = Self { graph, order: Vec::new(), reached_by: vec![Reached::Not; states] };
        // States where it is first owed join the search at their own distance, so that the search is breadth-first
        // from all of them together and the way to each is shortest.
        let mut queue = VecDeque::new();
        let mut next_trigger = 0;
        let mut distance = 0;
        while next_trigger < states as u32 || !queue.is_empty() {
            while next_trigger < states as u32 && graph.depth_of(next_trigger) <= distance {
                if triggers[next_trigger as usize] && owing.reached_by[next_trigger as usize] == Reached::Not {
                    owing.reached_by[next_trigger as usize] = Reached::First;
                    queue.push_back(next_trigger);
                }
                next_trigger += 1;
            }
            for _ in 0..queue.len() {
                let state = queue.pop_front().expect("the queue has this many");
                owing.order.push(state);
                for edge in graph.edges(state) {
                    let target = graph.target(edge);
                    if unkept[target as usize] && owing.reached_by[target as usize] == Reached::Not {
                        owing.reached_by[target as usize] = Reached::From(state, edge);
                        queue.push_back(target);
                    }
                }
            }
            distance += 1;
        }
        owing
    }

    /// How many states owe the promise.
    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    fn owes(&self, state: u32) -> bool {
        self.reached_by[state as usize] != Reached::Not
    }

    fn inner_edges(&self, state: u32) -> impl Iterator<Item = usize> {
        let leads_on = move |&edge: &usize| self.graph.target(edge) != state && self.owes(self.graph.target(edge));
        self.graph.edges(state).filter(leads_on)
    }

    /// The strongly connected components of the owing states.
    fn components(&self) -> Vec<Vec<u32>> {
        let mut positions = vec![u32::MAX; self.reached_by.len()];
        let mut inner = DiGraph::<u32, ()>::with_capacity(self.order.len(), 0);
        for &state in &self.order {
            positions[state as usize] = inner.add_node(state).index() as u32;
        }
        for &state in &self.order {
            for edge in self.inner_edges(state) {
                let ends = [state, self.graph.target(edge)].map(|end| NodeIndex::new(positions[end as usize] as usize));
                inner.add_edge(ends[0], ends[1], ());
            }
        }
        let states_of = |component: Vec<NodeIndex>| component.into_iter().map(|node| inner[node]).collect();
        kosaraju_scc(&inner).into_iter().map(states_of).collect()
    }

    /// Of the components that a fair behaviour can stay in, the one that is reached first; its states, nearest first.
    pub(super) fn fair_component(&self, fair: &FairComponents) -> Option<Vec<u32>> {
        let mut distance = vec![usize::MAX; self.reached_by.len()];
        for (position, &state) in self.order.iter().enumerate() {
            distance[state as usize] = position;
        }
        let mut found: Option<Vec<u32>> = None;
        for mut component in self.components() {
            component.sort_unstable_by_key(|&state| distance[state as usize]);
            let nearer = found.as_ref().is_none_or(|best| distance[component[0] as usize] < distance[best[0] as usize]);
            if nearer && self.can_stay(fair, &component) {
                found = Some(component);
            }
        }
        found
    }

    /// Whether every fair component is disabled somewhere in `states`, or acts within them.
    fn can_stay(&self, fair: &FairComponents, states: &[u32]) -> bool {
        let members: BTreeSet<u32> = if states.len() > 1 { states.iter().copied().collect() } else { BTreeSet::new() };
        let mut waiting: Vec<usize> = (0..fair.count).collect();
        for &state in states {
            if waiting.is_empty() {
                break;
            }
            let enabled = fair.enabled(self.graph, state);
            let acting = |component: usize| {
                let acts = |edge| {
                    fair.of_edge(self.graph, edge) == Some(component) && members.contains(&self.graph.target(edge))
                };
                self.inner_edges(state).any(acts)
            };
            waiting.retain(|component| enabled.contains(component) && !acting(*component));
        }
        waiting.is_empty()
    }

    /// A behaviour that ends in `component` and gives every fair component its turn there for ever.
    pub(super) fn lasso(&self, fair: &FairComponents, component: &[u32]) -> Lasso {
        let members: BTreeSet<u32> = component.iter().copied().collect();
        let start = component[0];
        let mut cycle = Vec::new();
        let mut at = start;
        if component.len() > 1 {
            for turn in 0..fair.count {
                let served = |state: u32| !fair.enabled(self.graph, state).contains(&turn);
                let acts = |edge: usize| fair.of_edge(self.graph, edge) == Some(turn);
                let walked = core::iter::once(start).chain(cycle.iter().map(|&edge| self.graph.target(edge)));
                if cycle.iter().any(|&edge| acts(edge)) || walked.into_iter().any(served) {
                    continue;
                }
                self.walk(&members, &mut at, &mut cycle, served, acts);
            }
            if cycle.is_empty() {
                // Every component is disabled in the first state, so that stuttering there is fair.
                return Lasso { cycle_edges: cycle, ..self.prefix_to(start) };
            }
            self.walk(&members, &mut at, &mut cycle, |state| state == start, |_| false);
        }
        Lasso { cycle_edges: cycle, ..self.prefix_to(start) }
    }

    /// Extends a walk inside `members` by a shortest way to a state or over an edge that is wanted.
    fn walk(
        &self,
        members: &BTreeSet<u32>,
        at: &mut u32,
        walked: &mut Vec<usize>,
        wanted_state: impl Fn(u32) -> bool,
        wanted_edge: impl Fn(usize) -> bool,
    ) {
        if wanted_state(*at) {
            return;
        }
        let mut by: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
        let mut queue = VecDeque::from([*at]);
        while let Some(state) = queue.pop_front() {
            for edge in self.inner_edges(state).filter(|&edge| members.contains(&self.graph.target(edge))) {
                let target = self.graph.target(edge);
                if wanted_edge(edge) || wanted_state(target) {
                    let mut way = vec![edge];
                    let mut back = state;
                    while back != *at {
                        let (previous, edge) = by[&back];
                        way.push(edge);
                        back = previous;
                    }
                    walked.extend(way.iter().rev());
                    *at = target;
                    return;
                }
                if target != *at && !by.contains_key(&target) {
                    by.insert(target, (state, edge));
                    queue.push_back(target);
                }
            }
        }
        unreachable!("what is wanted lies in the strongly connected component");
    }

    fn prefix_to(&self, state: u32) -> Lasso {
        let mut edges = Vec::new();
        let mut at = state;
        while let Reached::From(previous, edge) = self.reached_by[at as usize] {
            edges.push(edge);
            at = previous;
        }
        let (initial, before) = self.graph.path_to(at);
        let prefix_edges: Vec<usize> = before.into_iter().chain(edges.into_iter().rev()).collect();
        let targets = prefix_edges.iter().map(|&edge| self.graph.target(edge));
        let prefix = core::iter::once(initial).chain(targets).collect();
        Lasso { prefix, prefix_edges, cycle_edges: Vec::new() }
    }
}

/// The fair components, by number.
pub(crate) struct FairComponents {
    /// Which takes each action of the graph.
    by_label: Vec<Option<usize>>,
    /// How many there are.
    count: usize,
}

impl FairComponents {
    /// The components that take actions, numbered in their order.
    pub(crate) fn of<A, C: Copy + Ord>(actions: &[A], fair: &dyn Fn(&A) -> Option<C>) -> Self {
        let mut all: Vec<C> = Vec::new();
        for component in actions.iter().filter_map(fair) {
            if let Err(place) = all.binary_search(&component) {
                all.insert(place, component);
            }
        }
        let number = |action| fair(action).and_then(|component| all.binary_search(&component).ok());
        Self { by_label: actions.iter().map(number).collect(), count: all.len() }
    }

    fn of_edge(&self, graph: &Shape, edge: usize) -> Option<usize> {
        self.by_label[graph.label(edge)]
    }

    /// The fair components that can do something in a state that leads elsewhere.
    fn enabled(&self, graph: &Shape, state: u32) -> Vec<usize> {
        let leads_on = |&edge: &usize| graph.target(edge) != state;
        graph.edges(state).filter(leads_on).filter_map(|edge| self.of_edge(graph, edge)).collect()
    }
}
