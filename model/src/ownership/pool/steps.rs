//! What workers do with one connection, without a lock.

use handfast_spec::ownership::{Incarnation, Output, Owner, Refusal, Thread};

use super::Flaw;
use super::kernel::Watched;
use super::machine::{At, Found, Half, Outcome, Outputs, Pool, Who};
use crate::ownership::handfast::{Next, Slot, State, Token, Want};

impl Pool {
    /// OWN-6: one claims the slot, which is free, and is inside. Nobody else can tell the two steps apart.
    pub(super) fn insert(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let which = self.worker(thread).uses.ok_or(Refusal::NotNow)?;
        if self.puts >= self.config.puts {
            return Err(Refusal::NothingNew);
        }
        self.puts += 1;
        let number = self.number(which);
        let slot = self.slot(number);
        match slot.state {
            State::Free => {}
            State::Held | State::Live { .. } => {
                outputs.push(Output::Unclean(thread, which));
                return Ok(());
            }
        }
        let owner = Owner::Thread(thread);
        *slot = Slot { state: State::Live { owner, runners: 1, closing: false }, payload: Some(which), ..*slot };
        let token = Token { number, generation: slot.generation };
        self.worker(thread).uses = None;
        let at = if self.is(Flaw::ListsBeforeWatching) { At::Armed } else { At::Putting };
        self.call(thread, at(Who { which, token }), outputs);
        outputs.extend([Output::Inserted(thread, which, owner), Output::Entered(thread, which, which)]);
        Ok(())
    }

    /// OWN-25: whoever finds nothing is woken when there is something.
    pub(super) fn watch(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        match self.at(thread) {
            At::Putting(who) => {
                let waker = (!self.is(Flaw::DoesNotWatch)).then_some(who.token);
                let disturbed = self.asks(who.which, waker, outputs);
                self.go(thread, if disturbed { At::Declined(who) } else { At::Armed(who) });
            }
            At::Looking(who) => {
                let waker = (!self.is(Flaw::WatchesOnce)).then_some(who.token);
                let disturbed = self.asks(who.which, waker, outputs);
                let after = match (disturbed, self.is(Flaw::ClosesWhatIsListed)) {
                    (false, _) => At::Reassured(who),
                    (true, false) => At::Disturbed(who),
                    (true, true) => At::Unlisted(who),
                };
                self.go(thread, after);
            }
            // It is at any other point of its work.
            _ => return Err(Refusal::NotNow),
        }
        Ok(())
    }

    /// OWN-5: the wake-up is late if the word says so, whatever has the number now.
    pub(super) fn look(&mut self, thread: Thread, about: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.runs(thread)?;
        let reports = &mut self.worker(thread).reports;
        let place = reports.iter().position(|report| report.about == about).ok_or(Refusal::NothingNew)?;
        let token = reports.remove(place).token;
        let who = Who { which: about, token };
        match self.change(token, Want::Enter(thread)) {
            Ok(_) => {}
            Err(_) if self.is(Flaw::TrustsItsWake) => {}
            Err(away) => {
                outputs.push(Output::TurnedAway(thread, about, away));
                if self.is(Flaw::DeregistersLate) {
                    self.call(thread, At::Half(Half::Astray, who), outputs);
                }
                return Ok(());
            }
        }
        let found = self.payload(who);
        self.call(thread, At::Looking(Who { which: found, token }), outputs);
        outputs.push(Output::Entered(thread, found, about));
        Ok(())
    }

    /// What is in the slot of a token.
    pub(super) fn payload(&mut self, who: Who) -> Incarnation {
        self.slot(who.token.number).payload.unwrap_or(who.which)
    }

    pub(super) fn leave(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Reassured(who) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.leaves(thread, who, outputs);
        self.rest(thread, outputs);
        Ok(())
    }

    pub(super) fn leaves(&mut self, thread: Thread, who: Who, outputs: &mut Outputs) {
        // Whoever is inside is let out, but for mutants.
        let _ = self.change(who.token, Want::Leave);
        outputs.push(Output::Left(thread, who.which));
    }

    /// OWN-13: whoever is inside takes the connection out, while it is open, and frees its slot.
    pub(super) fn release(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let (who, after) = match self.at(thread) {
            At::Declined(who) => (who, At::Rest),
            At::Unlisted(who) => (who, At::Closing(who.which, None)),
            At::Took(Found { who, from }) => (who, At::Settling(who.which, from)),
            At::Clearing(found) => {
                let old = &mut self.worker(thread).old;
                if old.is_empty() {
                    return Err(Refusal::NotNow);
                }
                let who = old.remove(0);
                (who, At::Closing(who.which, found))
            }
            // It is at any other point of its work.
            _ => return Err(Refusal::NotNow),
        };
        if let (At::Closing(which, None), true) = (after, self.is(Flaw::ClosesBeforeFreeing)) {
            self.ends(thread, which, who.token.number, outputs);
            self.go(thread, At::Half(Half::Closed, who));
            return Ok(());
        }
        self.takes_out(thread, who, outputs);
        self.go(thread, after);
        if after == At::Rest {
            self.worker(thread).uses = Some(who.which);
            outputs.push(Output::HandedBack(thread, who.which));
            self.rest(thread, outputs);
        }
        Ok(())
    }

