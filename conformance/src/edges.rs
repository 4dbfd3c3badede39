//! Every edge of a state graph, walked on an implementation.

use core::fmt::{self, Debug, Display, Formatter};

use handfast_spec::log::Line;
use handfast_spec::protocol::{ActionOf, ObservationOf};
use handfast_spec::{Machine, Observation, Protocol, Recorded};
use model::checker::cover;
use model::checker::design::{Checked, Design};
use model::checker::explore::{Completeness, Options};
use model::checker::target::Instance;

use crate::failure::{self, Saved};

/// What was walked.
#[derive(Clone, Copy, Debug, Default, derive_more::Display, Eq, PartialEq)]
#[display("all {states} states and {edges} edges, {walks} walks, {steps} steps, {refusals} refusals")]
pub struct Walked {
    /// States of the model that were visited: all.
    pub states: usize,
    /// Edges that were taken: all.
    pub edges: usize,
    /// Walks, each on a fresh implementation.
    pub walks: usize,
    /// Steps in all walks.
    pub steps: usize,
    /// Actions that the model refuses, attempted on the implementation.
    pub refusals: usize,
}

/// Where an implementation differs from its model, by a behaviour from which nothing can be left out.
#[derive(Clone, Debug)]
pub struct Difference<D: Design> {
    /// The state that the model starts in.
    pub start: Recorded<D>,
    /// What is done; the last action is the one that is observed differently, or leads to a violation.
    pub actions: Vec<ActionOf<D>>,
    /// What the implementation observed, for each action; up to the last, with what is not seen as the model has it.
    pub observed: Vec<ObservationOf<D>>,
    /// What goes wrong after the last.
    pub fault: Fault<ObservationOf<D>>,
}

/// What goes wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault<O> {
    /// The model observes one thing and the implementation another.
    Observed {
        /// What the model observes.
        model: O,
        /// What the implementation observes.
        implementation: O,
    },
    /// The history of the implementation violates an invariant. What is not seen of the implementation is in that history
    /// as the model has it: rules speak of it too.
    Violated(&'static str),
}

/// Walks every edge of the graph of `checked` on implementations that `build` makes, one for each walk, started in the
/// same state as the model. In each state that is visited for the first time, every action that the model refuses is
/// attempted too.
///
/// # Errors
///
/// The first difference, shrunk.
///
/// # Panics
///
/// If the graph cannot be explored whole.
pub fn walk<D, I>(checked: &Checked<D>, build: impl Fn(&Recorded<D>) -> I) -> Result<Walked, Box<Difference<D>>>
where
    D: Design,
    I: Machine<Protocol = D::Protocol>,
{
    walk_with(checked, build, |observation| observation, Refused::Attempted)
}

/// What becomes of actions that the model refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// They are attempted, and the implementation must refuse them too.
    Attempted,
    /// They cannot be attempted: the implementation is brought to take a step by letting it.
    LeftOut,
    /// And invariants are not looked at, because the model is of a historical design, which violates them.
    LeftOutUnjudged,
}

