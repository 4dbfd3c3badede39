//! handfast's machine with a mistake: which step is mistaken. How is in `steps`.

use core::fmt::{self, Debug, Formatter};
use std::collections::BTreeSet;

use handfast_spec::lifecycle::{
    Action, Direction, Duplicates, Event, Key, Lifecycle, Limits, Output, Phase, Refusal, SELECTOR,
};
use handfast_spec::{Machine, Observation, Recorded};
use serde::Serialize;
use serde_json::Value;
use stateright::Model;

use super::Flaw;
use crate::checker::design::{Checked, Design};
use crate::in_parts;
use crate::lifecycle::handfast::machine::{Config, Handfast, Outputs, Stage};
use crate::lifecycle::handfast::subscribers::{Mode, Standing};

/// handfast's machine with a mistake.
///
/// It steps handfast's own machine and makes its mistake before that, after it, or in its place.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Mutated {
    pub(super) base: Handfast,
    pub(super) flaw: Flaw,
    /// Steps that the flaw splits in two, of which the first half is done. The same action, attempted again, does the
    /// second half.
    pub(super) mid_step: BTreeSet<Action>,
    /// How many slots are taken, where the flaw counts them.
    pub(super) counted: u32,
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

    fn in_words(&self) -> Vec<String> {
        self.base.in_words()
    }

    fn waits(&self) -> Vec<String> {
        self.base.waits_in(self)
    }
}

impl Debug for Mutated {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}", self.flaw, self.base)?;
        self.mid_step.iter().try_for_each(|begun| writeln!(f, "half done: {begun}"))
    }
}

/// What an action is answered with. After a refusal the machine it was attempted on is thrown away.
pub(super) type Told = Result<Outputs, Refusal>;

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
            (Flaw::AdmitsAfterUp, Action::Announce { session }) => self.register_before_admission(action, session),
            (Flaw::VetoWithoutRollback, Action::Announce { session }) => self.announce_to_selector(action, session),
            (Flaw::VetoWithoutRollback, Action::Disconnect { session }) => self.veto(action, session),
            (Flaw::DownAfterRelease, Action::End { session } | Action::Abort { session }) => {
                self.release_before_down(action, session)
            }
            (
                Flaw::ClosesFirst,
                Action::Abort { session }
                | Action::HandshakeDone { session, .. }
                | Action::Announce { session }
                | Action::PeerAhead { session }
                | Action::NotifySelector { session },
            ) if self.mid_step.contains(&Action::End { session }) => Err(Refusal::NotNow),
            (Flaw::ClosesFirst, Action::End { session } | Action::Abort { session }) => {
                self.close_first(action, session)
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
            (Flaw::ClosesFirst, Action::End { session }) => self.run_guard_late(session),
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
            (Flaw::AddressBanSparesPending, Action::BanNetwork { .. }) => {
                self.sparing(&[Stage::Handshaking, Stage::HandshakeDone], action)
            }
            (Flaw::NetworkBanEndsOneAddress, Action::BanNetwork { network }) => {
                self.sparing_some(|session| session.origin.address != Some(network.address()), action)
            }
            (Flaw::BanSparesGreeted, Action::Ban { .. }) => self.sparing(&[Stage::HandshakeDone], action),
            (Flaw::Barges, Action::Announce { session }) => self.announce_regardless_of_line(action, session),
            (Flaw::StalledForGood | Flaw::LevelPeersWrittenOff, Action::Reconsider { .. }) => Err(Refusal::NotNow),
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
            (Flaw::PendingShared, Action::Open { .. }) => self.open_sharing_pending(action),
            (Flaw::PrivilegedAreLimited, Action::Open { session, origin }) => self.open_as_ordinary(session, origin),
            (Flaw::DialsCountForTheirAddress, Action::Open { session, origin })
                if origin.direction == Direction::Outbound && !origin.privileged =>
            {
                self.open_counting_dials(action, session, origin)
            }
            (Flaw::SourceLengthIgnored, Action::Open { .. }) => {
                let Limits { source_v4, source_v6, .. } = Limits::default();
                let configure =
                    |Config { limits, .. }: &mut Config| *limits = Limits { source_v4, source_v6, ..*limits };
                self.under(configure, action)
            }
            (Flaw::GrantKeepsSlot, Action::GrantPrivilege { session }) => {
                let told = self.base.attempt(&action)?;
                self.base.session_mut(session).origin.privileged = false;
                Ok(told)
            }
            (Flaw::LimitsStay, Action::SetLimits { .. }) => {
                let limits = self.base.config.limits;
                let told = self.base.attempt(&action)?;
                self.base.config.limits = limits;
                Ok(told)
            }
            (Flaw::RankIgnored, Action::Rank { session, .. }) => {
                let told = self.base.attempt(&action)?;
                self.base.session_mut(session).rank = 0;
                Ok(told)
            }
            (Flaw::OwnKeyOnlyInTies, Action::Announce { .. })
                if self.base.config.duplicates != Duplicates::TieBreak =>
            {
                self.under(|config| config.local = None, action)
            }
            (Flaw::ReservesNothing, _) => self.under(|config| config.limits.reserved = 0, action),
            (Flaw::PrefersOwnDial, Action::Announce { session }) => {
                // The end with the lesser key prefers its own dial, so the other end takes its own key for the lesser.
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
