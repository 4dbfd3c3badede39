//! Subscribers, the queues of events for them, and the selector, which is one of them.

use handfast_spec::lifecycle::{Event, Output, Phase, Refusal, SELECTOR, SessionId, SubscriberId, Table};
use serde::Serialize;
use smallvec::SmallVec;

use super::admission::Admission;
use super::machine::{AheadFlag, Handfast, Outcome, Outputs};

/// Subscribers below this number come in any order. Beyond it no number is skipped.
const ANY_ORDER: usize = 255;

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
}

impl Handfast {
    /// PEER-8: the snapshot is the registry, and the first event queued after it is the next one that happens.
    pub(super) fn subscribe(&mut self, subscriber: SubscriberId, outputs: &mut Outputs) -> Outcome {
        if self.phase == Phase::Complete {
            return Err(Refusal::AlreadyClosing);
        }
        // The table is as long as its largest number, which a log may choose.
        if subscriber.index() > self.queues.iter().count().max(ANY_ORDER) {
            return Err(Refusal::NoSuchSubscriber);
        }
        if self.known_queue(subscriber).is_some_and(|queue| queue.mode != Mode::Off) {
            return Err(Refusal::AlreadySubscribed);
        }
        let registered: Vec<_> = self.registered().collect();
        outputs.extend(registered.iter().map(|&session| Output::Listed(subscriber, session)));
        if subscriber == SELECTOR {
            registered.iter().for_each(|&session| self.selector_hears_up(session, outputs));
        }
        self.queue_of(subscriber).mode = Mode::On;
        outputs.push(Output::Subscribed(subscriber, registered.len() as u32));
        Ok(())
    }

    pub(super) fn unsubscribe(&mut self, subscriber: SubscriberId, outputs: &mut Outputs) -> Outcome {
        self.known_queue(subscriber).filter(|queue| queue.mode != Mode::Off).ok_or(Refusal::NoSuchSubscriber)?;
        *self.queue_of(subscriber) = Queue::default();
        outputs.push(Output::Unsubscribed(subscriber));
        if subscriber == SELECTOR {
            self.selector.forget(outputs);
        }
        Ok(())
    }

    /// PEER-29: a subscriber that holds up an announcement for too long is cut off. What is queued stays; no Down is lost
    /// silently, because `Lagged` follows.
    pub(super) fn evict(&mut self, subscriber: SubscriberId, outputs: &mut Outputs) -> Outcome {
        // A session that has to wait for an older one with its key meanwhile, or will be rejected, is not held up by a
        // queue.
        let waits = |session: &SessionId| matches!(self.admission(*session), Admission::Granted);
        let is_held_up = self.phase == Phase::Open && self.line.iter().any(waits);
        if !is_held_up || self.known_queue(subscriber).is_none_or(|queue| self.has_room(queue)) {
            return Err(Refusal::NotHolding);
        }
        self.queue_of(subscriber).mode = Mode::CutOff;
        outputs.push(Output::CutOff(subscriber));
        Ok(())
    }

    /// PEER-21, PEER-22: a subscriber takes the events in the order in which they were queued, as long as there are any.
    pub(super) fn receive(&mut self, subscriber: SubscriberId, outputs: &mut Outputs) -> Outcome {
        let complete = self.phase == Phase::Complete;
        self.known_queue(subscriber).ok_or(Refusal::NoSuchSubscriber)?;
        let queue = self.queue_of(subscriber);
        if !queue.events.is_empty() {
            let event = queue.events.remove(0);
            outputs.push(Output::Heard(subscriber, event));
            if subscriber == SELECTOR {
                self.selector_hears(event, outputs);
            }
            return Ok(());
        }
        let last = match queue.mode {
            Mode::Off => return Err(Refusal::NoSuchSubscriber),
            Mode::CutOff => Event::Lagged,
            Mode::On if complete => Event::Closed,
            Mode::On => return Err(Refusal::Empty),
        };
        queue.mode = Mode::Off;
        outputs.push(Output::Heard(subscriber, last));
        if subscriber == SELECTOR {
            self.selector.forget(outputs);
        }
        Ok(())
    }

    /// PEER-24: the selector looks again at a peer that stalled, where no peer is active and nothing is queued that may be
    /// a better one.
    pub(super) fn reconsider(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        self.session(session)?;
        let is_up_to_date = self.phase != Phase::Complete
            && self.known_queue(SELECTOR).is_some_and(|queue| queue.mode == Mode::On && queue.events.is_empty());
        if is_up_to_date { self.selector.reconsider(session, outputs) } else { Err(Refusal::NotNow) }
    }

    fn selector_hears(&mut self, event: Event, outputs: &mut Outputs) {
        match event {
            Event::Up(session) => self.selector_hears_up(session, outputs),
            Event::Down(session) => self.selector.down(session, outputs),
            Event::Lagged | Event::Closed => self.selector.forget(outputs),
        }
    }

