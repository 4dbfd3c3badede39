//! The machine: one step for each critical section. (long because: it is read beside the table of steps, in one piece)

use std::collections::BTreeSet;

use handfast_spec::lifecycle::{
    Action, Duplicates, Event, Key, Keys, Lifecycle, Limits, Network, Origin, Output, Phase, Reason, Refusal,
    SessionId, Table,
};
use handfast_spec::{Machine, Observation};
use serde::Serialize;
use serde_json::Value;
use smallvec::SmallVec;

use super::admission::Admission;
use super::log::Header;
use super::subscribers::{Mode, Queue, Selector};
use crate::checker::design::Design;
use crate::checker::explain::Explains;
use crate::in_parts;

/// What the operator configured.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// How many slots there are.
    pub limits: Limits,
    /// How many events a queue holds, including those that have a place reserved. At least one more than there are
    /// slots, or the last slot could never be announced.
    pub capacity: u64,
    /// What becomes of a second session with the same key.
    pub duplicates: Duplicates,
    /// Our own key, if it is known.
    pub local: Option<Key>,
}

impl Config {
    /// Whether the last slot can be announced: its Up and its Down need room beside the Downs that are owed, and some
    /// session must be allowed to take it. Ties are broken by our own key.
    pub fn is_sound(&self) -> bool {
        let is_known = self.duplicates != Duplicates::TieBreak || self.local.is_some();
        self.allows(&self.limits) && self.duplicates.most() > 0 && is_known
    }

    /// Whether the last slot can be announced under these limits, and a limit of accepted sessions leaves some slot to dial
    /// with, if there is one for ordinary sessions.
    fn allows(&self, limits: &Limits) -> bool {
        let Limits { total, inbound, outbound, reserved, .. } = *limits;
        let is_used_up = outbound > 0 && inbound < total && reserved < total && inbound >= total - reserved;
        self.capacity > u64::from(total) && reserved <= total && !is_used_up
    }
}

/// handfast's design.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Handfast {
    pub(super) config: Config,
    pub(super) sessions: Table<Session, 3>,
    /// Ids below this one are used.
    pub(super) next: u32,
    pub(super) queues: Table<Queue, 2>,
    /// Sessions that wait for room, the first in front. One that has to wait for another session meanwhile keeps its place.
    pub(super) line: SmallVec<[SessionId; 4]>,
    pub(super) selector: Selector,
    pub(super) banned: Keys,
    pub(super) banned_networks: BTreeSet<Network>,
    pub(super) phase: Phase,
}

in_parts!(Handfast {
    sessions: Table<Session, 3>,
    queues: Table<Queue, 2>,
} and {
    config: Config,
    next: u32,
    line: SmallVec<[SessionId; 4]>,
    selector: Selector,
    banned: Keys,
    banned_networks: BTreeSet<Network>,
    phase: Phase,
});

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Session {
    pub(super) stage: Stage,
    pub(super) key: Key,
    pub(super) origin: Origin,
    /// What both ends compare.
    pub(super) rank: u32,
    /// It was told to end.
    pub(super) ending: bool,
    pub(super) ahead: AheadFlag,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// The id is unused.
    #[default]
    Unused,
    /// It holds a slot and shakes hands.
    Handshaking,
    /// It knows its peer's key and waits to be announced.
    HandshakeDone,
    /// It is announced and registered.
    Up,
    /// It was rejected when it wanted to be announced.
    Rejected,
    /// Its guard has run, and its connection is still open.
    Closing,
    /// It is over.
    Ended,
}

/// What the session's task knows of its peer, for the selector to read.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AheadFlag {
    #[default]
    Level,
    /// Ahead, and the selector was not called since.
    New,
    /// Ahead, and the selector was called.
    Seen,
}

pub(super) type Outputs = Vec<Output>;
pub(super) type Outcome = Result<(), Refusal>;

