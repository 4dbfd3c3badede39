//! The mistakes of mutants: what is done before, after or in place of a step. (long because: there are 47 of them)

use handfast_spec::lifecycle::{
    Action, Direction, Duplicates, Event, Key, NO_LIMIT, Origin, Output, Phase, Reason, Refusal, SELECTOR, SessionId,
};

use super::Flaw;
use super::machine::{Mutated, Told};
use crate::lifecycle::handfast::admission::Admission;
use crate::lifecycle::handfast::machine::{Config, Session, Stage};
use crate::lifecycle::handfast::subscribers::{Mode, Standing};

/// What several mistakes are made of.
impl Mutated {
    pub(super) fn stage(&self, session: SessionId) -> Stage {
        self.base.sessions.get(session.index()).stage
    }

    /// Attempts an action as if the node were configured in another way.
    pub(super) fn under(&mut self, configure: impl FnOnce(&mut Config), action: Action) -> Told {
        let config = self.base.config;
        configure(&mut self.base.config);
        let told = self.base.attempt(&action);
        self.base.config = config;
        // Limits that the action sets stay: a mutant has one flaw.
        if let (Action::SetLimits { limits }, Ok(_)) = (action, &told) {
            self.base.config.limits = limits;
        }
        told
    }

    pub(super) fn under_local_key(&mut self, change: impl FnOnce(Key) -> Key, action: Action) -> Told {
        self.under(|config| config.local = config.local.map(change), action)
    }

    pub(super) fn under_most(&mut self, change: impl FnOnce(u32) -> u32, action: Action) -> Told {
        let configure = |config: &mut Config| {
            if let Duplicates::Allow(most) = &mut config.duplicates {
                *most = change(*most);
            }
        };
        self.under(configure, action)
    }

    /// Attempts an action that tells sessions to end, and does not tell those in these stages.
    pub(super) fn sparing(&mut self, spared: &[Stage], action: Action) -> Told {
        self.sparing_some(|session| spared.contains(&session.stage), action)
    }

    /// Attempts an action that tells sessions to end, and does not tell those that are spared.
    pub(super) fn sparing_some(&mut self, is_spared: impl Fn(&Session) -> bool, action: Action) -> Told {
        let (before, mut line) = (self.base.sessions.clone(), self.base.line.clone());
        let mut told = self.base.attempt(&action)?;
        for session in self.base.ids() {
            let was = before.get(session.index());
            if is_spared(&was) && !was.ending {
                self.base.session_mut(session).ending = false;
                told.retain(|output| *output != Output::Disconnecting(session));
            }
        }
        line.retain(|waiting| !self.base.sessions.get(waiting.index()).ending);
        self.base.line = line;
        Ok(told)
    }

    /// Attempts an action. If it comes to `output`, only the checks before that are done now.
    pub(super) fn check_only(&mut self, action: Action, output: Output) -> Told {
        let before = self.base.clone();
        let told = self.base.attempt(&action)?;
        if !told.contains(&output) {
            return Ok(told);
        }
        self.base = before;
        self.mid_step.insert(action);
        Ok(Vec::new())
    }

    /// Registers a session without asking whether it is admitted.
    pub(super) fn register(&mut self, session: SessionId) -> Told {
        if self.base.must_wait(session) {
            return Err(Refusal::NoRoom);
        }
        let mut told = Vec::new();
        self.base.register(session, &mut told);
        Ok(told)
    }

    /// An announcement of which the first half is done ends with its session.
    pub(super) fn forget_the_ended(&mut self) {
        let Self { base, mid_step, .. } = self;
        let has_ended = |session: SessionId| !base.sessions.get(session.index()).holds_slot();
        mid_step.retain(|begun| !matches!(*begun, Action::Announce { session } if has_ended(session)));
    }
}

/// Steps in two halves.
impl Mutated {
    pub(super) fn check_before_open(&mut self, action: Action, session: SessionId) -> Told {
        let told = self.check_only(action, Output::Opened(session))?;
        self.base.next = session.0 + 1;
        Ok(told)
    }

    pub(super) fn register_before_admission(&mut self, action: Action, session: SessionId) -> Told {
        let banned = core::mem::take(&mut self.base.banned);
        let told = self.under(|config| config.duplicates = Duplicates::Allow(u32::MAX), action);
        self.base.banned = banned;
        if self.stage(session) == Stage::Up {
            self.mid_step.insert(action);
        }
        told
    }

