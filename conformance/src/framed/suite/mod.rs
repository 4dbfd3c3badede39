//! Trials that a framed connection is put through: orders of steps, in which the original is known to fail.
//!
//! What a design must fail with is what its model predicts, explored when a test runs. Whatever is on [trial](Candidate) takes
//! the same steps, as far as it has them, and is judged by what its participants were told: by the invariants after each
//! step, and by the promises when those who are assumed to be fair have gone on until nothing moves.

mod candidates;
mod predicted;

use std::collections::BTreeSet;

use handfast_spec::framed::{Action, End, Framed, History};
use handfast_spec::{Goal, Machine, Protocol, Recorded};
use model::framed::Kernel;

pub use candidates::{Original, Own};
pub use predicted::Predicted;

/// More rounds than these do not come to rest.
const ROUNDS: usize = 200;

/// What can be put on trial.
pub trait Candidate {
    /// Both ends and what is between them.
    type Ends: Machine<Protocol = Framed>;

    /// A connection that has just been established, on which each application writes so many frames at most.
    fn establish(&self, kernel: Kernel, frames: [u32; 2]) -> Self::Ends;
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
    Recorded { machine: candidate.establish(kernel, frames), history: History::new(discards, kernel.tells) }
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
