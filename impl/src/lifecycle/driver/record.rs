//! A record of what happened, for the model to explain.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use handfast_spec::Observation;
use handfast_spec::lifecycle::{self as spec, Action, Fact, Refusal};
use serde::Serialize;

use super::shared::How;
use super::words::{refusal, word};
use crate::lifecycle::{
    Announcement, Config, ConfigError, Duplicates, Ended, Event, Greeting, Misuse, Reason, SessionId, SubscriberId,
};

/// Writes each step as a line of the log that `model explain lifecycle` reads.
///
/// It is called under the lock, so that the order of lines is the order of steps. Sessions and keys are numbered as
/// they appear. A connection that was turned away by a limit that the model does not know (by direction, source,
/// address, reservation or banned address) is left out: to the model it never was.
pub(super) struct Record<K> {
    out: Box<dyn Write + Send>,
    /// The first error; nothing is written after it, because what has a gap cannot be explained.
    error: Option<io::Error>,
    sessions: BTreeMap<SessionId, spec::SessionId>,
    /// Sessions that are over, with the subscribers that may have their Up or Down queued.
    unheard: BTreeMap<SessionId, (spec::SessionId, BTreeSet<SubscriberId>)>,
    next_session: u32,
    keys: BTreeMap<K, spec::Key>,
    subscribers: BTreeMap<SubscriberId, spec::SubscriberId>,
}

#[derive(Serialize)]
struct Header {
    protocol: &'static str,
    total: u16,
    pending: u16,
    capacity: u16,
    duplicates: &'static str,
    subscribers: u8,
}

#[derive(Serialize)]
struct Line {
    action: Action,
    observation: Observation<Fact, Refusal>,
}

