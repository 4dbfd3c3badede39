//! handfast's machine with one mistake.

use core::fmt::{self, Debug, Formatter};
use core::iter;

use handfast_spec::ownership::{Action, Away, Output, Owner, Ownership, Refusal, Thread};
use handfast_spec::{Machine, Observation, Recorded, Table};
use serde::Serialize;
use serde_json::Value;

use super::super::any_number::{Local, Parts};
use super::super::machine::{At, Config, Outcome, Outputs, Report, World};
use super::super::word::{State, Want, Words};
use super::{Flaw, Flawed};
use crate::checker::design::Design;
use crate::checker::views::Interchangeable;

/// handfast's design with one mistake: in its words, or in the steps around them.
///
/// Where a mistake splits a step in two, the second half is done when the thread attempts the action that it does too
/// late: one takes over and then *enters*, one closes and then *wipes*.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Mutated {
    flaw: Flaw,
    world: World<Flawed>,
    /// The step that a thread has done half of: about which descriptor, by which token.
    halves: Table<Option<Report>, 3>,
}

impl Mutated {
    /// A process that has just been started.
    pub fn new(config: Config, flaw: Flaw) -> Self {
        Self { flaw, world: World::around(Flawed::new(Some(flaw)), config), halves: Table::default() }
    }

    fn take(&mut self, action: Action, outputs: &mut Outputs) -> Outcome {
        let world = &mut self.world;
        match (self.flaw, action) {
            (Flaw::ChecksThenEnters, Action::Enter { thread, incarnation }) => {
                let report = world.report(thread, incarnation)?;
                if world.words.look(report.token, Want::Enter(thread)).is_err() {
                    return world.take(&action, outputs);
                }
                world.drop_report(thread, incarnation);
                self.stop_halfway(thread, report);
            }
            (Flaw::ChecksThenTakesOver, Action::Takeover { thread, incarnation }) => {
                let token = world.takeover_token(thread, incarnation)?;
                world.words.look(token, Want::Takeover(thread))?;
                world.count_takeover();
                self.stop_halfway(thread, Report { token, about: incarnation });
            }
            (Flaw::LooksWhetherLast, Action::Leave { thread } | Action::DeleteInside { thread }) => {
                let At::Inside(about, token) = world.at(thread) else { return Err(Refusal::NotNow) };
                let leaves = world.words.look(token, Want::Leave).is_ok();
                world.take(&action, outputs)?;
                if leaves {
                    self.stop_halfway(thread, Report { token, about });
                }
            }
            (Flaw::ForgetsTheGone, Action::Enter { thread, incarnation }) => {
                let report = world.report(thread, incarnation)?;
                world.take(&action, outputs)?;
                if outputs.contains(&Output::TurnedAway(thread, incarnation, Away::Gone)) {
                    world.go(thread, At::Deregistering(incarnation, report.token));
                }
            }
            (Flaw::ClosesBeforeWiping, Action::Wipe { thread }) => {
                let At::Holding(about, token) = world.at(thread) else { return Err(Refusal::NotNow) };
                world.close_number(thread, token.number, outputs);
                self.stop_halfway(thread, Report { token, about });
            }
            (Flaw::TakerDoesNotWatch, Action::Leave { thread }) => return world.leave_by(thread, Want::Leave, outputs),
            (Flaw::NeverForgets, Action::Forget { thread }) => {
                let At::Deregistering(..) = world.at(thread) else { return Err(Refusal::NotNow) };
                world.go(thread, At::Rest);
            }
            _ => return world.take(&action, outputs),
        }
        Ok(())
    }

    /// The thread is outside of its loop until it has done the second half.
    fn stop_halfway(&mut self, thread: Thread, report: Report) {
        self.world.go(thread, At::Rest);
        *self.halves.entry(thread.index()) = Some(report);
    }

