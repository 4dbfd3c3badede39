//! The registry of sessions and the queues of its subscribers.

mod queues;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;

pub use words::{
    Announcement, Config, ConfigError, Duplicates, Effect, Event, Greeting, Misuse, Reason, Rejected, SessionId,
    Subscribed, SubscriberId,
};

use queues::Queue;

/// The registry of sessions and the queues of its subscribers: a pure state machine.
///
/// It has no clock, no tasks and no lock. Each method is one step of the specification; whoever keeps the core behind a
/// lock and calls one method for each time that he holds it has the model's guarantees. After each call
/// [`poll_effect`](Self::poll_effect) is to be drained.
///
/// No method waits. Memory is bounded by the [`Config`], by the number of subscribers, and by the number of banned keys.
#[derive(Debug)]
pub struct Core<K> {
    config: Config,
    /// Sessions that hold a slot. Those that are over are gone from here.
    sessions: BTreeMap<SessionId, Session<K>>,
    /// Announced sessions by key (PEER-12: at most one each).
    registered: HashMap<K, SessionId>,
    banned: HashSet<K>,
    queues: BTreeMap<SubscriberId, Queue>,
    /// Sessions whose announcement waits, to be tried again when something has changed.
    waiting: BTreeSet<SessionId>,
    effects: VecDeque<Effect>,
    next_session: u64,
    next_subscriber: u64,
    phase: Phase,
}

#[derive(Debug)]
struct Session<K> {
    stage: Stage<K>,
    /// It was told to end.
    ending: bool,
}

#[derive(Debug)]
enum Stage<K> {
    /// The handshake goes on.
    Shaking,
    /// The handshake said who it is; the session waits to be announced.
    Greeted(K),
    /// Every subscriber was sent its Up, and is owed its Down.
    Up(K),
    /// It must not be announced.
    Rejected,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Open,
    ShuttingDown,
    Complete,
}

