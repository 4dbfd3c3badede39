//! The core of `handfast::lifecycle` as a machine.
//!
//! What a driver does around the core is done here in the plainest way: session ids are handed on, guards run when they
//! are told to, and each session has the cell in which its peer's height is kept for the selector.

use std::collections::{BTreeMap, BTreeSet};

use handfast::lifecycle::{self as product, ActivePeer, Announcement, Core, Effect, Greeting, Heard, Switch};
use handfast_spec::lifecycle::{
    Action, Event, Key, Lifecycle, Network, Origin, Output, Refusal, SELECTOR, SessionId, SubscriberId,
};
use handfast_spec::{Machine, Observation};
use model::lifecycle::handfast::Config;

use super::convert::{configured, limits, network, origin, reason, refusal};

/// The core with what a driver keeps around it.
pub struct CoreMachine {
    core: Core<Key>,
    selector: ActivePeer,
    /// The product's id of each session that got a slot.
    sessions: BTreeMap<SessionId, Slot>,
    subscribers: BTreeMap<SubscriberId, product::SubscriberId>,
    /// Subscribers that were evicted and have not heard so.
    evicted: BTreeSet<SubscriberId>,
    /// Sessions that have run their guard and have an open connection.
    closing: BTreeSet<SessionId>,
    /// Ids below this one are used.
    next: u32,
    complete: bool,
}

struct Slot {
    id: product::SessionId,
    cell: AheadFlag,
}

/// What the session's task knows of its peer, for the selector to read.
#[derive(Clone, Copy, Eq, PartialEq)]
enum AheadFlag {
    Level,
    New,
    Seen,
}

type Outcome = Result<Vec<Output>, Refusal>;

impl CoreMachine {
    /// A node with this configuration, and this many subscribers from the start.
    ///
    /// # Panics
    ///
    /// If the configuration is not sound.
    pub fn new(config: &Config, subscribers: u8) -> Self {
        let mut machine = Self {
            core: Core::new(configured(config)).expect("the model's configurations are sound"),
            selector: ActivePeer::new(),
            sessions: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            evicted: BTreeSet::new(),
            closing: BTreeSet::new(),
            next: 0,
            complete: false,
        };
        for subscriber in (0..u32::from(subscribers)).map(SubscriberId) {
            let subscribed = machine.core.subscribe().expect("a new node can be subscribed to");
            machine.subscribers.insert(subscriber, subscribed.subscriber);
        }
        machine
    }

    fn take(&mut self, action: Action) -> Outcome {
        match action {
            Action::Open { session, origin } => self.open(session, &origin),
            Action::GrantPrivilege { session } => self.grant_privilege(session),
            Action::Rank { session, rank } => self.rank(session, rank),
            Action::HandshakeDone { session, key } => self.handshake_done(session, key),
            Action::Announce { session } => self.announce(session),
            Action::Disconnect { session } => {
                self.core.disconnect(self.id(session)?, product::Reason::Local).map_err(refusal)?;
                Ok(self.told_to_end())
            }
            Action::Expire { session } => {
                self.core.expire(self.id(session)?).map_err(refusal)?;
                Ok(self.told_to_end().iter().map(|_| Output::TimedOut(session)).collect())
            }
            Action::End { session } if !self.core.is_to_end(self.id(session)?) => Err(Refusal::NotNow),
            Action::End { session } | Action::Abort { session } => self.run_guard(session),
            Action::Close { session } if self.closing.remove(&session) => Ok(vec![Output::Closed(session)]),
            Action::Close { session } => Err(self.gone(session, Refusal::NotNow)),
            Action::PeerAhead { session } => self.ahead(session),
            Action::NotifySelector { session } => self.notify_selector(session),
            Action::Subscribe { subscriber } => self.subscribe(subscriber),
            Action::Unsubscribe { subscriber } => {
                let id = self.subscribers.remove(&subscriber).ok_or(Refusal::NoSuchSubscriber)?;
                self.evicted.remove(&subscriber);
                drop(self.core.unsubscribe(id).map_err(refusal)?);
                Ok([Output::Unsubscribed(subscriber)].into_iter().chain(self.forget(subscriber)).collect())
            }
            Action::Evict { subscriber } => {
                let id = *self.subscribers.get(&subscriber).ok_or(Refusal::NotHolding)?;
                self.core.evict(id).map_err(refusal)?;
                self.evicted.insert(subscriber);
                Ok(vec![Output::CutOff(subscriber)])
            }
            Action::Receive { subscriber } => self.receive(subscriber),
            Action::Stall => {
                let switch = self.selector.stalled().ok_or(Refusal::NoneActive)?;
                let stalled = switch.from.map(|from| Output::Stalled(spec_id(from)));
                Ok(stalled.into_iter().chain([active(switch)]).collect())
            }
            Action::Reconsider { session } => self.reconsider(session),
            Action::Ban { key } => {
                self.core.ban(key).map_err(refusal)?;
                Ok([Output::Banned(key)].into_iter().chain(self.told_to_end()).collect())
            }
            Action::Unban { key } => self.core.unban(&key).map(|()| vec![Output::Unbanned(key)]).map_err(refusal),
            Action::BanNetwork { network: banned } => self.ban_network(banned),
            Action::UnbanNetwork { network: banned } => {
                self.core.unban_network(network(&banned)).map_err(refusal)?;
                Ok(vec![Output::NetworkUnbanned(banned)])
            }
            Action::SetLimits { limits: set } => match self.core.set_limits(limits(&set)) {
                Ok(()) => Ok(vec![Output::Limited(set)]),
                Err(_) => Err(Refusal::Unsound),
            },
            Action::Shutdown => {
                self.core.shut_down().map_err(refusal)?;
                Ok([Output::ShutdownBegun].into_iter().chain(self.told_to_end()).collect())
            }
            Action::Finish => match self.core.finish() {
                Ok(true) => {
                    self.complete = true;
                    Ok(vec![Output::ShutdownComplete])
                }
                Ok(false) | Err(_) => Err(Refusal::NotFinished),
            },
        }
    }

