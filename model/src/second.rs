//! The second engine: Stateright's own checkers explore the same model, and must come to the same verdict.
//!
//! Stateright merges states whose fingerprints are equal, our explorer merges states that are equal, and the two share
//! no code. A model whose states are hashed or compared by less than they are, a successor that depends on anything but
//! the state, and a mistake in either search show as a difference. What both cannot see is a field that neither `Eq`
//! nor `Hash` looks at: derive both.
//!
//! Left to itself Stateright stops when every property is settled, and a run that stopped looks like one that ended. So
//! a model is only run if one of its properties can never be settled, and it is run without limits of any kind.
//! `tests/canaries_stateright.rs` shows what goes wrong otherwise.

use core::fmt::{self, Display, Formatter};
use core::hash::Hash;
use core::num::NonZeroUsize;
use std::collections::BTreeSet;

use stateright::{Checker, CheckerBuilder, Expectation, Model};

use crate::design::TO_THE_END;
use crate::explore::{Completeness, Graph};

/// One of Stateright's searches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    /// Breadth first.
    BreadthFirst,
    /// Depth first.
    DepthFirst,
}

impl Display for Engine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BreadthFirst => "Stateright's breadth-first search",
            Self::DepthFirst => "Stateright's depth-first search",
        })
    }
}

/// What an engine found out about a model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Findings {
    /// How many states are reachable.
    pub states: usize,
    /// The `always` properties that do not hold somewhere.
    pub violated: BTreeSet<&'static str>,
    /// The `sometimes` properties that hold somewhere.
    pub reached: BTreeSet<&'static str>,
}

/// What both of Stateright's searches found out about a model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opinion {
    /// What the breadth-first search found.
    pub breadth_first: Findings,
    /// What the depth-first search found.
    pub depth_first: Findings,
}

/// Why there is no second opinion about a model.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Stateright would settle every property early, at the latest in the first state if there is none.
    #[error("the model has no property that always holds, without which Stateright stops before the end")]
    NoAlways,
    /// Each `always` property may be violated, so that Stateright may settle them all early.
    #[error("the model has no `always` property {TO_THE_END:?}, without which Stateright may stop before the end")]
    NoGuard,
    /// The property that keeps Stateright going is violated, so that Stateright may have stopped early.
    #[error("the property {TO_THE_END:?} was violated, which it must not be able to be")]
    GuardViolated,
    /// Stateright passes such a property although a cycle violates it.
    #[error("the model has the `eventually` property {0:?}, which Stateright does not decide; make it a goal")]
    Eventually(&'static str),
    /// Verdicts are told apart by name.
    #[error("the model has two properties of the name {0:?}")]
    SameName(&'static str),
    /// Our own exploration did not visit everything, so that there is nothing to compare.
    #[error("an incomplete exploration cannot be compared")]
    Incomplete,
    /// Our own exploration merged states that Stateright, run without symmetry, does not.
    #[error("an exploration that was reduced by symmetry cannot be compared")]
    Symmetry,
}

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

impl Display for Disagreement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::States { engine, ours, theirs } => write!(f, "{engine} counts {theirs} states, ours counts {ours}"),
            Self::Violated(difference) => difference.describe("violated", f),
            Self::Reached(difference) => difference.describe("reached", f),
        }
    }
}

impl Difference {
    fn describe(&self, what: &str, f: &mut Formatter<'_>) -> fmt::Result {
        let engine = self.engine;
        let list = |names: &BTreeSet<&'static str>| names.iter().copied().collect::<Vec<_>>().join(", ");
        if !self.only_ours.is_empty() {
            write!(f, "{engine} does not find {what} what ours does: {}", list(&self.only_ours))?;
        }
        if !self.only_ours.is_empty() && !self.only_theirs.is_empty() {
            f.write_str("; ")?;
        }
        if !self.only_theirs.is_empty() {
            write!(f, "{engine} finds {what} what ours does not: {}", list(&self.only_theirs))?;
        }
        Ok(())
    }
}

impl Findings {
    /// What our own exploration found out, read off its graph.
    ///
    /// # Errors
    ///
    /// If the graph is not the whole graph of the model.
    pub fn of<M: Model>(model: &M, graph: &Graph<M::State, M::Action>) -> Result<Self, Refused> {
        match graph.completeness() {
            Completeness::Complete => {}
            Completeness::Incomplete(_) => return Err(Refused::Incomplete),
        }
        if graph.reduction().symmetric {
            return Err(Refused::Symmetry);
        }
        let mut findings = Self { states: graph.states().len(), violated: BTreeSet::new(), reached: BTreeSet::new() };
        for property in model.properties() {
            let holds = |state: &M::State| (property.condition)(model, state);
            match property.expectation {
                Expectation::Always => {
                    if graph.first(|state| !holds(state)).is_some() {
                        findings.violated.insert(property.name);
                    }
                }
                Expectation::Sometimes => {
                    if graph.first(holds).is_some() {
                        findings.reached.insert(property.name);
                    }
                }
                Expectation::Eventually => return Err(Refused::Eventually(property.name)),
            }
        }
        Ok(findings)
    }