/// Walks as [`walk`] does, on an implementation of which less is seen than of the model, or that cannot be asked for
/// everything: `seen` leaves out of an observation of the model what is told to no participant outside.
///
/// # Errors
///
/// As [`walk`].
///
/// # Panics
///
/// As [`walk`].
pub fn walk_with<D, I>(
    checked: &Checked<D>,
    build: impl Fn(&Recorded<D>) -> I,
    seen: impl Fn(ObservationOf<D>) -> ObservationOf<D>,
    refusals: Refused,
) -> Result<Walked, Box<Difference<D>>>
where
    D: Design,
    I: Machine<Protocol = D::Protocol>,
{
    let trial = Trial { build, seen, refusals };
    let graph = checked.explore(&Options::default());
    assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph can be covered");
    let mut walked = Walked { states: graph.state_count(), edges: graph.edge_count(), ..Walked::default() };
    let mut visited = vec![false; graph.state_count()];
    for walk in cover::edges(&graph) {
        let start = graph.state(walk.initial).clone();
        let mut actions = Vec::new();
        let mut visit = |state: u32, actions: &mut Vec<ActionOf<D>>| {
            if !core::mem::replace(&mut visited[state as usize], true) && refusals == Refused::Attempted {
                let before = actions.len();
                actions.extend(refused(checked, &graph.state(state).machine));
                walked.refusals += actions.len() - before;
            }
        };
        visit(walk.initial, &mut actions);
        for &edge in &walk.edges {
            actions.push(graph.actions()[graph.label(edge)]);
            visit(graph.target(edge), &mut actions);
        }
        walked.walks += 1;
        walked.steps += walk.edges.len();
        if let Some((length, _)) = trial.first_fault(&start, &actions) {
            actions.truncate(length);
            return Err(Box::new(trial.shrink(start, actions)));
        }
    }
    Ok(walked)
}

/// Walks every edge of each instance, and says what was walked.
///
/// # Panics
///
/// At the first difference, of which the log is [saved](failure::save) in a directory.
pub fn walk_all<D, I>(directory: &str, instances: Vec<Instance<D>>, build: impl Fn(&Recorded<D>) -> I + Copy)
where
    D: Design,
    I: Machine<Protocol = D::Protocol>,
{
    for Instance { name, checked } in instances {
        let walked = walk(&checked, build).unwrap_or_else(|difference| {
            panic!("{difference}{}", difference.save(directory, &format!("core-{name}")).told)
        });
        println!("{name}: {walked}");
        assert!(walked.refusals > 0, "what the model refuses is attempted");
    }
}

/// Returns how a wrong implementation is told from the model in one of the instances.
///
/// # Panics
///
/// If it is not, or if there are `most` actions or more to show it.
pub fn told_apart<D, I>(
    wrong: impl Debug,
    instances: impl IntoIterator<Item = Instance<D>>,
    most: usize,
    build: impl Fn(&Recorded<D>) -> I + Copy,
) -> Box<Difference<D>>
where
    D: Design,
    I: Machine<Protocol = D::Protocol>,
{
    noticed(wrong, most, instances.into_iter().find_map(|instance| walk(&instance.checked, build).err()))
}

/// Returns the difference by which a wrong implementation was noticed.
///
/// # Panics
///
/// As [`told_apart`].
pub fn noticed<D: Design>(wrong: impl Debug, most: usize, found: Option<Box<Difference<D>>>) -> Box<Difference<D>> {
    let difference = found.unwrap_or_else(|| panic!("{wrong:?} was not noticed"));
    println!("{wrong:?}: {difference}");
    assert!(difference.actions.len() <= most, "{wrong:?} was not shrunk: {difference}");
    difference
}

/// The actions that the model refuses in a state.
fn refused<D: Design>(checked: &Checked<D>, machine: &D) -> Vec<ActionOf<D>> {
    checked.alphabet().iter().copied().filter(|action| machine.clone().step(action).is_refused()).collect()
}

/// How implementations are made, and what is seen of them.
struct Trial<B, S> {
    build: B,
    seen: S,
    refusals: Refused,
}

