//! What two engines can differ in.

use core::fmt::{self, Display, Formatter};
use std::collections::BTreeSet;

use super::{Engine, Findings};

/// How our own engine is called where another is named beside it.
const OURS: &str = "handfast's explorer";

/// A difference between our engine and one of Stateright's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Disagreement {
    /// They count different numbers of reachable states.
    States {
        /// Who counts differently.
        engine: Engine,
        /// What our engine counts.
        ours: usize,
        /// What the other counts.
        theirs: usize,
    },
    /// They find different `always` properties violated.
    Violated(Difference),
    /// They find different `sometimes` properties reached.
    Reached(Difference),
}

/// The properties on which two engines differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Who finds differently.
    pub engine: Engine,
    /// What only our engine finds.
    pub only_ours: BTreeSet<&'static str>,
    /// What only the other finds.
    pub only_theirs: BTreeSet<&'static str>,
}

impl Disagreement {
    /// Every difference between what we found and what another engine found.
    pub fn between(ours: &Findings, engine: Engine, theirs: &Findings) -> Vec<Self> {
        let states =
            (ours.states != theirs.states).then_some(Self::States { engine, ours: ours.states, theirs: theirs.states });
        let violated = Difference::between(engine, &ours.violated, &theirs.violated).map(Self::Violated);
        let reached = Difference::between(engine, &ours.reached, &theirs.reached).map(Self::Reached);
        [states, violated, reached].into_iter().flatten().collect()
    }
}

impl Difference {
    fn between(engine: Engine, ours: &BTreeSet<&'static str>, theirs: &BTreeSet<&'static str>) -> Option<Self> {
        let only_ours: BTreeSet<_> = ours.difference(theirs).copied().collect();
        let only_theirs: BTreeSet<_> = theirs.difference(ours).copied().collect();
        let differ = !only_ours.is_empty() || !only_theirs.is_empty();
        differ.then_some(Self { engine, only_ours, only_theirs })
    }

    fn describe(&self, what: &str, f: &mut Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<&'static str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        let finders = [(&self.only_ours, OURS, self.engine.name()), (&self.only_theirs, self.engine.name(), OURS)];
        let mut separator = "";
        for (names, by, not_by) in finders.into_iter().filter(|(names, ..)| !names.is_empty()) {
            write!(f, "{separator}{} {what} according to {by}, not according to {not_by}", list(names))?;
            separator = "; ";
        }
        Ok(())
    }
}

impl Display for Disagreement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::States { engine, ours, theirs } => {
                write!(f, "{OURS} counts {ours} states, {engine} counts {theirs}")
            }
            Self::Violated(difference) => difference.describe("violated", f),
            Self::Reached(difference) => difference.describe("reached", f),
        }
    }
}
