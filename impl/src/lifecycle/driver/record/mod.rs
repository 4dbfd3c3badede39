//! A record of what happened, for the model to explain.

mod convert;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use handfast_spec::lifecycle::{self as spec, Action, Lifecycle, Output, Refusal};
use handfast_spec::log::{Header, Line};
use handfast_spec::{Observation, Protocol};

use self::convert::{Keys, numbered, origin, refusal, rejection};
use super::signals::ExitKind;
use crate::lifecycle::{
    Announcement, Config, ConfigError, Ended, Event, Greeting, Limits, Network, Origin, Reason, SessionId, StateError,
    SubscriberId,
};
use crate::record::Writer;

/// Where lines go.
pub(super) type Out = Box<dyn Write + Send>;

/// Writes each step as a line of the log that `model explain lifecycle` reads.
///
/// It is called under the lock, so that the order of lines is the order of steps. Sessions and keys are numbered as
/// they appear, those apart that are compared with our own.
pub(super) struct Record<K> {
    log: Writer<Out>,
    sessions: BTreeMap<SessionId, spec::SessionId>,
    /// Sessions that have ended and have not closed their connection.
    closing: BTreeMap<SessionId, spec::SessionId>,
    /// Sessions that are over, with the subscribers that may have their Up or Down queued.
    unheard: BTreeMap<SessionId, (spec::SessionId, BTreeSet<SubscriberId>)>,
    next_session: u32,
    keys: Keys<K>,
    subscribers: BTreeMap<SubscriberId, spec::SubscriberId>,
}