impl<K: Clone + Ord> Record<K> {
    pub(super) fn begin(out: Box<dyn Write + Send>, config: &Config<K>) -> Result<Self, ConfigError> {
        let duplicates = match config.duplicates {
            Duplicates::KeepOld => "keep_old",
            Duplicates::KeepNew => "keep_new",
            Duplicates::TieBreak { .. } | Duplicates::Allow(_) => return Err(ConfigError::Unrecordable),
        };
        let number = |number: usize| u16::try_from(number).map_err(|_| ConfigError::Unrecordable);
        let header = Header {
            protocol: "lifecycle",
            total: number(config.limits.total)?,
            pending: number(config.limits.pending)?,
            capacity: number(config.capacity)?,
            duplicates,
            subscribers: 0,
        };
        let mut record = Self {
            out,
            error: None,
            sessions: BTreeMap::new(),
            unheard: BTreeMap::new(),
            next_session: 0,
            keys: BTreeMap::new(),
            subscribers: BTreeMap::new(),
        };
        record.write(&header);
        Ok(record)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => {
                self.error = Some(io::Error::new(error.kind(), error.to_string()));
                Err(error)
            }
            None => self.out.flush(),
        }
    }

    pub(super) fn opened(&mut self, session: SessionId) {
        let number = self.new_session();
        self.sessions.insert(session, number);
        self.told(Action::Open { session: number }, [Fact::Opened(number)]);
    }

    pub(super) fn turned_away(&mut self, reason: Reason) {
        // Who is banned before his handshake is banned by address, which the model does not know.
        if let Some(reason) = word(reason).filter(|reason| *reason != spec::Reason::Banned) {
            let session = self.new_session();
            self.told(Action::Open { session }, [Fact::Rejected(session, reason), Fact::Closed(session)]);
        }
    }

    pub(super) fn greeted(&mut self, session: SessionId, key: &K, greeting: Greeting) {
        let (Some(session), key) = (self.session(session), self.key(key)) else { return };
        let fact = match greeting {
            Greeting::First => Fact::Greeted(session, key),
            Greeting::Again => Fact::GreetedTwice(session),
        };
        self.told(Action::Greet { session, key }, [fact]);
    }

    pub(super) fn announced(
        &mut self,
        session: SessionId,
        outcome: &Result<Announcement, Misuse>,
        told_to_end: &[SessionId],
    ) {
        let Some(session) = self.session(session) else { return };
        let observation = match outcome {
            Ok(Announcement::Up) => Observation::Told(vec![Fact::Announced(session), Fact::Registered(session)]),
            Ok(Announcement::Rejected(reason)) => {
                let Some(reason) = word(*reason) else { return };
                Observation::Told(vec![Fact::Rejected(session, reason)])
            }
            Ok(Announcement::WaitsForRoom) => Observation::Refused(Refusal::NoRoom),
            Ok(Announcement::WaitsForOlder(_)) if told_to_end.is_empty() => Observation::Refused(Refusal::WaitsForOld),
            Ok(Announcement::WaitsForOlder(_)) => Observation::Told(self.disconnecting(told_to_end)),
            Err(misuse) => match refusal(*misuse) {
                Some(refusal) => Observation::Refused(refusal),
                None => return,
            },
        };
        self.line(Action::Announce { session }, observation);
    }

    pub(super) fn disconnected(&mut self, session: SessionId, outcome: Result<(), Misuse>) {
        let Some(session) = self.session(session) else { return };
        let observation = match outcome {
            Ok(()) => Observation::Told(vec![Fact::Disconnecting(session)]),
            Err(misuse) => match refusal(misuse) {
                Some(refusal) => Observation::Refused(refusal),
                None => return,
            },
        };
        self.line(Action::Disconnect { session }, observation);
    }

    pub(super) fn expired(&mut self, session: SessionId) {
        let Some(session) = self.session(session) else { return };
        self.told(Action::Expire { session }, [Fact::TimedOut(session)]);
    }

    pub(super) fn ended(&mut self, session: SessionId, ended: Ended, how: How) {
        let Some(number) = self.sessions.remove(&session) else { return };
        if ended.announced && !self.subscribers.is_empty() {
            self.unheard.insert(session, (number, self.subscribers.keys().copied().collect()));
        }
        let session = number;
        let action = match how {
            How::InOrder => Action::End { session },
            How::Dropped | How::Overdue => Action::Abort { session },
        };
        let removed = ended.announced.then_some(Fact::Removed(session));
        self.told(action, [Fact::Ended(session)].into_iter().chain(removed).chain([Fact::Closed(session)]));
    }

    pub(super) fn subscribed(&mut self, subscriber: SubscriberId, listed: impl Iterator<Item = SessionId>) {
        // The model numbers subscribers with a byte; whoever is gone leaves his number to the next.
        let free = (0..=u8::MAX).map(spec::SubscriberId).find(|id| !self.subscribers.values().any(|used| used == id));
        let Some(number) = free else { return self.give_up("more subscribers than the model has numbers for") };
        self.subscribers.insert(subscriber, number);
        let mut facts: Vec<Fact> =
            listed.filter_map(|session| self.session(session)).map(|session| Fact::Listed(number, session)).collect();
        facts.push(Fact::Subscribed(number, facts.len() as u32));
        self.told(Action::Subscribe { subscriber: number }, facts);
    }

    pub(super) fn unsubscribed(&mut self, subscriber: SubscriberId) {
        if let Some(subscriber) = self.forget(subscriber) {
            self.told(Action::Unsubscribe { subscriber }, [Fact::Unsubscribed(subscriber)]);
        }
    }

    pub(super) fn evicted(&mut self, subscriber: SubscriberId) {
        if let Some(&subscriber) = self.subscribers.get(&subscriber) {
            self.told(Action::Evict { subscriber }, [Fact::CutOff(subscriber)]);
        }
    }
}

/// The operator, and what is written.
impl<K: Clone + Ord> Record<K> {
    pub(super) fn received<I>(&mut self, subscriber: SubscriberId, event: &Event<K, I>) {
        let Some(&number) = self.subscribers.get(&subscriber) else { return };
        let heard = match event {
            Event::Up(peer) => self.number(peer.session).map(spec::Event::Up),
            Event::Down(peer, _) => {
                let down = self.number(peer.session).map(spec::Event::Down);
                self.no_longer_unheard(peer.session, subscriber);
                down
            }
            Event::Lagged => self.forget(subscriber).map(|_| spec::Event::Lagged),
            Event::Closed => self.forget(subscriber).map(|_| spec::Event::Closed),
        };
        let Some(heard) = heard else { return };
        self.told(Action::Receive { subscriber: number }, [Fact::Heard(number, heard)]);
    }

