//! What the participants of the peer lifecycle were told.

use core::net::IpAddr;
use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    Duplicates, Event, Fact, Keys, Limits, Offence, Offences, Origin, Phase, Reason, SELECTOR, SessionId,
    SessionRecord, Stream, SubscriberId, SubscriberRecord, Subscription, Table,
};

/// Everything that the participants were told.
#[derive(Clone, Default, Eq, Hash, PartialEq, Serialize)]
pub struct Ledger {
    /// Per session.
    pub sessions: Table<SessionRecord, 3>,
    /// Per subscriber.
    pub subscribers: Table<SubscriberRecord, 2>,
    /// Which peer the application takes for the active one.
    pub active: Option<SessionId>,
    /// Which keys the operator takes for banned.
    pub banned: Keys,
    /// Which addresses the operator takes for banned.
    pub banned_addresses: BTreeSet<IpAddr>,
    /// How far the shutdown is.
    pub phase: Phase,
    /// How many slots the operator configured.
    pub limits: Limits,
    /// What the operator wants to become of a second session with the same key.
    pub duplicates: Duplicates,
    /// What facts gave away.
    pub offences: Offences,
}

impl Ledger {
    /// The ledger of a machine that was so configured and has not been stepped.
    pub fn configured(limits: Limits, duplicates: Duplicates) -> Self {
        Self { limits, duplicates, ..Self::default() }
    }

    /// Whether the offence was committed.
    pub fn has(&self, offence: Offence) -> bool {
        self.offences.has(offence)
    }

    /// The offences that were committed.
    pub fn offences(&self) -> impl Iterator<Item = Offence> {
        Offence::ALL.into_iter().filter(|offence| self.has(*offence))
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

    /// Enters one fact.
    pub fn record(&mut self, fact: &Fact) {
        match *fact {
            Fact::Came(session, origin) => self.session(session).origin = origin,
            Fact::Opened(session) => self.opened(session),
            Fact::Rejected(session, reason) => self.rejected(session, reason),
            Fact::Greeted(session, key) => self.session(session).key = Some(key),
            Fact::GreetedTwice(_) => {}
            Fact::Announced(session) => self.announced(session),
            Fact::Registered(session) => self.registered(session),
            Fact::Removed(session) => self.removed(session),
            Fact::Disconnecting(session) | Fact::TimedOut(session) => self.session(session).disconnecting = true,
            Fact::Ended(session) => {
                self.offend(Offence::AfterComplete, self.phase == Phase::Complete);
                self.session(session).end();
            }
            Fact::Closed(session) => {
                let closed = core::mem::replace(&mut self.session(session).closed, true);
                self.offend(Offence::ClosedTwice, closed);
            }
            Fact::Panicked(_) => self.offend(Offence::Panicked, true),
            Fact::Listed(subscriber, session) => {
                self.offend(Offence::Misreported, !self.sessions.get(session.index()).registered);
                self.subscriber(subscriber).heard.entry(session.index()).hear(true);
            }
            Fact::Subscribed(subscriber, listed) => {
                let registered = self.sessions.iter().filter(|session| session.registered).count();
                self.offend(Offence::Misreported, registered != listed as usize);
                self.subscriber(subscriber).subscription = Subscription::On;
            }
            Fact::Unsubscribed(subscriber) => self.subscriber(subscriber).end_subscription(),
            Fact::CutOff(subscriber) => self.subscriber(subscriber).subscription = Subscription::CutOff,
            Fact::Heard(subscriber, event) => self.heard_event(subscriber, event),
            Fact::Ahead(session) => self.session(session).ahead = true,
            Fact::Heeded(session) => self.heeded(session),
            Fact::Deferred(_) => {}
            Fact::Ignored(_) => self.offend(Offence::Ignored, true),
            Fact::Active(active) => self.active = active,
            Fact::Stalled(session) => self.session(session).stalled = true,
            Fact::Kept(session) => {
                let dropped = self.sessions.get(session.index()).dropped;
                self.offend(Offence::KeptAfterEnd, dropped);
                self.session(session).kept = true;
            }
            Fact::Dropped(session) => {
                self.session(session).kept = false;
                self.session(session).dropped = true;
            }
            Fact::Banned(key) => {
                self.banned.insert(key);
            }
            Fact::Unbanned(key) => {
                self.banned.remove(key);
            }
            Fact::AddressBanned(address) => {
                self.banned_addresses.insert(address);
            }
            Fact::AddressUnbanned(address) => {
                self.banned_addresses.remove(&address);
            }
            Fact::ShutdownBegun => self.phase = Phase::Begun,
            Fact::ShutdownComplete => {
                self.phase = Phase::Complete;
                self.offend(Offence::OwedAtComplete, self.slots_held() > 0);
            }
        }
    }

    fn opened(&mut self, session: SessionId) {
        self.offend(Offence::AfterComplete, self.phase == Phase::Complete);
        self.judge_opened(session);
        let before = core::mem::replace(&mut self.session(session).opened, true);
        self.offend(Offence::IdReused, before);
    }

    fn rejected(&mut self, session: SessionId, reason: Reason) {
        self.judge_rejected(session, reason);
        let record = self.session(session);
        record.rejected = Some(reason);
        if !record.opened {
            record.origin = Origin::default();
        }
    }

    fn announced(&mut self, session: SessionId) {
        self.offend(Offence::AfterComplete, self.phase == Phase::Complete);
        // With its end the key of a session that nobody was told of is forgotten; what comes after the end is PEER-1's.
        let record = self.sessions.get(session.index());
        self.offend(Offence::Ungreeted, record.key.is_none() && record.registry == Stream::Nothing);
        self.session(session).registry.hear(true);
    }

    fn registered(&mut self, session: SessionId) {
        let record = self.sessions.get(session.index());
        self.offend(Offence::RegisteredRejected, record.rejected.is_some());
        self.offend(Offence::RegisteredBanned, record.key.is_some_and(|key| self.banned.contains(key)));
        self.session(session).registered = true;
    }

    fn removed(&mut self, session: SessionId) {
        let record = self.sessions.get(session.index());
        self.offend(Offence::RemovedLive, record.registry == Stream::Up && !record.disconnecting);
        self.session(session).registered = false;
    }

    fn heard_event(&mut self, subscriber: SubscriberId, event: Event) {
        match event {
            Event::Up(session) => {
                let overlaps = self.key_overlaps(subscriber, session);
                self.offend(Offence::KeyOverlaps, overlaps);
                self.subscriber(subscriber).heard.entry(session.index()).hear(true);
            }
            Event::Down(session) => self.subscriber(subscriber).heard.entry(session.index()).hear(false),
            Event::Lagged => self.subscriber(subscriber).end_subscription(),
            Event::Closed => {
                let owed = self.subscriber(subscriber).heard.iter().any(|stream| stream.believes());
                self.offend(Offence::OwedAtComplete, owed);
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
        self.offend(Offence::PayloadBeforeUp, stream == Stream::Nothing);
        self.offend(Offence::KeptAfterEnd, stream.is_ended());
        self.session(session).heeded = true;
    }

    fn session(&mut self, session: SessionId) -> &mut SessionRecord {
        self.sessions.entry(session.index())
    }

    fn subscriber(&mut self, subscriber: SubscriberId) -> &mut SubscriberRecord {
        self.subscribers.entry(subscriber.index())
    }

    pub(super) fn offend(&mut self, offence: Offence, committed: bool) {
        if committed {
            self.offences.commit(offence);
        }
    }
}
