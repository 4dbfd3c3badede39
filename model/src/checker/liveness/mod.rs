//! Goals: *leads-to under weak fairness of each component*, decided on the whole state graph.
//!
//! A promise `trigger ~> outcome` is broken if, from some state where it is owed, the system can go on for ever without
//! keeping it although every fair component is given its turn. The states in question are the *owing* ones: those that
//! are reachable from a state where `trigger` holds and `outcome` does not, without `outcome` in between. Every state
//! may also stutter, that is stay as it is for ever. So the promise is broken exactly if the owing states have a
//! strongly connected component in which every fair component of the system is disabled in some state or acts on some
//! edge: the behaviour that goes round all of it is then fair. Weak fairness asks no more, so one pass over the maximal
//! components decides.
//!
//! Steps that lead back to the state they leave change nothing; they neither enable a component nor count as acting.

mod owing;

use crate::checker::explore::{Completeness, Graph, Shape};
pub(crate) use owing::FairComponents;
use owing::Owing;

/// A promise over the states of a graph.
pub struct Promise<'a, S, A, C> {
    /// When it is owed.
    pub trigger: &'a dyn Fn(&S) -> bool,
    /// When it is kept.
    pub outcome: &'a dyn Fn(&S) -> bool,
    /// The fair component that takes an action; none if nothing is assumed of who takes it.
    pub fair: &'a dyn Fn(&A) -> Option<C>,
}

/// In which states a promise is owed and kept, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    triggers: Vec<bool>,
    unkept: Vec<bool>,
}

impl Marks {
    /// Marks for so many states.
    pub fn with_capacity(states: usize) -> Self {
        Self { triggers: Vec::with_capacity(states), unkept: Vec::with_capacity(states) }
    }

    /// Whether trigger and outcome hold in the next state.
    pub fn push(&mut self, trigger: bool, outcome: bool) {
        self.triggers.push(trigger && !outcome);
        self.unkept.push(!outcome);
    }

    /// Adds what is known of the states that follow.
    pub fn append(&mut self, mut following: Self) {
        self.triggers.append(&mut following.triggers);
        self.unkept.append(&mut following.unkept);
    }
}

/// What became of a promise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// How many states owe it. None means that it holds vacuously.
    pub owing: usize,
    /// A fair behaviour that never keeps it, if there is one.
    pub broken: Option<Lasso>,
}

/// A behaviour that goes on for ever: a path, then a cycle that is repeated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lasso {
    /// The states of the path, from one that the system starts in to the one where the cycle begins.
    pub prefix: Vec<u32>,
    /// The edges of the path.
    pub prefix_edges: Vec<usize>,
    /// The edges of the cycle; none if the system stutters.
    pub cycle_edges: Vec<usize>,
}

/// Why a graph says nothing about goals.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Representatives stand for states of which other components are enabled.
    #[error("goals are not decided on a graph that was reduced by symmetry")]
    Symmetry,
    /// At the boundary a state looks as if nothing could happen in it.
    #[error("goals are not decided on a graph with a boundary")]
    Boundary,
    /// What was not visited could break or keep a promise.
    #[error("goals are not decided on an incomplete graph")]
    Incomplete,
}

/// Decides a promise.
///
/// # Errors
///
/// If the graph is not the whole graph of its model.
pub fn decide<S, A, C>(graph: &Graph<S, A>, promise: &Promise<'_, S, A, C>) -> Result<Verdict, Refused>
where
    C: Copy + Ord,
{
    let mut marks = Marks::with_capacity(graph.state_count());
    graph.each(|state| marks.push((promise.trigger)(state), (promise.outcome)(state)));
    decide_marked(graph, &marks, promise.fair)
}

/// Decides a promise of which is known in which states it is owed and kept; `fair` is the fair component that takes an
/// action.
///
/// # Errors
///
/// If the graph is not the whole graph of its model.
pub fn decide_marked<S, A, C>(
    graph: &Graph<S, A>,
    marks: &Marks,
    fair: &dyn Fn(&A) -> Option<C>,
) -> Result<Verdict, Refused>
where
    C: Copy + Ord,
{
    decide_shape(graph, marks, &FairComponents::of(graph.actions(), fair))
}

/// The same where components are numbers.
pub(crate) fn decide_shape(graph: &Shape, marks: &Marks, fair: &FairComponents) -> Result<Verdict, Refused> {
    if graph.reduction().symmetric {
        return Err(Refused::Symmetry);
    }
    if graph.reduction().bounded {
        return Err(Refused::Boundary);
    }
    match graph.completeness() {
        Completeness::Complete => {}
        Completeness::Incomplete(_) => return Err(Refused::Incomplete),
    }
    let owing = Owing::of(graph, marks);
    let broken = owing.fair_component(fair).map(|component| owing.lasso(fair, &component));
    Ok(Verdict { owing: owing.count(), broken })
}
