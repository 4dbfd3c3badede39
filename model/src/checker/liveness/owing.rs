//! The states that owe a promise, their strongly connected components, and a behaviour that stays in one.

use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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

    /// Of the strongly connected components that a fair behaviour can stay in, the one that is reached first; its states,
    /// nearest first.
    pub(super) fn fair_component(&self, fair: &FairComponents) -> Option<Vec<u32>> {
        if self.order.is_empty() {
            return None;
        }
        let mut distance = vec![u32::MAX; self.reached_by.len()];
        for (position, &state) in self.order.iter().enumerate() {
            distance[state as usize] = position as u32;
        }
        let mut found: Option<(u32, Vec<u32>)> = None;
        Components::each(self, &mut |number, component, of| {
            let nearest = component.iter().map(|&state| distance[state as usize]).min().unwrap_or(u32::MAX);
            let nearer = found.as_ref().is_none_or(|(best, _)| nearest < *best);
            if nearer && self.can_stay(fair, component, &|state| of[state as usize] == number) {
                found = Some((nearest, component.to_vec()));
            }
        });
        let (_, mut component) = found?;
        component.sort_unstable_by_key(|&state| distance[state as usize]);
        Some(component)
    }

    /// Whether every fair component is disabled somewhere in `states`, or acts within them.
    fn can_stay(&self, fair: &FairComponents, states: &[u32], is_member: &dyn Fn(u32) -> bool) -> bool {
        let mut waiting = Turns::all(fair.count);
        for &state in states {
            let (mut enabled, mut acting) = (Turns::NONE, Turns::NONE);
            for edge in self.graph.edges(state) {
                let target = self.graph.target(edge);
                let Some(component) = fair.of_edge(self.graph, edge).filter(|_| target != state) else { continue };
                enabled.insert(component);
                if is_member(target) {
                    acting.insert(component);
                }
            }
            waiting = waiting.and(enabled).without(acting);
            if waiting == Turns::NONE {
                return true;
            }
        }
        waiting == Turns::NONE
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

/// Finds strongly connected components as R. Tarjan does, on the graph as it is: to copy it for a library takes longer than
/// to search it.
struct Components {
    /// When each state was first visited; none if it was not.
    visited: Vec<u32>,
    /// The number of its component, for each state of which that is known.
    component: Vec<u32>,
    /// States without a known component yet, in the order in which they were visited.
    open: Vec<u32>,
}

/// What is told of a component: its number, its states, and for each state the number of its component if that is known.
type Each<'t> = dyn FnMut(u32, &[u32], &[u32]) + 't;

/// The number of no visit and of no component.
const NONE: u32 = u32::MAX;

/// A state that is being visited: the edges that are still to be followed, and the earliest visit that they lead back to.
struct Visit {
    state: u32,
    edges: Range<usize>,
    lowest: u32,
}

impl Components {
    /// Passes on every component of the owing states.
    fn each(owing: &Owing<'_>, to: &mut Each<'_>) {
        let states = owing.reached_by.len();
        let mut search = Self { visited: vec![NONE; states], component: vec![NONE; states], open: Vec::new() };
        let (mut visits, mut components) = (0, 0);
        let mut path: Vec<Visit> = Vec::new();
        for &root in &owing.order {
            if search.visited[root as usize] == NONE {
                path.push(search.visit(owing, root, &mut visits));
            }
            while let Some(top) = path.last_mut() {
                if let Some(edge) = top.edges.next() {
                    let target = owing.graph.target(edge);
                    if search.visited[target as usize] != NONE {
                        top.lowest = top.lowest.min(search.lowest_through(target));
                    } else if owing.owes(target) {
                        path.push(search.visit(owing, target, &mut visits));
                    }
                    continue;
                }
                let Visit { state, lowest, .. } = *top;
                path.pop();
                if let Some(below) = path.last_mut() {
                    below.lowest = below.lowest.min(lowest);
                }
                if lowest == search.visited[state as usize] {
                    search.close(state, components, to);
                    components += 1;
                }
            }
        }
    }

    /// When a visited state was visited, if its component is open.
    fn lowest_through(&self, state: u32) -> u32 {
        if self.component[state as usize] == NONE { self.visited[state as usize] } else { NONE }
    }

    fn visit(&mut self, owing: &Owing<'_>, state: u32, visits: &mut u32) -> Visit {
        let lowest = *visits;
        *visits += 1;
        self.visited[state as usize] = lowest;
        self.open.push(state);
        Visit { state, edges: owing.graph.edges(state), lowest }
    }

    /// All that was visited since `first` and is open is one component.
    fn close(&mut self, first: u32, number: u32, to: &mut Each<'_>) {
        let begin = self.open.iter().rposition(|&state| state == first).expect("a state is open until it is closed");
        for &state in &self.open[begin..] {
            self.component[state as usize] = number;
        }
        to(number, &self.open[begin..], &self.component);
        self.open.truncate(begin);
    }
}

/// A set of fair components.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Turns(u128);

impl Turns {
    const NONE: Self = Self(0);

    fn all(count: usize) -> Self {
        Self(u128::MAX.checked_shr(u128::BITS - count as u32).unwrap_or(0))
    }

    fn insert(&mut self, component: usize) {
        self.0 |= 1 << component;
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
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
    ///
    /// # Panics
    ///
    /// If there are more than 128.
    pub(crate) fn of<A, C: Copy + Ord>(actions: &[A], fair: &dyn Fn(&A) -> Option<C>) -> Self {
        let mut all: Vec<C> = Vec::new();
        for component in actions.iter().filter_map(fair) {
            if let Err(place) = all.binary_search(&component) {
                all.insert(place, component);
            }
        }
        assert!(all.len() <= u128::BITS as usize, "goals are decided for at most 128 fair components");
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
