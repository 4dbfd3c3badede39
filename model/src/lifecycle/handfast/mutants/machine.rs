//! handfast's machine with a mistake. (long because: it has a few lines for each mistake)

use core::fmt::{self, Debug, Formatter};
use std::collections::BTreeSet;

use handfast_spec::lifecycle::{
    Action, Direction, Duplicates, Event, Key, Lifecycle, Limits, NO_LIMIT, Origin, Output, Phase, Reason, Refusal,
    SELECTOR, SessionId,
};
use handfast_spec::{Machine, Observation, Recorded};
use serde::Serialize;
use serde_json::Value;
use stateright::Model;

use super::Flaw;
use crate::checker::design::{Checked, Design};
use crate::in_parts;
use crate::lifecycle::handfast::admission::Admission;
use crate::lifecycle::handfast::machine::{Config, Handfast, Outputs, Session, Stage};
use crate::lifecycle::handfast::subscribers::{Mode, Standing};

/// handfast's machine with a mistake.
///
/// It steps handfast's own machine and makes its mistake before that, after it, or in its place.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Mutated {
    base: Handfast,
    flaw: Flaw,
    /// Steps that the flaw splits in two, of which the first half is done. The same action, attempted again, does the
    /// second half.
    mid_step: BTreeSet<Action>,
    /// How many slots are taken, where the flaw counts them.
    counted: u32,
}

in_parts!(Mutated { base: Handfast, mid_step: BTreeSet<Action> } and { flaw: Flaw, counted: u32 });

/// Returns a mutant that starts where handfast's own design does, with the same alphabet.
pub fn mutated(checked: &Checked<Handfast>, flaw: Flaw) -> Checked<Mutated> {
    let mutate = |Recorded { machine, history }| Recorded { machine: Mutated::new(machine, flaw), history };
    let initial = checked.init_states().into_iter().map(mutate).collect();
    Checked::new(initial, checked.alphabet().to_vec()).in_parts()
}

impl Machine for Mutated {
    type Protocol = Lifecycle;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut after = self.clone();
        let told = after.attempt(*action);
        if told.is_ok() {
            after.forget_the_ended();
            *self = after;
        }
        told.into()
    }
}

impl Design for Mutated {
    fn at_rest(&self) -> bool {
        let mut base = self.base.clone();
        for begun in &self.mid_step {
            // The task of an aborted session is gone and leaves everything as it is.
            if let Action::Abort { session } = *begun {
                base.session_mut(session).ending = false;
            }
        }
        base.at_rest()
    }

    fn header(&self) -> Value {
        self.base.header()
    }
}

impl Debug for Mutated {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}", self.flaw, self.base)?;
        self.mid_step.iter().try_for_each(|begun| writeln!(f, "half done: {begun}"))
    }
}

/// What an action is answered with. After a refusal the machine it was attempted on is thrown away.
type Told = Result<Outputs, Refusal>;

/// Which step is mistaken, and how.
impl Mutated {
    /// Returns the same node with a mistake.
    pub fn new(base: Handfast, flaw: Flaw) -> Self {
        Self { base, flaw, mid_step: BTreeSet::new(), counted: 0 }
    }

