//! The states that owe a promise, their strongly connected components, and a behaviour that stays in one.

use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Lasso, Marks};
use crate::checker::explore::Shape;

/// The states that owe a promise, and a shortest way to each through states that owe it since it was first owed.
///
/// Few states owe most promises, so that what is noted of a state is noted at its place among those that owe.
pub(super) struct Owing<'g> {
    graph: &'g Shape,
    /// In order of distance.
    order: Vec<u32>,
    /// The place of each state in that order; [`NONE`] if it does not owe.
    places: Vec<u32>,
    /// The state and the edge by which each was reached from an owing state, or none where the promise is first owed,
    /// because the trigger holds. By place.
    reached_by: Vec<Option<(u32, u32)>>,
}

impl<'g> Owing<'g> {
    pub(super) fn of(graph: &'g Shape, Marks { triggers, unkept }: &Marks) -> Self {
        let places = vec![NONE; graph.state_count()];
        let mut owing = Self { graph, order: Vec::new(), places, reached_by: Vec::new() };
        // States where it is first owed join the search at their own distance, so that the search is breadth-first
        // from all of them together and the way to each is shortest.
        let mut first = (0..).zip(triggers).filter(|(_, triggers)| **triggers).map(|(state, _)| state).peekable();
        let (mut begin, mut distance) = (0, 0);
        while first.peek().is_some() || begin < owing.order.len() {
            while let Some(state) = first.next_if(|&state| graph.depth_of(state) <= distance) {
                owing.reach(state, None);
            }
            let end = owing.order.len();
            for place in begin..end {
                let state = owing.order[place];
                for edge in graph.edges(state) {
                    let target = graph.target(edge);
                    if unkept[target as usize] {
                        owing.reach(target, Some((state, edge as u32)));
                    }
                }
            }
            begin = end;
            distance += 1;
        }
        owing
    }

    /// Enters a state that owes, unless it is there.
    fn reach(&mut self, state: u32, by: Option<(u32, u32)>) {
        let place = &mut self.places[state as usize];
        if *place == NONE {
            *place = self.order.len() as u32;
            self.order.push(state);
            self.reached_by.push(by);
        }
    }

    /// How many states owe the promise.
    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    fn owes(&self, state: u32) -> bool {
        self.places[state as usize] != NONE
    }

    fn inner_edges(&self, state: u32) -> impl Iterator<Item = usize> {
        let leads_on = move |&edge: &usize| self.graph.target(edge) != state && self.owes(self.graph.target(edge));
        self.graph.edges(state).filter(leads_on)
    }

    /// Of the strongly connected components that a fair behaviour can stay in, the one that is reached first; its states,
    /// nearest first.
    pub(super) fn fair_component(&self, fair: &FairComponents) -> Option<Vec<u32>> {
        let mut found: Option<(u32, Vec<u32>)> = None;
        Components::each(self, &mut |number, component, of| {
            let nearest = component.iter().copied().min().unwrap_or(NONE);
            let nearer = found.as_ref().is_none_or(|(best, _)| nearest < *best);
            if nearer && self.can_stay(fair, component, &|place| of[place as usize] == number) {
                found = Some((nearest, component.to_vec()));
            }
        });
        let (_, mut component) = found?;
        component.sort_unstable();
        Some(component.into_iter().map(|place| self.order[place as usize]).collect())
    }

    /// Whether every fair component is disabled somewhere in the states at `places`, or acts within them.
    fn can_stay(&self, fair: &FairComponents, places: &[u32], is_member: &dyn Fn(u32) -> bool) -> bool {
        let mut waiting = Turns::all(fair.count);
        for &place in places {
            let state = self.order[place as usize];
            let (mut enabled, mut acting) = (Turns::NONE, Turns::NONE);
            for edge in self.graph.edges(state) {
                let target = self.graph.target(edge);
                let Some(component) = fair.of_edge(self.graph, edge).filter(|_| target != state) else { continue };
                enabled.insert(component);
                if self.owes(target) && is_member(self.places[target as usize]) {
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
        while let Some((previous, edge)) = self.reached_by[self.places[at as usize] as usize] {
            edges.push(edge as usize);
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
/// to search it. States are their places among those that owe.
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

/// The number of no place, of no visit and of no component.
const NONE: u32 = u32::MAX;

/// A state that is being visited: the edges that are still to be followed, and the earliest visit that they lead back to.
struct Visit {
    place: u32,
    edges: Range<usize>,
    lowest: u32,
}

impl Components {
    /// Passes on every component of the owing states.
    fn each(owing: &Owing<'_>, to: &mut Each<'_>) {
        let count = owing.count();
        let mut search = Self { visited: vec![NONE; count], component: vec![NONE; count], open: Vec::new() };
        let (mut visits, mut components) = (0, 0);
        let mut path: Vec<Visit> = Vec::new();
        for root in 0..count as u32 {
            if search.visited[root as usize] == NONE {
                path.push(search.visit(owing, root, &mut visits));
            }
            while let Some(top) = path.last_mut() {
                if let Some(edge) = top.edges.next() {
                    let target = owing.places[owing.graph.target(edge) as usize];
                    if target == NONE {
                        continue;
                    }
                    if search.visited[target as usize] == NONE {
                        path.push(search.visit(owing, target, &mut visits));
                    } else {
                        top.lowest = top.lowest.min(search.lowest_through(target));
                    }
                    continue;
                }
                let Visit { place, lowest, .. } = *top;
                path.pop();
                if let Some(below) = path.last_mut() {
                    below.lowest = below.lowest.min(lowest);
                }
                if lowest == search.visited[place as usize] {
                    search.close(place, components, to);
                    components += 1;
                }
            }
        }
    }

    /// When a visited state was visited, if its component is open.
    fn lowest_through(&self, place: u32) -> u32 {
        if self.component[place as usize] == NONE { self.visited[place as usize] } else { NONE }
    }

    fn visit(&mut self, owing: &Owing<'_>, place: u32, visits: &mut u32) -> Visit {
        let lowest = *visits;
        *visits += 1;
        self.visited[place as usize] = lowest;
        self.open.push(place);
        Visit { place, edges: owing.graph.edges(owing.order[place as usize]), lowest }
    }

    /// All that was visited since `first` and is open is one component.
    fn close(&mut self, first: u32, number: u32, to: &mut Each<'_>) {
        let begin = self.open.iter().rposition(|&place| place == first).expect("a state is open until it is closed");
        for &place in &self.open[begin..] {
            self.component[place as usize] = number;
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
