//! The pool's machine with one mistake.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::ownership::pool::{Action, Pool as Protocol};
use handfast_spec::ownership::{Away, Incarnation, Output, Refusal, Thread};
use handfast_spec::{Machine, Observation, Table};
use serde::Serialize;
use serde_json::Value;

use super::super::kernel::Watched;
use super::super::machine::{At, Config, Found, Outcome, Outputs, Who, World};
use super::Flaw;
use crate::checker::design::Design;
use crate::ownership::handfast::{self, Flawed, Token, Want, Words};

/// The pool with one mistake: in the words that it stands on, or in the steps around them.
///
/// Where a mistake splits a step in two, or puts two in the wrong order, the second half is done when the worker attempts
/// the action that it does too late: one closes and then *releases*, one lists and then *watches*.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Mutated {
    flaw: Flaw,
    world: World<Flawed>,
    /// The step that a worker has done half of.
    halves: Table<Option<Half>, 3>,
}

/// Half a step, about a connection and a worker's idle list or poller. Where no word is asked any more, the generation of the
/// token is 0, so that states which differ in nothing that is asked for are one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
struct Half {
    who: Who,
    of: Thread,
}

impl Mutated {
    /// A pool in which nothing is.
    pub fn new(config: Config, flaw: Flaw) -> Self {
        Self { flaw, world: World::around(Flawed::new(of_the_word(flaw)), config), halves: Table::default() }
    }

    fn attempt(&mut self, action: Action, outputs: &mut Outputs) -> Outcome {
        let world = &mut self.world;
        match (self.flaw, action) {
            (Flaw::ClosesWhatIsListed, Action::Watch { thread }) => {
                world.watch(thread, outputs)?;
                if let At::Disturbed(who) = world.at(thread) {
                    world.go(thread, At::Unlisted(who));
                }
            }
            (Flaw::DeregistersLate, Action::Deregister { thread }) => {
                let At::Moving(which, _) = world.at(thread) else { return Err(Refusal::NotNow) };
                world.connection(which).home = None;
                world.go(thread, At::Homeless(which));
            }
            (Flaw::DeregistersLate | Flaw::TrustsItsWake, Action::Look { thread, incarnation }) => {
                return self.look(thread, incarnation, outputs);
            }
            (Flaw::ClosesWhatHasExpired, Action::Expire { thread }) => {
                let expired = world.expired(thread)?;
                self.close_unasked(thread, expired, outputs);
            }
            (Flaw::ClosesWhatHasExpired, Action::Stop { thread }) => {
                let all = world.stops(thread)?;
                self.close_unasked(thread, all, outputs);
            }
            (
                Flaw::ClosesWhatHasExpired | Flaw::NoGeneration | Flaw::ClosesBeforeFreeing,
                Action::Release { thread },
            ) => return self.release(thread, outputs),
            (Flaw::DoesNotAsk | Flaw::TakesBlindly, Action::Ask { thread }) => {
                let At::Settling(which, from) = world.at(thread) else { return Err(Refusal::NotNow) };
                world.go(thread, if from == thread { At::Probing(which) } else { At::Moving(which, from) });
            }
            (Flaw::DoesNotProbe | Flaw::TakesBlindly, Action::Probe { thread }) => {
                let At::Probing(which) = world.at(thread) else { return Err(Refusal::NotNow) };
                world.gives(thread, which, outputs);
                world.rest(thread, outputs);
            }
            (Flaw::RehomesLater, Action::Ask { thread }) => {
                world.ask(thread, outputs)?;
                if let At::Moving(which, from) = world.at(thread) {
                    world.gives(thread, which, outputs);
                    let token = Token { number: 0, generation: 0 };
                    self.stop_halfway(thread, Who { which, token }, from);
                }
            }
            _ => return self.attempt_with_a_list(action, outputs),
        }
        Ok(())
    }

