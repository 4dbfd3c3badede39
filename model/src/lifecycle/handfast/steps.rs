//! What sessions and their timers do under the lock.

use handfast_spec::lifecycle::{Direction, Event, Key, Origin, Output, Phase, Reason, Refusal, SessionId};

use super::Flaw;
use super::machine::{AheadFlag, Handfast, Outcome, Outputs, Session, Stage};
use super::slots::Admission;

/// The life of a session.
impl Handfast {
    /// PEER-9, PEER-10, PEER-41, PEER-42: the slot is checked and taken in one step.
    pub(super) fn open(&mut self, session: SessionId, origin: Origin, outputs: &mut Outputs) -> Outcome {
        if session.0 != self.next {
            return Err(Refusal::NotNext);
        }
        self.next += 1;
        if !origin.is_plain() {
            outputs.push(Output::Came(session, origin));
        }
        if let Some(reason) = self.turns_away(&origin) {
            self.session_mut(session).stage = Stage::Ended;
            outputs.extend([Output::Rejected(session, reason), Output::Closed(session)]);
            return Ok(());
        }
        self.session_mut(session).origin = origin;
        if self.config.flaw == Flaw::ChecksThenTakesSlot {
            self.session_mut(session).stage = Stage::Half;
            return Ok(());
        }
        self.take_slot(session, outputs);
        Ok(())
    }

    pub(super) fn take_slot(&mut self, session: SessionId, outputs: &mut Outputs) {
        self.session_mut(session).stage = Stage::Handshaking;
        let is_inbound = self.session_mut(session).origin.direction == Direction::Inbound;
        self.counted_slots += u16::from(self.counts_slots() || (self.counts_inbound() && is_inbound));
        outputs.push(Output::Opened(session));
    }

    /// PEER-17: a second report changes nothing and says so.
    pub(super) fn handshake_done(&mut self, session: SessionId, key: Key, outputs: &mut Outputs) -> Outcome {
        match self.session(session)?.stage {
            Stage::Handshaking => {
                let session_state = self.session_mut(session);
                session_state.stage = Stage::HandshakeDone;
                session_state.key = key;
                outputs.push(Output::HandshakeDone(session, key));
                Ok(())
            }
            Stage::HandshakeDone | Stage::Up | Stage::Rejected if self.config.flaw == Flaw::SecondGreetingPanics => {
                outputs.push(Output::Panicked(session));
                self.run_guard(session, outputs);
                Ok(())
            }
            Stage::HandshakeDone | Stage::Up | Stage::Rejected => {
                outputs.push(Output::HandshakeDoneTwice(session));
                Ok(())
            }
            Stage::Unused | Stage::Ended | Stage::Half => Err(Refusal::NotNow),
        }
    }

