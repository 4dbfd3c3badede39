//! Trials that a framed connection is put through: orders of steps, in which the original is known to fail.
//!
//! What a design must fail with is what its model predicts, explored when a test runs. Whatever is on [trial](Candidate) takes
//! the same steps, as far as it has them, and is judged by what its participants were told: by the invariants after each
//! step, and by the promises when those who are assumed to be fair have gone on until nothing moves.

use std::collections::{BTreeMap, BTreeSet};

use handfast_spec::framed::{Action, End, Framed, History, Output, Refusal};
use handfast_spec::{Goal, Machine, Observation, Protocol, Recorded};
use model::checker::cover;
use model::checker::explore::{Completeness, Options};
use model::checker::liveness::{Promise, decide};
use model::checker::trace::{actions_of, actions_to};
use model::framed::Kernel;
use model::framed::handfast::Config;
use model::framed::zrepl::{Zrepl, instances};

use super::DriverMachine;
use super::historical::Historical;
use crate::paused::Clocks;

/// More rounds than these do not come to rest.
const ROUNDS: usize = 200;

/// What can be put on trial.
pub trait Candidate {
    /// Both ends and what is between them.
    type Ends: Machine<Protocol = Framed>;

    /// A connection that has just been established, on which each application writes so many frames at most.
    fn establish(&self, kernel: Kernel, frames: [u32; 2]) -> Self::Ends;
}

/// The port of the original.
#[derive(Clone, Copy, Debug)]
pub struct Original;

impl Candidate for Original {
    type Ends = Historical;

    fn establish(&self, kernel: Kernel, frames: [u32; 2]) -> Historical {
        Historical::new(kernel, frames)
    }
}

/// handfast's driver.
#[derive(Clone, Debug, Default)]
pub struct Own {
    clocks: Clocks,
}

impl Candidate for Own {
    type Ends = OnTime;

    fn establish(&self, kernel: Kernel, frames: [u32; 2]) -> OnTime {
        // As much is thrown away as the rule allows.
        let config = Config { kernel, frames, keep: 2, discard: 2, answer: [None; 2] };
        OnTime(DriverMachine::new(&config, &self.clocks))
    }
}

/// Two drivers of which each sees by its clock, whenever it reads, which moments have passed. The clock of a
/// [`DriverMachine`] by itself stands still until its timer fires.
pub struct OnTime(DriverMachine);

impl Machine for OnTime {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let struck = match *action {
            Action::Read { end } | Action::ReadAhead { end } => self.0.step(&Action::Expire { end }),
            _ => Observation::Refused(Refusal::NotNow),
        };
        match (struck, self.0.step(action)) {
            (Observation::Accepted(mut told), Observation::Accepted(more)) => {
                told.extend(more);
                Observation::Accepted(told)
            }
            (struck @ Observation::Accepted(_), Observation::Refused(_)) => struck,
            (Observation::Refused(_), observation) => observation,
        }
    }
}

/// Where a trial takes place.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// How the kernels behave.
    pub kernel: Kernel,
    /// How many frames each application writes at most.
    pub frames: [u32; 2],
    /// How many halves a shutdown may throw away.
    pub discards: u16,
}

/// What the model of the original predicts in one of its instances.
#[derive(Debug)]
pub struct Predicted {
    /// Where it is.
    pub place: Place,
    /// For each rule that is violated, a shortest order that violates it.
    pub counterexamples: BTreeMap<&'static str, Vec<Action>>,
    /// Orders that together take every step that there is in every state.
    pub orders: Vec<Vec<Action>>,
}