    fn selector_hears_up(&mut self, session: SessionId, outputs: &mut Outputs) {
        let ahead = self.session_mut(session).ahead != AheadFlag::Level;
        self.selector.up(session, ahead, outputs);
    }

    /// PEER-4, PEER-26, PEER-27: queues an event for every subscriber. There is room: for Up it was asked for, for Down it was kept.
    pub(super) fn queue(&mut self, event: Event) {
        for queue in self.queues.iter_mut().filter(|queue| queue.mode == Mode::On) {
            queue.events.push(event);
        }
    }

    /// Whether some queue has no room for one more session's Up and Down beside the Downs that are owed.
    pub(super) fn lacks_room(&self) -> bool {
        self.queues.iter().any(|queue| !self.has_room(queue))
    }

    pub(super) fn has_room(&self, queue: &Queue) -> bool {
        let needed = self.registered().count() + 2;
        queue.mode != Mode::On || queue.events.len() + needed <= self.config.capacity as usize
    }

    /// Returns the queue, if there ever was one. Asking for it does not make one, so that a refusal changes nothing.
    fn known_queue(&self, subscriber: SubscriberId) -> Option<&Queue> {
        self.queues.iter().nth(subscriber.index())
    }

    /// Returns the queue to write to.
    pub(super) fn queue_of(&mut self, subscriber: SubscriberId) -> &mut Queue {
        self.queues.entry(subscriber.index())
    }
}

/// The selector of the one active peer.
///
/// It receives Up and Down in the order of its queue, and a session tells it when its peer is ahead. What a peer said
/// before its Up was received is not lost: the session keeps it in a flag that the selector reads at Up.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Selector {
    pub(super) peers: Table<Standing, 3>,
    pub(super) active: Option<SessionId>,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    #[default]
    Unknown,
    /// It has nothing that we lack.
    Level,
    /// A candidate.
    Ahead,
    /// It was active and made no progress, and was not looked at again since.
    Stalled,
}

impl Selector {
    fn up(&mut self, session: SessionId, ahead: bool, outputs: &mut Outputs) {
        *self.peers.entry(session.index()) = if ahead { Standing::Ahead } else { Standing::Level };
        if ahead {
            outputs.push(Output::Heeded(session));
        }
        self.pick(outputs);
    }

    /// PEER-7, PEER-23: a peer of which Down was heard is no candidate when its successor is picked.
    fn down(&mut self, session: SessionId, outputs: &mut Outputs) {
        *self.peers.entry(session.index()) = Standing::Unknown;
        if self.active == Some(session) {
            self.replace(outputs);
        }
    }

    /// A session says that its peer is ahead.
    pub(super) fn peer_ahead(&mut self, session: SessionId, outputs: &mut Outputs) {
        match self.peers.get(session.index()) {
            Standing::Unknown => outputs.push(Output::Deferred(session)),
            Standing::Stalled => outputs.push(Output::Heeded(session)),
            Standing::Level | Standing::Ahead => {
                *self.peers.entry(session.index()) = Standing::Ahead;
                outputs.push(Output::Heeded(session));
                self.pick(outputs);
            }
        }
    }

    /// The active peer made no progress.
    pub(super) fn stall(&mut self, outputs: &mut Outputs) -> Outcome {
        let active = self.active.ok_or(Refusal::NoneActive)?;
        *self.peers.entry(active.index()) = Standing::Stalled;
        outputs.push(Output::Stalled(active));
        self.replace(outputs);
        Ok(())
    }

    /// The peer has rested. It is picked if it stalled and no peer is active.
    fn reconsider(&mut self, session: SessionId, outputs: &mut Outputs) -> Outcome {
        if self.active.is_some() || self.peers.get(session.index()) != Standing::Stalled {
            return Err(Refusal::NotNow);
        }
        *self.peers.entry(session.index()) = Standing::Ahead;
        self.pick(outputs);
        Ok(())
    }

    /// PEER-7: the subscription ended, and with it all that is known of peers.
    fn forget(&mut self, outputs: &mut Outputs) {
        self.peers = Table::default();
        if self.active.take().is_some() {
            outputs.push(Output::Active(None));
        }
    }

    fn replace(&mut self, outputs: &mut Outputs) {
        self.active = self.candidate();
        outputs.push(Output::Active(self.active));
    }

    fn pick(&mut self, outputs: &mut Outputs) {
        if self.active.is_none() && self.candidate().is_some() {
            self.replace(outputs);
        }
    }

    /// Returns the candidate with the oldest session.
    pub(super) fn candidate(&self) -> Option<SessionId> {
        let position = self.peers.iter().position(|standing| *standing == Standing::Ahead);
        position.map(|index| SessionId(index as u32))
    }
}