impl Handfast {
    /// Returns a node that has just been started.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            sessions: Table::default(),
            next: 0,
            queues: Table::default(),
            line: SmallVec::new(),
            selector: Selector::default(),
            banned: Keys::default(),
            banned_networks: BTreeSet::new(),
            phase: Phase::Open,
        }
    }

    /// Returns how the node is configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns how many subscribers are subscribed.
    pub fn subscribers(&self) -> u8 {
        self.queues.iter().filter(|queue| queue.mode == Mode::On).count() as u8
    }

    /// Attempts an action. Of a machine that refuses, nothing has changed.
    pub(super) fn attempt(&mut self, action: &Action) -> Result<Outputs, Refusal> {
        let mut outputs = Vec::new();
        let out = &mut outputs;
        match *action {
            Action::Open { session, origin } => self.open(session, origin, out),
            Action::GrantPrivilege { session } => self.grant_privilege(session, out),
            Action::Rank { session, rank } => self.rank(session, rank, out),
            Action::HandshakeDone { session, key } => self.handshake_done(session, key, out),
            Action::Announce { session } => self.announce(session, out),
            Action::Disconnect { session } => self.disconnect(session, out),
            Action::Expire { session } => self.expire(session, out),
            Action::End { session } => self.end(session, out),
            Action::Abort { session } => self.abort(session, out),
            Action::Close { session } => self.close(session, out),
            Action::PeerAhead { session } => self.peer_ahead(session, out),
            Action::NotifySelector { session } => self.notify_selector(session, out),
            Action::Subscribe { subscriber } => self.subscribe(subscriber, out),
            Action::Unsubscribe { subscriber } => self.unsubscribe(subscriber, out),
            Action::Evict { subscriber } => self.evict(subscriber, out),
            Action::Receive { subscriber } => self.receive(subscriber, out),
            Action::Stall => self.selector.stall(out),
            Action::Reconsider { session } => self.reconsider(session, out),
            Action::Ban { key } => self.ban(key, out),
            Action::Unban { key } => self.unban(key, out),
            Action::BanNetwork { network } => self.ban_network(network, out),
            Action::UnbanNetwork { network } => self.unban_network(network, out),
            Action::SetLimits { limits } => self.set_limits(limits, out),
            Action::Shutdown => self.shutdown(out),
            Action::Finish => self.finish(out),
        }?;
        Ok(outputs)
    }
}

/// Questions that several steps ask.
impl Handfast {
    pub(super) fn session(&self, session: SessionId) -> Result<&Session, Refusal> {
        self.sessions.iter().nth(session.index()).filter(|_| session.0 < self.next).ok_or(Refusal::NoSuchSession)
    }

    pub(super) fn session_mut(&mut self, session: SessionId) -> &mut Session {
        self.sessions.entry(session.index())
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = SessionId> + use<> {
        (0..self.next).map(SessionId)
    }

    /// Returns the sessions that are registered, in the order in which they opened.
    pub(super) fn registered(&self) -> impl Iterator<Item = SessionId> {
        self.ids().filter(move |session| self.sessions.get(session.index()).stage == Stage::Up)
    }

    /// Returns the sessions that are registered under a key.
    pub(super) fn registered_under(&self, key: Key) -> impl Iterator<Item = SessionId> {
        self.registered().filter(move |session| self.sessions.get(session.index()).key == key)
    }
}

/// The line of those that wait for room.
impl Handfast {
    /// PEER-50: whether a queue has no room for the session, or another one waits before it for nothing but room.
    pub(super) fn must_wait(&self, session: SessionId) -> bool {
        let mut before = self.line.iter().take_while(|waiting| **waiting != session);
        self.lacks_room() || before.any(|waiting| matches!(self.admission(*waiting), Admission::Granted))
    }