impl Predicted {
    /// Explores the model in the instance with this name.
    ///
    /// # Panics
    ///
    /// If there is no such instance, or it is too large to be explored whole.
    pub fn of(name: &str) -> Self {
        let instance = instances().into_iter().find(|instance| instance.name == name);
        let graph = instance.expect("there is such an instance").checked.explore(&Options::default());
        assert_eq!(graph.completeness(), Completeness::Complete, "only a whole graph predicts anything");
        let Recorded { machine, history } = graph.state(0).clone();
        let place = Place { kernel: machine.kernel(), frames: machine.frames(), discards: history.discards };
        let mut counterexamples = BTreeMap::new();
        for rule in Framed::INVARIANTS {
            let violation = graph.first(|state| !(rule.holds)(&state.history));
            counterexamples.extend(violation.map(|state| (rule.id, actions_to(&graph, state).1)));
        }
        for goal in Framed::GOALS {
            let promise = Promise {
                trigger: &|state: &Recorded<Zrepl>| (goal.trigger)(&state.history),
                outcome: &|state: &Recorded<Zrepl>| (goal.outcome)(&state.history),
                fair: &|action: &Action| action.component().filter(goal.fair),
            };
            let verdict = decide(&graph, &promise).expect("the graph is whole");
            counterexamples.extend(verdict.broken.map(|lasso| (goal.id, actions_of(&graph, &lasso).1)));
        }
        let actions = |walk: &cover::Walk| walk.edges.iter().map(|&edge| graph.actions()[graph.label(edge)]).collect();
        Self { place, counterexamples, orders: cover::edges(&graph).iter().map(actions).collect() }
    }
}

/// Ids of the rules that are broken in this order, or by what must follow it. What the candidate has no step for is
/// passed over.
pub fn try_out(candidate: &impl Candidate, place: Place, order: &[Action]) -> BTreeSet<&'static str> {
    let mut violated = BTreeSet::new();
    // What is promised is owed after each step, also where a later one would put it right.
    for (goal, length) in Framed::GOALS.iter().flat_map(|goal| (0..=order.len()).map(move |length| (goal, length))) {
        let mut trial = begin(candidate, place);
        step_through(&mut trial, &order[..length], &mut violated);
        go_on(&mut trial, goal, &mut violated);
        if (goal.trigger)(&trial.history) && !(goal.outcome)(&trial.history) {
            violated.insert(goal.id);
        }
    }
    violated
}

/// As [`try_out`], by the invariants alone.
pub fn step_out(candidate: &impl Candidate, place: Place, order: &[Action]) -> BTreeSet<&'static str> {
    let mut violated = BTreeSet::new();
    step_through(&mut begin(candidate, place), order, &mut violated);
    violated
}

fn begin<C: Candidate>(candidate: &C, place: Place) -> Recorded<C::Ends> {
    let Place { kernel, frames, discards } = place;
    Recorded { machine: candidate.establish(kernel, frames), history: History::new(2, discards, kernel.tells) }
}

fn step_through<M>(trial: &mut Recorded<M>, order: &[Action], violated: &mut BTreeSet<&'static str>)
where
    M: Machine<Protocol = Framed>,
{
    for action in order {
        step(trial, action, violated);
    }
}

/// Whether the step was taken.
fn step<M>(trial: &mut Recorded<M>, action: &Action, violated: &mut BTreeSet<&'static str>) -> bool
where
    M: Machine<Protocol = Framed>,
{
    let refused = trial.step(action).is_refused();
    violated.extend(Framed::INVARIANTS.iter().filter(|rule| !(rule.holds)(&trial.history)).map(|rule| rule.id));
    !refused
}

/// Lets those go on who are assumed to be fair, one after the other.
fn go_on<M>(trial: &mut Recorded<M>, goal: &Goal<Framed>, violated: &mut BTreeSet<&'static str>)
where
    M: Machine<Protocol = Framed>,
{
    let steps = End::BOTH.into_iter().flat_map(|end| {
        [
            Action::Send { end },
            Action::Finish { end },
            Action::Carry { from: end },
            Action::Read { end },
            Action::ReadAhead { end },
            Action::Confirm { end },
            Action::Expire { end },
            Action::Close { end },
        ]
    });
    let fair: Vec<Action> = steps.filter(|step| step.component().is_some_and(|who| (goal.fair)(&who))).collect();
    for _ in 0..ROUNDS {
        let moved = fair.iter().filter(|action| step(trial, action, violated)).count();
        if moved == 0 {
            return;
        }
    }
    panic!("{} rounds and no rest", ROUNDS);
}
