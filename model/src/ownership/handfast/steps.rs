//! What threads do to the words. [`change`](Words::change) is the whole of it.

use handfast_spec::ownership::{Away, Incarnation, Output, Owner, Refusal, Thread};

use super::kernel::Registration;
use super::machine::{At, Outcome, Outputs, Report, World};
use super::word::{State, Token, Want, Words};

impl<W: Words> World<W> {
    /// OWN-6: a slot is claimed free, and cleaned before it is free.
    pub(super) fn claim(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Opened(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        let number = self.number(incarnation);
        self.words.claim(number)?;
        self.go(thread, At::Claimed(incarnation));
        outputs.extend([Output::Called(thread), Output::Claimed(thread, incarnation)]);
        if self.words.payload(number).is_some() {
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
        self.words.publish(number, incarnation, owner);
        self.go(thread, At::Inside(incarnation, self.words.token(number)));
        outputs.extend([
            Output::Inserted(thread, incarnation, owner),
            Output::Entered(thread, incarnation, incarnation),
            Output::Returned(thread),
        ]);
        Ok(())
    }

    pub(super) fn enter(&mut self, thread: Thread, about: Incarnation, outputs: &mut Outputs) -> Outcome {
        let report = self.report(thread, about)?;
        self.drop_report(thread, about);
        match self.words.change(report.token, Want::Enter(thread)) {
            Ok(_) => self.run_callback(thread, report, outputs),
            Err(away) => {
                outputs.push(Output::TurnedAway(thread, about, away));
                match away {
                    Away::NotOwner => self.go(thread, At::Deregistering(about, report.token)),
                    Away::Gone | Away::Closing | Away::Busy | Away::Shared => {}
                }
            }
        }
        Ok(())
    }

    /// The report that a thread in its loop acts on.
    pub(super) fn report(&self, thread: Thread, about: Incarnation) -> Result<Report, Refusal> {
        self.rests(thread)?;
        let reports = self.threads.iter().nth(thread.index()).into_iter().flat_map(|worker| &worker.reports);
        reports.copied().find(|report| report.about == about).ok_or(Refusal::NothingNew)
    }

    pub(super) fn drop_report(&mut self, thread: Thread, about: Incarnation) {
        self.threads.entry(thread.index()).reports.retain(|report| report.about != about);
    }

    /// OWN-22: the callback reads all there is.
    pub(super) fn run_callback(&mut self, thread: Thread, report: Report, outputs: &mut Outputs) {
        let found = self.be_inside(thread, report, outputs);
        let data = &mut self.kernel.entry(found.index()).data;
        if core::mem::take(data) {
            outputs.push(Output::Handled(thread, found));
        }
    }

    pub(super) fn be_inside(&mut self, thread: Thread, report: Report, outputs: &mut Outputs) -> Incarnation {
        let Report { token, about } = report;
        let found = self.words.payload(token.number).unwrap_or(about);
        self.go(thread, At::Inside(found, token));
        outputs.push(Output::Entered(thread, found, about));
        found
    }

    pub(super) fn join(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let token = self.token(incarnation)?;
        if let State::Live { owner: Owner::Thread(_), .. } = self.words.state(token.number) {
            return Err(Refusal::NotOwner);
        }
        if self.is_watching(thread, incarnation) {
            return Err(Refusal::Watching);
        }
        self.words.change(token, Want::Enter(thread))?;
        self.be_inside(thread, Report { token, about: incarnation }, outputs);
        Ok(())
    }

    /// A thread that leaves has its poller watch the descriptor, unless it is to be closed.
    pub(super) fn leave(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        if !self.is_watching(thread, incarnation) && !self.is_closing(token) {
            return Err(Refusal::NotNow);
        }
        self.leave_by(thread, Want::Leave, outputs)
    }

    pub(super) fn delete_inside(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        if let State::Live { closing: false, .. } = self.words.state(token.number) {
            outputs.push(Output::Deleting(thread, incarnation));
        }
        self.leave_by(thread, Want::DeleteAndLeave, outputs)
    }

    /// OWN-21: the last thread to leave holds the slot if deletion was asked for.
    pub(super) fn leave_by(&mut self, thread: Thread, want: Want, outputs: &mut Outputs) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.go(thread, At::Rest);
        outputs.push(Output::Left(thread, incarnation));
        // A thread that is inside is never refused to leave. Where a mutant let it in wrongly, it leaves all the same.
        if let Ok(true) = self.words.change(token, want) {
            self.hold(thread, incarnation, token, outputs);
        }
        Ok(())
    }

    pub(super) fn hold(&mut self, thread: Thread, incarnation: Incarnation, token: Token, outputs: &mut Outputs) {
        self.go(thread, At::Holding(incarnation, token));
        outputs.extend([Output::Called(thread), Output::MustClose(thread, incarnation)]);
    }

    /// OWN-4: never what is to be closed, never from under another thread.
    pub(super) fn takeover(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        let token = self.takeover_token(thread, incarnation)?;
        self.words.change(token, Want::Takeover(thread))?;
        self.count_takeover();
        self.own(thread, Report { token, about: incarnation }, outputs);
        Ok(())
    }

    /// The token of a descriptor that a thread in its loop wants to take over.
    pub(super) fn takeover_token(&self, thread: Thread, incarnation: Incarnation) -> Result<Token, Refusal> {
        self.rests(thread)?;
        if self.takeovers >= self.config.takeovers {
            return Err(Refusal::NothingNew);
        }
        self.token(incarnation)
    }

    pub(super) fn count_takeover(&mut self) {
        self.takeovers += u8::from(self.config.takeovers != u8::MAX);
    }

    pub(super) fn own(&mut self, thread: Thread, report: Report, outputs: &mut Outputs) {
        outputs.push(Output::TakenOver(thread, report.about));
        self.be_inside(thread, report, outputs);
    }

    pub(super) fn delete(&mut self, thread: Thread, incarnation: Incarnation, outputs: &mut Outputs) -> Outcome {
        self.rests(thread)?;
        let token = self.token(incarnation)?;
        let holds = self.words.change(token, Want::Delete)?;
        outputs.push(Output::Deleting(thread, incarnation));
        if holds {
            self.hold(thread, incarnation, token, outputs);
        }
        Ok(())
    }

    pub(super) fn wipe(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Holding(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.words.wipe(token.number);
        self.go(thread, At::Wiped(incarnation));
        outputs.push(Output::Wiped(thread, incarnation));
        Ok(())
    }

    /// OWN-3: the close is the last act; only then can the number come back.
    pub(super) fn close(&mut self, thread: Thread, outputs: &mut Outputs) -> Outcome {
        let At::Wiped(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.close_number(thread, self.number(incarnation), outputs);
        outputs.push(Output::Returned(thread));
        self.go(thread, At::Rest);
        Ok(())
    }

    fn is_watching(&self, thread: Thread, incarnation: Incarnation) -> bool {
        let descriptor = self.kernel.iter().nth(incarnation.index());
        descriptor.is_some_and(|descriptor| descriptor.watchers.get(thread.index()) != Registration::None)
    }

    fn is_closing(&self, token: Token) -> bool {
        matches!(self.words.state(token.number), State::Live { closing: true, .. })
    }
}
