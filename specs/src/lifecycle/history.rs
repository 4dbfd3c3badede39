//! What the participants of the peer lifecycle were told.

use core::fmt::{self, Debug, Formatter};
use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    Duplicates, Event, Key, Keys, Limits, Network, Origin, Output, Phase, Reason, SELECTOR, SessionId, SessionRecord,
    Stream, SubscriberId, SubscriberRecord, Subscription, Table, Violation, Violations,
};

/// Everything that the participants were told.
#[derive(Clone, Default, Eq, Hash, PartialEq, Serialize)]
pub struct History {
    /// Per session.
    pub sessions: Table<SessionRecord, 3>,
    /// Per subscriber.
    pub subscribers: Table<SubscriberRecord, 2>,
    /// Which sessions were told that they wait for room, and neither announced nor told to end since, the first in front.
    pub waiting: Vec<SessionId>,
    /// Which peer the application takes for the active one.
    pub active: Option<SessionId>,
    /// Which keys the operator takes for banned.
    pub banned: Keys,
    /// Which networks the operator takes for banned.
    pub banned_networks: BTreeSet<Network>,
    /// How far the shutdown is.
    pub phase: Phase,
    /// How many slots the operator configured.
    pub limits: Limits,
    /// What the operator wants to become of a second session with the same key.
    pub duplicates: Duplicates,
    /// Our own key, if it is known.
    pub local: Option<Key>,
    /// What outputs gave away.
    pub violations: Violations,
}

impl History {
    /// The history of a machine that was so configured and has not been stepped.
    pub fn configured(limits: Limits, duplicates: Duplicates, local: Option<Key>) -> Self {
        Self { limits, duplicates, local, ..Self::default() }
    }

    /// Whether the violation was committed.
    pub fn has(&self, violation: Violation) -> bool {
        self.violations.contains(violation)
    }

    /// Sessions that hold a slot.
    pub fn slots_held(&self) -> usize {
        self.sessions.iter().filter(|session| session.holds_slot()).count()
    }

    /// Sessions that hold a slot and were not announced.
    pub fn pending(&self) -> usize {
        self.sessions.iter().filter(|session| session.is_pending()).count()
    }

    /// Whether the selector takes the session for live.
    pub fn selector_believes(&self, session: SessionId) -> bool {
        self.heard(SELECTOR, session).believes()
    }

    /// What a subscriber heard of a session.
    pub fn heard(&self, subscriber: SubscriberId, session: SessionId) -> Stream {
        let record = self.subscribers.iter().nth(subscriber.index());
        record.map(|record| record.heard.get(session.index())).unwrap_or_default()
    }

