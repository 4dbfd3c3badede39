//! The second halves of steps that a mutant splits. handfast's own design has none.

use handfast_spec::lifecycle::{Event, Key, Output, Phase, Reason, Refusal, SELECTOR, SessionId};

use super::Flaw;
use super::machine::{Handfast, Mode, Outcome, Outputs, Stage};

impl Handfast {
    /// Whether nobody acts for a session that is in the middle of a step.
    pub(super) fn task_is_gone(&self) -> bool {
        matches!(self.config.flaw, Flaw::DownAfterRelease | Flaw::AbortSkipsDown)
    }

    pub(super) fn resume(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        match self.config.flaw {
            Flaw::BanIsQueued => return self.apply_ban(session),
            Flaw::SnapshotThenSubscribe => return self.subscribe_second_half(session, outputs),
            _ => {}
        }
        let state = *self.session(session)?;
        if state.stage != Stage::Half {
            return Err(Refusal::NotNow);
        }
        match self.config.flaw {
            Flaw::ChecksThenTakesSlot => self.take_slot(session, outputs),
            Flaw::ChecksThenRegisters if state.ending || self.phase != Phase::Open => return Err(Refusal::Ending),
            Flaw::ChecksThenRegisters if self.somebody_lacks_room() => return Err(Refusal::NoRoom),
            Flaw::ChecksThenRegisters => self.register(session, outputs),
            Flaw::AdmitsAfterUp => self.admit_late(session, outputs)?,
            Flaw::VetoWithoutRollback => {
                self.session_mut(session).stage = Stage::Rejected;
                outputs.push(Output::Rejected(session, Reason::Vetoed));
            }
            Flaw::DownAfterRelease => {
                self.session_mut(session).stage = Stage::Ended;
                self.queue(Event::Down(session));
            }
            _ => return Err(Refusal::NotNow),
        }
        Ok(())
    }

    /// Where a flaw splits an announcement, what comes before the split.
    pub(super) fn announce_first_half(&mut self, session: SessionId, outputs: &mut Outputs) {
        match self.config.flaw {
            Flaw::AdmitsAfterUp => self.register(session, outputs),
            Flaw::VetoWithoutRollback => {
                let queue = self.queue_of(SELECTOR);
                if queue.mode == Mode::On {
                    queue.events.push(Event::Up(session));
                }
            }
            _ => {}
        }
        self.session_mut(session).stage = Stage::Half;
    }

    /// Nobody vetoed: the others are told too.
    pub(super) fn announce_to_the_others(&mut self, session: SessionId, outputs: &mut Outputs) {
        self.session_mut(session).stage = Stage::Up;
        outputs.extend([Output::Announced(session), Output::Registered(session)]);
        for queue in self.queues.iter_mut().skip(SELECTOR.index() + 1).filter(|queue| queue.mode == Mode::On) {
            queue.events.push(Event::Up(session));
        }
    }

    /// A newer session takes over the registration of an older one, on whose behalf Down is said.
    pub(super) fn replace_and_register(&mut self, session: SessionId, outputs: &mut Outputs) {
        let key = self.session_mut(session).key;
        if let Some(old) = self.registered_under(key) {
            self.tell_to_end(old, outputs);
            self.session_mut(old).stage = Stage::Half;
            outputs.extend([Output::Ended(old), Output::Removed(old)]);
            self.queue(Event::Down(old));
        }
        self.register(session, outputs);
    }

    /// The guard of a session that was replaced, or was removed by mistake: it removes whatever has its key.
    pub(super) fn end_replaced(&mut self, session: SessionId, key: Key, outputs: &mut Outputs) {
        outputs.push(Output::Closed(session));
        if let Some(other) = self.registered_under(key) {
            self.session_mut(other).stage = Stage::Half;
            outputs.push(Output::Removed(other));
        }
    }

    fn admit_late(&mut self, session: SessionId, outputs: &mut Outputs) -> Result<(), Refusal> {
        // Rejecting marks the stage; whoever was announced must still be said Down of, so that the mark is undone.
        let told = outputs.len();
        self.admit(session, outputs)?;
        self.session_mut(session).stage = Stage::Up;
        let rejected = outputs[told..].iter().any(|output| matches!(output, Output::Rejected(..)));
        if rejected {
            self.tell_to_end(session, outputs);
        }
        Ok(())
    }

    /// The ban is nobody's; session 0 stands for it.
    fn apply_ban(&mut self, session: SessionId) -> Outcome {
        if session != SessionId(0) {
            return Err(Refusal::NotNow);
        }
        let key = self.queued_ban.take().ok_or(Refusal::NotNow)?;
        self.banned.insert(key);
        Ok(())
    }

    /// Session 0 stands for the subscribers.
    fn subscribe_second_half(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let half = self.queues.iter().position(|queue| queue.mode == Mode::Half);
        let (SessionId(0), Some(half)) = (session, half) else { return Err(Refusal::NotNow) };
        let subscriber = handfast_spec::lifecycle::SubscriberId(half as u32);
        self.queue_of(subscriber).mode = Mode::On;
        outputs.push(Output::Subscribed(subscriber, self.registered() as u32));
        Ok(())
    }
}
