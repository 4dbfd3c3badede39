//! The second engine: Stateright's own checkers explore the same model, and must come to the same verdict.
//!
//! Stateright merges states of equal fingerprints, our explorer merges states that are equal, and the two share
//! no code. A model with states that are hashed or compared by less than they are, a successor that depends on anything but
//! the state, and a mistake in either search show as a difference. What both cannot see is a field that neither `Eq`
//! nor `Hash` looks at: derive both.
//!
//! Left to itself Stateright stops when every property is settled, and a run that stopped looks like one that ended. So
//! a model is only run if one of its properties can never be settled, and it is run without limits of any kind.
//! `tests/canaries_stateright.rs` shows what goes wrong otherwise.

use core::fmt::{self, Debug, Display, Formatter};
use core::hash::Hash;
use core::mem::size_of;
use core::num::NonZeroUsize;
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::thread;

use serde::{Deserialize, Serialize};
use stateright::{Checker, Expectation, Model, Property};

use crate::checker::design::TO_THE_END;
use crate::checker::explore::{Completeness, Graph, Shape};

pub(crate) mod erased;

use erased::Erased;

/// One of Stateright's searches.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Engine {
    /// Breadth first.
    BreadthFirst,
    /// Depth first.
    DepthFirst,
}

impl Engine {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::BreadthFirst => "Stateright's breadth-first search",
            Self::DepthFirst => "Stateright's depth-first search",
        }
    }
}

impl Display for Engine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

/// How many of Stateright's searches are asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Searches {
    /// The depth-first search, which is the faster one, or the other one where its paths do not fit.
    One,
    /// Each that fits.
    #[default]
    Both,
}

/// What came of asking Stateright.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use = "engines that disagree make a verdict worthless"]
pub struct Comparison {
    /// Who was asked.
    pub asked: Vec<Engine>,
    /// Every difference between what they found and what we found; none if all agree.
    pub disagreements: Vec<Disagreement>,
}

/// What Stateright may use.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many threads it gets. There is always one: without any it explores nothing. With more than one both
    /// searches go on at the same time.
    pub threads: NonZeroUsize,
    /// How many bytes the paths may take that its depth-first search keeps.
    pub max_path_bytes: u64,
}

/// Lets Stateright explore a model that we explored, and compares what it finds to what we found.
///
/// The breadth-first search is always asked. The depth-first search keeps a whole path for every state that it has yet
/// to visit, which is more than any machine has where paths are long: 40,000 states on a ring of rings cost it 2.5 GB.
/// It is only asked if its paths fit into [`Options::max_path_bytes`]; [`Comparison::asked`] tells whether it was.
///
/// # Errors
///
/// If our exploration did not visit every state, or Stateright would not.
pub fn compare<M>(
    model: &M,
    graph: &Graph<M::State, M::Action>,
    ours: &Findings,
    options: Options,
) -> Result<Comparison, Refused>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: PartialEq + Hash + Debug + Send + Sync + 'static,
    M::Action: Debug,
{
    compare_erased(Erased::of(model), graph, ours, options, Searches::Both)
}