    fn attempt(&mut self, action: Action) -> Told {
        if self.mid_step.remove(&action) {
            return self.second_half(action);
        }
        match (self.flaw, action) {
            (Flaw::ChecksThenTakesSlot, Action::Open { session, .. }) => self.check_before_open(action, session),
            (Flaw::ChecksThenRegisters, Action::Announce { session }) => {
                self.check_only(action, Output::Registered(session))
            }
            (Flaw::AdmitsAfterUp, Action::Announce { .. }) => self.register_before_admission(action),
            (Flaw::VetoWithoutRollback, Action::Announce { session }) => self.announce_to_selector(action, session),
            (Flaw::VetoWithoutRollback, Action::Disconnect { session }) => self.veto(action, session),
            (Flaw::DownAfterRelease, Action::End { session } | Action::Abort { session }) => {
                self.release_before_down(action, session)
            }
            (Flaw::BanIsQueued, Action::Ban { key }) => {
                let told = self.base.attempt(&action)?;
                self.base.banned.remove(key);
                self.mid_step.insert(action);
                Ok(told)
            }
            (Flaw::SnapshotThenSubscribe, Action::Subscribe { subscriber }) => {
                let mut told = self.base.attempt(&action)?;
                told.retain(|output| !matches!(output, Output::Subscribed(..)));
                self.base.queue_of(subscriber).mode = Mode::Off;
                self.mid_step.insert(action);
                Ok(told)
            }
            (Flaw::SnapshotThenSubscribe, Action::Unsubscribe { subscriber }) => {
                if self.mid_step.remove(&Action::Subscribe { subscriber }) {
                    self.base.queue_of(subscriber).mode = Mode::On;
                }
                self.base.attempt(&action)
            }
            (Flaw::AbortSkipsDown, Action::Abort { session }) if self.stage(session) == Stage::Up => {
                self.mid_step.insert(action);
                Ok(vec![Output::Closed(session)])
            }
            (
                Flaw::AbortSkipsDown,
                Action::HandshakeDone { session, .. }
                | Action::Disconnect { session }
                | Action::End { session }
                | Action::PeerAhead { session }
                | Action::NotifySelector { session },
            ) if self.mid_step.contains(&Action::Abort { session }) => Err(Refusal::NotNow),
            _ => self.attempt_whole(action),
        }
    }

    /// Does what the first half of a step left undone.
    fn second_half(&mut self, action: Action) -> Told {
        match (self.flaw, action) {
            (Flaw::ChecksThenTakesSlot, Action::Open { session, .. }) => {
                let next = core::mem::replace(&mut self.base.next, session.0);
                let told = self.under(|config| config.limits = Limits::default(), action);
                self.base.next = next;
                told
            }
            (Flaw::ChecksThenRegisters, Action::Announce { session }) => {
                if self.base.sessions.get(session.index()).ending || self.base.phase != Phase::Open {
                    return Err(Refusal::Ending);
                }
                self.register(session)
            }
            (Flaw::AdmitsAfterUp, Action::Announce { session }) => self.admit_late(session),
            (Flaw::VetoWithoutRollback, Action::Announce { session }) => self.announce_to_the_others(action, session),
            (Flaw::RemovesByKey, Action::End { session }) => self.remove_by_key(session),
            (Flaw::DownAfterRelease, Action::End { session }) => {
                self.base.queue(Event::Down(session));
                Ok(Vec::new())
            }
            (Flaw::BanIsQueued, Action::Ban { key }) => {
                self.base.banned.insert(key);
                Ok(Vec::new())
            }
            (Flaw::SnapshotThenSubscribe, Action::Subscribe { subscriber }) => {
                self.base.queue_of(subscriber).mode = Mode::On;
                Ok(vec![Output::Subscribed(subscriber, self.base.registered().count() as u32)])
            }
            // What an aborted task did not do, it never does.
            _ => Err(Refusal::NotNow),
        }
    }