    pub(super) fn banned(&mut self, key: &K, outcome: Result<(), Misuse>, told_to_end: &[SessionId]) {
        let key = self.key(key);
        let observation = match outcome {
            Ok(()) => {
                Observation::Told([Fact::Banned(key)].into_iter().chain(self.disconnecting(told_to_end)).collect())
            }
            Err(_) => Observation::Refused(Refusal::AlreadyBanned),
        };
        self.line(Action::Ban { key }, observation);
    }

    pub(super) fn unbanned(&mut self, key: &K, outcome: Result<(), Misuse>) {
        let key = self.key(key);
        let observation = match outcome {
            Ok(()) => Observation::Told(vec![Fact::Unbanned(key)]),
            Err(_) => Observation::Refused(Refusal::NotBanned),
        };
        self.line(Action::Unban { key }, observation);
    }

    /// To the model a ban of an address is as many disconnects as there are sessions with it.
    pub(super) fn address_banned(&mut self, told_to_end: &[SessionId]) {
        told_to_end.iter().for_each(|&session| self.disconnected(session, Ok(())));
    }

    pub(super) fn shutting_down(&mut self, told_to_end: &[SessionId]) {
        let told = [Fact::ShutdownBegun].into_iter().chain(self.disconnecting(told_to_end)).collect::<Vec<_>>();
        self.told(Action::Shutdown, told);
    }

    pub(super) fn finished(&mut self) {
        self.told(Action::Finish, [Fact::ShutdownComplete]);
    }

    fn disconnecting(&self, told_to_end: &[SessionId]) -> Vec<Fact> {
        told_to_end.iter().filter_map(|&session| self.session(session)).map(Fact::Disconnecting).collect()
    }

    fn session(&self, session: SessionId) -> Option<spec::SessionId> {
        self.sessions.get(&session).copied()
    }

    /// The number of a session that may be over.
    fn number(&self, session: SessionId) -> Option<spec::SessionId> {
        self.session(session).or_else(|| self.unheard.get(&session).map(|(number, _)| *number))
    }

    fn no_longer_unheard(&mut self, session: SessionId, subscriber: SubscriberId) {
        if let Some((_, subscribers)) = self.unheard.get_mut(&session) {
            subscribers.remove(&subscriber);
            if subscribers.is_empty() {
                self.unheard.remove(&session);
            }
        }
    }

    fn forget(&mut self, subscriber: SubscriberId) -> Option<spec::SubscriberId> {
        self.unheard.retain(|_, (_, subscribers)| {
            subscribers.remove(&subscriber);
            !subscribers.is_empty()
        });
        self.subscribers.remove(&subscriber)
    }

    fn new_session(&mut self) -> spec::SessionId {
        let session = spec::SessionId(self.next_session);
        match self.next_session.checked_add(1) {
            Some(next) => self.next_session = next,
            None => self.give_up("more sessions than the model has numbers for"),
        }
        session
    }

    fn key(&mut self, key: &K) -> spec::Key {
        let next = spec::Key(u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
        *self.keys.entry(key.clone()).or_insert(next)
    }

    fn told(&mut self, action: Action, facts: impl IntoIterator<Item = Fact>) {
        self.line(action, Observation::Told(facts.into_iter().collect()));
    }

    fn line(&mut self, action: Action, observation: Observation<Fact, Refusal>) {
        self.write(&Line { action, observation });
    }

    fn write(&mut self, line: &impl Serialize) {
        if self.error.is_some() {
            return;
        }
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.out.write_all(&bytes)
        });
        self.error = written.err();
    }

    fn give_up(&mut self, why: &'static str) {
        self.error.get_or_insert_with(|| io::Error::other(why));
    }
}
