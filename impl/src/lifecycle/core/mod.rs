//! The registry of sessions and the log that its subscribers read.

mod admission;
mod banned;
mod config;
mod discarded;
mod line;
mod log;
mod network;
mod registered;
mod slots;
mod subscribers;
mod types;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use config::{Config, ConfigError, DIALED_BY_BOTH, Duplicates, Limits, Rejected, WhenFull};
pub use discarded::Discarded;
pub use network::{Network, ParseNetworkError, canonical};
pub use types::{
    Announcement, Effect, Ended, Event, Greeting, Origin, Peer, Reason, SessionId, SessionStage, StateError,
    Subscribed, SubscriberId,
};

use banned::BannedNetworks;
use discarded::ByKey;
use line::Waiting;
use log::Log;
use registered::Holders;
use slots::Slots;
use subscribers::Queue;

/// The registry of sessions and the log of events that its subscribers read: a pure state machine.
///
/// It has no clock, no tasks and no lock. Each method is one step of the specification: a driver that keeps the core
/// behind a lock, and calls one method each time it holds the lock, has the model's guarantees. After each call it drains
/// [`poll_effect`](Self::poll_effect).
///
/// Of the caller's code only the order of keys runs in a method. Keys and infos are handed out to be dropped, with
/// [`Effect::Discard`] or as a result.
///
/// No method waits. Memory is bounded by the [`Config`], by the number of subscribers, and by the number of bans.
#[derive(Debug)]
pub struct Core<K, I = ()> {
    config: Config<K>,
    /// Sessions that hold a slot. A session that has ended is removed.
    sessions: BTreeMap<SessionId, Session<K, I>>,
    slots: Slots,
    /// How many sessions are announced.
    announced: usize,
    /// Announced sessions by key (PEER-12: at most one each, where the configuration does not allow more).
    registered: BTreeMap<ByKey<K, I>, Holders>,
    banned: BTreeSet<K>,
    banned_networks: BannedNetworks,
    log: Log<K, I>,
    queues: BTreeMap<SubscriberId, Queue<K, I>>,
    waiting: Waiting,
    effects: VecDeque<Effect<K, I>>,
    next_session: u64,
    next_subscriber: u64,
    phase: Phase,
}

#[derive(Debug)]
struct Session<K, I> {
    origin: Origin,
    rank: u32,
    stage: Stage<K, I>,
    /// It was told to end, and why.
    ending: Option<Reason>,
}

#[derive(Debug)]
enum Stage<K, I> {
    /// The handshake goes on.
    Handshaking,
    /// The handshake said who it is; the session waits to be announced.
    HandshakeDone(Arc<Peer<K, I>>),
    /// Every subscriber was sent its Up, and is owed its Down.
    Up(Arc<Peer<K, I>>),
    /// It must not be announced.
    Rejected(Reason),
}

impl<K, I> Session<K, I> {
    /// Returns the peer, if the session is announced.
    fn peer(&self) -> Option<&Arc<Peer<K, I>>> {
        match &self.stage {
            Stage::Up(peer) => Some(peer),
            Stage::Handshaking | Stage::HandshakeDone(_) | Stage::Rejected(_) => None,
        }
    }
}