impl<K: Clone + Eq + Hash> Core<K> {
    /// A registry without sessions and subscribers.
    ///
    /// # Errors
    ///
    /// If the configuration could never announce a session in the last slot.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            config,
            sessions: BTreeMap::new(),
            registered: HashMap::new(),
            banned: HashSet::new(),
            queues: BTreeMap::new(),
            waiting: BTreeSet::new(),
            effects: VecDeque::new(),
            next_session: 0,
            next_subscriber: 0,
            phase: Phase::Open,
        })
    }

    /// Takes a slot for a connection (PEER-9, PEER-10). The id that a rejected connection would have had is not used
    /// again either.
    ///
    /// # Errors
    ///
    /// If there is no slot, or the node shuts down. The connection is then to be closed; nobody hears of it.
    pub fn open(&mut self) -> Result<SessionId, Rejected> {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let reason = match self.phase {
            Phase::ShuttingDown | Phase::Complete => Some(Reason::ShuttingDown),
            Phase::Open if self.sessions.len() >= self.config.total => Some(Reason::Full),
            Phase::Open if self.pending() >= self.config.pending => Some(Reason::Pending),
            Phase::Open => None,
        };
        match reason {
            Some(reason) => Err(Rejected { session, reason }),
            None => {
                self.sessions.insert(session, Session { stage: Stage::Shaking, ending: false });
                Ok(session)
            }
        }
    }

    /// Notes that the handshake completed, and with whom (PEER-5). Reporting it again changes nothing (PEER-17).
    ///
    /// # Errors
    ///
    /// If the session is over or was never opened.
    pub fn greet(&mut self, session: SessionId, key: K) -> Result<Greeting, Misuse> {
        let state = self.session(session)?;
        match state.stage {
            Stage::Shaking => {
                state.stage = Stage::Greeted(key);
                Ok(Greeting::First)
            }
            Stage::Greeted(_) | Stage::Up(_) | Stage::Rejected => Ok(Greeting::Again),
        }
    }

    /// Announces a session: admission by key, room in every queue for its Up and its Down, registration, and Up in
    /// every queue, all in this step (PEER-3, PEER-11, PEER-12, PEER-13).
    ///
    /// If it waits, call again after an [`Effect::Retry`].
    ///
    /// # Errors
    ///
    /// If the session is not between its handshake and its announcement, if it was told to end (it then ends
    /// unannounced), or if the node shuts down.
    pub fn announce(&mut self, session: SessionId) -> Result<Announcement, Misuse> {
        let phase = self.phase;
        let state = self.session(session)?;
        let Stage::Greeted(key) = &state.stage else { return Err(Misuse::NotNow) };
        if state.ending {
            return Err(Misuse::Ending);
        }
        if phase != Phase::Open {
            return Err(Misuse::ShuttingDown);
        }
        let key = key.clone();
        if self.banned.contains(&key) {
            return self.reject(session, Reason::Banned);
        }
        if let Some(&other) = self.registered.get(&key) {
            return match self.config.duplicates {
                Duplicates::KeepNew if other < session => {
                    self.tell_to_end(other);
                    self.waiting.insert(session);
                    Ok(Announcement::WaitsForOlder(other))
                }
                Duplicates::KeepNew | Duplicates::KeepOld => self.reject(session, Reason::Duplicate),
            };
        }
        if self.queues.values().any(|queue| !self.has_room(queue)) {
            self.waiting.insert(session);
            return Ok(Announcement::WaitsForRoom);
        }
        self.registered.insert(key.clone(), session);
        self.session(session)?.stage = Stage::Up(key);
        self.queue(Event::Up(session));
        Ok(Announcement::Up)
    }

    fn reject(&mut self, session: SessionId, reason: Reason) -> Result<Announcement, Misuse> {
        self.session(session)?.stage = Stage::Rejected;
        Ok(Announcement::Rejected(reason))
    }

    /// Tells a session to end. Its task hears of it by an [`Effect::End`].
    ///
    /// # Errors
    ///
    /// [`Misuse::Ending`] if it was told before; that changes nothing.
    pub fn disconnect(&mut self, session: SessionId) -> Result<(), Misuse> {
        if self.session(session)?.ending {
            return Err(Misuse::Ending);
        }
        self.tell_to_end(session);
        Ok(())
    }

    /// Tells a session to end because its handshake timer fired (PEER-29). The timer runs until the announcement.
    ///
    /// # Errors
    ///
    /// If the session is announced or rejected, so that no timer runs, or was told to end before.
    pub fn expire(&mut self, session: SessionId) -> Result<(), Misuse> {
        match self.session(session)?.stage {
            Stage::Shaking | Stage::Greeted(_) => self.disconnect(session),
            Stage::Up(_) | Stage::Rejected => Err(Misuse::NotNow),
        }
    }

    /// The guard of a session's task: Down into every queue, out of the registry, the slot returned (PEER-2, PEER-8,
    /// PEER-9, PEER-14, PEER-27). It is to be called once, from where it runs however the task ends, and never waits.
    ///
    /// Says whether the session was announced.
    ///
    /// # Errors
    ///
    /// If the session is over or was never opened.
    pub fn end(&mut self, session: SessionId) -> Result<bool, Misuse> {
        let state = self.sessions.remove(&session).ok_or(Misuse::NoSuchSession)?;
        self.waiting.remove(&session);
        let announced = match state.stage {
            Stage::Up(key) => {
                self.registered.remove(&key);
                self.queue(Event::Down(session));
                true
            }
            Stage::Shaking | Stage::Greeted(_) | Stage::Rejected => false,
        };
        // A slot, a key or room may be what somebody waits for.
        self.retry_waiting();
        Ok(announced)
    }

    /// Whether the guard has a reason to run: the session was told to end, or rejected.
    pub fn is_to_end(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|state| state.ending || matches!(state.stage, Stage::Rejected))
    }

    /// Bans a key: when this returns, no session is announced under it, and those that are were told to end (PEER-13).
    ///
    /// # Errors
    ///
    /// If it is banned already.
    pub fn ban(&mut self, key: K) -> Result<(), Misuse> {
        if self.banned.contains(&key) {
            return Err(Misuse::AlreadyBanned);
        }
        if let Some(&session) = self.registered.get(&key) {
            self.tell_to_end(session);
        }
        self.banned.insert(key);
        Ok(())
    }

    /// Ends a ban.
    ///
    /// # Errors
    ///
    /// If the key is not banned.
    pub fn unban(&mut self, key: &K) -> Result<(), Misuse> {
        if self.banned.remove(key) { Ok(()) } else { Err(Misuse::NotBanned) }
    }

    /// Begins the shutdown: nobody gets a slot or is announced any more, and everybody is told to end (PEER-28).
    ///
    /// # Errors
    ///
    /// If it has begun before.
    pub fn shut_down(&mut self) -> Result<(), Misuse> {
        if self.phase != Phase::Open {
            return Err(Misuse::ShuttingDown);
        }
        self.phase = Phase::ShuttingDown;
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.tell_to_end(session));
        Ok(())
    }

    /// Completes the shutdown if every session has ended (PEER-18); whether it did. Subscribers then hear
    /// [`Event::Closed`] after what is queued for them.
    ///
    /// # Errors
    ///
    /// If no shutdown has begun, or it is complete.
    pub fn finish(&mut self) -> Result<bool, Misuse> {
        match self.phase {
            Phase::Open | Phase::Complete => Err(Misuse::NotNow),
            Phase::ShuttingDown if self.sessions.is_empty() => {
                self.phase = Phase::Complete;
                let subscribers: Vec<SubscriberId> = self.queues.keys().copied().collect();
                self.effects.extend(subscribers.into_iter().map(Effect::Wake));
                Ok(true)
            }
            Phase::ShuttingDown => Ok(false),
        }
    }

    /// The next thing that the driver is to do; none if it has done everything.
    #[must_use = "an effect that is not carried out leaves a task asleep"]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The announced sessions with their keys, in order of their ids.
    pub fn peers(&self) -> impl Iterator<Item = (SessionId, &K)> {
        self.sessions.iter().filter_map(|(&session, state)| match &state.stage {
            Stage::Up(key) => Some((session, key)),
            Stage::Shaking | Stage::Greeted(_) | Stage::Rejected => None,
        })
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
        self.sessions.len() - self.registered.len()
    }

    fn session(&mut self, session: SessionId) -> Result<&mut Session<K>, Misuse> {
        self.sessions.get_mut(&session).ok_or(Misuse::NoSuchSession)
    }

    fn tell_to_end(&mut self, session: SessionId) {
        if let Some(state) = self.sessions.get_mut(&session)
            && !state.ending
        {
            state.ending = true;
            self.waiting.remove(&session);
            self.effects.push_back(Effect::End(session));
        }
    }

    fn retry_waiting(&mut self) {
        self.effects.extend(core::mem::take(&mut self.waiting).into_iter().map(Effect::Retry));
    }
}
