//! The subscribers, and what each has yet to take.

use std::collections::VecDeque;

use super::log::Position;
use super::{Core, Effect, Event, Phase, StateError, Subscribed, SubscriberId};

/// What a subscriber has yet to take.
#[derive(Debug)]
pub(super) enum Queue<K, I> {
    /// Everything in the log from this position on, and what will be appended.
    On(Position),
    /// This, which was taken out of the log so that it holds up no announcement; then [`Event::Lagged`].
    Evicted(VecDeque<Event<K, I>>),
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
        self.queues.insert(subscriber, Queue::On(self.log.join()));
        Ok(Subscribed { subscriber, snapshot: self.peers().cloned().collect() })
    }

    /// Drops a subscriber with everything that is kept for it alone, and hands that out, to be dropped where no lock is
    /// held. No announcement waits for its room any more.
    ///
    /// # Errors
    ///
    /// If there is no such subscriber.
    pub fn unsubscribe(&mut self, subscriber: SubscriberId) -> Result<VecDeque<Event<K, I>>, StateError> {
        let queue = self.queues.remove(&subscriber).ok_or(StateError::NoSuchSubscriber(subscriber))?;
        let left = match queue {
            Queue::On(position) => self.log.leave(position),
            Queue::Evicted(rest) => rest,
        };
        self.call_first();
        Ok(left)
    }

    /// Takes the next event from a subscriber's queue; none if there is none yet. After [`Event::Lagged`] and
    /// [`Event::Closed`] the subscriber is gone.
    ///
    /// # Errors
    ///
    /// If there is no such subscriber.
    pub fn receive(&mut self, subscriber: SubscriberId) -> Result<Option<Event<K, I>>, StateError> {
        let complete = self.phase == Phase::Complete;
        let event = match self.queues.get_mut(&subscriber).ok_or(StateError::NoSuchSubscriber(subscriber))? {
            Queue::On(position) => match self.log.take(position) {
                Some(event) => event,
                None if complete => Event::Closed,
                None => return Ok(None),
            },
            Queue::Evicted(rest) => rest.pop_front().unwrap_or(Event::Lagged),
        };
        match event {
            Event::Up(_) | Event::Down(..) => self.call_first(),
            // Nothing is left for it.
            Event::Lagged | Event::Closed => drop(self.unsubscribe(subscriber)?),
        }
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
        let Queue::On(position) = *queue else { return Err(StateError::NotHolding(subscriber)) };
        if !self.waits_for_room() || self.is_room_for(self.log.queued(position)) {
            return Err(StateError::NotHolding(subscriber));
        }
        let rest = self.log.leave_with_rest(position);
        self.queues.insert(subscriber, Queue::Evicted(rest));
        self.effects.push_back(Effect::Wake);
        self.call_first();
        Ok(())
    }

    /// Returns the subscribers that have no room for one more session, which hold up announcements if any wait.
    pub fn holding(&self) -> impl Iterator<Item = SubscriberId> {
        let has_room = |queue: &Queue<K, I>| match queue {
            Queue::On(position) => self.is_room_for(self.log.queued(*position)),
            Queue::Evicted(_) => true,
        };
        self.queues.iter().filter(move |(_, queue)| !has_room(queue)).map(|(&subscriber, _)| subscriber)
    }

    /// How many subscribers there are.
    pub fn subscribers(&self) -> usize {
        self.queues.len()
    }

    /// How many events are queued for a subscriber, if there is such a one.
    pub fn queued(&self, subscriber: SubscriberId) -> Option<usize> {
        self.queues.get(&subscriber).map(|queue| self.length(queue))
    }

    /// Whether there is something for a subscriber to [receive](Self::receive) now.
    pub fn has_event(&self, subscriber: SubscriberId) -> bool {
        match self.queues.get(&subscriber) {
            Some(Queue::On(position)) => self.phase == Phase::Complete || self.log.queued(*position) > 0,
            Some(Queue::Evicted(_)) => true,
            None => false,
        }
    }

    /// How many events are queued for the subscriber that has the most.
    pub fn longest_queue(&self) -> usize {
        self.queues.values().map(|queue| self.length(queue)).max().unwrap_or(0)
    }

    fn length(&self, queue: &Queue<K, I>) -> usize {
        match queue {
            Queue::On(position) => self.log.queued(*position),
            Queue::Evicted(rest) => rest.len(),
        }
    }

    /// Whether a subscriber has no room for one more session's Up and Down. The slowest one decides.
    pub(super) fn lacks_room(&self) -> bool {
        !self.is_room_for(self.log.len())
    }

    /// Whether a subscriber that has this many events to take has room for one more session's Up and Down beside the Downs
    /// that it is owed.
    fn is_room_for(&self, queued: usize) -> bool {
        queued + self.announced + 2 <= self.config.capacity
    }

    /// Appends an event for every subscriber. There is room: for Up it was found, for Down it was kept.
    pub(super) fn publish(&mut self, event: Event<K, I>) {
        debug_assert!(self.log.len() < self.config.capacity, "PEER-27: room for Down is kept");
        match self.log.append(event) {
            Some(Event::Up(peer) | Event::Down(peer, _)) => self.discard(peer),
            Some(Event::Lagged | Event::Closed) => {}
            None => self.effects.push_back(Effect::Wake),
        }
    }
}