    /// What a run of Stateright found out.
    fn by<M: Model>(model: &M, checker: &impl Checker<M>) -> Result<Self, Refused>
    where
        M::State: Clone + PartialEq,
        M::Action: Clone + PartialEq,
    {
        let mut findings =
            Self { states: checker.unique_state_count(), violated: BTreeSet::new(), reached: BTreeSet::new() };
        let discovered: BTreeSet<&'static str> = checker.discoveries().into_keys().collect();
        if discovered.contains(TO_THE_END) {
            return Err(Refused::GuardViolated);
        }
        for property in model.properties() {
            let set = match property.expectation {
                Expectation::Always => &mut findings.violated,
                Expectation::Sometimes => &mut findings.reached,
                Expectation::Eventually => return Err(Refused::Eventually(property.name)),
            };
            if discovered.contains(property.name) {
                set.insert(property.name);
            }
        }
        Ok(findings)
    }
}

/// Runs both of Stateright's searches to the end.
///
/// There is always at least one thread: without any, Stateright explores nothing and passes.
///
/// # Errors
///
/// If the properties of the model do not keep Stateright from stopping early, or it does not decide one of them.
pub fn opinion<M>(model: &M, threads: NonZeroUsize) -> Result<Opinion, Refused>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    accept(model)?;
    // No timeout, no target, no symmetry, no other condition to finish: what is built here runs to the end.
    let checker = || -> CheckerBuilder<M> { model.clone().checker().threads(threads.get()) };
    let breadth_first = Findings::by(model, &checker().spawn_bfs().join())?;
    let depth_first = Findings::by(model, &checker().spawn_dfs().join())?;
    Ok(Opinion { breadth_first, depth_first })
}

/// Whether Stateright will explore a model to the end, and knows what its properties mean.
fn accept<M: Model>(model: &M) -> Result<(), Refused> {
    let properties = model.properties();
    let mut names = BTreeSet::new();
    for property in &properties {
        if !names.insert(property.name) {
            return Err(Refused::SameName(property.name));
        }
        if property.expectation == Expectation::Eventually {
            return Err(Refused::Eventually(property.name));
        }
    }
    let mut always = properties.iter().filter(|property| property.expectation == Expectation::Always).peekable();
    if always.peek().is_none() {
        return Err(Refused::NoAlways);
    }
    if always.any(|property| property.name == TO_THE_END) { Ok(()) } else { Err(Refused::NoGuard) }
}

/// Every difference between what we found and what Stateright found; none if all engines agree.
pub fn compare(ours: &Findings, theirs: &Opinion) -> Vec<Disagreement> {
    let engines = [(Engine::BreadthFirst, &theirs.breadth_first), (Engine::DepthFirst, &theirs.depth_first)];
    let mut disagreements = Vec::new();
    for (engine, theirs) in engines {
        if ours.states != theirs.states {
            disagreements.push(Disagreement::States { engine, ours: ours.states, theirs: theirs.states });
        }
        let violated = difference(engine, &ours.violated, &theirs.violated);
        disagreements.extend(violated.map(Disagreement::Violated));
        let reached = difference(engine, &ours.reached, &theirs.reached);
        disagreements.extend(reached.map(Disagreement::Reached));
    }
    disagreements
}

fn difference(engine: Engine, ours: &BTreeSet<&'static str>, theirs: &BTreeSet<&'static str>) -> Option<Difference> {
    let only_ours: BTreeSet<_> = ours.difference(theirs).copied().collect();
    let only_theirs: BTreeSet<_> = theirs.difference(ours).copied().collect();
    let differ = !only_ours.is_empty() || !only_theirs.is_empty();
    differ.then_some(Difference { engine, only_ours, only_theirs })
}

/// Runs Stateright on a model that we explored, and compares.
///
/// # Errors
///
/// If our exploration did not visit every state, or Stateright would not.
pub fn disagreements<M>(
    model: &M,
    graph: &Graph<M::State, M::Action>,
    threads: NonZeroUsize,
) -> Result<Vec<Disagreement>, Refused>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let ours = Findings::of(model, graph)?;
    Ok(compare(&ours, &opinion(model, threads)?))
}