    /// Attempts a step that the flaw leaves in one piece.
    fn attempt_whole(&mut self, action: Action) -> Told {
        match (self.flaw, action) {
            (Flaw::AnnouncesTheEnding, Action::Announce { session }) => self.announce_the_ending(action, session),
            (Flaw::NewDoesNotWait, Action::Announce { session }) => {
                let told = self.base.attempt(&action);
                if told == Err(Refusal::WaitsForOld) { self.register(session) } else { told }
            }
            (Flaw::RemovesByKey, Action::Announce { session }) => self.replace_and_register(action, session),
            (Flaw::SecondGreetingPanics, Action::HandshakeDone { session, .. }) => {
                self.panic_at_second(action, session)
            }
            (Flaw::TimerStopsAtGreeting, Action::Expire { session }) if self.stage(session) == Stage::HandshakeDone => {
                Err(Refusal::NotNow)
            }
            (Flaw::AnnouncesOnTimeout, Action::Expire { session }) => self.announce_on_timeout(action, session),
            (Flaw::GuardRunsTwice, Action::End { session } | Action::Abort { session }) => {
                let ending = self.base.sessions.get(session.index()).ending;
                let mut told = self.base.attempt(&action)?;
                told.extend([Output::Ended(session), Output::Closed(session)].into_iter().filter(|_| ending));
                Ok(told)
            }
            (Flaw::StopWaitsForQueues, Action::Finish)
                if self.base.queues.iter().any(|queue| !queue.events.is_empty()) =>
            {
                Err(Refusal::NotFinished)
            }
            (Flaw::StopForgetsPending, Action::Finish) => self.finish_without_pending(action),
            (Flaw::StopForgetsPending, Action::Shutdown) => self.sparing(&[Stage::Handshaking], action),
            (Flaw::StopForgetsGreeted, Action::Shutdown) => self.sparing(&[Stage::HandshakeDone], action),
            (Flaw::AddressBanSparesPending, Action::BanAddress { .. }) => {
                self.sparing(&[Stage::Handshaking, Stage::HandshakeDone], action)
            }
            (Flaw::LossyQueue, _) => self.lose_what_is_too_much(action),
            (Flaw::DownWaitsForRoom, _) => self.wait_for_room(action),
            (
                Flaw::OnlyActiveIsHeard | Flaw::HeedsTheUnheard | Flaw::NoPickWhenIdle,
                Action::NotifySelector { session },
            ) => self.notify_selector(action, session),
            (Flaw::LevelPeersWrittenOff, _) => {
                let told = self.base.attempt(&action)?;
                let level = self.base.selector.peers.iter_mut().filter(|standing| **standing == Standing::Level);
                level.for_each(|standing| *standing = Standing::Stalled);
                Ok(told)
            }
            (Flaw::PickBeforeDelete, Action::Receive { subscriber }) if subscriber == SELECTOR => {
                self.pick_before_delete(action)
            }
            _ => self.attempt_under_other_rules(action),
        }
    }

    /// Attempts a step that decides by other rules than handfast's.
    fn attempt_under_other_rules(&mut self, action: Action) -> Told {
        match (self.flaw, action) {
            (
                Flaw::SlotReturnedTwice
                | Flaw::SlotLostOnAbort
                | Flaw::InboundReturnedTwice
                | Flaw::InboundLostOnAbort
                | Flaw::OtherDirectionReturned,
                _,
            ) => self.counting(action),
            (Flaw::SourceHeldWhileUp, Action::Open { origin, .. }) => self.open_holding_source(action, &origin),
            (Flaw::ReservesNothing, _) => self.under(|config| config.limits.reserved = 0, action),
            (Flaw::PrefersOwnDial, Action::Announce { session }) => {
                // The end with the lesser key prefers its own dial, so that is what the other end has to take itself for.
                let key = self.base.sessions.get(session.index()).key;
                self.under_local_key(|local| if local > key && key > Key(0) { Key(0) } else { local }, action)
            }
            (Flaw::MeetsItself, Action::Announce { session }) => {
                let key = self.base.sessions.get(session.index()).key;
                self.under_local_key(|local| if local == key { Key(u32::MAX) } else { local }, action)
            }
            (Flaw::AllowsOneMore, _) => self.under_most(|most| most + 1, action),
            (Flaw::AllowsOneLess, _) => self.under_most(|most| most.saturating_sub(1), action),
            _ => self.base.attempt(&action),
        }
    }
}

/// What several mistakes are made of.
impl Mutated {
    fn stage(&self, session: SessionId) -> Stage {
        self.base.sessions.get(session.index()).stage
    }

    /// Attempts an action as if the node were configured in another way.
    fn under(&mut self, configure: impl FnOnce(&mut Config), action: Action) -> Told {
        let config = self.base.config;
        configure(&mut self.base.config);
        let told = self.base.attempt(&action);
        self.base.config = config;
        told
    }