    pub(super) fn admit_late(&mut self, session: SessionId) -> Told {
        // A session that is registered already would be a duplicate of itself.
        self.base.session_mut(session).stage = Stage::HandshakeDone;
        let admission = self.base.admission(session);
        self.base.session_mut(session).stage = Stage::Up;
        let mut told = Vec::new();
        match admission {
            Admission::Granted => {}
            Admission::Rejected(reason) => {
                told.push(Output::Rejected(session, reason));
                self.base.tell_to_end(session, &mut told);
            }
            Admission::After(other) => self.base.tell_to_end(other, &mut told),
        }
        Ok(told)
    }

    pub(super) fn announce_to_selector(&mut self, action: Action, session: SessionId) -> Told {
        let told = self.check_only(action, Output::Registered(session))?;
        let queue = self.base.queue_of(SELECTOR);
        if self.mid_step.contains(&action) && queue.mode == Mode::On {
            queue.events.push(Event::Up(session));
        }
        Ok(told)
    }

    /// The selector had no objection.
    pub(super) fn announce_to_the_others(&mut self, action: Action, session: SessionId) -> Told {
        // What it has room for was asked in the first half.
        let mut line = core::mem::take(&mut self.base.line);
        let told = self.under(|config| config.capacity = u64::MAX, action)?;
        line.retain(|waiting| *waiting != session);
        self.base.line = line;
        let queue = self.base.queue_of(SELECTOR);
        if told.contains(&Output::Registered(session)) && queue.mode == Mode::On {
            queue.events.pop();
        }
        Ok(told)
    }

    /// Where the first half of its announcement is done, a session is disconnected by the selector's veto.
    pub(super) fn veto(&mut self, action: Action, session: SessionId) -> Told {
        if !self.mid_step.remove(&Action::Announce { session }) {
            return self.base.attempt(&action);
        }
        let mut told = Vec::new();
        self.base.reject(session, Reason::Vetoed, &mut told);
        Ok(told)
    }

    pub(super) fn release_before_down(&mut self, action: Action, session: SessionId) -> Told {
        let was_up = self.stage(session) == Stage::Up;
        let told = self.base.attempt(&action)?;
        if was_up {
            for queue in self.base.queues.iter_mut().filter(|queue| queue.mode == Mode::On) {
                queue.events.pop();
            }
            self.mid_step.insert(Action::End { session });
        }
        Ok(told)
    }

    /// A newer session takes over the registration of an older one, of which Down is sent. The guard of the
    /// older one runs later.
    pub(super) fn replace_and_register(&mut self, action: Action, session: SessionId) -> Told {
        let mut told = Vec::new();
        if self.stage(session) == Stage::HandshakeDone
            && let Admission::After(old) = self.base.admission(session)
        {
            self.base.tell_to_end(old, &mut told);
            told.extend([Output::Ended(old), Output::Removed(old)]);
            self.base.queue(Event::Down(old));
            self.deregister(old);
        }
        told.extend(self.base.attempt(&action)?);
        Ok(told)
    }

    /// Runs the guard of a session that was replaced: it removes the session that has its key.
    pub(super) fn remove_by_key(&mut self, session: SessionId) -> Told {
        let mut told = vec![Output::Closed(session)];
        let key = self.base.sessions.get(session.index()).key;
        if let Some(other) = self.base.registered_under(key).last() {
            told.push(Output::Removed(other));
            self.deregister(other);
        }
        Ok(told)
    }

    pub(super) fn deregister(&mut self, session: SessionId) {
        self.base.session_mut(session).stage = Stage::Ended;
        self.mid_step.insert(Action::End { session });
    }
}

/// Steps of which the line and the connection know.
impl Mutated {
    /// The connection is closed in one step, and the guard runs in the next.
    pub(super) fn close_first(&mut self, action: Action, session: SessionId) -> Told {
        self.base.clone().attempt(&action)?;
        self.mid_step.insert(Action::End { session });
        Ok(vec![Output::Closed(session)])
    }

    pub(super) fn run_guard_late(&mut self, session: SessionId) -> Told {
        let told = self.base.attempt(&Action::Abort { session })?;
        self.base.attempt(&Action::Close { session })?;
        Ok(told)
    }

    /// A session takes room although others wait for it.
    pub(super) fn announce_regardless_of_line(&mut self, action: Action, session: SessionId) -> Told {
        let line = core::mem::take(&mut self.base.line);
        let told = self.base.attempt(&action)?;
        let waits = !core::mem::replace(&mut self.base.line, line).is_empty();
        match (waits, self.base.line.contains(&session)) {
            (true, true) => return Err(Refusal::NoRoom),
            (true, false) => self.base.line.push(session),
            (false, _) => self.base.line.retain(|waiting| *waiting != session),
        }
        Ok(told)
    }
}

