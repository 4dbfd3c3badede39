//! A search between two levels, as numbers, from which another run goes on.
//!
//! Neither machines nor histories are written. They are numbered in the order in which they are found, so that it is
//! enough to know where each edge leads and which history each state has: the machines are stepped again, once each,
//! and histories are told again where a new one was found. That is a small part of the search, and it shows whether the
//! numbers are those of this design.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::graph::{Edges, Graph};
use super::search::Position;

/// Keeps snapshots of a search.
pub trait Keeper: Sync {
    /// Returns what an earlier run kept of this search, once.
    fn kept(&self) -> Option<Snapshot>;

    /// Called after each level.
    fn level(&self, search: &Numbers<'_>);

    /// Called when what was kept does not belong to this search, which then begins anew.
    fn refuse(&self);
}

/// What was kept of a search. [`Numbers`] writes it.
#[derive(Debug, Deserialize)]
pub struct Snapshot {
    /// Where each level begins that was expanded.
    pub(super) levels: Vec<u32>,
    /// How many states were expanded.
    pub(super) expanded: u32,
    /// The history of each state that an edge leads to, in the order of the states.
    pub(super) histories: Vec<u32>,
    /// The state that each edge leads to, in the order of the edges.
    pub(super) targets: Vec<u32>,
}

impl Snapshot {
    /// How many levels were expanded.
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    /// How many edges were found.
    pub fn edges(&self) -> usize {
        self.targets.len()
    }
}

/// What was kept is not what the machine does.
#[derive(Debug)]
pub(super) struct Mismatch;

/// A search as numbers. Serialised it is a [`Snapshot`].
pub struct Numbers<'a> {
    levels: &'a [u32],
    edges: &'a Edges,
    initial: u32,
    states: u32,
    history: &'a dyn Fn(u32) -> u32,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(position: &'a Position, states: usize, history: &'a dyn Fn(u32) -> u32) -> Self {
        let Position { levels, initial, edges } = position;
        Self { levels, edges, initial: *initial, states: states as u32, history }
    }

    /// How many levels were expanded.
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    /// How many states were found.
    pub fn states(&self) -> usize {
        self.states as usize
    }

    /// How many edges were found.
    pub fn edges(&self) -> usize {
        self.edges.len()
    }
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let histories = Sequence { range: self.initial..self.states, at: self.history };
        let targets = Sequence { range: 0..self.edges.len() as u32, at: &|edge| self.edges.target(edge as usize) };
        let mut snapshot = serializer.serialize_struct("Snapshot", 4)?;
        snapshot.serialize_field("levels", self.levels)?;
        snapshot.serialize_field("expanded", &self.edges.states())?;
        snapshot.serialize_field("histories", &histories)?;
        snapshot.serialize_field("targets", &targets)?;
        snapshot.end()
    }
}

/// Numbers that are looked up one after the other, so that there is no copy of all of them.
struct Sequence<'a> {
    range: core::ops::Range<u32>,
    at: &'a dyn Fn(u32) -> u32,
}

impl Serialize for Sequence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.range.clone().map(self.at))
    }
}

impl<S, A> Graph<S, A> {
    /// Shows the graph as numbers, if its states are kept as pairs of a machine and a history.
    pub(crate) fn with_numbers(&self, to: &mut dyn FnMut(&Numbers<'_>)) {
        let history = |state| self.pair(state).map_or(0, |[_, history]| history);
        if self.state_count() == 0 || self.pair(0).is_none() {
            return;
        }
        let (levels, edges, initial) = (&self.shape.levels[..], &self.shape.edges, self.shape.initial);
        to(&Numbers { levels, edges, initial, states: self.state_count() as u32, history: &history });
    }
}