    fn under_local_key(&mut self, change: impl FnOnce(Key) -> Key, action: Action) -> Told {
        let configure = |config: &mut Config| {
            if let Duplicates::TieBreak { local } = &mut config.duplicates {
                *local = change(*local);
            }
        };
        self.under(configure, action)
    }

    fn under_most(&mut self, change: impl FnOnce(u32) -> u32, action: Action) -> Told {
        let configure = |config: &mut Config| {
            if let Duplicates::Allow(most) = &mut config.duplicates {
                *most = change(*most);
            }
        };
        self.under(configure, action)
    }

    /// Attempts an action that tells sessions to end, and does not tell those in these stages.
    fn sparing(&mut self, spared: &[Stage], action: Action) -> Told {
        let before = self.base.sessions.clone();
        let mut told = self.base.attempt(&action)?;
        for session in self.base.ids() {
            let was = before.get(session.index());
            if spared.contains(&was.stage) && !was.ending {
                self.base.session_mut(session).ending = false;
                told.retain(|output| *output != Output::Disconnecting(session));
            }
        }
        Ok(told)
    }

    /// Attempts an action. If it comes to `output`, only the checks before that are done now.
    fn check_only(&mut self, action: Action, output: Output) -> Told {
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
    fn register(&mut self, session: SessionId) -> Told {
        if self.base.lacks_room() {
            return Err(Refusal::NoRoom);
        }
        let mut told = Vec::new();
        self.base.register(session, &mut told);
        Ok(told)
    }

    /// An announcement of which the first half is done ends with its session.
    fn forget_the_ended(&mut self) {
        let Self { base, mid_step, .. } = self;
        let has_ended = |session: SessionId| base.sessions.get(session.index()).stage == Stage::Ended;
        mid_step.retain(|begun| !matches!(*begun, Action::Announce { session } if has_ended(session)));
    }
}

/// Steps in two halves.
impl Mutated {
    fn check_before_open(&mut self, action: Action, session: SessionId) -> Told {
        let told = self.check_only(action, Output::Opened(session))?;
        self.base.next = session.0 + 1;
        Ok(told)
    }

    fn register_before_admission(&mut self, action: Action) -> Told {
        let banned = core::mem::take(&mut self.base.banned);
        let told = self.under(|config| config.duplicates = Duplicates::Allow(u32::MAX), action);
        self.base.banned = banned;
        self.mid_step.insert(action);
        told
    }