/// Steps in one piece.
impl Mutated {
    pub(super) fn announce_the_ending(&mut self, action: Action, session: SessionId) -> Told {
        let ending = self.base.sessions.get(session.index()).ending;
        if ending {
            self.base.session_mut(session).ending = false;
        }
        let told = self.base.attempt(&action)?;
        self.base.session_mut(session).ending = ending;
        Ok(told)
    }

    pub(super) fn panic_at_second(&mut self, action: Action, session: SessionId) -> Told {
        match self.stage(session) {
            Stage::HandshakeDone | Stage::Up | Stage::Rejected => {
                let ended = self.base.attempt(&Action::Abort { session })?;
                Ok([Output::Panicked(session)].into_iter().chain(ended).collect())
            }
            Stage::Unused | Stage::Handshaking | Stage::Closing | Stage::Ended => self.base.attempt(&action),
        }
    }

    pub(super) fn announce_on_timeout(&mut self, action: Action, session: SessionId) -> Told {
        if self.stage(session) != Stage::Handshaking || self.base.sessions.get(session.index()).ending {
            return self.base.attempt(&action);
        }
        if self.base.phase != Phase::Open {
            return Err(Refusal::NoRoom);
        }
        let mut told = self.register(session)?;
        self.base.session_mut(session).ending = true;
        told.push(Output::TimedOut(session));
        Ok(told)
    }

    pub(super) fn finish_without_pending(&mut self, action: Action) -> Told {
        let sessions = self.base.sessions.clone();
        let pending = self.base.sessions.iter_mut().filter(|session| session.stage == Stage::Handshaking);
        pending.for_each(|session| session.stage = Stage::Ended);
        let told = self.base.attempt(&action);
        self.base.sessions = sessions;
        told
    }

    pub(super) fn lose_what_is_too_much(&mut self, action: Action) -> Told {
        let capacity = self.base.config.capacity;
        // An announcement waits for no room. A subscriber without room is cut off as ever.
        let asked = if matches!(action, Action::Announce { .. }) { u64::MAX } else { capacity };
        let told = self.under(|config| config.capacity = asked, action)?;
        self.base.queues.iter_mut().for_each(|queue| queue.events.truncate(capacity as usize));
        Ok(told)
    }

    /// Room is asked for the next event only.
    pub(super) fn wait_for_room(&mut self, action: Action) -> Told {
        if let Action::End { session } | Action::Abort { session } = action {
            let is_full = self
                .base
                .queues
                .iter()
                .any(|queue| queue.mode == Mode::On && queue.events.len() >= self.base.config.capacity as usize);
            if self.stage(session) == Stage::Up && is_full {
                return Err(Refusal::NoRoom);
            }
        }
        let kept = self.base.registered().count() as u64 + 1;
        self.under(|config| config.capacity += kept, action)
    }

    pub(super) fn notify_selector(&mut self, action: Action, session: SessionId) -> Told {
        let selector = self.base.selector.clone();
        let standing = selector.peers.get(session.index());
        if self.flaw == Flaw::HeedsTheUnheard && standing == Standing::Unknown {
            *self.base.selector.peers.entry(session.index()) = Standing::Level;
        }
        let mut told = self.base.attempt(&action)?;
        if self.flaw == Flaw::OnlyActiveIsHeard && standing == Standing::Level && selector.active.is_none() {
            told = vec![Output::Ignored(session)];
            self.base.selector = selector;
        } else if self.flaw == Flaw::NoPickWhenIdle {
            told.retain(|output| !matches!(output, Output::Active(_)));
            self.base.selector.active = selector.active;
        }
        Ok(told)
    }

    pub(super) fn pick_before_delete(&mut self, action: Action) -> Told {
        let before = self.base.selector.clone();
        let next = self.base.queue_of(SELECTOR).events.first().copied();
        let mut told = self.base.attempt(&action)?;
        if let Some(active) = before.active
            && next == Some(Event::Down(active))
        {
            told.retain(|output| !matches!(output, Output::Active(_)));
            self.base.selector.active = before.candidate();
            told.push(Output::Active(self.base.selector.active));
        }
        Ok(told)
    }
}

/// Steps under other limits.
impl Mutated {
    /// What a source may have pending is held by sessions that are announced, too.
    pub(super) fn open_holding_source(&mut self, action: Action, origin: &Origin) -> Told {
        let limits = self.base.config.limits;
        let is_from_there = |session: &SessionId| {
            let from = self.base.sessions.get(session.index()).origin;
            is_stranger(&from) && limits.source(&from) == limits.source(origin)
        };
        let up = self.base.registered().filter(is_from_there).count() as u32;
        let configure = |config: &mut Config| {
            config.limits.pending_per_source = less(config.limits.pending_per_source, up);
        };
        self.under(configure, action)
    }