    fn resume(&mut self, thread: Thread, report: Report, action: Action, outputs: &mut Outputs) -> Outcome {
        let (world, Report { token, about }) = (&mut self.world, report);
        match (self.flaw, action) {
            (Flaw::ChecksThenEnters, Action::Enter { incarnation, .. }) if incarnation == about => {
                if world.words.push(token.number, None) {
                    world.run_callback(thread, report, outputs);
                } else {
                    world.be_inside(thread, report, outputs);
                }
            }
            (Flaw::ChecksThenTakesOver, Action::Enter { incarnation, .. }) if incarnation == about => {
                if world.words.push(token.number, Some(Owner::Thread(thread))) {
                    world.own(thread, report, outputs);
                } else {
                    world.be_inside(thread, report, outputs);
                }
            }
            (Flaw::LooksWhetherLast, Action::Leave { .. }) => {
                let is_last = matches!(world.words.state(token.number), State::Live { runners: 0, closing: true, .. });
                if is_last && world.words.payload(token.number) == Some(about) {
                    world.hold(thread, about, token, outputs);
                }
            }
            (Flaw::ClosesBeforeWiping, Action::Wipe { .. }) => {
                world.words.wipe(token.number);
                outputs.extend([Output::Wiped(thread, about), Output::Returned(thread)]);
            }
            _ => return Err(Refusal::NotNow),
        }
        *self.halves.entry(thread.index()) = None;
        Ok(())
    }
}

impl Mutated {
    /// Each condition of rest, and whether it holds, of the machine with the mistake.
    pub fn rest_conditions(&self) -> [(&'static str, bool); 3] {
        self.world.rest_conditions()
    }
}

impl Machine for Mutated {
    type Protocol = Ownership;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        let half = action.thread().and_then(|thread| Some((thread, self.halves.get(thread.index())?)));
        let outcome = match half {
            Some((thread, report)) => self.resume(thread, report, *action, &mut outputs),
            None => self.take(*action, &mut outputs),
        };
        outcome.map(|()| outputs).into()
    }
}

impl Design for Mutated {
    fn at_rest(&self) -> bool {
        self.world.at_rest() && self.halves.iter().all(Option::is_none)
    }

    fn header(&self) -> Value {
        self.world.header()
    }

    fn in_words(&self) -> Vec<String> {
        Design::in_words(&self.world)
    }

    fn waits(&self) -> Vec<String> {
        self.world.waiting()
    }
}

/// What a thread of a machine with a mistake has to itself.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MutatedLocal {
    local: Local,
    /// The step that it has done half of.
    half: Option<Report>,
}

impl Interchangeable for Mutated {
    type Local = MutatedLocal;

    fn take_apart(state: &Recorded<Self>) -> Option<(Recorded<Self>, Vec<Self::Local>)> {
        let Self { flaw, world, halves } = &state.machine;
        let Parts { shared: (without, history), locals } = world.take_apart(&state.history)?;
        let halves = halves.iter().map(|half| half.map(|report| world.folded(report)));
        let locals = locals.into_iter().zip(halves.chain(iter::repeat(None)));
        let locals = locals.map(|(local, half)| MutatedLocal { local, half }).collect();
        let machine = Self { flaw: *flaw, world: without, halves: Table::default() };
        Some((Recorded { machine, history }, locals))
    }

    fn put_together(shared: &Recorded<Self>, locals: &[&Self::Local]) -> Vec<Recorded<Self>> {
        let Recorded { machine: Self { flaw, world, .. }, history } = shared;
        let mut halves = Table::default();
        for (thread, local) in locals.iter().enumerate() {
            *halves.entry(thread) = local.half;
        }
        let locals: Vec<&Local> = locals.iter().map(|local| &local.local).collect();
        let together = World::put_together(world, history, &locals).into_iter();
        let machine = |world| Self { flaw: *flaw, world, halves: halves.clone() };
        together.map(|(world, history)| Recorded { machine: machine(world), history }).collect()
    }

    fn balance(state: &Recorded<Self>) -> i64 {
        state.machine.world.balance()
    }

    fn describe(state: &Recorded<Self>) -> Vec<String> {
        state.machine.world.describe()
    }
}

impl Debug for Mutated {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.flaw, self.world)?;
        for (thread, half) in self.halves.iter().enumerate() {
            if let Some(Report { about, .. }) = half {
                writeln!(f, "{} is in the middle of a step with {about}", Thread(thread as u16))?;
            }
        }
        Ok(())
    }
}