    fn takes_out(&mut self, thread: Thread, who: Who, outputs: &mut Outputs) {
        if self.is(Flaw::ClosesWhatHasExpired) {
            // Nobody asked the word, and nobody asks it now.
            self.cuts(thread, thread, who, outputs);
            self.frees(who.token);
        } else if let Ok(Next::Holds) = self.change(who.token, Want::DeleteAndLeave) {
            self.frees(who.token);
        }
        outputs.extend([Output::Left(thread, who.which), Output::TakenOut(thread, who.which)]);
    }

    /// OWN-5: a new generation begins, so that no token of the old one is good for anything.
    fn frees(&mut self, token: Token) {
        let slot = self.slot(token.number);
        if slot.generation == token.generation {
            *slot = Slot { generation: slot.generation + 1, ..Slot::default() };
        }
    }

    /// What is left to be closed, and then what was found.
    pub(super) fn goes_on(&mut self, thread: Thread, found: Option<Found>, outputs: &mut Outputs) {
        match (self.worker(thread).old.is_empty(), found) {
            (false, found) => self.go(thread, At::Clearing(found)),
            (true, Some(found)) => self.go(thread, At::Took(found)),
            (true, None) => self.rest(thread, outputs),
        }
    }

    /// OWN-15: what the poller of the former owner has noted is asked for, also if that worker has not looked.
    pub(super) fn ask(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Settling(which, from) = self.at(thread) else { return Err(Refusal::NotNow) };
        let asks = !matches!(self.config.flaw, Flaw::DoesNotAsk | Flaw::TakesBlindly);
        let after = if asks && self.asks(which, None, outputs) {
            At::Closing(which, None)
        } else if from == thread {
            At::Probing(which)
        } else if self.is(Flaw::RehomesLater) {
            self.gives(thread, which, outputs);
            At::Half(Half::Given(from), Who { which, token: Token { number: 0, generation: 0 } })
        } else {
            At::Moving(which, from)
        };
        self.go(thread, after);
        Ok(())
    }

    /// OWN-15: what no poller has noted the kernel may know.
    pub(super) fn probe(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Probing(which) = self.at(thread) else { return Err(Refusal::NotNow) };
        let probes = !matches!(self.config.flaw, Flaw::DoesNotProbe | Flaw::TakesBlindly);
        if probes && self.connection(which).data {
            outputs.push(Output::Known(which));
            self.go(thread, At::Closing(which, None));
            return Ok(());
        }
        self.gives(thread, which, outputs);
        self.rest(thread, outputs);
        Ok(())
    }

    fn gives(&mut self, thread: Thread, which: Incarnation, outputs: &mut Outputs) {
        self.worker(thread).uses = Some(which);
        outputs.push(Output::Given(thread, which));
    }

    /// The second halves of mutants.
    pub(super) fn resume(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Half(half, who) = self.at(thread) else { return Err(Refusal::NotNow) };
        let Who { which, token } = who;
        match half {
            Half::Listed => {
                self.asks(which, Some(token), outputs);
                outputs.push(Output::Left(thread, which));
                self.goes_on(thread, None, outputs);
            }
            Half::Left => {
                self.puts_there(thread, who, outputs);
                self.goes_on(thread, None, outputs);
            }
            Half::Cuts(from) => return self.finishes_cut(thread, from, who, outputs),
            Half::Astray => {
                self.forgets_number(thread, token.number, which, outputs);
                self.rest(thread, outputs);
            }
            Half::Given(from) => {
                self.forget(which, from, which, outputs);
                let connection = self.connection(which);
                let (due, noted) = (connection.data, false);
                connection.watched[thread.index()] = Watched::Yes { due, noted, waker: None };
                connection.home = Some(thread);
                outputs.push(Output::Watched(thread, which));
                self.rest(thread, outputs);
            }
            Half::Closed => {
                self.takes_out(thread, who, outputs);
                self.goes_on(thread, None, outputs);
            }
            Half::Deregisters(home) => {
                self.forgets_number(home, token.number, which, outputs);
                self.goes_on(thread, None, outputs);
            }
        }
        Ok(())
    }

    /// A worker's poller forgets whatever has the number now, if it watches it.
    fn forgets_number(&mut self, whose: Thread, number: u8, meant: Incarnation, outputs: &mut Outputs) {
        let Some(found) = self.with_number(number) else { return };
        match self.connection(found).watched[whose.index()] {
            Watched::Yes { .. } => self.forget(found, whose, meant, outputs),
            Watched::No => {}
        }
    }
}