impl<B, S> Trial<B, S> {
    /// Steps both machines through `actions`. The number of actions up to and including the first that shows a fault.
    fn first_fault<D, I>(
        &self,
        start: &Recorded<D>,
        actions: &[ActionOf<D>],
    ) -> Option<(usize, Fault<ObservationOf<D>>)>
    where
        D: Design,
        I: Machine<Protocol = D::Protocol>,
        B: Fn(&Recorded<D>) -> I,
        S: Fn(ObservationOf<D>) -> ObservationOf<D>,
    {
        let mut model = start.clone();
        let mut implementation = Recorded { machine: (self.build)(start), history: start.history.clone() };
        for (index, action) in actions.iter().enumerate() {
            let whole = model.step(action);
            let expected = (self.seen)(whole.clone());
            if expected.is_refused() && self.refusals != Refused::Attempted {
                continue;
            }
            let observed = implementation.machine.step(action);
            if expected != observed {
                return Some((index + 1, Fault::Observed { model: expected, implementation: observed }));
            }
            // Without what is not seen, rules that speak of it would be judged on half a history.
            implementation.record(&whole);
            if self.refusals == Refused::LeftOutUnjudged {
                continue;
            }
            let violated = D::Protocol::INVARIANTS.iter().find(|rule| !(rule.holds)(&implementation.history));
            if let Some(rule) = violated {
                return Some((index + 1, Fault::Violated(rule.id)));
            }
        }
        None
    }

    /// Leaves out of a faulty behaviour whatever can be left out: any sequence of actions is one that both machines can
    /// be put through, because what is refused is compared too.
    fn shrink<D, I>(&self, start: Recorded<D>, actions: Vec<ActionOf<D>>) -> Difference<D>
    where
        D: Design,
        I: Machine<Protocol = D::Protocol>,
        B: Fn(&Recorded<D>) -> I,
        S: Fn(ObservationOf<D>) -> ObservationOf<D>,
    {
        let fails_after = |actions: &[ActionOf<D>]| self.first_fault(&start, actions).map(|(length, _)| length);
        let actions = failure::minimal(actions, fails_after);
        let (_, fault) = self.first_fault(&start, &actions).expect("what was shrunk is faulty still");
        let (mut model, mut implementation) = (start.machine.clone(), (self.build)(&start));
        let observe = |action| {
            let (whole, observed) = (model.step(action), implementation.step(action));
            if (self.seen)(whole.clone()) == observed { whole } else { observed }
        };
        let observed = actions.iter().map(observe).collect();
        Difference { start, actions, observed, fault }
    }
}

impl<D: Design> Difference<D> {
    /// Saves the log in a directory, and says where.
    ///
    /// # Panics
    ///
    /// If the directory cannot be written to.
    pub fn save(&self, directory: &str, name: &str) -> Saved {
        let name = format!("{}-{name}", D::Protocol::NAME);
        let saved = failure::save(directory, &name, D::Protocol::NAME, &self.log());
        saved.expect("the directory of temporary files can be written to")
    }

    /// What the implementation did, as a log that `model` reads.
    pub fn log(&self) -> String {
        let steps = self.actions.iter().copied().zip(self.observed.iter().cloned());
        failure::log(&self.start, steps.map(|(action, observation)| Line::observed(action, observation)))
    }
}

impl<D: Design> Display for Difference<D> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "the implementation differs from the model:")?;
        for (index, action) in self.actions.iter().enumerate() {
            writeln!(f, "  {}. {action}", index + 1)?;
        }
        writeln!(f, "{}", self.fault)
    }
}

impl<F: Display, R: Display> Display for Fault<Observation<F, R>> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observed { model, implementation } => {
                writeln!(f, "  the model:          {}", Words(model))?;
                write!(f, "  the implementation: {}", Words(implementation))
            }
            Self::Violated(id) => write!(f, "  what the implementation told violates {id}"),
        }
    }
}

/// An observation in words.
#[derive(Debug)]
pub struct Words<'a, O>(pub &'a O);

impl<F: Display, R: Display> Display for Words<'_, Observation<F, R>> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Observation::Refused(refusal) => write!(f, "refuses: {refusal}"),
            Observation::Accepted(outputs) if outputs.is_empty() => f.write_str("tells nobody anything"),
            Observation::Accepted(outputs) => {
                for (index, output) in outputs.iter().enumerate() {
                    let gap = if index == 0 { "" } else { "; " };
                    write!(f, "{gap}{output}")?;
                }
                Ok(())
            }
        }
    }
}