impl<K: Clone + Ord> Record<K> {
    pub(super) fn begin(out: Out, config: &Config<K>) -> Self {
        let (config, keys) = numbered(config);
        let mut log = Writer::new(out);
        log.write(&Header { protocol: Lifecycle::NAME, config });
        Self {
            log,
            sessions: BTreeMap::new(),
            closing: BTreeMap::new(),
            unheard: BTreeMap::new(),
            next_session: 0,
            keys,
            subscribers: BTreeMap::new(),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.log.flush()
    }

    pub(super) fn opened(&mut self, session: SessionId, from: Origin) {
        let number = self.new_session();
        self.sessions.insert(session, number);
        self.asked(number, from, &[Output::Opened(number)]);
    }

    pub(super) fn turned_away(&mut self, from: Origin, reason: Reason) {
        let Some(reason) = rejection(reason) else { return };
        let session = self.new_session();
        self.asked(session, from, &[Output::Rejected(session, reason), Output::Closed(session)]);
    }

    fn asked(&mut self, session: spec::SessionId, from: Origin, told: &[Output]) {
        let origin = origin(from);
        let came = (!origin.is_plain()).then_some(Output::Came(session, origin));
        self.told(Action::Open { session, origin }, came.into_iter().chain(told.iter().copied()));
    }

    pub(super) fn privileged(&mut self, session: SessionId, outcome: Result<(), StateError>) {
        let Some(session) = self.session(session) else { return };
        if let Some(observation) = observed(outcome, || vec![Output::Privileged(session)]) {
            self.line(Action::GrantPrivilege { session }, observation);
        }
    }

    pub(super) fn ranked(&mut self, session: SessionId, rank: u32, outcome: Result<(), StateError>) {
        let Some(session) = self.session(session) else { return };
        if let Some(observation) = observed(outcome, || vec![Output::Ranked(session, rank)]) {
            self.line(Action::Rank { session, rank }, observation);
        }
    }

    pub(super) fn greeted(&mut self, session: SessionId, key: spec::Key, greeting: Greeting) {
        let Some(session) = self.session(session) else { return };
        let output = match greeting {
            Greeting::First => Output::HandshakeDone(session, key),
            Greeting::Again => Output::HandshakeDoneTwice(session),
        };
        self.told(Action::HandshakeDone { session, key }, [output]);
    }

    pub(super) fn announced(
        &mut self,
        session: SessionId,
        outcome: &Result<Announcement, StateError>,
        told_to_end: &[SessionId],
    ) {
        let Some(session) = self.session(session) else { return };
        let observation = match outcome {
            Ok(Announcement::Up) => {
                Observation::Accepted(vec![Output::Announced(session), Output::Registered(session)])
            }
            Ok(Announcement::Rejected(reason)) => {
                let Some(reason) = rejection(*reason) else { return };
                Observation::Accepted(vec![Output::Rejected(session, reason)])
            }
            Ok(Announcement::Queued) => Observation::Accepted(vec![Output::Waits(session)]),
            Ok(Announcement::WaitsForRoom) => Observation::Refused(Refusal::NoRoom),
            Ok(Announcement::WaitsForOlder(_)) if told_to_end.is_empty() => Observation::Refused(Refusal::WaitsForOld),
            Ok(Announcement::WaitsForOlder(_)) => Observation::Accepted(self.disconnecting(told_to_end)),
            Err(error) => match refusal(*error) {
                Some(refusal) => Observation::Refused(refusal),
                None => return,
            },
        };
        self.line(Action::Announce { session }, observation);
    }

    pub(super) fn disconnected(&mut self, session: SessionId, outcome: Result<(), StateError>) {
        let Some(session) = self.session(session) else { return };
        if let Some(observation) = observed(outcome, || vec![Output::Disconnecting(session)]) {
            self.line(Action::Disconnect { session }, observation);
        }
    }

    pub(super) fn expired(&mut self, session: SessionId) {
        let Some(session) = self.session(session) else { return };
        self.told(Action::Expire { session }, [Output::TimedOut(session)]);
    }

    pub(super) fn ended(&mut self, session: SessionId, ended: Ended, exit: ExitKind) {
        let Some(number) = self.sessions.remove(&session) else { return };
        self.closing.insert(session, number);
        if ended.announced && !self.subscribers.is_empty() {
            self.unheard.insert(session, (number, self.subscribers.keys().copied().collect()));
        }
        let session = number;
        let action = match exit {
            ExitKind::InOrder => Action::End { session },
            ExitKind::Dropped | ExitKind::Overdue | ExitKind::Evicted => Action::Abort { session },
        };
        let removed = ended.announced.then_some(Output::Removed(session));
        self.told(action, [Output::Ended(session)].into_iter().chain(removed));
    }

    pub(super) fn closed(&mut self, session: SessionId) {
        if let Some(session) = self.closing.remove(&session) {
            self.told(Action::Close { session }, [Output::Closed(session)]);
        }
    }

    pub(super) fn subscribed(&mut self, subscriber: SubscriberId, listed: impl Iterator<Item = SessionId>) {
        // A subscriber that is gone leaves its number to the next, so that the numbers are as few as the subscribers.
        let used: BTreeSet<spec::SubscriberId> = self.subscribers.values().copied().collect();
        let free = (0..u32::MAX).map(spec::SubscriberId).find(|number| !used.contains(number));
        let Some(number) = free else { return self.log.give_up("more subscribers than the model has numbers for") };
        self.subscribers.insert(subscriber, number);
        let mut outputs: Vec<Output> =
            listed.filter_map(|session| self.session(session)).map(|session| Output::Listed(number, session)).collect();
        outputs.push(Output::Subscribed(number, outputs.len() as u32));
        self.told(Action::Subscribe { subscriber: number }, outputs);
    }

    pub(super) fn unsubscribed(&mut self, subscriber: SubscriberId) {
        if let Some(subscriber) = self.forget(subscriber) {
            self.told(Action::Unsubscribe { subscriber }, [Output::Unsubscribed(subscriber)]);
        }
    }

    pub(super) fn evicted(&mut self, subscriber: SubscriberId) {
        if let Some(&subscriber) = self.subscribers.get(&subscriber) {
            self.told(Action::Evict { subscriber }, [Output::CutOff(subscriber)]);
        }
    }
}

/// What is received, what the operator does, and what is written.
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
        self.told(Action::Receive { subscriber: number }, [Output::Heard(number, heard)]);
    }

    pub(super) fn banned(&mut self, key: &K, outcome: Result<(), StateError>, told_to_end: &[SessionId]) {
        let Some(key) = self.key(key) else { return };
        let observation = match outcome {
            Ok(()) => Observation::Accepted(
                [Output::Banned(key)].into_iter().chain(self.disconnecting(told_to_end)).collect(),
            ),
            Err(_) => Observation::Refused(Refusal::AlreadyBanned),
        };
        self.line(Action::Ban { key }, observation);
    }

    pub(super) fn unbanned(&mut self, key: &K, outcome: Result<(), StateError>) {
        let Some(key) = self.key(key) else { return };
        let observation = match outcome {
            Ok(()) => Observation::Accepted(vec![Output::Unbanned(key)]),
            Err(_) => Observation::Refused(Refusal::NotBanned),
        };
        self.line(Action::Unban { key }, observation);
    }

    pub(super) fn network_banned(
        &mut self,
        network: Network,
        outcome: Result<(), StateError>,
        told_to_end: &[SessionId],
    ) {
        let network = convert::network(network);
        let observation = match outcome {
            Ok(()) => Observation::Accepted(
                [Output::NetworkBanned(network)].into_iter().chain(self.disconnecting(told_to_end)).collect(),
            ),
            Err(_) => Observation::Refused(Refusal::AlreadyBanned),
        };
        self.line(Action::BanNetwork { network }, observation);
    }

    pub(super) fn network_unbanned(&mut self, network: Network, outcome: Result<(), StateError>) {
        let network = convert::network(network);
        let observation = match outcome {
            Ok(()) => Observation::Accepted(vec![Output::NetworkUnbanned(network)]),
            Err(_) => Observation::Refused(Refusal::NotBanned),
        };
        self.line(Action::UnbanNetwork { network }, observation);
    }

    pub(super) fn limits_set(&mut self, limits: &Limits, outcome: Result<(), ConfigError>) {
        let limits = convert::limits(limits);
        let observation = match outcome {
            Ok(()) => Observation::Accepted(vec![Output::Limited(limits)]),
            Err(ConfigError::CapacityTooSmall { .. } | ConfigError::ReservedTooMany { .. }) => {
                Observation::Refused(Refusal::Unsound)
            }
            // The model has limits that admit none.
            Err(_) => return,
        };
        self.line(Action::SetLimits { limits }, observation);
    }

    /// To the model the end of all sessions of a key is as many disconnects, one after the other.
    pub(super) fn all_disconnected(&mut self, told_to_end: &[SessionId]) {
        told_to_end.iter().for_each(|&session| self.disconnected(session, Ok(())));
    }

    pub(super) fn shutting_down(&mut self, told_to_end: &[SessionId]) {
        let told = [Output::ShutdownBegun].into_iter().chain(self.disconnecting(told_to_end)).collect::<Vec<_>>();
        self.told(Action::Shutdown, told);
    }

    pub(super) fn finished(&mut self) {
        self.told(Action::Finish, [Output::ShutdownComplete]);
    }

    fn disconnecting(&self, told_to_end: &[SessionId]) -> Vec<Output> {
        told_to_end.iter().filter_map(|&session| self.session(session)).map(Output::Disconnecting).collect()
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
            None => self.log.give_up("more sessions than the model has numbers for"),
        }
        session
    }

    /// Returns the number of a key. None, and the record ends, when they are used up.
    pub(super) fn key(&mut self, key: &K) -> Option<spec::Key> {
        let number = self.keys.number(key);
        if number.is_none() {
            self.log.give_up("more keys than the model has numbers for");
        }
        number
    }

    fn told(&mut self, action: Action, outputs: impl IntoIterator<Item = Output>) {
        self.line(action, Observation::Accepted(outputs.into_iter().collect()));
    }

    fn line(&mut self, action: Action, observation: Observation<Output, Refusal>) {
        self.log.write(&Line::observed(action, observation));
    }
}

/// What was observed of an operation, if the specification has a word for its error.
fn observed(
    outcome: Result<(), StateError>,
    outputs: impl FnOnce() -> Vec<Output>,
) -> Option<Observation<Output, Refusal>> {
    match outcome {
        Ok(()) => Some(Observation::Accepted(outputs())),
        Err(error) => refusal(error).map(Observation::Refused),
    }
}