/// The same where types are forgotten, with one search or both.
pub(crate) fn compare_erased(
    model: Erased,
    graph: &Shape,
    ours: &Findings,
    options: Options,
    searches: Searches,
) -> Result<Comparison, Refused> {
    is_whole(graph)?;
    let fits = depth_first_path_bytes(graph) <= options.max_path_bytes;
    let asked = match searches {
        Searches::One if fits => vec![Engine::DepthFirst],
        Searches::Both if fits => vec![Engine::BreadthFirst, Engine::DepthFirst],
        Searches::One | Searches::Both => vec![Engine::BreadthFirst],
    };
    let mut comparison = Comparison { asked, disagreements: Vec::new() };
    let answers: Vec<_> = if options.threads > NonZeroUsize::MIN && comparison.asked.len() > 1 {
        // A search of each kind on one thread is done sooner than one after the other on several: breadth first does
        // not gain from them.
        let ask = |engine: Engine| {
            let model = model.clone();
            move || ask_erased(engine, model, NonZeroUsize::MIN)
        };
        thread::scope(|scope| {
            let asking: Vec<_> = comparison.asked.iter().map(|&engine| scope.spawn(ask(engine))).collect();
            asking.into_iter().map(|asked| asked.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        })
    } else {
        comparison.asked.iter().map(|&engine| ask_erased(engine, model.clone(), options.threads)).collect()
    };
    for (&engine, theirs) in comparison.asked.iter().zip(answers) {
        comparison.disagreements.extend(Disagreement::between(ours, engine, &theirs?));
    }
    Ok(comparison)
}

fn is_whole(graph: &Shape) -> Result<(), Refused> {
    match graph.completeness() {
        Completeness::Complete if graph.reduction().symmetric => Err(Refused::Symmetry),
        Completeness::Complete => Ok(()),
        Completeness::Incomplete(_) => Err(Refused::Incomplete),
    }
}

/// Runs one of Stateright's searches to the end.
///
/// # Errors
///
/// If the properties of the model do not keep Stateright from stopping early, or it does not decide one of them.
pub fn ask<M>(engine: Engine, model: &M, threads: NonZeroUsize) -> Result<Findings, Refused>
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: PartialEq + Hash + Debug + Send + Sync + 'static,
    M::Action: Debug,
{
    ask_erased(engine, Erased::of(model), threads)
}

fn ask_erased(engine: Engine, model: Erased, threads: NonZeroUsize) -> Result<Findings, Refused> {
    let properties = model.properties();
    accept(&properties)?;
    // No timeout, no target, no symmetry, no other condition to finish: what is built here runs to the end.
    let checker = model.checker().threads(threads.get());
    match engine {
        Engine::BreadthFirst => Findings::by(&properties, &checker.spawn_bfs().join()),
        Engine::DepthFirst => Findings::by(&properties, &checker.spawn_dfs().join()),
    }
}

/// Whether Stateright will explore a model to the end, and knows what its properties mean.
fn accept(properties: &[Property<Erased>]) -> Result<(), Refused> {
    let mut names = BTreeSet::new();
    for property in properties {
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

impl Findings {
    /// What our own exploration found out, read off its graph.
    ///
    /// # Errors
    ///
    /// If the graph is not the whole graph of the model.
    pub fn of<M: Model>(model: &M, graph: &Graph<M::State, M::Action>) -> Result<Self, Refused> {
        is_whole(graph)?;
        let (mut violated, mut reached) = (BTreeSet::new(), BTreeSet::new());
        for property in model.properties() {
            let holds = |state: &M::State| (property.condition)(model, state);
            let (set, found) = match property.expectation {
                Expectation::Always => (&mut violated, graph.first(|state| !holds(state))),
                Expectation::Sometimes => (&mut reached, graph.first(holds)),
                Expectation::Eventually => return Err(Refused::Eventually(property.name)),
            };
            if found.is_some() {
                set.insert(property.name);
            }
        }
        Ok(Self { states: graph.state_count(), violated, reached })
    }

    /// What a run of Stateright found out.
    fn by(properties: &[Property<Erased>], checker: &impl Checker<Erased>) -> Result<Self, Refused> {
        let discovered: BTreeSet<&'static str> = checker.discoveries().into_keys().collect();
        if discovered.contains(TO_THE_END) {
            return Err(Refused::GuardViolated);
        }
        let named = |expectation: Expectation| {
            let properties = properties.iter().filter(|property| property.expectation == expectation);
            properties.map(|property| property.name).filter(|name| discovered.contains(name)).collect()
        };
        let states = checker.unique_state_count();
        Ok(Self { states, violated: named(Expectation::Always), reached: named(Expectation::Sometimes) })
    }
}

/// How many bytes the paths take that Stateright's depth-first search keeps at the worst moment, with one thread.
///
/// It visits the state that it found last, and enters the new ones among its successors, each with the indices of all
/// actions on the way to it. Our graph has the same successors in the same order.
fn depth_first_path_bytes(graph: &Shape) -> u64 {
    let mut found = vec![false; graph.state_count()];
    found[..graph.initial() as usize].fill(true);
    let mut pending: Vec<(u32, u64)> = (0..graph.initial()).map(|state| (state, 1)).collect();
    let mut indices = pending.len() as u64;
    let mut most = indices;
    while let Some((state, length)) = pending.pop() {
        for edge in graph.edges(state) {
            let target = graph.target(edge);
            if !core::mem::replace(&mut found[target as usize], true) {
                pending.push((target, length + 1));
                indices += length + 1;
            }
        }
        most = most.max(indices);
        indices -= length;
    }
    most * size_of::<usize>() as u64
}

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
