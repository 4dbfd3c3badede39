//! What subscribers do, and what is queued for them.

use handfast_spec::lifecycle::{Event, Output, Phase, Refusal, SELECTOR, SessionId, SubscriberId};

use super::Flaw;
use super::machine::{AheadFlag, Handfast, Mode, Outcome, Outputs, Queue, Session, Stage};

/// Subscribers below this number come in any order. Beyond it no number is skipped.
const ANY_ORDER: usize = 255;

impl Handfast {
    /// PEER-8: the snapshot is the registry, and the first event queued after it is the next one that happens.
    pub(super) fn subscribe(&mut self, subscriber: SubscriberId, outputs: &mut Outputs) -> Outcome {
        if self.phase == Phase::Complete {
            return Err(Refusal::AlreadyClosing);
        }
        // A number from nowhere would make the table as long as itself.
        if subscriber.index() > self.queues.iter().count().max(ANY_ORDER) {
            return Err(Refusal::NoSuchSubscriber);
        }
        if self.known_queue(subscriber).is_some_and(|queue| queue.mode != Mode::Off) {
            return Err(Refusal::AlreadySubscribed);
        }
        let registered: Vec<_> = self.ids().filter(|&session| self.is_registered(session)).collect();
        for &session in &registered {
            outputs.push(Output::Listed(subscriber, session));
        }
        if subscriber == SELECTOR {
            for &session in &registered {
                self.selector_hears_up(session, outputs);
            }
        }
        if self.config.flaw == Flaw::SnapshotThenSubscribe {
            self.queue_of(subscriber).mode = Mode::Half;
            return Ok(());
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

    /// PEER-29: whoever holds up an announcement for too long is cut off. What is queued stays; no Down is lost
    /// silently, because `Lagged` follows.
    pub(super) fn evict(&mut self, subscriber: SubscriberId, outputs: &mut Outputs) -> Outcome {
        // Who waits for an older session with its key, or will be rejected because of it, is not held up by a queue.
        let waits = |session: &Session| {
            session.stage == Stage::HandshakeDone && !session.ending && self.has_place_for(session.key)
        };
        let somebody_waits = self.phase == Phase::Open && self.sessions.iter().any(waits);
        if !somebody_waits || self.has_room(self.known_queue(subscriber)) {
            return Err(Refusal::NotHolding);
        }
        self.queue_of(subscriber).mode = Mode::CutOff;
        outputs.push(Output::CutOff(subscriber));
        Ok(())
    }

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
            Mode::Off | Mode::Half => return Err(Refusal::NoSuchSubscriber),
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

    fn selector_hears(&mut self, event: Event, outputs: &mut Outputs) {
        match event {
            Event::Up(session) => self.selector_hears_up(session, outputs),
            Event::Down(session) => self.selector.down(session, self.config.flaw, outputs),
            Event::Lagged | Event::Closed => self.selector.forget(outputs),
        }
    }

    fn selector_hears_up(&mut self, session: SessionId, outputs: &mut Outputs) {
        let ahead = self.session_mut(session).ahead != AheadFlag::Level;
        self.selector.up(session, ahead, self.config.flaw, outputs);
    }

    /// Queues an event for everybody who is subscribed. There is room: for Up it was asked for, for Down it was kept.
    pub(super) fn queue(&mut self, event: Event) {
        let lossy = self.config.flaw == Flaw::LossyQueue;
        let capacity = self.config.capacity as usize;
        for queue in self.queues.iter_mut().filter(|queue| queue.mode == Mode::On) {
            if !(lossy && queue.events.len() >= capacity) {
                queue.events.push(event);
            }
        }
    }

    /// Whether somebody has no room for one more session's Up and Down beside the Downs that are owed.
    pub(super) fn somebody_lacks_room(&self) -> bool {
        self.queues.iter().any(|queue| !self.has_room(Some(queue)))
    }

    /// Whether somebody's queue is full.
    pub(super) fn some_queue_is_full(&self) -> bool {
        self.queues.iter().any(|queue| queue.mode == Mode::On && queue.events.len() >= self.config.capacity as usize)
    }

    fn has_room(&self, queue: Option<&Queue>) -> bool {
        let needed = if self.config.flaw == Flaw::DownWaitsForRoom { 1 } else { self.registered() + 2 };
        queue.is_none_or(|queue| queue.mode != Mode::On || queue.events.len() + needed <= self.config.capacity as usize)
    }

    /// The queue, if there ever was one. Asking for it does not make one, so that a refusal changes nothing.
    fn known_queue(&self, subscriber: SubscriberId) -> Option<&Queue> {
        self.queues.iter().nth(subscriber.index())
    }

    /// The queue to write to.
    pub(super) fn queue_of(&mut self, subscriber: SubscriberId) -> &mut Queue {
        self.queues.entry(subscriber.index())
    }
}
