//! The events that subscribers have not taken: one log, in which each subscriber stands somewhere.

use std::collections::VecDeque;

use super::Event;

/// Where a subscriber stands: the number of events before the one that it takes next, which may wrap around. Positions are
/// only compared with the begin of the log, from which they are no further than the log is long.
pub(super) type Position = usize;

/// The events that some subscriber has not taken, each kept once, whatever the number of subscribers.
///
/// Some subscriber stands at the first event, so that the log is as long as the longest queue would be, and no event is
/// kept that all have taken (PEER-16).
#[derive(Debug)]
pub(super) struct Log<K, I> {
    entries: VecDeque<Entry<K, I>>,
    /// Where the first entry is.
    begin: Position,
    /// How many subscribers stand at the end, because they have taken everything.
    at_end: usize,
}

#[derive(Debug)]
struct Entry<K, I> {
    event: Event<K, I>,
    /// How many subscribers stand here, and take this event next.
    readers: usize,
}

impl<K, I> Log<K, I> {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), begin: 0, at_end: 0 }
    }

    /// Returns how many events the slowest subscriber has not taken.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns how many events a subscriber that stands here has not taken.
    pub(super) fn queued(&self, position: Position) -> usize {
        self.entries.len() - self.index(position)
    }

    /// Adds a subscriber, which takes what is appended from now on. Returns where it stands.
    pub(super) fn join(&mut self) -> Position {
        self.at_end += 1;
        self.begin.wrapping_add(self.entries.len())
    }

    /// Appends an event. Returns it if there is no subscriber to take it.
    pub(super) fn append(&mut self, event: Event<K, I>) -> Option<Event<K, I>> {
        if self.entries.is_empty() && self.at_end == 0 {
            return Some(event);
        }
        let readers = std::mem::take(&mut self.at_end);
        self.entries.push_back(Entry { event, readers });
        None
    }

    /// Takes the next event for a subscriber, and moves it on. None if it has taken everything.
    pub(super) fn take(&mut self, position: &mut Position) -> Option<Event<K, I>> {
        let index = self.index(*position);
        let entry = self.entries.get_mut(index)?;
        entry.readers -= 1;
        let is_last = index == 0 && entry.readers == 0;
        let shared = if is_last { None } else { Some(entry.event.clone()) };
        match self.entries.get_mut(index + 1) {
            Some(next) => next.readers += 1,
            None => self.at_end += 1,
        }
        *position = position.wrapping_add(1);
        shared.or_else(|| self.pop())
    }

    /// Removes a subscriber. Returns the events that it alone had not taken, to be dropped where no lock is held.
    pub(super) fn leave(&mut self, position: Position) -> VecDeque<Event<K, I>> {
        let index = self.index(position);
        match self.entries.get_mut(index) {
            Some(entry) => entry.readers -= 1,
            None => self.at_end -= 1,
        }
        let mut left = VecDeque::new();
        while self.entries.front().is_some_and(|entry| entry.readers == 0) {
            left.extend(self.pop());
        }
        left
    }

    /// Removes a subscriber. Returns the events that it has not taken, which no longer count as queued.
    pub(super) fn leave_with_rest(&mut self, position: Position) -> VecDeque<Event<K, I>> {
        let index = self.index(position);
        let mut rest = self.leave(position);
        // Where it stood first, what it alone had not taken was removed, and all that is left is for others too.
        let shared = if rest.is_empty() { index } else { 0 };
        rest.extend(self.entries.iter().skip(shared).map(|entry| entry.event.clone()));
        rest
    }

    fn pop(&mut self) -> Option<Event<K, I>> {
        let entry = self.entries.pop_front()?;
        self.begin = self.begin.wrapping_add(1);
        Some(entry.event)
    }

    fn index(&self, position: Position) -> usize {
        position.wrapping_sub(self.begin)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Weak};

    use proptest::prelude::{Strategy, prop, prop_oneof, proptest};

    use super::{Event, Log, Position};
    use crate::lifecycle::core::{Origin, Peer, Reason, SessionId};

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Join,
        Append,
        Take(usize),
        Leave(usize),
        LeaveWithRest(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            1 => prop::strategy::Just(Step::Join),
            4 => prop::strategy::Just(Step::Append),
            6 => (0_usize..8).prop_map(Step::Take),
            1 => (0_usize..8).prop_map(Step::Leave),
            1 => (0_usize..8).prop_map(Step::LeaveWithRest),
        ];
        prop::collection::vec(step, 0..64)
    }

    fn event(number: u64) -> (Event<u64>, Weak<Peer<u64>>) {
        let origin = Origin::inbound(None);
        let peer = Arc::new(Peer { session: SessionId(number), key: number, info: (), origin, rank: 0 });
        let weak = Arc::downgrade(&peer);
        (Event::Down(peer, Reason::Local), weak)
    }

    fn number(event: &Event<u64>) -> u64 {
        match event {
            Event::Up(peer) | Event::Down(peer, _) => peer.key,
            Event::Lagged | Event::Closed => unreachable!("none was appended"),
        }
    }

    fn numbers(events: &VecDeque<Event<u64>>) -> Vec<u64> {
        events.iter().map(number).collect()
    }

    proptest! {
        /// The log is held to a queue for each subscriber, from a position that wraps around.
        #[test]
        fn each_subscriber_has_its_queue(steps in steps()) {
            let mut log = Log { entries: VecDeque::new(), begin: Position::MAX - 3, at_end: 0 };
            let mut queues: Vec<(Position, VecDeque<u64>)> = Vec::new();
            let mut appended: Vec<Weak<Peer<u64>>> = Vec::new();
            for step in steps {
                match step {
                    Step::Join => queues.push((log.join(), VecDeque::new())),
                    Step::Append => {
                        let next = appended.len() as u64;
                        let (event, weak) = event(next);
                        assert_eq!(log.append(event).is_some(), queues.is_empty());
                        appended.push(weak);
                        queues.iter_mut().for_each(|(_, queue)| queue.push_back(next));
                    }
                    Step::Take(who) if who < queues.len() => {
                        let (position, queue) = &mut queues[who];
                        assert_eq!(log.take(position).as_ref().map(number), queue.pop_front());
                    }
                    Step::Leave(who) if who < queues.len() => {
                        let (position, queue) = queues.swap_remove(who);
                        let alone = |number: &&u64| queues.iter().all(|(_, other)| !other.contains(number));
                        assert_eq!(numbers(&log.leave(position)), queue.iter().filter(alone).copied().collect::<Vec<_>>());
                    }
                    Step::LeaveWithRest(who) if who < queues.len() => {
                        let (position, queue) = queues.swap_remove(who);
                        assert_eq!(numbers(&log.leave_with_rest(position)), Vec::from(queue));
                    }
                    Step::Take(_) | Step::Leave(_) | Step::LeaveWithRest(_) => {}
                }
                assert_eq!(log.len(), queues.iter().map(|(_, queue)| queue.len()).max().unwrap_or(0));
                for (position, queue) in &queues {
                    assert_eq!(log.queued(*position), queue.len());
                }
                let is_queued = |number: &u64| queues.iter().any(|(_, queue)| queue.contains(number));
                for (number, peer) in appended.iter().enumerate() {
                    assert_eq!(peer.strong_count(), usize::from(is_queued(&(number as u64))), "kept once, or not at all");
                }
            }
        }
    }
}