    fn leave_line(&mut self, session: SessionId) {
        self.line.retain(|waiting| *waiting != session);
    }
}

/// The life of a session.
impl Handfast {
    /// PEER-9, PEER-10, PEER-41, PEER-42: the slot is checked and taken in one step.
    fn open(&mut self, session: SessionId, origin: Origin, outputs: &mut Outputs) -> Outcome {
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
        *self.session_mut(session) = Session { stage: Stage::Handshaking, origin, ..Session::default() };
        outputs.push(Output::Opened(session));
        Ok(())
    }

    /// PEER-9, PEER-42: from now on the session is counted among those that are privileged alone.
    fn grant_privilege(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, origin, .. } = *self.session(session)?;
        if stage != Stage::Handshaking || origin.privileged {
            return Err(Refusal::NotNow);
        }
        self.session_mut(session).origin.privileged = true;
        outputs.push(Output::Privileged(session));
        Ok(())
    }

    /// PEER-43: the rank is known before the key is, so that no session is compared without it.
    fn rank(&mut self, session: SessionId, rank: u32, outputs: &mut Outputs) -> Outcome {
        if self.session(session)?.stage != Stage::Handshaking {
            return Err(Refusal::NotNow);
        }
        self.session_mut(session).rank = rank;
        outputs.push(Output::Ranked(session, rank));
        Ok(())
    }

    /// PEER-17: a second report changes nothing and says so.
    fn handshake_done(&mut self, session: SessionId, key: Key, outputs: &mut Outputs) -> Outcome {
        match self.session(session)?.stage {
            Stage::Handshaking => {
                let state = self.session_mut(session);
                state.stage = Stage::HandshakeDone;
                state.key = key;
                outputs.push(Output::HandshakeDone(session, key));
                Ok(())
            }
            Stage::HandshakeDone | Stage::Up | Stage::Rejected => {
                outputs.push(Output::HandshakeDoneTwice(session));
                Ok(())
            }
            Stage::Unused | Stage::Closing | Stage::Ended => Err(Refusal::NotNow),
        }
    }