    /// Enters one output.
    pub fn record(&mut self, output: &Output) {
        match *output {
            Output::Came(session, origin) => self.session(session).origin = origin,
            Output::Opened(session) => self.opened(session),
            Output::Rejected(session, reason) => self.rejected(session, reason),
            Output::Privileged(session) => self.session(session).origin.privileged = true,
            Output::Ranked(session, rank) => self.session(session).rank = rank,
            Output::HandshakeDone(session, key) => self.session(session).key = Some(key),
            Output::HandshakeDoneTwice(_) => {}
            Output::Waits(session) => {
                self.waits_no_more(session);
                self.waiting.push(session);
            }
            Output::Announced(session) => self.announced(session),
            Output::Registered(session) => self.registered(session),
            Output::Removed(session) => self.removed(session),
            Output::Disconnecting(session) | Output::TimedOut(session) => self.told_to_end(session),
            Output::Ended(session) => self.ended(session),
            Output::Closed(session) => {
                let closed = core::mem::replace(&mut self.session(session).closed, true);
                self.violate(Violation::ClosedTwice, closed);
            }
            Output::Panicked(_) => self.violate(Violation::Panicked, true),
            Output::Listed(subscriber, session) => {
                self.violate(Violation::Misreported, !self.sessions.get(session.index()).registered);
                self.subscriber(subscriber).heard.entry(session.index()).hear(true);
            }
            Output::Subscribed(subscriber, listed) => {
                let registered = self.sessions.iter().filter(|session| session.registered).count();
                self.violate(Violation::Misreported, registered != listed as usize);
                self.subscriber(subscriber).subscription = Subscription::On;
            }
            Output::Unsubscribed(subscriber) => self.subscriber(subscriber).end_subscription(),
            Output::CutOff(subscriber) => self.subscriber(subscriber).subscription = Subscription::CutOff,
            Output::Heard(subscriber, event) => self.heard_event(subscriber, event),
            Output::PeerAhead(session) => self.session(session).ahead = true,
            Output::Heeded(session) => self.heeded(session),
            Output::Deferred(_) | Output::Stalled(_) => {}
            Output::Ignored(_) => self.violate(Violation::Ignored, true),
            Output::Active(active) => self.active = active,
            Output::Kept(session) => {
                let dropped = self.sessions.get(session.index()).dropped;
                self.violate(Violation::KeptAfterEnd, dropped);
                self.session(session).kept = true;
            }
            Output::Dropped(session) => {
                self.session(session).kept = false;
                self.session(session).dropped = true;
            }
            Output::Banned(key) => self.ban(key),
            Output::Unbanned(key) => {
                self.banned.remove(key);
            }
            Output::NetworkBanned(network) => {
                self.banned_networks.insert(network);
            }
            Output::NetworkUnbanned(network) => {
                self.banned_networks.remove(&network);
            }
            Output::Limited(limits) => self.limits = limits,
            Output::ShutdownBegun => self.phase = Phase::Begun,
            Output::ShutdownComplete => {
                self.phase = Phase::Complete;
                self.violate(Violation::OwedAtComplete, self.slots_held() > 0);
            }
        }
    }

    fn ended(&mut self, session: SessionId) {
        self.violate(Violation::AfterComplete, self.phase == Phase::Complete);
        self.waits_no_more(session);
        self.session(session).end();
    }

    fn told_to_end(&mut self, session: SessionId) {
        self.waits_no_more(session);
        let record = self.session(session);
        record.disconnecting = true;
        record.owed_ban = false;
    }

    fn ban(&mut self, key: Key) {
        self.banned.insert(key);
        let has_key = |session: &&mut SessionRecord| session.key == Some(key) && session.holds_slot();
        for session in self.sessions.iter_mut().filter(has_key) {
            session.owed_ban = !session.is_told_to_end();
        }
    }

    fn opened(&mut self, session: SessionId) {
        self.violate(Violation::AfterComplete, self.phase == Phase::Complete);
        self.judge_opened(session);
        let before = core::mem::replace(&mut self.session(session).opened, true);
        self.violate(Violation::IdReused, before);
    }

    fn rejected(&mut self, session: SessionId, reason: Reason) {
        self.judge_rejected(session, reason);
        self.waits_no_more(session);
        let record = self.session(session);
        record.rejected = Some(reason);
        if !record.opened {
            record.origin = Origin::default();
        }
    }

    fn announced(&mut self, session: SessionId) {
        self.violate(Violation::AfterComplete, self.phase == Phase::Complete);
        // With its end the key of a session that nobody was told of is forgotten; what comes after the end is PEER-1's.
        let record = self.sessions.get(session.index());
        self.violate(Violation::Ungreeted, record.key.is_none() && record.registry == Stream::Nothing);
        self.judge_announced(session);
        self.waits_no_more(session);
        self.session(session).registry.hear(true);
    }

    fn registered(&mut self, session: SessionId) {
        let record = self.sessions.get(session.index());
        self.violate(Violation::RegisteredRejected, record.rejected.is_some());
        self.violate(Violation::RegisteredBanned, record.key.is_some_and(|key| self.banned.contains(key)));
        self.session(session).registered = true;
    }

    fn removed(&mut self, session: SessionId) {
        let record = self.sessions.get(session.index());
        self.violate(Violation::RemovedLive, record.registry == Stream::Up && !record.disconnecting);
        self.session(session).registered = false;
    }