    /// PEER-3, PEER-5, PEER-11, PEER-12, PEER-13: one step from the question whether to the Up in every queue.
    pub(super) fn announce(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let flaw = self.config.flaw;
        let Session { stage, ending, .. } = *self.session(session)?;
        let vetoable = stage == Stage::Half && flaw == Flaw::VetoWithoutRollback;
        if stage != Stage::HandshakeDone && !vetoable {
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
        if flaw != Flaw::AdmitsAfterUp && !self.admit(session, outputs)? {
            return Ok(());
        }
        if vetoable {
            self.announce_to_the_others(session, outputs);
            return Ok(());
        }
        if flaw != Flaw::LossyQueue && self.somebody_lacks_room() {
            return Err(Refusal::NoRoom);
        }
        match flaw {
            Flaw::ChecksThenRegisters | Flaw::AdmitsAfterUp | Flaw::VetoWithoutRollback => {
                self.announce_first_half(session, outputs);
            }
            Flaw::RemovesByKey => self.replace_and_register(session, outputs),
            _ => self.register(session, outputs),
        }
        Ok(())
    }

    /// Admission by key. Whether the session may be announced now; if not, outputs say what was done about it.
    pub(super) fn admit(&mut self, session: SessionId, outputs: &mut Outputs) -> Result<bool, Refusal> {
        match self.admission(session) {
            Admission::Granted => Ok(true),
            Admission::Rejected(reason) => {
                self.reject(session, reason, outputs);
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
                self.tell_to_end(other, outputs);
                Ok(false)
            }
        }
    }

    fn reject(&mut self, session: SessionId, reason: Reason, outputs: &mut Outputs) {
        self.session_mut(session).stage = Stage::Rejected;
        outputs.push(Output::Rejected(session, reason));
    }

    pub(super) fn register(&mut self, session: SessionId, outputs: &mut Outputs) {
        self.session_mut(session).stage = Stage::Up;
        outputs.extend([Output::Announced(session), Output::Registered(session)]);
        self.queue(Event::Up(session));
    }

    pub(super) fn disconnect(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        match stage {
            Stage::Unused | Stage::Ended => Err(Refusal::NotNow),
            Stage::Half if self.task_is_gone() => Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected | Stage::Half if ending => {
                Err(Refusal::Ending)
            }
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected | Stage::Half => {
                self.tell_to_end(session, outputs);
                Ok(())
            }
        }
    }

    pub(super) fn tell_to_end(&mut self, session: SessionId, outputs: &mut Outputs) {
        if !core::mem::replace(&mut self.session_mut(session).ending, true) {
            outputs.push(Output::Disconnecting(session));
            match self.config.flaw {
                Flaw::SlotReturnedTwice => self.counted_slots = self.counted_slots.saturating_sub(1),
                Flaw::InboundReturnedTwice => self.count_ended(self.sessions.get(session.index()).origin),
                _ => {}
            }
        }
    }

    /// PEER-29: the timer runs until the session is announced, so that it bounds the wait for room too.
    pub(super) fn expire(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        let runs = match stage {
            Stage::Handshaking => true,
            Stage::HandshakeDone => self.config.flaw != Flaw::TimerStopsAtGreeting,
            Stage::Half => self.config.flaw == Flaw::ChecksThenRegisters,
            Stage::Unused | Stage::Up | Stage::Rejected | Stage::Ended => false,
        };
        if !runs {
            return Err(Refusal::NotNow);
        }
        if ending {
            return Err(Refusal::Ending);
        }
        if stage == Stage::Handshaking && self.config.flaw == Flaw::AnnouncesOnTimeout {
            if self.phase != Phase::Open || self.somebody_lacks_room() {
                return Err(Refusal::NoRoom);
            }
            self.register(session, outputs);
        }
        self.session_mut(session).ending = true;
        outputs.push(Output::TimedOut(session));
        Ok(())
    }

    /// The guard, because the session was told to end or rejected.
    pub(super) fn end(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        match stage {
            Stage::Unused | Stage::Ended => return Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Half if !ending => {
                return Err(Refusal::NotNow);
            }
            Stage::Half if self.task_is_gone() => return Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Half | Stage::Rejected => {}
        }
        if self.config.flaw == Flaw::DownWaitsForRoom && stage == Stage::Up && self.some_queue_is_full() {
            return Err(Refusal::NoRoom);
        }
        self.run_guard(session, outputs);
        Ok(())
    }

    /// The guard, because the task was aborted or panicked, wherever it was.
    pub(super) fn abort(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let stage = self.session(session)?.stage;
        match stage {
            Stage::Unused | Stage::Ended => return Err(Refusal::NotNow),
            Stage::Half if self.task_is_gone() => return Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected | Stage::Half => {}
        }
        match self.config.flaw {
            Flaw::AbortSkipsDown if stage == Stage::Up => {
                self.session_mut(session).stage = Stage::Half;
                outputs.push(Output::Closed(session));
            }
            Flaw::SlotLostOnAbort | Flaw::InboundLostOnAbort => {
                let is_lost = self.counts_slots() || self.session(session)?.origin.direction == Direction::Inbound;
                self.counted_slots += u16::from(is_lost);
                self.run_guard(session, outputs);
            }
            Flaw::DownWaitsForRoom if stage == Stage::Up && self.some_queue_is_full() => return Err(Refusal::NoRoom),
            _ => self.run_guard(session, outputs),
        }
        Ok(())
    }

    /// PEER-2, PEER-8, PEER-9, PEER-14, PEER-15: Down, removal, slot and connection in one step that never waits.
    pub(super) fn run_guard(&mut self, session: SessionId, outputs: &mut Outputs) {
        // Only the cell outlives the session, because the selector may still be about to hear of it.
        let Session { stage: was, key, origin, ending, ahead } = *self.session_mut(session);
        *self.session_mut(session) = Session { stage: Stage::Ended, ahead, ..Session::default() };
        self.counted_slots -= u16::from(self.counts_slots() && self.counted_slots > 0);
        self.count_ended(origin);
        match was {
            Stage::Up => {
                outputs.extend([Output::Ended(session), Output::Removed(session), Output::Closed(session)]);
                if self.config.flaw == Flaw::DownAfterRelease {
                    self.session_mut(session).stage = Stage::Half;
                } else {
                    self.queue(Event::Down(session));
                }
            }
            Stage::Half if self.config.flaw == Flaw::RemovesByKey => self.end_replaced(session, key, outputs),
            Stage::Half if self.config.flaw == Flaw::AdmitsAfterUp => {
                outputs.extend([Output::Ended(session), Output::Removed(session), Output::Closed(session)]);
                self.queue(Event::Down(session));
            }
            Stage::Handshaking | Stage::HandshakeDone | Stage::Rejected | Stage::Half => {
                outputs.extend([Output::Ended(session), Output::Closed(session)]);
            }
            Stage::Unused | Stage::Ended => unreachable!("the guard of a session that is not there"),
        }
        if self.config.flaw == Flaw::GuardRunsTwice && ending {
            outputs.extend([Output::Ended(session), Output::Closed(session)]);
        }
    }

    pub(super) fn ahead(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let state = self.session(session)?;
        if state.stage != Stage::Up || state.ending || state.ahead != AheadFlag::Level {
            return Err(Refusal::NotNow);
        }
        self.session_mut(session).ahead = AheadFlag::New;
        outputs.push(Output::PeerAhead(session));
        Ok(())
    }

    /// PEER-6, PEER-25: a selector that has not heard of the session yet reads the cell when it does.
    pub(super) fn notify_selector(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let state = self.session(session)?;
        if state.stage != Stage::Up || state.ahead != AheadFlag::New {
            return Err(Refusal::NothingNew);
        }
        self.session_mut(session).ahead = AheadFlag::Seen;
        self.selector.notify_selector(session, self.config.flaw, outputs);
        Ok(())
    }
}
