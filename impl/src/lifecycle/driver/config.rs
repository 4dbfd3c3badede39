//! The configuration of a node, its metrics, and the report of its shutdown.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::lifecycle::Config;
use crate::setters::setters;

/// How a node is configured.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct NodeConfig<K> {
    /// How many sessions there may be, how much is queued for a subscriber, and what becomes of duplicates.
    pub registry: Config<K>,
    /// How long a session may take from its slot to its announcement: the handshake, and the wait for room and for the
    /// end of the session that it replaces.
    pub handshake_timeout: Duration,
    /// How long a subscriber may hold up announcements before it is evicted, all that it does so within
    /// `slow_subscriber_window` together. Keep it shorter than `handshake_timeout`: otherwise a stuck subscriber has every
    /// peer time out in the meantime. With zero a subscriber is evicted as soon as it has no room for an announcement.
    pub slow_subscriber_timeout: Duration,
    /// The window begins when a subscriber begins to hold up announcements and none is under way. What it holds them up in
    /// it counts together, however often it makes room in between; a hold-up that outlasts the window counts whole. With
    /// zero each hold-up counts by itself, so that a subscriber that makes room for one event now and then is never
    /// evicted.
    pub slow_subscriber_window: Duration,
    /// How long a session's body may go on after the session was told to end. With zero it is dropped where it waits, unless
    /// it has [ended its session itself](super::SessionContext::end).
    pub grace: Duration,
    /// How long what is said to a peer that is not announced may take: see
    /// [`Slot::open_with_farewell`](super::Slot::open_with_farewell). With zero nothing is said. A handshake or a body that
    /// ends its session itself has as much time to close its connection, or the grace if that is longer.
    pub farewell: Duration,
    /// How long after its grace, or after an abort, a session may keep its slot and its key because its task does not come
    /// to an `await` or is not polled. Then its guard runs without it: when the task was aborted, and otherwise when a
    /// connection asks for a slot or a session to be announced. Subscribers hear Down although the task goes on. A session
    /// that is not announced, and that nobody told to end, has its handshake timeout, its grace and this: so one whose
    /// handshake blocks, or whose task is not polled, keeps its slot and its place in the line for no longer.
    pub overdue: Duration,
}

impl<K> NodeConfig<K> {
    /// Configures this registry, 30 seconds for a handshake, 5 seconds of each minute for a slow subscriber, no grace, 1
    /// second for a farewell, and 10 seconds until a session is overdue.
    pub fn new(registry: Config<K>) -> Self {
        Self {
            registry,
            handshake_timeout: Duration::from_secs(30),
            slow_subscriber_timeout: Duration::from_secs(5),
            slow_subscriber_window: Duration::from_secs(60),
            grace: Duration::ZERO,
            farewell: Duration::from_secs(1),
            overdue: Duration::from_secs(10),
        }
    }

    setters! {
        registry, with_registry: Config<K>;
        handshake_timeout, with_handshake_timeout: Duration;
        slow_subscriber_timeout, with_slow_subscriber_timeout: Duration;
        slow_subscriber_window, with_slow_subscriber_window: Duration;
        grace, with_grace: Duration;
        farewell, with_farewell: Duration;
        overdue, with_overdue: Duration;
    }
}

/// How a [`Selector`](super::Selector) deals with a peer that makes no progress.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct SelectorConfig {
    /// How long the active peer may be ahead without any [progress](super::Selector::progress). Only progress begins the time
    /// anew: for a peer that makes place and comes back all the time counts in which it was
    /// active. More than zero: with zero every peer that is ahead has stalled as soon as it is picked.
    pub stall_timeout: Duration,
    /// What becomes of a peer that took longer.
    pub stalled: Stalled,
}

impl SelectorConfig {
    /// Returns a configuration with these.
    pub const fn new(stall_timeout: Duration, stalled: Stalled) -> Self {
        Self { stall_timeout, stalled }
    }

    setters! { const:
        stall_timeout, with_stall_timeout: Duration;
        stalled, with_stalled: Stalled;
    }
}

/// What becomes of a peer that stalled, beside that another one is picked.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Stalled {
    /// It is told to end, with [`Reason::Stalled`](crate::lifecycle::Reason::Stalled).
    Disconnect,
    /// It stays, for what else it is good for. When it has rested for the stall timeout, at least a second, and no other peer
    /// is ahead, it is picked again if it is.
    Keep,
}

/// What a node counts, and what there was of everything when it was asked. Counters begin at zero with the node, count
/// events and never go down; gauges say how many there are. All of it is read in one step and is consistent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// Gauge: sessions that hold a slot.
    pub sessions: usize,
    /// Gauge: of these, sessions that are not announced.
    pub pending: usize,
    /// Gauge: subscribers.
    pub subscribers: usize,
    /// Gauge: bans, those included that are over and not lifted yet.
    pub bans: usize,
    /// Gauge: events queued for the subscriber that has the most.
    pub longest_queue: usize,
    /// Counter: connections that got a slot.
    pub opened: u64,
    /// Counter: connections that got no slot, by [`Reason::name`](crate::lifecycle::Reason::name).
    pub refused: BTreeMap<&'static str, u64>,
    /// Counter: handshakes that completed.
    pub greeted: u64,
    /// Counter: handshakes that were reported complete again.
    pub duplicate_signals: u64,
    /// Counter: sessions that were announced, which is Ups.
    pub announced: u64,
    /// Counter: times that an announcement was attempted and had to wait for room. A session that waits tries again when it
    /// is the first of those that wait, and when there is room for it.
    pub waits_for_room: u64,
    /// Counter: sessions that ended and had been announced, which is Downs, by the name of the reason.
    pub downs: BTreeMap<&'static str, u64>,
    /// Counter: sessions that ended and had not been announced, by the name of the reason.
    pub ended_unannounced: BTreeMap<&'static str, u64>,
    /// Counter: subscribers that were evicted.
    pub evicted: u64,
}

/// The result of a shutdown.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "it says whether every session was drained"]
pub struct Report {
    /// Sessions that ended by themselves when they were told to.
    pub drained: usize,
    /// Sessions that had not ended in time. Their tasks were aborted.
    pub aborted: usize,
}
