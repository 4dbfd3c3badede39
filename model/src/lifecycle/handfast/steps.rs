//! What sessions and their timers do under the lock.

use handfast_spec::lifecycle::{Direction, Event, Fact, Key, Origin, Phase, Reason, Refusal, SessionId};

use super::Flaw;
use super::machine::{Cell, Facts, Handfast, Outcome, Session, Stage};
use super::slots::Admission;

/// The life of a session.
impl Handfast {
    /// PEER-9, PEER-10, PEER-41, PEER-42: the slot is checked and taken in one step.
    pub(super) fn open(&mut self, session: SessionId, origin: Origin, facts: &mut Facts) -> Outcome {
        if session.0 != self.next {
            return Err(Refusal::NotNext);
        }
        self.next += 1;
        if !origin.is_plain() {
            facts.push(Fact::Came(session, origin));
        }
        if let Some(reason) = self.turns_away(&origin) {
            self.session_mut(session).stage = Stage::Over;
            facts.extend([Fact::Rejected(session, reason), Fact::Closed(session)]);
            return Ok(());
        }
        self.session_mut(session).origin = origin;
        if self.config.flaw == Flaw::ChecksThenTakesSlot {
            self.session_mut(session).stage = Stage::Half;
            return Ok(());
        }
        self.take_slot(session, facts);
        Ok(())
    }

    pub(super) fn take_slot(&mut self, session: SessionId, facts: &mut Facts) {
        self.session_mut(session).stage = Stage::Shaking;
        let is_inbound = self.session_mut(session).origin.direction == Direction::Inbound;
        self.counted_slots += u16::from(self.counts_slots() || (self.counts_inbound() && is_inbound));
        facts.push(Fact::Opened(session));
    }

    /// PEER-17: a second report changes nothing and says so.
    pub(super) fn greet(&mut self, session: SessionId, key: Key, facts: &mut Facts) -> Outcome {
        match self.session(session)?.stage {
            Stage::Shaking => {
                let session_state = self.session_mut(session);
                session_state.stage = Stage::Greeted;
                session_state.key = key;
                facts.push(Fact::Greeted(session, key));
                Ok(())
            }
            Stage::Greeted | Stage::Up | Stage::Rejected if self.config.flaw == Flaw::SecondGreetingPanics => {
                facts.push(Fact::Panicked(session));
                self.run_guard(session, facts);
                Ok(())
            }
            Stage::Greeted | Stage::Up | Stage::Rejected => {
                facts.push(Fact::GreetedTwice(session));
                Ok(())
            }
            Stage::Unused | Stage::Over | Stage::Half => Err(Refusal::NotNow),
        }
    }

    /// PEER-3, PEER-5, PEER-11, PEER-12, PEER-13: one step from the question whether to the Up in every queue.
    pub(super) fn announce(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let flaw = self.config.flaw;
        let Session { stage, ending, .. } = *self.session(session)?;
        let vetoable = stage == Stage::Half && flaw == Flaw::VetoWithoutRollback;
        if stage != Stage::Greeted && !vetoable {
            return Err(Refusal::NotNow);
        }
        // Where the handshake's completion and the wish to end are both there, the wish wins: nobody is told of a peer
        // that is known to go, and nobody waits for room for it.
        if ending && flaw != Flaw::AnnouncesTheEnding {
            return Err(Refusal::Ending);
        }
        if self.phase != Phase::Open {
            return Err(Refusal::AlreadyClosing);
        }
        if flaw != Flaw::AdmitsAfterUp && !self.admit(session, facts)? {
            return Ok(());
        }
        if vetoable {
            self.announce_to_the_others(session, facts);
            return Ok(());
        }
        if flaw != Flaw::LossyQueue && self.somebody_lacks_room() {
            return Err(Refusal::NoRoom);
        }
        match flaw {
            Flaw::ChecksThenRegisters | Flaw::AdmitsAfterUp | Flaw::VetoWithoutRollback => {
                self.announce_first_half(session, facts);
            }
            Flaw::RemovesByKey => self.replace_and_register(session, facts),
            _ => self.register(session, facts),
        }
        Ok(())
    }

