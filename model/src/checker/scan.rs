//! One look at every state of a graph: which rules it breaks, which promises it owes, and the digest of them all.

use core::fmt::{self, Display, Formatter};
use core::hash::Hasher;
use core::ops::Range;

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Goal, Protocol, Recorded};
use serde::Serialize;
use siphasher::sip128::{Hasher128, SipHasher24};
use stateright::Expectation;

use crate::checker::design::{Checked, DEADLOCK, Design};
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
        let mut scan = Self {
            found: vec![None; rules.len()],
            goals: goals.iter().map(|_| Marks::with_capacity(numbers.len())).collect(),
            digest: Digest::default(),
        };
        let (mut machines, mut histories) = (Lately::default(), Lately::default());
        for number in numbers {
            // Where they are not kept apart, each state has its own.
            let [machine, history] = graph.pair(number).unwrap_or([number; 2]);
            // A state with edges is no deadlock. One without may also be one that was not expanded.
            let may_be_stuck = scan.found[DEADLOCK].is_none() && graph.edges(number).is_empty();
            let (machine_is_new, history_is_new) = (machines.get(machine).is_none(), histories.get(history).is_none());
            if may_be_stuck || machine_is_new || history_is_new {
                let state = graph.state(number);
                if may_be_stuck && !checked.holds(DEADLOCK, &state) {
                    scan.found[DEADLOCK] = Some(number);
                }
                if machine_is_new {
                    machines.put(machine, encoded(&state.machine));
                }
                if history_is_new {
                    scan.ask(checked, &rules, number, &state);
                    let promise =
                        |goal: &Goal<D::Protocol>| ((goal.trigger)(&state.history), (goal.outcome)(&state.history));
                    histories.put(history, (encoded(&state.history), goals.iter().map(promise).collect()));
                }
            }
            let (machine, history) = (machines.get(machine), histories.get(history));
            let ((history, promises), machine) = history.zip(machine).expect("both were seen");
            scan.note(promises, [machine, history]);
        }
        scan
    }

    /// Asks whether a state breaks or reaches what no state before it does. A deadlock is asked about elsewhere.
    fn ask<D: Design>(
        &mut self,
        checked: &Checked<D>,
        rules: &[(Expectation, &'static str)],
        number: u32,
        state: &Recorded<D>,
    ) {
        for (rule, ((expectation, _), found)) in rules.iter().zip(&mut self.found).enumerate() {
            let wanted = *expectation == Expectation::Sometimes;
            if rule != DEADLOCK && found.is_none() && checked.holds(rule, state) == wanted {
                *found = Some(number);
            }
        }
    }

    /// Enters a state: which promises are owed and kept in it, and its two parts in bytes.
    fn note(&mut self, promises: &Promises, parts: [&Vec<u8>; 2]) {
        for (marks, &(trigger, outcome)) in self.goals.iter_mut().zip(promises) {
            marks.push(trigger, outcome);
        }
        self.digest = self.digest.with_bytes(parts.map(Vec::as_slice));
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

/// For each goal, whether its trigger and its outcome hold.
type Promises = Vec<(bool, bool)>;

/// What was found out about machines, or about histories, lately. There are far fewer of either than states; rules and
/// promises depend on the history alone, and the bytes of a state are those of its machine and then those of its history.
struct Lately<T> {
    /// Each number has one place.
    places: Vec<Option<(u32, T)>>,
}

/// How many machines are remembered, and how many histories.
const PLACES: usize = 1 << 14;

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self { places: core::iter::repeat_with(|| None).take(PLACES).collect() }
    }
}

impl<T> Lately<T> {
    fn get(&self, number: u32) -> Option<&T> {
        let (known, found) = self.places[number as usize % PLACES].as_ref()?;
        (*known == number).then_some(found)
    }

    fn put(&mut self, number: u32, found: T) {
        self.places[number as usize % PLACES] = Some((number, found));
    }
}

fn encoded(part: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(part).expect("states are plain data")
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
        self.with_bytes([&encoded(state), &[]])
    }

    /// The same with a state in bytes, of which the second part follows the first.
    fn with_bytes(self, parts: [&[u8]; 2]) -> Self {
        let mut hasher = SipHasher24::new();
        parts.into_iter().for_each(|bytes| hasher.write(bytes));
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
