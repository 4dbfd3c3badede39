//! What threads do to the word. [`transition`](Slot::transition) is the whole of it.

use handfast_spec::ownership::{Away, Incarnation, Output, Owner, Refusal, Thread};

use super::Flaw;
use super::kernel::Registration;
use super::machine::{At, Half, Handfast, Outcome, Outputs, Report, Slot, State, Token, refusal};
use super::word::{Next, Want};

impl Handfast {
    fn transition(&self, token: Token, want: Want) -> Result<Next, Away> {
        self.slots.get(usize::from(token.number)).transition(token, want, self.config.flaw)
    }

    fn write(&mut self, number: u8, state: State) {
        self.slot(number).state = state;
    }

    /// OWN-6: a slot is claimed free, and cleaned before it is free.
    pub(super) fn claim(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Opened(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        let number = self.number(incarnation);
        let slot = self.slot(number);
        match slot.state {
            State::Free => {}
            State::Held | State::Live { .. } => return Err(Refusal::Occupied),
        }
        let clean = slot.payload.is_none();
        slot.state = State::Held;
        self.go(thread, At::Claimed(incarnation));
        outputs.extend([Output::Called(thread), Output::Claimed(thread, incarnation)]);
        if !clean {
            outputs.push(Output::Unclean(thread, incarnation));
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, thread: Thread, owner: Owner, outputs: &mut Outputs) -> Outcome {
        let At::Claimed(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        match owner {
            Owner::Thread(owner) if owner != thread => return Err(Refusal::NotOwner),
            Owner::Thread(_) | Owner::Everybody => {}
        }
        let number = self.number(incarnation);
        let slot = self.slot(number);
        slot.state = State::Live { owner, runners: 1, closing: false };
        slot.payload = Some(incarnation);
        let token = Token { number, generation: slot.generation };
        self.go(thread, At::Inside(incarnation, token));
        outputs.extend([
            Output::Inserted(thread, incarnation, owner),
            Output::Entered(thread, incarnation, incarnation),
            Output::Returned(thread),
        ]);
        Ok(())
    }

    pub(super) fn enter(&mut self, thread: Thread, about: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let reports = &mut self.threads.entry(thread.index()).reports;
        let which = reports.iter().position(|report| report.about == about).ok_or(Refusal::NothingNew)?;
        let report = reports.remove(which);
        let token = report.token;
        match self.transition(token, Want::Enter(thread)) {
            Ok(_) if self.config.flaw == Flaw::ChecksThenEnters => self.go(thread, At::Half(Half::Enters, report)),
            Ok(next) => {
                self.be_inside(thread, report, next, outputs);
                self.handle(thread, outputs);
            }
            Err(away) => {
                outputs.push(Output::TurnedAway(thread, about, away));
                match away {
                    Away::NotOwner => self.go(thread, At::Astray(about, token)),
                    Away::Gone if self.config.flaw == Flaw::ForgetsTheGone => self.go(thread, At::Astray(about, token)),
                    Away::Gone | Away::Closing | Away::Busy | Away::Shared => {}
                }
            }
        }
        Ok(())
    }

    fn be_inside(&mut self, thread: Thread, report: Report, next: Next, outputs: &mut Outputs) {
        let Report { token, about } = report;
        if let Next::Is(state) = next {
            self.write(token.number, state);
        }
        let found = self.slots.get(usize::from(token.number)).payload.unwrap_or(about);
        self.go(thread, At::Inside(found, token));
        outputs.push(Output::Entered(thread, found, about));
    }

    /// The callback reads all there is.
    fn handle(&mut self, thread: Thread, outputs: &mut Outputs) {
        if let At::Inside(found, _) = self.at(thread) {
            let data = &mut self.kernel.entry(found.index()).data;
            if core::mem::take(data) {
                outputs.push(Output::Handled(thread, found));
            }
        }
    }

    pub(super) fn join(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let token = self.token(incarnation)?;
        let slot = self.slots.get(usize::from(token.number));
        if let State::Live { owner: Owner::Thread(_), .. } = slot.state {
            return Err(Refusal::NotOwner);
        }
        if self.is_watching(thread, incarnation) {
            return Err(Refusal::Watching);
        }
        let next = self.transition(token, Want::Enter(thread)).map_err(refusal)?;
        self.be_inside(thread, Report { token, about: incarnation }, next, outputs);
        Ok(())
    }

    /// Whoever leaves has its poller watch the descriptor; or it is to be closed, and nobody need watch it.
    pub(super) fn leave(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        let closing = matches!(self.slots.get(usize::from(token.number)).state, State::Live { closing: true, .. });
        let watching = self.is_watching(thread, incarnation) || self.config.flaw == Flaw::TakerDoesNotWatch;
        if !watching && !closing {
            return Err(Refusal::NotNow);
        }
        self.leave_by(thread, Want::Leave, outputs);
        Ok(())
    }

    pub(super) fn delete_inside(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        let first = matches!(self.slots.get(usize::from(token.number)).state, State::Live { closing: false, .. });
        if first {
            outputs.push(Output::Deleting(thread, incarnation));
        }
        self.leave_by(thread, Want::DeleteAndLeave, outputs);
        Ok(())
    }

    fn leave_by(&mut self, thread: Thread, want: Want, outputs: &mut Outputs) {
        let At::Inside(incarnation, token) = self.at(thread) else { return };
        self.go(thread, At::Rest);
        outputs.push(Output::Left(thread, incarnation));
        match self.transition(token, want) {
            Ok(Next::Is(state)) => {
                self.write(token.number, state);
                if self.config.flaw == Flaw::LooksWhetherLast {
                    self.go(thread, At::Half(Half::Left, Report { token, about: incarnation }));
                }
            }
            Ok(Next::Holds) => self.hold(thread, incarnation, token, outputs),
            // A descriptor that somebody is inside is neither gone nor another's, but for mutants.
            Err(_) => {}
        }
    }

    fn hold(&mut self, thread: Thread, incarnation: Incarnation, token: Token, outputs: &mut Outputs) {
        if self.config.flaw != Flaw::LooksWhetherLast {
            self.write(token.number, State::Held);
        }
        self.go(thread, At::Holding(incarnation, token));
        outputs.extend([Output::Called(thread), Output::MustClose(thread, incarnation)]);
    }

    /// OWN-4: never what is to be closed, never from under somebody.
    pub(super) fn takeover(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        if self.takeovers >= self.config.takeovers {
            return Err(Refusal::NothingNew);
        }
        let token = self.token(incarnation)?;
        let next = self.transition(token, Want::Takeover(thread)).map_err(refusal)?;
        self.takeovers += u8::from(self.config.takeovers != u8::MAX);
        let report = Report { token, about: incarnation };
        if self.config.flaw == Flaw::ChecksThenTakesOver {
            self.go(thread, At::Half(Half::TakesOver, report));
            return Ok(());
        }
        self.take_over(thread, report, next, outputs);
        Ok(())
    }

    fn take_over(&mut self, thread: Thread, report: Report, next: Next, outputs: &mut Outputs) {
        outputs.push(Output::TakenOver(thread, report.about));
        self.be_inside(thread, report, next, outputs);
    }

    pub(super) fn delete(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let token = self.token(incarnation)?;
        let next = self.transition(token, Want::Delete).map_err(refusal)?;
        outputs.push(Output::Deleting(thread, incarnation));
        match next {
            Next::Is(state) => self.write(token.number, state),
            Next::Holds => self.hold(thread, incarnation, token, outputs),
        }
        Ok(())
    }

    /// OWN-5: a new generation begins, so that no token of the old one is good for anything.
    pub(super) fn wipe(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Holding(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        if self.config.flaw == Flaw::ClosesBeforeWiping {
            self.close_number(thread, token.number, outputs);
            self.go(thread, At::Half(Half::Closed, Report { token, about: incarnation }));
            return Ok(());
        }
        self.free(token.number);
        self.go(thread, At::Wiped(incarnation));
        outputs.push(Output::Wiped(thread, incarnation));
        Ok(())
    }

    fn free(&mut self, number: u8) {
        let keeps = self.config.flaw == Flaw::LeavesThePayload;
        let slot = self.slot(number);
        let payload = if keeps { slot.payload } else { None };
        *slot = Slot { generation: slot.generation + 1, state: State::Free, payload };
    }

    /// OWN-3: the close is the last act; only then can the number come back.
    pub(super) fn close(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Wiped(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        let number = self.number(incarnation);
        self.close_number(thread, number, outputs);
        outputs.push(Output::Returned(thread));
        self.go(thread, At::Rest);
        Ok(())
    }

    fn is_watching(&self, thread: Thread, incarnation: Incarnation) -> bool {
        let descriptor = self.kernel.iter().nth(incarnation.index());
        descriptor.is_some_and(|descriptor| descriptor.watchers.get(thread.index()) != Registration::None)
    }

    /// The second halves of mutants.
    pub(super) fn resume(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Half(half, report) = self.at(thread) else { return Err(Refusal::NotNow) };
        let Report { token, about } = report;
        let slot = self.slots.get(usize::from(token.number));
        match (half, slot.state) {
            (Half::Enters, State::Live { owner, runners, closing }) => {
                let next = Next::Is(State::Live { owner, runners: runners + 1, closing });
                self.be_inside(thread, report, next, outputs);
                self.handle(thread, outputs);
            }
            (Half::TakesOver, State::Live { runners, closing, .. }) => {
                let owner = Owner::Thread(thread);
                let next = Next::Is(State::Live { owner, runners: runners + 1, closing });
                self.take_over(thread, report, next, outputs);
            }
            (Half::Enters | Half::TakesOver, state @ (State::Free | State::Held)) => {
                self.be_inside(thread, report, Next::Is(state), outputs);
            }
            (Half::Left, State::Live { owner: _, runners: 0, closing: true }) if slot.payload == Some(about) => {
                self.hold(thread, about, token, outputs);
            }
            (Half::Left, State::Live { .. } | State::Free | State::Held) => self.go(thread, At::Rest),
            (Half::Closed, _) => {
                self.free(token.number);
                outputs.extend([Output::Wiped(thread, about), Output::Returned(thread)]);
                self.go(thread, At::Rest);
            }
        }
        Ok(())
    }
}