    /// PEER-3, PEER-5, PEER-11, PEER-12, PEER-13, PEER-50: one step from the question of admission to the Up in every
    /// queue, or to a place in the line.
    fn announce(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        if stage != Stage::HandshakeDone {
            return Err(Refusal::NotNow);
        }
        // A session may both have completed its handshake and have been told to end. The wish to end wins: a peer that
        // is known to go is not announced, and does not wait for room.
        if ending {
            return Err(Refusal::Ending);
        }
        if self.phase != Phase::Open {
            return Err(Refusal::AlreadyClosing);
        }
        match self.admission(session) {
            Admission::Granted if self.must_wait(session) && self.line.contains(&session) => {
                return Err(Refusal::NoRoom);
            }
            Admission::Granted if self.must_wait(session) => {
                self.line.push(session);
                outputs.push(Output::Waits(session));
            }
            Admission::Granted => self.register(session, outputs),
            Admission::Rejected(reason) => self.reject(session, reason, outputs),
            Admission::After(other) if self.session(other)?.ending => return Err(Refusal::WaitsForOld),
            Admission::After(other) => self.tell_to_end(other, outputs),
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, session: SessionId, reason: Reason, outputs: &mut Outputs) {
        self.session_mut(session).stage = Stage::Rejected;
        self.leave_line(session);
        outputs.push(Output::Rejected(session, reason));
    }

    /// PEER-22: the registry's Up and that of every queue are one step.
    pub(super) fn register(&mut self, session: SessionId, outputs: &mut Outputs) {
        self.session_mut(session).stage = Stage::Up;
        self.leave_line(session);
        outputs.extend([Output::Announced(session), Output::Registered(session)]);
        self.queue(Event::Up(session));
    }

    fn disconnect(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        match stage {
            Stage::Unused | Stage::Closing | Stage::Ended => Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected if ending => Err(Refusal::Ending),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected => {
                self.tell_to_end(session, outputs);
                Ok(())
            }
        }
    }

    pub(super) fn tell_to_end(&mut self, session: SessionId, outputs: &mut Outputs) {
        if !core::mem::replace(&mut self.session_mut(session).ending, true) {
            self.leave_line(session);
            outputs.push(Output::Disconnecting(session));
        }
    }

    /// PEER-29: the timer runs until the session is announced, so that it bounds the wait for room too.
    fn expire(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        match stage {
            Stage::Unused | Stage::Up | Stage::Rejected | Stage::Closing | Stage::Ended => Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone if ending => Err(Refusal::Ending),
            Stage::Handshaking | Stage::HandshakeDone => {
                self.session_mut(session).ending = true;
                self.leave_line(session);
                outputs.push(Output::TimedOut(session));
                Ok(())
            }
        }
    }

    /// PEER-21, PEER-27: runs the guard because the session was told to end or was rejected. It waits for no subscriber.
    fn end(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let Session { stage, ending, .. } = *self.session(session)?;
        match stage {
            Stage::Unused | Stage::Closing | Stage::Ended => return Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up if !ending => return Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected => {}
        }
        self.run_guard(session, outputs);
        Ok(())
    }

    /// Runs the guard because the task was aborted or panicked, wherever it was.
    fn abort(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        match self.session(session)?.stage {
            Stage::Unused | Stage::Closing | Stage::Ended => return Err(Refusal::NotNow),
            Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected => {}
        }
        self.run_guard(session, outputs);
        Ok(())
    }

    /// PEER-1, PEER-2, PEER-8, PEER-9, PEER-14, PEER-49: Down, removal and slot in one step that never waits, that no step
    /// leads back from, and that comes before the connection is closed.
    fn run_guard(&mut self, session: SessionId, outputs: &mut Outputs) {
        // PEER-16: only the flag outlives the session, because the selector may not have received its Up yet.
        let Session { stage: was, ahead, .. } = *self.session_mut(session);
        *self.session_mut(session) = Session { stage: Stage::Closing, ahead, ..Session::default() };
        self.leave_line(session);
        match was {
            Stage::Up => {
                outputs.extend([Output::Ended(session), Output::Removed(session)]);
                self.queue(Event::Down(session));
            }
            Stage::Handshaking | Stage::HandshakeDone | Stage::Rejected => outputs.push(Output::Ended(session)),
            Stage::Unused | Stage::Closing | Stage::Ended => unreachable!("the guard of a session that is not there"),
        }
    }

    /// PEER-15, PEER-30: the last of a session, when its task drops what it has.
    fn close(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        match self.session(session)?.stage {
            Stage::Unused | Stage::Handshaking | Stage::HandshakeDone | Stage::Up | Stage::Rejected | Stage::Ended => {
                Err(Refusal::NotNow)
            }
            Stage::Closing => {
                self.session_mut(session).stage = Stage::Ended;
                outputs.push(Output::Closed(session));
                Ok(())
            }
        }
    }

    fn peer_ahead(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let state = self.session(session)?;
        if state.stage != Stage::Up || state.ending || state.ahead != AheadFlag::Level {
            return Err(Refusal::NotNow);
        }
        self.session_mut(session).ahead = AheadFlag::New;
        outputs.push(Output::PeerAhead(session));
        Ok(())
    }

    /// PEER-6, PEER-25: a selector that has not received the session's Up yet reads the flag when it does. PEER-16: a
    /// session that is not registered tells the selector nothing.
    fn notify_selector(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        let state = self.session(session)?;
        if state.stage != Stage::Up || state.ahead != AheadFlag::New {
            return Err(Refusal::NothingNew);
        }
        self.session_mut(session).ahead = AheadFlag::Seen;
        self.selector.peer_ahead(session, outputs);
        Ok(())
    }
}

/// What the operator does under the lock: bans and the shutdown.
impl Handfast {
    /// PEER-13: a session whose handshake said that it has the key is told to end, announced or not.
    fn ban(&mut self, key: Key, outputs: &mut Outputs) -> Outcome {
        if !self.banned.insert(key) {
            return Err(Refusal::AlreadyBanned);
        }
        outputs.push(Output::Banned(key));
        for session in self.ids() {
            let state = self.sessions.get(session.index());
            if state.key == key && matches!(state.stage, Stage::HandshakeDone | Stage::Up) {
                self.tell_to_end(session, outputs);
            }
        }
        Ok(())
    }

