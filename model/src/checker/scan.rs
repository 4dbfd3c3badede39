//! One look at every state of a graph: which rules it breaks, which promises it owes, and the digest of them all.

use std::panic::resume_unwind;
use std::thread;

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Protocol, Recorded};
use stateright::{Expectation, Property};

use crate::checker::design::{Checked, Design};
use crate::checker::digest::Digest;
use crate::checker::explore::Graph;
use crate::checker::liveness::Marks;

/// What was seen.
pub struct Scan {
    /// For each property, the lowest-numbered state that violates it, or of a witness, that reaches it.
    pub found: Vec<Option<u32>>,
    /// For each goal, in which states it is owed and kept.
    pub goals: Vec<Marks>,
    /// The digest of all states.
    pub digest: Digest,
}

/// Looks at every state of a graph. What is seen does not depend on the number of threads.
pub fn scan<D: Design>(
    checked: &Checked<D>,
    graph: &Graph<Recorded<D>, ActionOf<D>>,
    properties: &[Property<Checked<D>>],
    threads: usize,
) -> Scan {
    let states = graph.state_count() as u32;
    let stretch = states.div_ceil(threads.max(1) as u32).max(1);
    let look = |begin: u32| {
        let end = states.min(begin.saturating_add(stretch));
        move || Scan::of(checked, graph, properties, begin..end)
    };
    let seen: Vec<Scan> = thread::scope(|scope| {
        let looking: Vec<_> = (0..states).step_by(stretch as usize).map(|begin| scope.spawn(look(begin))).collect();
        looking.into_iter().map(|seen| seen.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let nothing = Scan::of(checked, graph, properties, 0..0);
    seen.into_iter().fold(nothing, Scan::and_then)
}

impl Scan {
    fn of<D: Design>(
        checked: &Checked<D>,
        graph: &Graph<Recorded<D>, ActionOf<D>>,
        properties: &[Property<Checked<D>>],
        numbers: core::ops::Range<u32>,
    ) -> Self {
        let goals = D::Protocol::GOALS;
        let mut found = vec![None; properties.len()];
        let mut marks: Vec<Marks> = goals.iter().map(|_| Marks::with_capacity(numbers.len())).collect();
        let mut digest = Digest::default();
        let mut number = numbers.start;
        graph.each_of(numbers, |state| {
            for (property, found) in properties.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let wanted = property.expectation == Expectation::Sometimes;
                if (property.condition)(checked, state) == wanted {
                    *found = Some(number);
                }
            }
            for (goal, marks) in goals.iter().zip(&mut marks) {
                marks.push((goal.trigger)(&state.history), (goal.outcome)(&state.history));
            }
            digest = digest.with(state);
            number += 1;
        });
        Self { found, goals: marks, digest }
    }

    /// What was seen of the states that follow.
    fn and_then(mut self, following: Self) -> Self {
        for (found, later) in self.found.iter_mut().zip(following.found) {
            *found = found.or(later);
        }
        for (marks, later) in self.goals.iter_mut().zip(following.goals) {
            marks.append(later);
        }
        Self { digest: self.digest.and(following.digest), ..self }
    }
}