    fn admit_late(&mut self, session: SessionId) -> Told {
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

    fn announce_to_selector(&mut self, action: Action, session: SessionId) -> Told {
        let told = self.check_only(action, Output::Registered(session))?;
        let queue = self.base.queue_of(SELECTOR);
        if self.mid_step.contains(&action) && queue.mode == Mode::On {
            queue.events.push(Event::Up(session));
        }
        Ok(told)
    }

    /// The selector had no objection.
    fn announce_to_the_others(&mut self, action: Action, session: SessionId) -> Told {
        let told = self.under(|config| config.capacity = u64::MAX, action)?;
        let queue = self.base.queue_of(SELECTOR);
        if told.contains(&Output::Registered(session)) && queue.mode == Mode::On {
            queue.events.pop();
        }
        Ok(told)
    }

    /// Where the first half of its announcement is done, a session is disconnected by the selector's veto.
    fn veto(&mut self, action: Action, session: SessionId) -> Told {
        if !self.mid_step.remove(&Action::Announce { session }) {
            return self.base.attempt(&action);
        }
        let mut told = Vec::new();
        self.base.reject(session, Reason::Vetoed, &mut told);
        Ok(told)
    }

    fn release_before_down(&mut self, action: Action, session: SessionId) -> Told {
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

    /// A newer session takes over the registration of an older one, on whose behalf Down is sent. The guard of the
    /// older one runs later.
    fn replace_and_register(&mut self, action: Action, session: SessionId) -> Told {
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
    fn remove_by_key(&mut self, session: SessionId) -> Told {
        let mut told = vec![Output::Closed(session)];
        let key = self.base.sessions.get(session.index()).key;
        if let Some(other) = self.base.registered_under(key).last() {
            told.push(Output::Removed(other));
            self.deregister(other);
        }
        Ok(told)
    }

    fn deregister(&mut self, session: SessionId) {
        self.base.session_mut(session).stage = Stage::Ended;
        self.mid_step.insert(Action::End { session });
    }
}

/// Steps in one piece.
impl Mutated {
    fn announce_the_ending(&mut self, action: Action, session: SessionId) -> Told {
        let ending = self.base.sessions.get(session.index()).ending;
        if ending {
            self.base.session_mut(session).ending = false;
        }
        let told = self.base.attempt(&action)?;
        self.base.session_mut(session).ending = ending;
        Ok(told)
    }

    fn panic_at_second(&mut self, action: Action, session: SessionId) -> Told {
        match self.stage(session) {
            Stage::HandshakeDone | Stage::Up | Stage::Rejected => {
                let ended = self.base.attempt(&Action::Abort { session })?;
                Ok([Output::Panicked(session)].into_iter().chain(ended).collect())
            }
            Stage::Unused | Stage::Handshaking | Stage::Ended => self.base.attempt(&action),
        }
    }

    fn announce_on_timeout(&mut self, action: Action, session: SessionId) -> Told {
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

    fn finish_without_pending(&mut self, action: Action) -> Told {
        let sessions = self.base.sessions.clone();
        let pending = self.base.sessions.iter_mut().filter(|session| session.stage == Stage::Handshaking);
        pending.for_each(|session| session.stage = Stage::Ended);
        let told = self.base.attempt(&action);
        self.base.sessions = sessions;
        told
    }

    fn lose_what_is_too_much(&mut self, action: Action) -> Told {
        let capacity = self.base.config.capacity;
        // An announcement waits for no room. A subscriber without room is cut off as ever.
        let asked = if matches!(action, Action::Announce { .. }) { u64::MAX } else { capacity };
        let told = self.under(|config| config.capacity = asked, action)?;
        self.base.queues.iter_mut().for_each(|queue| queue.events.truncate(capacity as usize));
        Ok(told)
    }

    /// Room is asked for the next event only.
    fn wait_for_room(&mut self, action: Action) -> Told {
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

    fn notify_selector(&mut self, action: Action, session: SessionId) -> Told {
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

    fn pick_before_delete(&mut self, action: Action) -> Told {
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
    fn open_holding_source(&mut self, action: Action, origin: &Origin) -> Told {
        let is_from_there =
            |session: &SessionId| self.base.sessions.get(session.index()).origin.source() == origin.source();
        let up = self.base.registered().filter(is_from_there).count() as u32;
        let configure = |config: &mut Config| {
            let limit = &mut config.limits.pending_per_source;
            *limit = if *limit == NO_LIMIT { NO_LIMIT } else { limit.saturating_sub(up) };
        };
        self.under(configure, action)
    }

    /// Slots are counted, all or those of accepted connections. A session gets one by the count, not by what is held.
    fn counting(&mut self, action: Action) -> Told {
        let counts_all = matches!(self.flaw, Flaw::SlotReturnedTwice | Flaw::SlotLostOnAbort);
        let is_counted = |session: &Session| counts_all || session.origin.direction == Direction::Inbound;
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
            Flaw::OtherDirectionReturned => session.origin.direction == Direction::Outbound,
            _ => is_counted(session),
        };
        for (was, is) in before.iter().zip(self.base.sessions.iter()) {
            self.counted += u32::from(!was.holds_slot() && is.holds_slot() && is_counted(is));
            let returned = u32::from(at_the_wish && !was.ending && is.ending)
                + u32::from(was.holds_slot() && !is.holds_slot() && !is_lost);
            self.counted = self.counted.saturating_sub(if is_returned(was) { returned } else { 0 });
        }
        Ok(told)
    }
}
