//! The second halves of steps that a mutant splits. handfast's own design has none.

use handfast_spec::lifecycle::{Event, Fact, Key, Phase, Reason, Refusal, SELECTOR, SessionId};

use super::Flaw;
use super::machine::{Facts, Handfast, Mode, Outcome, Stage};

impl Handfast {
    /// Whether nobody acts for a session that is in the middle of a step.
    pub(super) fn task_is_gone(&self) -> bool {
        matches!(self.config.flaw, Flaw::DownAfterRelease | Flaw::AbortSkipsDown)
    }

    pub(super) fn resume(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        match self.config.flaw {
            Flaw::BanIsQueued => return self.apply_ban(session),
            Flaw::SnapshotThenSubscribe => return self.subscribe_second_half(session, facts),
            _ => {}
        }
        let state = *self.session(session)?;
        if state.stage != Stage::Half {
            return Err(Refusal::NotNow);
        }
        match self.config.flaw {
            Flaw::ChecksThenTakesSlot => self.take_slot(session, facts),
            Flaw::ChecksThenRegisters if state.ending || self.phase != Phase::Open => return Err(Refusal::Ending),
            Flaw::ChecksThenRegisters if self.somebody_lacks_room() => return Err(Refusal::NoRoom),
            Flaw::ChecksThenRegisters => self.register(session, facts),
            Flaw::AdmitsAfterUp => self.admit_late(session, facts)?,
            Flaw::VetoWithoutRollback => {
                self.session_mut(session).stage = Stage::Rejected;
                facts.push(Fact::Rejected(session, Reason::Vetoed));
            }
            Flaw::DownAfterRelease => {
                self.session_mut(session).stage = Stage::Over;
                self.queue(Event::Down(session));
            }
            _ => return Err(Refusal::NotNow),
        }
        Ok(())
    }

    /// Where a flaw splits an announcement, what comes before the split.
    pub(super) fn announce_first_half(&mut self, session: SessionId, facts: &mut Facts) {
        match self.config.flaw {
            Flaw::AdmitsAfterUp => self.register(session, facts),
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
    pub(super) fn announce_to_the_others(&mut self, session: SessionId, facts: &mut Facts) {
        self.session_mut(session).stage = Stage::Up;
        facts.extend([Fact::Announced(session), Fact::Registered(session)]);
        for queue in self.queues.iter_mut().skip(SELECTOR.index() + 1).filter(|queue| queue.mode == Mode::On) {
            queue.events.push(Event::Up(session));
        }
    }

    /// A newer session takes over the registration of an older one, on whose behalf Down is said.
    pub(super) fn replace_and_register(&mut self, session: SessionId, facts: &mut Facts) {
        let key = self.session_mut(session).key;
        if let Some(old) = self.registered_under(key) {
            self.tell_to_end(old, facts);
            self.session_mut(old).stage = Stage::Half;
            facts.extend([Fact::Ended(old), Fact::Removed(old)]);
            self.queue(Event::Down(old));
        }
        self.register(session, facts);
    }

    /// The guard of a session that was replaced, or was removed by mistake: it removes whatever has its key.
    pub(super) fn end_replaced(&mut self, session: SessionId, key: Key, facts: &mut Facts) {
        facts.push(Fact::Closed(session));
        if let Some(other) = self.registered_under(key) {
            self.session_mut(other).stage = Stage::Half;
            facts.push(Fact::Removed(other));
        }
    }

    fn admit_late(&mut self, session: SessionId, facts: &mut Facts) -> Result<(), Refusal> {
        // Rejecting marks the stage; whoever was announced must still be said Down of, so that the mark is undone.
        let told = facts.len();
        self.admit(session, facts)?;
        self.session_mut(session).stage = Stage::Up;
        let rejected = facts[told..].iter().any(|fact| matches!(fact, Fact::Rejected(..)));
        if rejected {
            self.tell_to_end(session, facts);
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
    fn subscribe_second_half(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let half = self.queues.iter().position(|queue| queue.mode == Mode::Half);
        let (SessionId(0), Some(half)) = (session, half) else { return Err(Refusal::NotNow) };
        let subscriber = handfast_spec::lifecycle::SubscriberId(half as u32);
        self.queue_of(subscriber).mode = Mode::On;
        facts.push(Fact::Subscribed(subscriber, self.registered() as u32));
        Ok(())
    }
}