    fn heard_event(&mut self, subscriber: SubscriberId, event: Event) {
        match event {
            Event::Up(session) => {
                let overlaps = self.key_overlaps(subscriber, session);
                self.violate(Violation::KeyOverlaps, overlaps);
                self.subscriber(subscriber).heard.entry(session.index()).hear(true);
            }
            Event::Down(session) => self.subscriber(subscriber).heard.entry(session.index()).hear(false),
            Event::Lagged => self.subscriber(subscriber).end_subscription(),
            Event::Closed => {
                let owed = self.subscriber(subscriber).heard.iter().any(|stream| stream.believes());
                self.violate(Violation::OwedAtComplete, owed);
                self.subscriber(subscriber).end_subscription();
            }
        }
    }

    /// Whether the subscriber takes as many other sessions with the key of `session` for live as there may be in all.
    fn key_overlaps(&mut self, subscriber: SubscriberId, session: SessionId) -> bool {
        let key = self.sessions.get(session.index()).key;
        let heard = &self.subscribers.entry(subscriber.index()).heard;
        let others = heard.iter().zip(self.sessions.iter()).enumerate();
        let overlaps = |&(other, (stream, record)): &(usize, (&Stream, &SessionRecord))| {
            other != session.index() && stream.believes() && record.key == key
        };
        key.is_some() && others.filter(overlaps).count() >= self.duplicates.most() as usize
    }

    fn heeded(&mut self, session: SessionId) {
        let stream = self.heard(SELECTOR, session);
        self.violate(Violation::PayloadBeforeUp, stream == Stream::Nothing);
        self.violate(Violation::KeptAfterEnd, stream.is_ended());
        self.session(session).heeded = true;
    }

    fn waits_no_more(&mut self, session: SessionId) {
        self.waiting.retain(|waiting| *waiting != session);
    }

    fn session(&mut self, session: SessionId) -> &mut SessionRecord {
        self.sessions.entry(session.index())
    }

    fn subscriber(&mut self, subscriber: SubscriberId) -> &mut SubscriberRecord {
        self.subscribers.entry(subscriber.index())
    }

    pub(super) fn violate(&mut self, violation: Violation, committed: bool) {
        if committed {
            self.violations.insert(violation);
        }
    }
}

/// A line for each session and subscriber of which something was told.
impl Debug for History {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, session) in self.sessions.iter().enumerate() {
            if *session != SessionRecord::default() {
                write!(f, "{}:", SessionId(index as u32))?;
                describe(session, f)?;
            }
        }
        for (index, subscriber) in self.subscribers.iter().enumerate() {
            let heard: Vec<_> = subscriber.heard.iter().collect();
            if subscriber.subscription != Subscription::Off || !heard.is_empty() {
                let SubscriberId(number) = SubscriberId(index as u32);
                writeln!(f, "subscriber {number}: {:?}, heard {heard:?}", subscriber.subscription)?;
            }
        }
        if let Some(active) = self.active {
            writeln!(f, "active: {active}")?;
        }
        if !self.violations.is_empty() {
            writeln!(f, "violations: {:?}", self.violations)?;
        }
        match self.phase {
            Phase::Open => Ok(()),
            Phase::Begun | Phase::Complete => writeln!(f, "shutdown: {:?}", self.phase),
        }
    }
}

fn describe(session: &SessionRecord, f: &mut Formatter<'_>) -> fmt::Result {
    let SessionRecord { key, registry, rejected, .. } = session;
    if let Some(key) = key {
        write!(f, " {key},")?;
    }
    write!(f, " registry heard {registry:?}")?;
    if let Some(reason) = rejected {
        write!(f, ", rejected: {reason}")?;
    }
    for (told, what) in [
        (session.opened, "has or had a slot"),
        (session.registered, "registered"),
        (session.disconnecting, "told to end"),
        (session.closed, "closed"),
        (session.ahead, "ahead"),
        (session.heeded, "heeded"),
        (session.kept, "something is kept"),
        (session.dropped, "what was kept is dropped"),
    ] {
        if told {
            write!(f, ", {what}")?;
        }
    }
    writeln!(f)
}