    /// Mistakes about what is listed, watched and closed.
    fn attempt_with_a_list(&mut self, action: Action, outputs: &mut Outputs) -> Outcome {
        let world = &mut self.world;
        match (self.flaw, action) {
            (Flaw::ListsBeforeWatching, Action::Insert { thread }) => {
                world.insert(thread, outputs)?;
                if let At::Putting(who) = world.at(thread) {
                    world.go(thread, At::Armed(who));
                }
            }
            (Flaw::ListsBeforeWatching | Flaw::LeavesBeforeListing | Flaw::ListsAfterStop, Action::List { thread }) => {
                return self.list(thread, outputs);
            }
            (Flaw::DoesNotWatch, Action::Watch { thread }) => {
                let wakes = !matches!(world.at(thread), At::Putting(_));
                return world.watch_and(wakes, thread, outputs);
            }
            (Flaw::WatchesOnce, Action::Watch { thread }) => {
                let wakes = !matches!(world.at(thread), At::Looking(_));
                return world.watch_and(wakes, thread, outputs);
            }
            (Flaw::DropsTheEarly, Action::Defer { thread }) => {
                let At::Deferring(who) = world.at(thread) else { return Err(Refusal::NotNow) };
                outputs.push(Output::TurnedAway(thread, who.which, Away::Busy));
                world.rest(thread, outputs);
            }
            (Flaw::StopForgets, Action::Stop { thread }) => return world.stops(thread).map(|_| ()),
            (Flaw::CutsBusy | Flaw::CutsLater | Flaw::LeaksTheOld, Action::Claim { thread }) => {
                return self.claim(thread, outputs);
            }
            (Flaw::ClosesBeforeDeregistering, Action::Close { thread }) => {
                let At::Closing(which, found) = world.at(thread) else { return Err(Refusal::NotNow) };
                let (home, number) = (world.connection(which).home, world.number(which));
                let who = Who { which, token: Token { number, generation: 0 } };
                world.close_number(thread, number, outputs);
                match home {
                    Some(home) => self.stop_halfway(thread, who, home),
                    None => world.goes_on(thread, found, outputs),
                }
            }
            (Flaw::ClosesBeforeDeregistering, Action::Drop { thread }) => {
                world.rests(thread)?;
                let which = world.worker(thread).uses.take().ok_or(Refusal::NotNow)?;
                world.close_number(thread, world.number(which), outputs);
            }
            _ => return world.attempt(&action, outputs),
        }
        Ok(())
    }

    /// A wake-up that is late is acted on.
    fn look(&mut self, thread: Thread, about: Incarnation, outputs: &mut Outputs) -> Outcome {
        let world = &mut self.world;
        let report = world.worker(thread).reports.iter().copied().find(|report| report.about == about);
        world.look(thread, about, outputs)?;
        let (Some(report), [Output::TurnedAway(..)]) = (report, outputs.as_slice()) else { return Ok(()) };
        let who = Who { which: about, token: report.token };
        if self.flaw == Flaw::TrustsItsWake {
            outputs.clear();
            world.looks(thread, who, outputs);
        } else {
            outputs.push(Output::Called(thread));
            self.stop_halfway(thread, who, thread);
        }
        Ok(())
    }

    fn list(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let world = &mut self.world;
        let At::Armed(who) = world.at(thread) else { return Err(Refusal::NotNow) };
        if self.flaw == Flaw::ListsAfterStop {
            let stopped = core::mem::take(&mut world.idle_list(thread).stopped);
            let outcome = world.list(thread, outputs);
            world.idle_list(thread).stopped = stopped;
            return outcome;
        }
        if !world.accepts(thread, outputs)? {
            world.go(thread, At::Declined(who));
            return Ok(());
        }
        if self.flaw == Flaw::LeavesBeforeListing {
            world.leaves(thread, who, outputs);
        } else {
            world.puts_there(thread, who, outputs);
            // It has left, as far as the word knows, and goes on.
            let _ = world.words.change(who.token, Want::Leave);
        }
        self.stop_halfway(thread, who, thread);
        Ok(())
    }

    fn claim(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let world = &mut self.world;
        let At::Taking(from, place) = world.at(thread) else { return Err(Refusal::NotNow) };
        let next = world.on_idle_list(from, place.saturating_sub(1));
        if self.flaw == Flaw::CutsLater
            && let Some(node) = next.filter(|node| !node.expired)
            && world.takes_over(thread, node.who, outputs).is_ok()
        {
            world.idle_list(from).locked = None;
            self.stop_halfway(thread, node.who, from);
            return Ok(());
        }
        world.claim(thread, outputs)?;
        if self.flaw == Flaw::CutsBusy
            && let Some(node) = next
            && outputs.contains(&Output::TurnedAway(thread, node.who.which, Away::Busy))
        {
            world.cuts(thread, from, node.who, outputs);
        }
        if let (Flaw::LeaksTheOld, At::Clearing(found)) = (self.flaw, world.at(thread)) {
            world.worker(thread).old.clear();
            world.goes_on(thread, found, outputs);
        }
        Ok(())
    }

    /// What is on the idle list is to be closed, and no word is asked.
    fn close_unasked(&mut self, thread: Thread, all: Vec<Who>, outputs: &mut Outputs) {
        outputs.push(Output::Called(thread));
        self.world.worker(thread).old.extend(all);
        self.world.goes_on(thread, None, outputs);
    }