    fn unban(&mut self, key: Key, outputs: &mut Outputs) -> Outcome {
        if !self.banned.remove(key) {
            return Err(Refusal::NotBanned);
        }
        outputs.push(Output::Unbanned(key));
        Ok(())
    }

    /// PEER-13: a session that holds a slot and has an address of the network is told to end, announced or not.
    fn ban_network(&mut self, network: Network, outputs: &mut Outputs) -> Outcome {
        if !self.banned_networks.insert(network) {
            return Err(Refusal::AlreadyBanned);
        }
        outputs.push(Output::NetworkBanned(network));
        for session in self.ids() {
            if self.sessions.get(session.index()).origin.address.is_some_and(|address| network.contains(address)) {
                self.tell_to_end(session, outputs);
            }
        }
        Ok(())
    }

    fn unban_network(&mut self, network: Network, outputs: &mut Outputs) -> Outcome {
        if !self.banned_networks.remove(&network) {
            return Err(Refusal::NotBanned);
        }
        outputs.push(Output::NetworkUnbanned(network));
        Ok(())
    }

    /// PEER-9, PEER-10: the limits hold for the next connection. No session loses its slot by them.
    fn set_limits(&mut self, limits: Limits, outputs: &mut Outputs) -> Outcome {
        if !self.config.allows(&limits) {
            return Err(Refusal::Unsound);
        }
        self.config.limits = limits;
        outputs.push(Output::Limited(limits));
        Ok(())
    }

    /// PEER-18, PEER-28: every session that holds a slot is told to end.
    fn shutdown(&mut self, outputs: &mut Outputs) -> Outcome {
        if self.phase != Phase::Open {
            return Err(Refusal::AlreadyClosing);
        }
        self.phase = Phase::Begun;
        outputs.push(Output::ShutdownBegun);
        for session in self.ids() {
            if self.sessions.get(session.index()).holds_slot() {
                self.tell_to_end(session, outputs);
            }
        }
        Ok(())
    }

    fn finish(&mut self, outputs: &mut Outputs) -> Outcome {
        if self.phase != Phase::Begun || self.sessions.iter().any(Session::holds_slot) {
            return Err(Refusal::NotFinished);
        }
        self.phase = Phase::Complete;
        outputs.push(Output::ShutdownComplete);
        Ok(())
    }
}

impl Machine for Handfast {
    type Protocol = Lifecycle;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        self.attempt(action).into()
    }
}

impl Design for Handfast {
    /// PEER-26: at rest no session waits to be announced, to end or to be closed, no event waits to be received, and no shutdown
    /// waits to be finished.
    fn at_rest(&self) -> bool {
        let session_rests = |session: &Session| match session.stage {
            Stage::Unused | Stage::Ended => true,
            Stage::Up => !session.ending,
            Stage::Handshaking | Stage::HandshakeDone | Stage::Rejected | Stage::Closing => false,
        };
        let queue_rests = |queue: &Queue| queue.events.is_empty() && queue.mode != Mode::CutOff;
        self.phase != Phase::Begun && self.sessions.iter().all(session_rests) && self.queues.iter().all(queue_rests)
    }

    fn header(&self) -> Value {
        serde_json::to_value(Header::of(self)).expect("a header is plain data")
    }

    fn in_words(&self) -> Vec<String> {
        Explains::summary(self)
    }

    fn waits(&self) -> Vec<String> {
        self.waits_in(self)
    }
}
