//! What is queued for subscribers.

use std::collections::VecDeque;

use super::{Core, Effect, Event, Phase, StateError, Subscribed, SubscriberId};

#[derive(Debug)]
pub(super) struct Queue<K, I> {
    mode: Mode,
    events: VecDeque<Event<K, I>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    /// Everything that happens is queued.
    On,
    /// Nothing more is queued; [`Event::Lagged`] follows what is.
    Evicted,
}

impl<K: Clone + Ord, I> Core<K, I> {
    /// Subscribes: who is announced now, and everything that happens from now on, with nothing in between lost
    /// (PEER-8).
    ///
    /// # Errors
    ///
    /// If the shutdown is complete: nothing will happen any more.
    pub fn subscribe(&mut self) -> Result<Subscribed<K, I>, StateError> {
        if self.phase == Phase::Complete {
            return Err(StateError::ShuttingDown);
        }
        let subscriber = SubscriberId(self.next_subscriber);
        self.next_subscriber += 1;
        self.queues.insert(subscriber, Queue { mode: Mode::On, events: VecDeque::new() });
        Ok(Subscribed { subscriber, snapshot: self.peers().cloned().collect() })
    }

    /// Drops a subscriber with everything that is kept for it, and hands out what is queued, to be dropped where no lock
    /// is held. No announcement waits for its room any more.
    ///
    /// # Errors
    ///
    /// If there is no such subscriber.
    pub fn unsubscribe(&mut self, subscriber: SubscriberId) -> Result<VecDeque<Event<K, I>>, StateError> {
        let queue = self.queues.remove(&subscriber).ok_or(StateError::NoSuchSubscriber(subscriber))?;
        self.call_first();
        Ok(queue.events)
    }

    /// Takes the next event from a subscriber's queue; none if there is none yet. After [`Event::Lagged`] and
    /// [`Event::Closed`] the subscriber is gone.
    ///
    /// # Errors
    ///
    /// If there is no such subscriber.
    pub fn receive(&mut self, subscriber: SubscriberId) -> Result<Option<Event<K, I>>, StateError> {
        let complete = self.phase == Phase::Complete;
        let queue = self.queues.get_mut(&subscriber).ok_or(StateError::NoSuchSubscriber(subscriber))?;
        let event = match queue.events.pop_front() {
            Some(event) => event,
            None => match queue.mode {
                Mode::Evicted => Event::Lagged,
                Mode::On if complete => Event::Closed,
                Mode::On => return Ok(None),
            },
        };
        match event {
            Event::Up(_) | Event::Down(..) => {}
            Event::Lagged | Event::Closed => {
                self.queues.remove(&subscriber);
            }
        }
        self.call_first();
        Ok(Some(event))
    }

    /// Evicts a subscriber that holds up an announcement. What is queued it may still take; then it hears
    /// [`Event::Lagged`]. The driver decides how long a subscriber may hold up announcements.
    ///
    /// # Errors
    ///
    /// If it holds up no announcement, or there is no such subscriber.
    pub fn evict(&mut self, subscriber: SubscriberId) -> Result<(), StateError> {
        let queue = self.queues.get(&subscriber).ok_or(StateError::NoSuchSubscriber(subscriber))?;
        if !self.waits_for_room() || self.has_room(queue) {
            return Err(StateError::NotHolding(subscriber));
        }
        if let Some(queue) = self.queues.get_mut(&subscriber) {
            queue.mode = Mode::Evicted;
        }
        self.effects.push_back(Effect::Wake(subscriber));
        self.call_first();
        Ok(())
    }

    /// Returns the subscribers that have no room for one more session, which hold up announcements if any wait.
    pub fn holding(&self) -> impl Iterator<Item = SubscriberId> {
        self.queues.iter().filter(|(_, queue)| !self.has_room(queue)).map(|(&subscriber, _)| subscriber)
    }

    /// How many subscribers there are.
    pub fn subscribers(&self) -> usize {
        self.queues.len()
    }

    /// How many events are queued for a subscriber, if there is such a one.
    pub fn queued(&self, subscriber: SubscriberId) -> Option<usize> {
        self.queues.get(&subscriber).map(|queue| queue.events.len())
    }

    /// How many events are queued for the subscriber that has the most.
    pub fn longest_queue(&self) -> usize {
        self.queues.values().map(|queue| queue.events.len()).max().unwrap_or(0)
    }

    /// Whether a queue has room for one more session's Up and Down beside the Downs that it owes.
    pub(super) fn has_room(&self, queue: &Queue<K, I>) -> bool {
        match queue.mode {
            Mode::Evicted => true,
            Mode::On => queue.events.len() + self.announced.len() + 2 <= self.config.capacity,
        }
    }

    /// Queues an event for every subscriber. There is room: for Up it was found, for Down it was kept.
    pub(super) fn queue(&mut self, event: &Event<K, I>) {
        for (&subscriber, queue) in self.queues.iter_mut().filter(|(_, queue)| queue.mode == Mode::On) {
            debug_assert!(queue.events.len() < self.config.capacity, "PEER-27: room for Down is kept");
            queue.events.push_back(event.clone());
            self.effects.push_back(Effect::Wake(subscriber));
        }
    }
}
