//! The edges of a state graph.

use core::hash::Hash;
use core::ops::Range;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rustc_hash::FxBuildHasher;

use super::rows::Rows;
use super::search::Limit;

/// Edges in the order of the states that they leave, each with its target and the number of its action.
pub(super) struct Edges<A> {
    /// Where the edges of each state begin; one entry more than states that were expanded.
    offsets: Rows,
    edges: Rows,
    actions: Vec<A>,
    labels_of: HashMap<A, u16, FxBuildHasher>,
}

/// The columns of an edge.
const TARGET: usize = 0;
const LABEL: usize = 1;

impl<A> Edges<A> {
    pub(super) fn new() -> Self {
        let mut offsets = Rows::new(1);
        offsets.push(&[0]);
        Self { offsets, edges: Rows::new(2), actions: Vec::new(), labels_of: HashMap::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// Every action that is taken somewhere, in order of first appearance.
    pub(super) fn actions(&self) -> &[A] {
        &self.actions
    }

    /// The numbers of the edges that leave a state.
    pub(super) fn of(&self, state: u32) -> Range<usize> {
        let begin_of = |state: usize| match state < self.offsets.len() {
            true => self.offsets.get(state, 0) as usize,
            // States that were found and not expanded have no edges.
            false => self.edges.len(),
        };
        begin_of(state as usize)..begin_of(state as usize + 1)
    }

    pub(super) fn target(&self, edge: usize) -> u32 {
        self.edges.get(edge, TARGET)
    }

    pub(super) fn label(&self, edge: usize) -> usize {
        self.edges.get(edge, LABEL) as usize
    }

    pub(super) fn push(&mut self, label: u16, target: u32) {
        self.edges.push(&[target, u32::from(label)]);
    }

    /// Ends the list of edges of the state being expanded, when there are this many states.
    pub(super) fn close_state(&mut self, states: usize) -> Result<(), Limit> {
        // Numbers are 32 bits wide. One block can add many states, so that there is room to spare for it.
        let spare = u32::MAX / 2;
        if states as u64 > u64::from(spare) || self.edges.len() as u64 > u64::from(u32::MAX) {
            return Err(Limit::Numbers);
        }
        self.offsets.push(&[self.edges.len() as u32]);
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.offsets.bytes() + self.edges.bytes()
    }
}

impl<A: Clone + Eq + Hash> Edges<A> {
    /// The label of an action that was seen before.
    pub(super) fn find_label(&self, action: &A) -> Option<u16> {
        self.labels_of.get(action).copied()
    }

    /// The label of an action, a new one if it was not seen before.
    pub(super) fn label_of(&mut self, action: A) -> Result<u16, Limit> {
        match self.labels_of.entry(action) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => {
                let label = u16::try_from(self.actions.len()).map_err(|_| Limit::Numbers)?;
                self.actions.push(entry.key().clone());
                Ok(*entry.insert(label))
            }
        }
    }
}
