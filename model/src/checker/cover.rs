//! Walks that take every edge of a graph.

use crate::checker::explore::{FoundBy, Shape};

/// A walk from a state that the system starts in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Walk {
    /// Where it starts.
    pub initial: u32,
    /// The edges it takes, by number.
    pub edges: Vec<usize>,
}

/// How many states a walk looks around itself for an edge that was not taken, before another walk is begun.
const LOOK_AROUND: usize = 512;

/// From which length on a walk is not continued. Short walks are readable when one fails.
const MAX_STEPS: usize = 200;

/// Walks that together take every edge at least once.
///
/// A walk goes on to the nearest edge that was not taken as long as one is near; then the next walk starts with a
/// shortest path to the first state that still has one. Not the fewest walks, but each begins as short as can be, and
/// the time is about linear in the number of edges.
pub fn edges(graph: &Shape) -> Vec<Walk> {
    let mut cover = Cover::new(graph);
    let mut walks = Vec::new();
    while let Some(state) = cover.first_open() {
        let (initial, mut walked) = cover.path_to(state);
        let mut at = state;
        while let Some(way) = cover.way_to_open_edge(at) {
            for edge in way {
                cover.take(at, edge);
                walked.push(edge);
                at = graph.target(edge);
            }
            if walked.len() >= MAX_STEPS {
                break;
            }
        }
        walks.push(Walk { initial, edges: walked });
    }
    walks
}

struct Cover<'g> {
    graph: &'g Shape,
    taken: Vec<bool>,
    /// How many edges of each state were not taken.
    open: Vec<u32>,
    /// The states before this one have none left.
    scanned: u32,
    found_by: &'g FoundBy,
    /// In which look around each state was last seen.
    seen: Vec<u32>,
    looks: u32,
}

impl<'g> Cover<'g> {
    fn new(graph: &'g Shape) -> Self {
        let states = graph.state_count() as u32;
        let open = (0..states).map(|state| graph.edges(state).len() as u32).collect();
        Self {
            graph,
            taken: vec![false; graph.edge_count()],
            open,
            scanned: 0,
            found_by: graph.found_by(),
            seen: vec![0; states as usize],
            looks: 0,
        }
    }

    fn first_open(&mut self) -> Option<u32> {
        while (self.scanned as usize) < self.open.len() && self.open[self.scanned as usize] == 0 {
            self.scanned += 1;
        }
        ((self.scanned as usize) < self.open.len()).then_some(self.scanned)
    }

    fn take(&mut self, state: u32, edge: usize) {
        if !core::mem::replace(&mut self.taken[edge], true) {
            self.open[state as usize] -= 1;
        }
    }

    /// A shortest path; what it takes on the way counts as taken.
    fn path_to(&mut self, state: u32) -> (u32, Vec<usize>) {
        let mut edges = Vec::new();
        let mut at = state;
        while let Some((from, edge)) = self.found_by.of(at) {
            self.take(from, edge);
            edges.push(edge);
            at = from;
        }
        edges.reverse();
        (at, edges)
    }

    /// The edges from a state up to and including the nearest one that was not taken, if one is near.
    fn way_to_open_edge(&mut self, from: u32) -> Option<Vec<usize>> {
        self.looks += 1;
        self.seen[from as usize] = self.looks;
        let mut looked_at: Vec<(u32, Option<(usize, usize)>)> = vec![(from, None)];
        let mut position = 0;
        while position < looked_at.len() {
            let (state, _) = looked_at[position];
            if self.open[state as usize] > 0 {
                let open = self.graph.edges(state).find(|&edge| !self.taken[edge]);
                let mut way: Vec<usize> = open.into_iter().collect();
                let mut back = position;
                while let Some((previous, edge)) = looked_at[back].1 {
                    way.push(edge);
                    back = previous;
                }
                way.reverse();
                return Some(way);
            }
            for edge in self.graph.edges(state) {
                let target = self.graph.target(edge);
                let seen = core::mem::replace(&mut self.seen[target as usize], self.looks) == self.looks;
                if !seen && looked_at.len() < LOOK_AROUND {
                    looked_at.push((target, Some((position, edge))));
                }
            }
            position += 1;
        }
        None
    }
}