impl<K, I> Stage<K, I> {
    /// Returns the error of an operation that this stage does not allow.
    fn wrong_for(&self, session: SessionId) -> StateError {
        let stage = match self {
            Self::Handshaking => "still handshaking",
            Self::HandshakeDone(_) => "waiting to be announced",
            Self::Up(_) => "announced already",
            Self::Rejected(_) => "rejected",
        };
        StateError::WrongStage { session, stage }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Open,
    ShuttingDown,
    Complete,
}

impl<K: Clone + Ord, I> Core<K, I> {
    /// A registry without sessions and subscribers.
    ///
    /// # Errors
    ///
    /// If the configuration could never announce a session in the last slot.
    pub fn new(config: Config<K>) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config,
            sessions: BTreeMap::new(),
            slots: Slots::default(),
            announced: 0,
            registered: BTreeMap::new(),
            banned: BTreeSet::new(),
            banned_networks: BannedNetworks::default(),
            log: Log::new(),
            queues: BTreeMap::new(),
            waiting: Waiting::default(),
            effects: VecDeque::new(),
            next_session: 0,
            next_subscriber: 0,
            phase: Phase::Open,
        })
    }

    /// Takes a slot for a connection (PEER-9, PEER-10, PEER-41, PEER-42). The id that a rejected connection would have had is not used
    /// again either.
    ///
    /// # Errors
    ///
    /// If there is no slot, the address is banned, or the node shuts down. The connection is then to be closed; no
    /// subscriber hears of it. What [`WhenFull::EvictWorst`] asks for is for the driver to do before:
    /// see [`worst`](Self::worst).
    pub fn open(&mut self, origin: Origin) -> Result<SessionId, Rejected> {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let origin = Origin { address: origin.address.map(|address| address.to_canonical()), ..origin };
        self.take_slot(session, origin).map_err(|reason| Rejected { session, reason })?;
        self.sessions.insert(session, Session { origin, rank: 0, stage: Stage::Handshaking, ending: None });
        Ok(session)
    }

    fn take_slot(&mut self, session: SessionId, origin: Origin) -> Result<(), Reason> {
        if self.phase != Phase::Open {
            return Err(Reason::ShuttingDown);
        }
        if origin.address.is_some_and(|address| self.is_address_banned(address)) {
            return Err(Reason::Banned);
        }
        self.slots.take(session, origin, &self.config.limits)
    }

    /// Returns the session that is to end for a connection of this origin to have a slot, if the node is configured to
    /// [evict](WhenFull::EvictWorst), has no slot for it, and there is a session that may be evicted. None if the
    /// connection would be turned away all the same, because of another limit or because more sessions than one would have
    /// to end. Ask before [`open`](Self::open), and end it with [`disconnect`](Self::disconnect) and [`end`](Self::end).
    pub fn worst(&self, origin: Origin) -> Option<SessionId> {
        let origin = Origin { address: origin.address.map(|address| address.to_canonical()), ..origin };
        let is_turned_away =
            self.phase != Phase::Open || origin.address.is_some_and(|address| self.is_address_banned(address));
        if self.config.when_full == WhenFull::TurnAway || is_turned_away {
            return None;
        }
        let may_go = |session| {
            let state = self.sessions.get(&session)?;
            state.ending.is_none().then_some(state.origin)
        };
        self.slots.worst(origin, &self.config.limits, may_go)
    }

    /// Sets other limits. Sessions that hold a slot keep it; what is too many ends in its time.
    ///
    /// # Errors
    ///
    /// As of a [configuration](ConfigError): the capacity of queues stays as it is. Then nothing has changed.
    pub fn set_limits(&mut self, limits: Limits) -> Result<(), ConfigError> {
        limits.validate(self.config.capacity)?;
        self.config.limits = limits;
        Ok(())
    }

    /// Returns the limits that hold now.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Makes a session privileged because its handshake says who it is (PEER-9, PEER-42). The slot that it has is then one
    /// that any privileged session may have, and the next ordinary one may take its place among those.
    ///
    /// # Errors
    ///
    /// If its handshake was reported complete, or it is privileged already.
    pub fn grant_privilege(&mut self, session: SessionId) -> Result<(), StateError> {
        let state = self.handshaking(session)?;
        if state.origin.privileged {
            return Err(StateError::AlreadyPrivileged(session));
        }
        state.origin.privileged = true;
        let origin = state.origin;
        self.slots.grant_privilege(session, origin);
        Ok(())
    }

    /// Says what both ends compare where [ties are broken](Duplicates::TieBreak) and the direction does not tell: a number
    /// that both know from the handshake (PEER-43). Where the dialer numbers its connections and says so, both keep its
    /// latest one.
    ///
    /// # Errors
    ///
    /// If the session's handshake was reported complete.
    pub fn set_rank(&mut self, session: SessionId, rank: u32) -> Result<(), StateError> {
        self.handshaking(session)?.rank = rank;
        Ok(())
    }

    fn handshaking(&mut self, session: SessionId) -> Result<&mut Session<K, I>, StateError> {
        let state = self.session(session)?;
        match state.stage {
            Stage::Handshaking => Ok(state),
            Stage::HandshakeDone(_) | Stage::Up(_) | Stage::Rejected(_) => Err(state.stage.wrong_for(session)),
        }
    }

    /// Notes that the handshake completed, with whom, and what else it said (PEER-5). Reporting it again changes
    /// nothing (PEER-17).
    ///
    /// # Errors
    ///
    /// If the session is over or was never opened.
    pub fn handshake_done(&mut self, session: SessionId, key: K, info: I) -> Result<Greeting, StateError> {
        let greeting = match self.sessions.get_mut(&session) {
            Some(state) if matches!(state.stage, Stage::Handshaking) => {
                let (origin, rank) = (state.origin, state.rank);
                state.stage = Stage::HandshakeDone(Arc::new(Peer { session, key, info, origin, rank }));
                return Ok(Greeting::First);
            }
            Some(_) => Ok(Greeting::Again),
            None => Err(StateError::NoSuchSession(session)),
        };
        self.effects.push_back(Effect::Discard(Discarded::report(key, info)));
        greeting
    }

    /// Announces a session: admission by key, room in every queue for its Up and its Down, registration, and Up in
    /// every queue, all in this step (PEER-3, PEER-11, PEER-12, PEER-13).
    ///
    /// If it waits, call again after an [`Effect::Retry`]. Those that wait for room are served in the order in which they
    /// began to (PEER-50): each is told to try when it is the first.
    ///
    /// # Errors
    ///
    /// If the session is not between its handshake and its announcement, if it was told to end (it then ends
    /// unannounced), or if the node shuts down.
    pub fn announce(&mut self, session: SessionId) -> Result<Announcement, StateError> {
        let phase = self.phase;
        let state = self.session(session)?;
        let Stage::HandshakeDone(peer) = &state.stage else { return Err(state.stage.wrong_for(session)) };
        if state.ending.is_some() {
            return Err(StateError::Ending(session));
        }
        if phase != Phase::Open {
            return Err(StateError::ShuttingDown);
        }
        let peer = Arc::clone(peer);
        self.tries(session);
        let announcement = match self.admit(&peer) {
            Err(objection) => self.object(session, objection)?,
            Ok(()) if self.must_wait(session) && self.wait_for_room(session) => Announcement::Queued,
            Ok(()) if self.must_wait(session) => Announcement::WaitsForRoom,
            Ok(()) => self.register(session, peer)?,
        };
        // The next one in the line may be announced, or watches.
        self.call_first();
        Ok(announcement)
    }

    /// Tells a session to end, and why. Its task hears of it by an [`Effect::End`].
    ///
    /// # Errors
    ///
    /// [`StateError::Ending`] if it was told before; that changes nothing, the first reason stays.
    pub fn disconnect(&mut self, session: SessionId, reason: Reason) -> Result<(), StateError> {
        if self.session(session)?.ending.is_some() {
            return Err(StateError::Ending(session));
        }
        self.tell_to_end(session, reason);
        Ok(())
    }

    /// Tells a session to end because its handshake timer fired (PEER-29). The timer runs until the announcement.
    ///
    /// # Errors
    ///
    /// If the session is announced or rejected, so that no timer runs, or was told to end before.
    pub fn expire(&mut self, session: SessionId) -> Result<(), StateError> {
        let stage = &self.session(session)?.stage;
        match stage {
            Stage::Handshaking | Stage::HandshakeDone(_) => self.disconnect(session, Reason::HandshakeTimeout),
            Stage::Up(_) | Stage::Rejected(_) => Err(stage.wrong_for(session)),
        }
    }

    /// The guard of a session's task: Down into every queue, out of the registry, the slot returned (PEER-2, PEER-8,
    /// PEER-9, PEER-14, PEER-27). It is to be called once, from where it runs however the task ends, and never waits.
    ///
    /// The reason for the end is why the session was rejected or first told to end; `otherwise` if it was not.
    ///
    /// # Errors
    ///
    /// If the session is over or was never opened.
    pub fn end(&mut self, session: SessionId, otherwise: Reason) -> Result<Ended, StateError> {
        let Session { origin, stage, ending, .. } =
            self.sessions.remove(&session).ok_or(StateError::NoSuchSession(session))?;
        self.wait_no_more(session);
        self.slots.give_back(session, origin);
        let reason = ending.unwrap_or(otherwise);
        let ended = match stage {
            Stage::Up(peer) => {
                self.announced -= 1;
                self.unregister(&peer);
                self.publish(Event::Down(peer, reason));
                Ended { announced: true, reason }
            }
            Stage::HandshakeDone(peer) => {
                self.discard(peer);
                Ended { announced: false, reason }
            }
            Stage::Handshaking => Ended { announced: false, reason },
            Stage::Rejected(reason) => Ended { announced: false, reason },
        };
        self.retry_those_after(session);
        self.call_first();
        Ok(ended)
    }

    pub(super) fn discard(&mut self, peer: Arc<Peer<K, I>>) {
        self.effects.push_back(Effect::Discard(Discarded::peer(peer)));
    }

    /// Whether the guard has a reason to run: the session was told to end, or rejected.
    pub fn is_to_end(&self, session: SessionId) -> bool {
        let is_to_end = |state: &Session<K, I>| state.ending.is_some() || matches!(state.stage, Stage::Rejected(_));
        self.sessions.get(&session).is_some_and(is_to_end)
    }

    /// Begins the shutdown: no session gets a slot or is announced any more, and every session is told to end (PEER-28).
    ///
    /// # Errors
    ///
    /// If it has begun before.
    pub fn shut_down(&mut self) -> Result<(), StateError> {
        if self.phase != Phase::Open {
            return Err(StateError::ShuttingDown);
        }
        self.phase = Phase::ShuttingDown;
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.tell_to_end(session, Reason::ShuttingDown);
        }
        Ok(())
    }

    /// Completes the shutdown if every session has ended (PEER-18); whether it did. Subscribers then hear
    /// [`Event::Closed`] after what is queued for them.
    ///
    /// # Errors
    ///
    /// If no shutdown has begun, or it is complete.
    pub fn finish(&mut self) -> Result<bool, StateError> {
        match self.phase {
            Phase::Open | Phase::Complete => Err(StateError::NotShuttingDown),
            Phase::ShuttingDown if self.sessions.is_empty() => {
                self.phase = Phase::Complete;
                self.effects.push_back(Effect::Wake);
                Ok(true)
            }
            Phase::ShuttingDown => Ok(false),
        }
    }

    /// Whether a completed shutdown ended everything.
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    /// Whether a shutdown has begun and is not complete.
    pub fn is_shutting_down(&self) -> bool {
        self.phase == Phase::ShuttingDown
    }

    /// The announced peers, in order of their sessions.
    pub fn peers(&self) -> impl Iterator<Item = &Arc<Peer<K, I>>> {
        self.sessions.values().filter_map(Session::peer)
    }

    /// The peer of an announced session.
    pub fn peer(&self, session: SessionId) -> Option<&Arc<Peer<K, I>>> {
        self.sessions.get(&session)?.peer()
    }

    /// Returns where a session comes from, how far it has come, and why it was told to end, if it was.
    pub fn status(&self, session: SessionId) -> Option<(Origin, SessionStage, Option<Reason>)> {
        let Session { origin, stage, ending, .. } = self.sessions.get(&session)?;
        let stage = match stage {
            Stage::Handshaking => SessionStage::Handshaking,
            Stage::HandshakeDone(_) => SessionStage::HandshakeDone,
            Stage::Up(_) => SessionStage::Up,
            Stage::Rejected(reason) => SessionStage::Rejected(*reason),
        };
        Some((*origin, stage, *ending))
    }

    /// Returns why a session is to end: because it was rejected, or why it was told to.
    pub fn reason_to_end(&self, session: SessionId) -> Option<Reason> {
        match self.status(session)? {
            (_, SessionStage::Rejected(reason), _) => Some(reason),
            (_, SessionStage::Handshaking | SessionStage::HandshakeDone | SessionStage::Up, ending) => ending,
        }
    }

    /// Returns who a session is with, once its handshake has said so and until it is rejected or ends.
    pub fn greeted(&self, session: SessionId) -> Option<&Arc<Peer<K, I>>> {
        match &self.sessions.get(&session)?.stage {
            Stage::HandshakeDone(peer) | Stage::Up(peer) => Some(peer),
            Stage::Handshaking | Stage::Rejected(_) => None,
        }
    }

    /// Returns who a session is with that waits to be announced.
    pub fn unannounced(&self, session: SessionId) -> Option<&Arc<Peer<K, I>>> {
        match &self.sessions.get(&session)?.stage {
            Stage::HandshakeDone(peer) => Some(peer),
            Stage::Handshaking | Stage::Up(_) | Stage::Rejected(_) => None,
        }
    }

    /// The sessions that hold a slot, in order of their ids.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.keys().copied()
    }

    /// Whether a session holds a slot: it was opened, and its guard has not run.
    pub fn contains(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// How many sessions hold a slot.
    pub fn slots_held(&self) -> usize {
        self.sessions.len()
    }

    /// How many sessions hold a slot and are not announced.
    pub fn pending(&self) -> usize {
        self.slots.count_pending()
    }

    /// The next thing that the driver is to do; none if it has done everything.
    #[must_use = "an effect that is not carried out leaves a task asleep"]
    pub fn poll_effect(&mut self) -> Option<Effect<K, I>> {
        self.effects.pop_front()
    }

    fn session(&mut self, session: SessionId) -> Result<&mut Session<K, I>, StateError> {
        self.sessions.get_mut(&session).ok_or(StateError::NoSuchSession(session))
    }

    /// Returns whether it was not told before.
    fn tell_to_end(&mut self, session: SessionId, reason: Reason) -> bool {
        let Some(state) = self.sessions.get_mut(&session).filter(|state| state.ending.is_none()) else { return false };
        state.ending = Some(reason);
        self.effects.push_back(Effect::End(session, reason));
        self.wait_no_more(session);
        self.call_first();
        true
    }
}