    /// Admission by key. Whether the session may be announced now; if not, facts say what was done about it.
    pub(super) fn admit(&mut self, session: SessionId, facts: &mut Facts) -> Result<bool, Refusal> {
        match self.admission(session) {
            Admission::Granted => Ok(true),
            Admission::Rejected(reason) => {
                self.reject(session, reason, facts);
                Ok(false)
            }
            Admission::After(_) if self.config.flaw == Flaw::RemovesByKey => Ok(true),
            Admission::After(other) if self.session(other)?.ending => {
                if self.config.flaw == Flaw::NewDoesNotWait {
                    Ok(true)
                } else {
                    Err(Refusal::WaitsForOld)
                }
            }
            Admission::After(other) => {
                self.tell_to_end(other, facts);
                Ok(false)
            }
        }
    }

    fn reject(&mut self, session: SessionId, reason: Reason, facts: &mut Facts) {
        self.session_mut(session).stage = Stage::Rejected;
        facts.push(Fact::Rejected(session, reason));
    }

    pub(super) fn register(&mut self, session: SessionId, facts: &mut Facts) {
        self.session_mut(session).stage = Stage::Up;
        facts.extend([Fact::Announced(session), Fact::Registered(session)]);
        self.queue(Event::Up(session));
    }

    pub(super) fn disconnect(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        match stage {
            Stage::Unused | Stage::Over => Err(Refusal::NotNow),
            Stage::Half if self.task_is_gone() => Err(Refusal::NotNow),
            Stage::Shaking | Stage::Greeted | Stage::Up | Stage::Rejected | Stage::Half if ending => {
                Err(Refusal::Ending)
            }
            Stage::Shaking | Stage::Greeted | Stage::Up | Stage::Rejected | Stage::Half => {
                self.tell_to_end(session, facts);
                Ok(())
            }
        }
    }

    pub(super) fn tell_to_end(&mut self, session: SessionId, facts: &mut Facts) {
        if !core::mem::replace(&mut self.session_mut(session).ending, true) {
            facts.push(Fact::Disconnecting(session));
            match self.config.flaw {
                Flaw::SlotReturnedTwice => self.counted_slots = self.counted_slots.saturating_sub(1),
                Flaw::InboundReturnedTwice => self.count_ended(self.sessions.get(session.index()).origin),
                _ => {}
            }
        }
    }

    /// PEER-29: the timer runs until the session is announced, so that it bounds the wait for room too.
    pub(super) fn expire(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        let runs = match stage {
            Stage::Shaking => true,
            Stage::Greeted => self.config.flaw != Flaw::TimerStopsAtGreeting,
            Stage::Half => self.config.flaw == Flaw::ChecksThenRegisters,
            Stage::Unused | Stage::Up | Stage::Rejected | Stage::Over => false,
        };
        if !runs {
            return Err(Refusal::NotNow);
        }
        if ending {
            return Err(Refusal::Ending);
        }
        if stage == Stage::Shaking && self.config.flaw == Flaw::AnnouncesOnTimeout {
            if self.phase != Phase::Open || self.somebody_lacks_room() {
                return Err(Refusal::NoRoom);
            }
            self.register(session, facts);
        }
        self.session_mut(session).ending = true;
        facts.push(Fact::TimedOut(session));
        Ok(())
    }

    /// The guard, because the session was told to end or rejected.
    pub(super) fn end(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        match stage {
            Stage::Unused | Stage::Over => return Err(Refusal::NotNow),
            Stage::Shaking | Stage::Greeted | Stage::Up | Stage::Half if !ending => return Err(Refusal::NotNow),
            Stage::Half if self.task_is_gone() => return Err(Refusal::NotNow),
            Stage::Shaking | Stage::Greeted | Stage::Up | Stage::Half | Stage::Rejected => {}
        }
        if self.config.flaw == Flaw::DownWaitsForRoom && stage == Stage::Up && self.some_queue_is_full() {
            return Err(Refusal::NoRoom);
        }
        self.run_guard(session, facts);
        Ok(())
    }

