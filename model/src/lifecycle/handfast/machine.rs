//! The machine: one step for each critical section.

use std::collections::BTreeSet;
use std::net::IpAddr;

use handfast_spec::lifecycle::{
    Action, Duplicates, Event, Key, Keys, Lifecycle, Limits, Origin, Output, Phase, Refusal, SessionId, Table,
};
use handfast_spec::{Machine, Observation};
use serde::Serialize;
use serde_json::Value;
use smallvec::SmallVec;

use super::Flaw;
use super::log::Header;
use super::selector::Selector;
use crate::checker::design::Design;
use crate::in_parts;

/// What the operator configured.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// How many slots there are.
    pub limits: Limits,
    /// How many events a queue holds, those included for which a place is kept free. At least one more than there are
    /// slots, or the last slot could never be announced.
    pub capacity: u64,
    /// What becomes of a second session with the same key.
    pub duplicates: Duplicates,
    /// The mistake of a mutant.
    pub flaw: Flaw,
}

impl Config {
    /// Whether the last slot can be announced: its Up and its Down need room beside the Downs that are owed, and there
    /// must be somebody who may take it.
    pub fn is_sound(&self) -> bool {
        let Limits { total, reserved, .. } = self.limits;
        self.capacity > u64::from(total) && reserved <= total && self.duplicates.most() > 0
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
    pub(super) selector: Selector,
    pub(super) banned: Keys,
    pub(super) banned_addresses: BTreeSet<IpAddr>,
    pub(super) phase: Phase,
    /// What only mutants keep.
    pub(super) counted_slots: u16,
    pub(super) queued_ban: Option<Key>,
}

in_parts!(Handfast {
    sessions: Table<Session, 3>,
    queues: Table<Queue, 2>,
} and {
    config: Config,
    next: u32,
    selector: Selector,
    banned: Keys,
    banned_addresses: BTreeSet<IpAddr>,
    phase: Phase,
    counted_slots: u16,
    queued_ban: Option<Key>,
});

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Session {
    pub(super) stage: Stage,
    pub(super) key: Key,
    pub(super) origin: Origin,
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
    /// It knows who the peer is and waits to be announced.
    HandshakeDone,
    /// It is announced and registered.
    Up,
    /// It was rejected when it wanted to be announced.
    Rejected,
    /// Its guard has run.
    Ended,
    /// What only mutants know: the first half of a step is done.
    Half,
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

#[derive(Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Queue {
    pub(super) mode: Mode,
    pub(super) events: SmallVec<[Event; 4]>,
}

/// What would be derived, except that the events are copied in one piece.
impl Clone for Queue {
    fn clone(&self) -> Self {
        Self { mode: self.mode, events: SmallVec::from_slice(&self.events) }
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    #[default]
    Off,
    On,
    /// Nothing more is queued; `Lagged` comes after what is.
    CutOff,
    /// What only mutants know: the snapshot is taken and the subscription not made.
    Half,
}

pub(super) type Outputs = Vec<Output>;
pub(super) type Outcome = Result<(), Refusal>;

impl Handfast {
    /// A node that has just been started.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            sessions: Table::default(),
            next: 0,
            queues: Table::default(),
            selector: Selector::default(),
            banned: Keys::default(),
            banned_addresses: BTreeSet::new(),
            phase: Phase::Open,
            counted_slots: 0,
            queued_ban: None,
        }
    }

    /// How the node is configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many subscribers are subscribed.
    pub fn subscribers(&self) -> u8 {
        self.queues.iter().filter(|queue| queue.mode == Mode::On).count() as u8
    }

    /// The same node with a mistake.
    #[must_use]
    pub fn with_flaw(mut self, flaw: Flaw) -> Self {
        self.config.flaw = flaw;
        self
    }

    fn take(&mut self, action: &Action, outputs: &mut Outputs) -> Outcome {
        match *action {
            Action::Open { session, origin } => self.open(session, origin, outputs),
            Action::HandshakeDone { session, key } => self.handshake_done(session, key, outputs),
            Action::Announce { session } => self.announce(session, outputs),
            Action::Disconnect { session } => self.disconnect(session, outputs),
            Action::Expire { session } => self.expire(session, outputs),
            Action::End { session } => self.end(session, outputs),
            Action::Abort { session } => self.abort(session, outputs),
            Action::PeerAhead { session } => self.ahead(session, outputs),
            Action::NotifySelector { session } => self.notify_selector(session, outputs),
            Action::Subscribe { subscriber } => self.subscribe(subscriber, outputs),
            Action::Unsubscribe { subscriber } => self.unsubscribe(subscriber, outputs),
            Action::Evict { subscriber } => self.evict(subscriber, outputs),
            Action::Receive { subscriber } => self.receive(subscriber, outputs),
            Action::Stall => self.selector.stall(outputs),
            Action::Ban { key } => self.ban(key, outputs),
            Action::Unban { key } => self.unban(key, outputs),
            Action::BanAddress { address } => self.ban_address(address, outputs),
            Action::UnbanAddress { address } => self.unban_address(address, outputs),
            Action::Shutdown => self.shutdown(outputs),
            Action::Finish => self.finish(outputs),
            Action::Resume { session } => self.resume(session, outputs),
        }
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

    pub(super) fn is_registered(&self, session: SessionId) -> bool {
        match self.sessions.get(session.index()).stage {
            Stage::Up => true,
            Stage::Half => matches!(self.config.flaw, Flaw::AdmitsAfterUp | Flaw::AbortSkipsDown),
            Stage::Unused | Stage::Handshaking | Stage::HandshakeDone | Stage::Rejected | Stage::Ended => false,
        }
    }

    pub(super) fn registered(&self) -> usize {
        self.ids().filter(|&session| self.is_registered(session)).count()
    }

    /// The newest session that is registered under a key.
    pub(super) fn registered_under(&self, key: Key) -> Option<SessionId> {
        let has_key = |session: &SessionId| self.sessions.get(session.index()).key == key;
        self.ids().filter(|&session| self.is_registered(session)).filter(has_key).last()
    }
}

impl Machine for Handfast {
    type Protocol = Lifecycle;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.take(action, &mut outputs).map(|()| outputs).into()
    }
}

impl Design for Handfast {
    /// PEER-26: at rest nobody waits to be announced, to end, to hear or to finish.
    fn at_rest(&self) -> bool {
        let session_rests = |session: &Session| match session.stage {
            Stage::Unused | Stage::Ended => true,
            Stage::Up => !session.ending,
            // Its task is gone and left things as they are.
            Stage::Half => self.config.flaw == Flaw::AbortSkipsDown,
            Stage::Handshaking | Stage::HandshakeDone | Stage::Rejected => false,
        };
        let queue_rests = |queue: &Queue| queue.events.is_empty() && queue.mode != Mode::CutOff;
        self.phase != Phase::Begun && self.sessions.iter().all(session_rests) && self.queues.iter().all(queue_rests)
    }
    fn header(&self) -> Value {
        serde_json::to_value(Header::of(self)).expect("a header is plain data")
    }
}
