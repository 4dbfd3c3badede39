//! What workers do with one connection, without a lock.

use handfast_spec::ownership::{Fact, Incarnation, Owner, Refusal, Thread};

use super::Flaw;
use super::kernel::Watched;
use super::machine::{At, Facts, Found, Half, Outcome, Pool, Who};
use crate::ownership::handfast::{Next, Slot, State, Token, Want};

impl Pool {
    /// OWN-6: one claims the slot, which is free, and is inside. Nobody else can tell the two steps apart.
    pub(super) fn insert(&mut self, thread: Thread, facts: &mut Facts) -> Outcome {
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
                facts.push(Fact::Unclean(thread, which));
                return Ok(());
            }
        }
        let owner = Owner::Thread(thread);
        *slot = Slot { state: State::Live { owner, runners: 1, closing: false }, payload: Some(which), ..*slot };
        let token = Token { number, generation: slot.generation };
        self.worker(thread).uses = None;
        let at = if self.is(Flaw::ListsBeforeWatching) { At::Armed } else { At::Putting };
        self.call(thread, at(Who { which, token }), facts);
        facts.extend([Fact::Inserted(thread, which, owner), Fact::Entered(thread, which, which)]);
        Ok(())
    }

    /// OWN-25: whoever finds nothing is woken when there is something.
    pub(super) fn watch(&mut self, thread: Thread, facts: &mut Facts) -> Outcome {
        match self.at(thread) {
            At::Putting(who) => {
                let waker = (!self.is(Flaw::DoesNotWatch)).then_some(who.token);
                let disturbed = self.asks(who.which, waker, facts);
                self.go(thread, if disturbed { At::Declined(who) } else { At::Armed(who) });
            }
            At::Looking(who) => {
                let waker = (!self.is(Flaw::WatchesOnce)).then_some(who.token);
                let disturbed = self.asks(who.which, waker, facts);
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
    pub(super) fn look(&mut self, thread: Thread, about: Incarnation, facts: &mut Facts) -> Outcome {
        self.runs(thread)?;
        let reports = &mut self.worker(thread).reports;
        let place = reports.iter().position(|report| report.about == about).ok_or(Refusal::NothingNew)?;
        let token = reports.remove(place).token;
        let who = Who { which: about, token };
        match self.change(token, Want::Enter(thread)) {
            Ok(_) => {}
            Err(_) if self.is(Flaw::TrustsItsWake) => {}
            Err(away) => {
                facts.push(Fact::TurnedAway(thread, about, away));
                if self.is(Flaw::DeregistersLate) {
                    self.call(thread, At::Half(Half::Astray, who), facts);
                }
                return Ok(());
            }
        }
        let found = self.payload(who);
        self.call(thread, At::Looking(Who { which: found, token }), facts);
        facts.push(Fact::Entered(thread, found, about));
        Ok(())
    }

    /// What is in the slot of a token.
    pub(super) fn payload(&mut self, who: Who) -> Incarnation {
        self.slot(who.token.number).payload.unwrap_or(who.which)
    }

    pub(super) fn leave(&mut self, thread: Thread, facts: &mut Facts) -> Outcome {
        let At::Reassured(who) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.leaves(thread, who, facts);
        self.rest(thread, facts);
        Ok(())
    }

    pub(super) fn leaves(&mut self, thread: Thread, who: Who, facts: &mut Facts) {
        // Whoever is inside is let out, but for mutants.
        let _ = self.change(who.token, Want::Leave);
        facts.push(Fact::Left(thread, who.which));
    }

    /// OWN-13: whoever is inside takes the connection out, while it is open, and frees its slot.
    pub(super) fn release(&mut self, thread: Thread, facts: &mut Facts) -> Outcome {
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
            self.ends(thread, which, who.token.number, facts);
            self.go(thread, At::Half(Half::Closed, who));
            return Ok(());
        }
        self.takes_out(thread, who, facts);
        self.go(thread, after);
        if after == At::Rest {
            self.worker(thread).uses = Some(who.which);
            facts.push(Fact::HandedBack(thread, who.which));
            self.rest(thread, facts);
        }
        Ok(())
    }

    fn takes_out(&mut self, thread: Thread, who: Who, facts: &mut Facts) {
        if self.is(Flaw::ClosesWhatHasExpired) {
            // Nobody asked the word, and nobody asks it now.
            self.cuts(thread, thread, who, facts);
            self.frees(who.token);
        } else if let Ok(Next::Holds) = self.change(who.token, Want::DeleteAndLeave) {
            self.frees(who.token);
        }
        facts.extend([Fact::Left(thread, who.which), Fact::TakenOut(thread, who.which)]);
    }

    /// OWN-5: a new generation begins, so that no token of the old one is good for anything.
    fn frees(&mut self, token: Token) {
        let slot = self.slot(token.number);
        if slot.generation == token.generation {
            *slot = Slot { generation: slot.generation + 1, ..Slot::default() };
        }
    }

    /// What is left to be closed, and then what was found.
    pub(super) fn goes_on(&mut self, thread: Thread, found: Option<Found>, facts: &mut Facts) {
        match (self.worker(thread).old.is_empty(), found) {
            (false, found) => self.go(thread, At::Clearing(found)),
            (true, Some(found)) => self.go(thread, At::Took(found)),
            (true, None) => self.rest(thread, facts),
        }
    }

    /// OWN-15: what the poller of the former owner has noted is asked for, also if that worker has not looked.
    pub(super) fn ask(&mut self, thread: Thread, facts: &mut Facts) -> Outcome {
        let At::Settling(which, from) = self.at(thread) else { return Err(Refusal::NotNow) };
        let asks = !matches!(self.config.flaw, Flaw::DoesNotAsk | Flaw::TakesBlindly);
        let after = if asks && self.asks(which, None, facts) {
            At::Closing(which, None)
        } else if from == thread {
            At::Probing(which)
        } else if self.is(Flaw::RehomesLater) {
            self.gives(thread, which, facts);
            At::Half(Half::Given(from), Who { which, token: Token { number: 0, generation: 0 } })
        } else {
            At::Moving(which, from)
        };
        self.go(thread, after);
        Ok(())
    }

    /// OWN-15: what no poller has noted the kernel may know.
    pub(super) fn probe(&mut self, thread: Thread, facts: &mut Facts) -> Outcome {
        let At::Probing(which) = self.at(thread) else { return Err(Refusal::NotNow) };
        let probes = !matches!(self.config.flaw, Flaw::DoesNotProbe | Flaw::TakesBlindly);
        if probes && self.connection(which).data {
            facts.push(Fact::Known(which));
            self.go(thread, At::Closing(which, None));
            return Ok(());
        }
        self.gives(thread, which, facts);
        self.rest(thread, facts);
        Ok(())
    }

    fn gives(&mut self, thread: Thread, which: Incarnation, facts: &mut Facts) {
        self.worker(thread).uses = Some(which);
        facts.push(Fact::Given(thread, which));
    }

    /// The second halves of mutants.
    pub(super) fn resume(&mut self, thread: Thread, facts: &mut Facts) -> Outcome {
        let At::Half(half, who) = self.at(thread) else { return Err(Refusal::NotNow) };
        let Who { which, token } = who;
        match half {
            Half::Listed => {
                self.asks(which, Some(token), facts);
                facts.push(Fact::Left(thread, which));
                self.goes_on(thread, None, facts);
            }
            Half::Left => {
                self.puts_there(thread, who, facts);
                self.goes_on(thread, None, facts);
            }
            Half::Cuts(from) => return self.finishes_cut(thread, from, who, facts),
            Half::Astray => {
                self.forgets_number(thread, token.number, which, facts);
                self.rest(thread, facts);
            }
            Half::Given(from) => {
                self.forget(which, from, which, facts);
                let connection = self.connection(which);
                let (due, noted) = (connection.data, false);
                connection.watched[thread.index()] = Watched::Yes { due, noted, waker: None };
                connection.home = Some(thread);
                facts.push(Fact::Watched(thread, which));
                self.rest(thread, facts);
            }
            Half::Closed => {
                self.takes_out(thread, who, facts);
                self.goes_on(thread, None, facts);
            }
            Half::Deregisters(home) => {
                self.forgets_number(home, token.number, which, facts);
                self.goes_on(thread, None, facts);
            }
        }
        Ok(())
    }

    /// A worker's poller forgets whatever has the number now, if it watches it.
    fn forgets_number(&mut self, whose: Thread, number: u8, meant: Incarnation, facts: &mut Facts) {
        let Some(found) = self.with_number(number) else { return };
        match self.connection(found).watched[whose.index()] {
            Watched::Yes { .. } => self.forget(found, whose, meant, facts),
            Watched::No => {}
        }
    }
}