    fn ban_network(&mut self, banned: Network) -> Outcome {
        self.core.ban_network(network(&banned)).map_err(refusal)?;
        Ok([Output::NetworkBanned(banned)].into_iter().chain(self.told_to_end()).collect())
    }

    fn open(&mut self, session: SessionId, from: &Origin) -> Outcome {
        if session.0 != self.next {
            return Err(Refusal::NotNext);
        }
        self.next += 1;
        let came = (!from.is_plain()).then_some(Output::Came(session, *from));
        let told = match self.core.open(origin(from)) {
            Ok(id) => {
                assert_eq!(id.number(), u64::from(session.0), "ids are given in order");
                self.sessions.insert(session, Slot { id, cell: AheadFlag::Level });
                vec![Output::Opened(session)]
            }
            Err(rejected) => vec![Output::Rejected(session, reason(rejected.reason)), Output::Closed(session)],
        };
        Ok(came.into_iter().chain(told).collect())
    }

    fn grant_privilege(&mut self, session: SessionId) -> Outcome {
        self.core.grant_privilege(self.id(session)?).map_err(refusal)?;
        Ok(vec![Output::Privileged(session)])
    }

    fn rank(&mut self, session: SessionId, rank: u32) -> Outcome {
        self.core.set_rank(self.id(session)?, rank).map_err(refusal)?;
        Ok(vec![Output::Ranked(session, rank)])
    }

    fn handshake_done(&mut self, session: SessionId, key: Key) -> Outcome {
        match self.core.handshake_done(self.id(session)?, key, ()).map_err(refusal)? {
            Greeting::First => Ok(vec![Output::HandshakeDone(session, key)]),
            Greeting::Again => Ok(vec![Output::HandshakeDoneTwice(session)]),
        }
    }

    fn announce(&mut self, session: SessionId) -> Outcome {
        match self.core.announce(self.id(session)?).map_err(refusal)? {
            Announcement::Up => Ok(vec![Output::Announced(session), Output::Registered(session)]),
            Announcement::Rejected(why) => Ok(vec![Output::Rejected(session, reason(why))]),
            Announcement::Queued => Ok(vec![Output::Waits(session)]),
            Announcement::WaitsForRoom => Err(Refusal::NoRoom),
            Announcement::WaitsForOlder(_) => {
                let told = self.told_to_end();
                if told.is_empty() { Err(Refusal::WaitsForOld) } else { Ok(told) }
            }
        }
    }

    fn run_guard(&mut self, session: SessionId) -> Outcome {
        let ended = self.core.end(self.id(session)?, product::Reason::Aborted).map_err(refusal)?;
        let removed = ended.announced.then_some(Output::Removed(session));
        self.closing.insert(session);
        Ok([Output::Ended(session)].into_iter().chain(removed).collect())
    }

    fn ahead(&mut self, session: SessionId) -> Outcome {
        let id = self.id(session)?;
        let lives = self.core.peer(id).is_some() && !self.core.is_to_end(id);
        let slot = self.sessions.get_mut(&session).ok_or(Refusal::NotNow)?;
        if !lives || slot.cell != AheadFlag::Level {
            return Err(Refusal::NotNow);
        }
        slot.cell = AheadFlag::New;
        Ok(vec![Output::PeerAhead(session)])
    }

    fn notify_selector(&mut self, session: SessionId) -> Outcome {
        let Ok(id) = self.id(session) else { return Err(self.gone(session, Refusal::NothingNew)) };
        let announced = self.core.peer(id).is_some();
        let slot = self.sessions.get_mut(&session).ok_or(Refusal::NothingNew)?;
        if !announced || slot.cell != AheadFlag::New {
            return Err(Refusal::NothingNew);
        }
        slot.cell = AheadFlag::Seen;
        match self.selector.ahead(id) {
            Heard::Unknown => Ok(vec![Output::Deferred(session)]),
            Heard::Noted(switch) => Ok([Output::Heeded(session)].into_iter().chain(switch.map(active)).collect()),
        }
    }