    /// The guard, because the task was aborted or panicked, wherever it was.
    pub(super) fn abort(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let stage = self.session(session)?.stage;
        match stage {
            Stage::Unused | Stage::Over => return Err(Refusal::NotNow),
            Stage::Half if self.task_is_gone() => return Err(Refusal::NotNow),
            Stage::Shaking | Stage::Greeted | Stage::Up | Stage::Rejected | Stage::Half => {}
        }
        match self.config.flaw {
            Flaw::AbortSkipsDown if stage == Stage::Up => {
                self.session_mut(session).stage = Stage::Half;
                facts.push(Fact::Closed(session));
            }
            Flaw::SlotLostOnAbort | Flaw::InboundLostOnAbort => {
                let is_lost = self.counts_slots() || self.session(session)?.origin.direction == Direction::Inbound;
                self.counted_slots += u16::from(is_lost);
                self.run_guard(session, facts);
            }
            Flaw::DownWaitsForRoom if stage == Stage::Up && self.some_queue_is_full() => return Err(Refusal::NoRoom),
            _ => self.run_guard(session, facts),
        }
        Ok(())
    }

    /// PEER-2, PEER-8, PEER-9, PEER-14, PEER-15: Down, removal, slot and connection in one step that never waits.
    pub(super) fn run_guard(&mut self, session: SessionId, facts: &mut Facts) {
        // Only the cell outlives the session, because the selector may still be about to hear of it.
        let Session { stage: was, key, origin, ending, ahead } = *self.session_mut(session);
        *self.session_mut(session) = Session { stage: Stage::Over, ahead, ..Session::default() };
        self.counted_slots -= u16::from(self.counts_slots() && self.counted_slots > 0);
        self.count_ended(origin);
        match was {
            Stage::Up => {
                facts.extend([Fact::Ended(session), Fact::Removed(session), Fact::Closed(session)]);
                if self.config.flaw == Flaw::DownAfterRelease {
                    self.session_mut(session).stage = Stage::Half;
                } else {
                    self.queue(Event::Down(session));
                }
            }
            Stage::Half if self.config.flaw == Flaw::RemovesByKey => self.end_replaced(session, key, facts),
            Stage::Half if self.config.flaw == Flaw::AdmitsAfterUp => {
                facts.extend([Fact::Ended(session), Fact::Removed(session), Fact::Closed(session)]);
                self.queue(Event::Down(session));
            }
            Stage::Shaking | Stage::Greeted | Stage::Rejected | Stage::Half => {
                facts.extend([Fact::Ended(session), Fact::Closed(session)]);
            }
            Stage::Unused | Stage::Over => unreachable!("the guard of a session that is not there"),
        }
        if self.config.flaw == Flaw::GuardRunsTwice && ending {
            facts.extend([Fact::Ended(session), Fact::Closed(session)]);
        }
    }

    pub(super) fn ahead(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let state = self.session(session)?;
        if state.stage != Stage::Up || state.ending || state.ahead != Cell::Level {
            return Err(Refusal::NotNow);
        }
        self.session_mut(session).ahead = Cell::New;
        facts.push(Fact::Ahead(session));
        Ok(())
    }

    /// PEER-6, PEER-25: a selector that has not heard of the session yet reads the cell when it does.
    pub(super) fn heed(&mut self, session: SessionId, facts: &mut Facts) -> Outcome {
        let state = self.session(session)?;
        if state.stage != Stage::Up || state.ahead != Cell::New {
            return Err(Refusal::NothingNew);
        }
        self.session_mut(session).ahead = Cell::Seen;
        self.selector.heed(session, self.config.flaw, facts);
        Ok(())
    }
}
