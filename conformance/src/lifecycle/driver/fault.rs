//! Where a driver differs from its model, by the fewest prods that show it.

use std::fmt::{self, Display, Formatter};

use crate::edges::Fault;
use crate::failure;
use handfast_spec::lifecycle::{Action, Lifecycle, Output, Refusal};
use handfast_spec::log::Line;
use handfast_spec::{Observation, Protocol, Recorded};
use model::lifecycle::handfast::Handfast;
use tokio::runtime::Runtime;

use crate::lifecycle::driver::habits::Habits;
use crate::lifecycle::driver::stepped::{Step, Stepped};
use crate::lifecycle::driver::task::Pool;

type Observed = Observation<Output, Refusal>;

/// What a test does to a driver.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prod {
    /// It brings about an action.
    Action(Action),
    /// It lets everybody go on until all wait.
    ToRest,
}

impl Prod {
    pub(crate) fn carry_out(self, node: &mut Stepped<'_>) -> Vec<Step> {
        match self {
            Self::Action(action) => node.prod(action),
            Self::ToRest => node.run_to_rest(),
        }
    }
}

/// Steps the model by what was recorded. What is wrong with it, if anything is.
pub(crate) fn compare(model: &mut Recorded<Handfast>, action: &Action, observed: &Observed) -> Option<Fault<Observed>> {
    let expected = model.step(action);
    if expected != *observed {
        return Some(Fault::Observed { model: expected, implementation: observed.clone() });
    }
    let violated = Lifecycle::INVARIANTS.iter().find(|rule| !(rule.holds)(&model.history));
    violated.map(|rule| Fault::Violated(rule.id))
}

/// A driver's behaviour from which nothing can be left out.
#[derive(Debug)]
pub struct Failure {
    start: Recorded<Handfast>,
    /// What was recorded; the last step is the one that is wrong.
    pub steps: Vec<Step>,
    pub(crate) fault: Fault<Observed>,
}

impl Failure {
    /// Leaves out of a faulty walk what can be left out.
    pub(crate) fn shrunk(
        runtime: &Runtime,
        pool: &mut Pool,
        habits: Habits,
        start: Recorded<Handfast>,
        prods: Vec<Prod>,
        tamper: fn(Step) -> Step,
    ) -> Box<Self> {
        let mut replay = |prods: &[Prod]| {
            let mut node = Stepped::new(runtime, pool, habits, &start.machine, tamper);
            let mut model = start.clone();
            let mut steps = Vec::new();
            for (index, prod) in prods.iter().enumerate() {
                for (action, observed) in prod.carry_out(&mut node) {
                    let fault = compare(&mut model, &action, &observed);
                    steps.push((action, observed));
                    if let Some(fault) = fault {
                        node.run_to_rest();
                        return Some((index + 1, steps, fault));
                    }
                }
            }
            node.run_to_rest();
            None
        };
        let prods = failure::minimal(prods, |prods| replay(prods).map(|(length, ..)| length));
        let (_, steps, fault) = replay(&prods).expect("the driver does the same whenever it is told the same");
        Box::new(Self { start, steps, fault })
    }

    /// What the driver did, as a log that `model` reads.
    pub fn log(&self) -> String {
        let steps = self.steps.iter().map(|(action, observation)| Line::observed(*action, observation.clone()));
        failure::log(&self.start, steps)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "the driver differs from the model:")?;
        for (index, (action, _)) in self.steps.iter().enumerate() {
            writeln!(f, "  {}. {action}", index + 1)?;
        }
        writeln!(f, "{}", self.fault)
    }
}
