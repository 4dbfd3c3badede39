//! Going on with a search from a snapshot of it.

use super::{MACHINE, Product};
use crate::checker::explore::rows::hash_row;
use crate::checker::explore::search::{Position, STRETCH};
use crate::checker::explore::snapshot::{Mismatch, Snapshot};

impl Product<'_> {
    /// Puts together what an earlier run found: steps the machines again, and tells a history again where an edge led to
    /// a new one. Numbers are given out in the order in which the search gave them out.
    pub(super) fn resume(&mut self, snapshot: Snapshot, threads: usize) -> Result<Position, Mismatch> {
        let Snapshot { levels, expanded, histories, targets } = snapshot;
        let mut at = Position { levels, ..Position::start(self) };
        let (mut histories, mut targets) = (histories.into_iter(), targets.into_iter());
        let (mut pair, mut step) = ([0; 2], [0; 3]);
        for state in 0..expanded {
            if state as usize >= self.pairs.len() {
                return Err(Mismatch);
            }
            self.pairs.read(state, &mut pair);
            let [machine, history] = pair;
            if self.steps.len() <= machine {
                self.step_up_to(self.last_machine(state..expanded), threads);
            }
            for number in self.steps.of(machine) {
                self.steps.steps.read(number, &mut step);
                let [action, machine, told] = step;
                let target = targets.next().ok_or(Mismatch)?;
                if target as usize == self.pairs.len() {
                    let next = self.find_again(histories.next(), history, told)?;
                    self.pairs.enter(hash_row(&[machine, next]), &[machine, next]);
                }
                if target as usize >= self.pairs.len() || self.pairs.get(target, MACHINE) != machine {
                    return Err(Mismatch);
                }
                at.edges.push(self.label(action).map_err(|_| Mismatch)?, target);
            }
            at.edges.close_state(self.pairs.len()).map_err(|_| Mismatch)?;
        }
        let is_all = histories.next().is_none() && targets.next().is_none();
        let are_levels = at.levels.first() == Some(&0) && at.levels.is_sorted() && at.levels.last() < Some(&expanded);
        if is_all && are_levels { Ok(at) } else { Err(Mismatch) }
    }

    /// The last machine of the first of these states, so that many machines are stepped at a time.
    fn last_machine(&self, states: core::ops::Range<u32>) -> u32 {
        let found = (self.pairs.len() as u32).min(states.end);
        let ahead = states.start..found.min(states.start + STRETCH);
        ahead.map(|state| self.pairs.get(state, MACHINE)).max().unwrap_or_default()
    }

    /// Returns a history that one became when outputs were told. If its number is the next, it was new.
    fn find_again(&mut self, next: Option<u32>, history: u32, told: u32) -> Result<u32, Mismatch> {
        let next = next.ok_or(Mismatch)?;
        let known = self.parts.histories() as u32;
        let is_found = next < known || (next == known && self.parts.tell(history, told) == next);
        is_found.then_some(next).ok_or(Mismatch)
    }
}