    /// What is not announced is limited in all, whichever end dialed it.
    pub(super) fn open_sharing_pending(&mut self, action: Action) -> Told {
        let pending = |direction| {
            let is_of_kind = |session: &&Session| {
                session.is_pending() && !session.origin.privileged && session.origin.direction == direction
            };
            self.base.sessions.iter().filter(is_of_kind).count() as u32
        };
        let (inbound, outbound) = (pending(Direction::Inbound), pending(Direction::Outbound));
        let configure = |Config { limits, .. }: &mut Config| {
            limits.pending_inbound = less(limits.pending_inbound, outbound);
            limits.pending_outbound = less(limits.pending_outbound, inbound);
        };
        self.under(configure, action)
    }

    /// A privileged session asks for a slot as if it had no privilege.
    pub(super) fn open_as_ordinary(&mut self, session: SessionId, origin: Origin) -> Told {
        let mut told = self.base.attempt(&Action::Open { session, origin: Origin { privileged: false, ..origin } })?;
        if origin.privileged {
            if self.base.sessions.get(session.index()).holds_slot() {
                self.base.session_mut(session).origin.privileged = true;
            }
            told.retain(|output| !matches!(output, Output::Came(..)));
            told.insert(0, Output::Came(session, origin));
        }
        Ok(told)
    }

    /// A dial is turned away where one more connection could not be accepted from its address.
    pub(super) fn open_counting_dials(&mut self, action: Action, session: SessionId, origin: Origin) -> Told {
        let before = self.base.clone();
        let accepted = Action::Open { session, origin: Origin { direction: Direction::Inbound, ..origin } };
        let free = |config: &mut Config| {
            config.limits.inbound = NO_LIMIT;
            config.limits.pending_inbound = NO_LIMIT;
        };
        let told = self.under(free, accepted)?;
        let from_there = [Reason::PerAddress, Reason::PerSource, Reason::PendingFromSource];
        let is_over = |output: &Output| matches!(output, Output::Rejected(_, reason) if from_there.contains(reason));
        if told.iter().any(is_over) {
            let came = Output::Came(session, origin);
            return Ok([came]
                .into_iter()
                .chain(told.into_iter().filter(|output| !matches!(output, Output::Came(..))))
                .collect());
        }
        self.base = before;
        self.base.attempt(&action)
    }

    /// Slots are counted, all or those of accepted connections. A session gets one by the count, not by what is held.
    pub(super) fn counting(&mut self, action: Action) -> Told {
        let counts_all = matches!(self.flaw, Flaw::SlotReturnedTwice | Flaw::SlotLostOnAbort);
        let is_counted = |session: &Session| counts_all || is_stranger(&session.origin);
        let before = self.base.sessions.clone();
        let held = before.iter().filter(|session| session.holds_slot() && is_counted(session)).count() as u32;
        let counted = self.counted;
        let configure = |Config { limits, .. }: &mut Config| {
            let limit = if counts_all { &mut limits.total } else { &mut limits.inbound };
            *limit = if *limit == NO_LIMIT { NO_LIMIT } else { (*limit + held).saturating_sub(counted) };
            limits.reserved = limits.reserved.min(limits.total);
        };
        let told = self.under(configure, action)?;
        let is_lost = matches!(action, Action::Abort { .. })
            && matches!(self.flaw, Flaw::SlotLostOnAbort | Flaw::InboundLostOnAbort);
        let at_the_wish = matches!(self.flaw, Flaw::SlotReturnedTwice | Flaw::InboundReturnedTwice);
        let is_returned = |session: &Session| match self.flaw {
            Flaw::OtherDirectionReturned => !is_stranger(&session.origin),
            _ => is_counted(session),
        };
        for (was, is) in before.iter().zip(self.base.sessions.iter()) {
            self.counted += u32::from(!was.holds_slot() && is.holds_slot() && is_counted(is));
            let returned = u32::from(at_the_wish && !was.ending && is.ending)
                + u32::from(was.holds_slot() && !is.holds_slot() && !is_lost);
            let granted = u32::from(was.holds_slot() && is.holds_slot() && is_counted(was) && !is_counted(is));
            self.counted = self.counted.saturating_sub(granted + if is_returned(was) { returned } else { 0 });
        }
        Ok(told)
    }
}

fn is_stranger(origin: &Origin) -> bool {
    !origin.privileged && origin.direction == Direction::Inbound
}

/// A limit of which some is taken. What limits nothing still does not.
fn less(limit: u32, taken: u32) -> u32 {
    if limit == NO_LIMIT { NO_LIMIT } else { limit.saturating_sub(taken) }
}