    /// The driver looks again when it has taken what is queued.
    fn reconsider(&mut self, session: SessionId) -> Outcome {
        let Some(slot) = self.sessions.get(&session) else { return Err(self.gone(session, Refusal::NotNow)) };
        let queued = self.subscribers.get(&SELECTOR).and_then(|id| self.core.queued(*id));
        let is_up_to_date = queued == Some(0) && !self.evicted.contains(&SELECTOR) && !self.complete;
        if !is_up_to_date || self.selector.active().is_some() || !self.selector.has_stalled(slot.id) {
            return Err(Refusal::NotNow);
        }
        Ok(self.selector.reconsider(slot.id, true).map(active).into_iter().collect())
    }

    fn subscribe(&mut self, subscriber: SubscriberId) -> Outcome {
        if self.complete {
            return Err(Refusal::AlreadyClosing);
        }
        if self.subscribers.contains_key(&subscriber) {
            return Err(Refusal::AlreadySubscribed);
        }
        let subscribed = self.core.subscribe().map_err(refusal)?;
        self.subscribers.insert(subscriber, subscribed.subscriber);
        let listed: Vec<product::SessionId> = subscribed.snapshot.iter().map(|peer| peer.session).collect();
        let mut outputs: Vec<_> = listed.iter().map(|&id| Output::Listed(subscriber, spec_id(id))).collect();
        if subscriber == SELECTOR {
            listed.iter().for_each(|&id| outputs.extend(self.selector_hears_up(id)));
        }
        outputs.push(Output::Subscribed(subscriber, listed.len() as u32));
        Ok(outputs)
    }

    fn receive(&mut self, subscriber: SubscriberId) -> Outcome {
        let id = *self.subscribers.get(&subscriber).ok_or(Refusal::NoSuchSubscriber)?;
        let event = self.core.receive(id).map_err(refusal)?.ok_or(Refusal::Empty)?;
        let (heard, more) = match event {
            product::Event::Up(peer) => {
                let told = (subscriber == SELECTOR).then(|| self.selector_hears_up(peer.session));
                (Event::Up(spec_id(peer.session)), told.unwrap_or_default())
            }
            product::Event::Down(peer, _) => {
                let switch = (subscriber == SELECTOR).then(|| self.selector.down(peer.session)).flatten();
                (Event::Down(spec_id(peer.session)), switch.map(active).into_iter().collect())
            }
            product::Event::Lagged | product::Event::Closed => {
                self.subscribers.remove(&subscriber);
                self.evicted.remove(&subscriber);
                let lagged = matches!(event, product::Event::Lagged);
                (if lagged { Event::Lagged } else { Event::Closed }, self.forget(subscriber).into_iter().collect())
            }
        };
        Ok([Output::Heard(subscriber, heard)].into_iter().chain(more).collect())
    }

    fn selector_hears_up(&mut self, id: product::SessionId) -> Vec<Output> {
        let session = spec_id(id);
        let ahead = self.sessions.get(&session).is_some_and(|slot| slot.cell != AheadFlag::Level);
        let switch = self.selector.up(id, ahead);
        ahead.then_some(Output::Heeded(session)).into_iter().chain(switch.map(active)).collect()
    }

    fn forget(&mut self, subscriber: SubscriberId) -> Option<Output> {
        (subscriber == SELECTOR).then(|| self.selector.forget_all()).flatten().map(active)
    }

    /// The sessions that the core wants told that they are to end, as outputs.
    fn told_to_end(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::End(id, _) => outputs.push(Output::Disconnecting(spec_id(id))),
                // When a task is woken or tries again is the model's choice.
                Effect::Retry(_) | Effect::Wake | Effect::Discard(_) => {}
            }
        }
        outputs
    }

    /// The product's id of a session that is not over.
    fn id(&self, session: SessionId) -> Result<product::SessionId, Refusal> {
        let slot = self.sessions.get(&session).ok_or_else(|| self.gone(session, Refusal::NotNow))?;
        let is_there = self.core.contains(slot.id);
        if is_there { Ok(slot.id) } else { Err(self.gone(session, Refusal::NotNow)) }
    }

    /// Why nothing can be done with a session that has no slot: its id was used, or was not.
    fn gone(&self, session: SessionId, used: Refusal) -> Refusal {
        if session.0 < self.next { used } else { Refusal::NoSuchSession }
    }
}

impl Machine for CoreMachine {
    type Protocol = Lifecycle;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let outcome = self.take(*action);
        // Effects of steps that tell nobody to end are not looked at otherwise.
        let late = self.told_to_end();
        assert!(late.is_empty(), "{action} told {late:?} and nobody was looking");
        match outcome {
            Ok(outputs) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}

fn spec_id(id: product::SessionId) -> SessionId {
    SessionId(u32::try_from(id.number()).expect("a model has few sessions"))
}

fn active(switch: Switch) -> Output {
    Output::Active(switch.to.map(spec_id))
}
