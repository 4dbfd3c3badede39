//! One look at every state of a graph: which rules it breaks, which promises it owes, and the digest of them all.

use core::fmt::{self, Display, Formatter};
use core::hash::Hasher;
use core::ops::Range;

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Protocol, Recorded};
use serde::Serialize;
use siphasher::sip128::{Hasher128, SipHasher24};
use stateright::Expectation;

use crate::checker::design::{Checked, Design};
use crate::checker::explore::{Graph, look_ahead};
use crate::checker::liveness::Marks;

/// What was seen.
pub struct Scan {
    /// For each of [`Checked::rules`], the lowest-numbered state that violates it, or of a witness, that reaches it.
    pub found: Vec<Option<u32>>,
    /// For each goal, in which states it is owed and kept.
    pub goals: Vec<Marks>,
    /// The digest of all states.
    pub digest: Digest,
}

/// Looks at every state of a graph. What is seen does not depend on the number of threads.
pub fn scan<D: Design>(checked: &Checked<D>, graph: &Graph<Recorded<D>, ActionOf<D>>, threads: usize) -> Scan {
    let states = graph.state_count() as u32;
    let stretch = states.div_ceil(threads.max(1) as u32).max(1);
    let seen = look_ahead(0..states, stretch, threads, |numbers| Scan::of(checked, graph, numbers));
    seen.into_iter().reduce(Scan::and_then).expect("a graph is looked at, even if it has no states")
}

impl Scan {
    fn of<D: Design>(checked: &Checked<D>, graph: &Graph<Recorded<D>, ActionOf<D>>, numbers: Range<u32>) -> Self {
        let goals = D::Protocol::GOALS;
        let rules = Checked::<D>::rules();
        let mut found = vec![None; rules.len()];
        let mut marks: Vec<Marks> = goals.iter().map(|_| Marks::with_capacity(numbers.len())).collect();
        let mut digest = Digest::default();
        let mut number = numbers.start;
        graph.each_of(numbers, |state| {
            let rules = rules.iter().enumerate().zip(&mut found).filter(|(_, found)| found.is_none());
            for ((rule, (expectation, _)), found) in rules {
                let wanted = *expectation == Expectation::Sometimes;
                if checked.holds(rule, state) == wanted {
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

/// A digest of a set of states: the sum of a 128-bit hash of each state's canonical bytes.
///
/// It depends on neither the order in which states were found nor on the build, only on the states as they are
/// serialised. It never decides whether two states are one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Digest(u128);

impl Digest {
    /// The digest of these states, of which none is there twice.
    pub fn of<S: Serialize>(states: impl Iterator<Item = S>) -> Self {
        states.fold(Self::default(), |digest, state| digest.with(&state))
    }

    /// The digest of the set with one state more.
    #[must_use]
    pub fn with<S: Serialize>(self, state: &S) -> Self {
        let bytes = postcard::to_allocvec(state).expect("states are plain data");
        let mut hasher = SipHasher24::new();
        hasher.write(&bytes);
        Self(self.0.wrapping_add(hasher.finish128().as_u128()))
    }

    /// The digest of the union of two sets that have no state in common, or of a pair of sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