    fn release(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let world = &mut self.world;
        let (who, after) = world.next_release(thread)?;
        if let (Flaw::ClosesBeforeFreeing, At::Closing(which, None)) = (self.flaw, after) {
            world.ends(thread, which, who.token.number, outputs);
            self.stop_halfway(thread, who, thread);
            return Ok(());
        }
        let frees = if self.flaw == Flaw::ClosesWhatHasExpired {
            world.cuts(thread, thread, who, outputs);
            true
        } else {
            world.words.change(who.token, Want::DeleteAndLeave) == Ok(true)
        };
        if frees && world.words.token(who.token.number) == who.token {
            world.words.wipe(who.token.number);
        }
        world.released(thread, who, after, outputs);
        Ok(())
    }

    /// The worker is outside of its loop until it has done the second half.
    fn stop_halfway(&mut self, thread: Thread, who: Who, of: Thread) {
        self.world.go(thread, At::Rest);
        *self.halves.entry(thread.index()) = Some(Half { who, of });
    }

    fn resume(&mut self, thread: Thread, half: Half, action: Action, outputs: &mut Outputs) -> Outcome {
        let (world, Half { who, of }) = (&mut self.world, half);
        let Who { which, token } = who;
        match (self.flaw, action) {
            (Flaw::DeregistersLate, Action::Deregister { .. }) => {
                forget_number(world, thread, token.number, which, outputs);
                world.rest(thread, outputs);
            }
            (Flaw::RehomesLater, Action::Register { .. }) => {
                world.forget(which, of, which, outputs);
                let connection = world.connection(which);
                *connection.watched.entry(thread.index()) =
                    Watched::Yes { due: connection.data, noted: false, waker: None };
                connection.home = Some(thread);
                outputs.push(Output::Watched(thread, which));
                world.rest(thread, outputs);
            }
            (Flaw::ListsBeforeWatching, Action::Watch { .. }) => {
                world.asks(which, Some(token), outputs);
                outputs.push(Output::Left(thread, which));
                world.goes_on(thread, None, outputs);
            }
            (Flaw::LeavesBeforeListing, Action::List { .. }) => {
                world.puts_there(thread, who, outputs);
                world.goes_on(thread, None, outputs);
            }
            (Flaw::CutsLater, Action::Unlist { .. }) => {
                world.idle_list(of).is_free()?;
                world.cuts(thread, of, who, outputs);
                world.goes_on(thread, Some(Found { who, from: of }), outputs);
            }
            (Flaw::ClosesBeforeFreeing, Action::Release { .. }) => {
                if world.words.change(token, Want::DeleteAndLeave) == Ok(true) {
                    world.words.wipe(token.number);
                }
                outputs.extend([Output::Left(thread, which), Output::TakenOut(thread, which)]);
                world.goes_on(thread, None, outputs);
            }
            (Flaw::ClosesBeforeDeregistering, Action::Deregister { .. }) => {
                forget_number(world, of, token.number, which, outputs);
                world.goes_on(thread, None, outputs);
            }
            _ => return Err(Refusal::NotNow),
        }
        *self.halves.entry(thread.index()) = None;
        Ok(())
    }
}

/// The mistake in the word.
fn of_the_word(flaw: Flaw) -> Option<handfast::Flaw> {
    match flaw {
        Flaw::TakesOverBusy => Some(handfast::Flaw::TakesOverBusy),
        Flaw::NoGeneration => Some(handfast::Flaw::NoGeneration),
        _ => None,
    }
}

/// A worker's poller forgets whatever has the number now, if it watches it.
fn forget_number(world: &mut World<Flawed>, whose: Thread, number: u8, meant: Incarnation, outputs: &mut Outputs) {
    let Some(found) = world.with_number(number) else { return };
    match world.connection(found).watched.get(whose.index()) {
        Watched::Yes { .. } => world.forget(found, whose, meant, outputs),
        Watched::No => {}
    }
}

impl Mutated {
    /// Each condition of rest, and whether it holds, of the machine with the mistake.
    pub fn rest_conditions(&self) -> [(&'static str, bool); 2] {
        self.world.rest_conditions()
    }
}

impl Machine for Mutated {
    type Protocol = Protocol;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        let half = action.thread().and_then(|thread| Some((thread, self.halves.get(thread.index())?)));
        let outcome = match half {
            Some((thread, half)) => self.resume(thread, half, *action, &mut outputs),
            None => self.attempt(*action, &mut outputs),
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
        self.world.in_words()
    }

    fn waits(&self) -> Vec<String> {
        // A thread that is within a step has what the words of the design do not say.
        let is_within = self.halves.iter().any(Option::is_some);
        if is_within { Vec::new() } else { self.world.waits_in(self) }
    }
}

impl Debug for Mutated {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.flaw, self.world)?;
        for (thread, half) in self.halves.iter().enumerate() {
            if let Some(Half { who, .. }) = half {
                writeln!(f, "{} is in the middle of a step with {}", Thread(thread as u16), who.which)?;
            }
        }
        Ok(())
    }
}
