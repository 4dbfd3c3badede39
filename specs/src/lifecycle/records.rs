//! What is recorded of a session and of a subscriber.

use enumset::{EnumSet, EnumSetType};
use serde::Serialize;

use super::{Key, Origin, Reason, Table};

/// What a listener heard of one session, as far as the order of it matters.
///
/// The four orders at the end are violations; they are kept apart so that a listener that hears a late `Up` and nothing
/// after it is told from one that is set right again.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Nothing.
    #[default]
    Nothing,
    /// Up.
    Up,
    /// Up, then Down.
    Over,
    /// Down alone.
    Bare,
    /// Up after a Down: the listener takes a dead peer for a live one.
    Late,
    /// As `Late`, and then Down.
    LateOver,
    /// Up twice.
    Repeated,
    /// Down twice, or Up twice and then Down.
    RepeatedOver,
}

impl Stream {
    pub(super) fn hear(&mut self, up: bool) {
        *self = match (*self, up) {
            (Self::Nothing, true) => Self::Up,
            (Self::Nothing, false) => Self::Bare,
            (Self::Up, false) => Self::Over,
            (Self::Up | Self::Repeated, true) => Self::Repeated,
            (Self::Over | Self::Bare | Self::Late | Self::LateOver, true) => Self::Late,
            (Self::Late | Self::LateOver, false) => Self::LateOver,
            (Self::Over | Self::Bare | Self::Repeated | Self::RepeatedOver, false) => Self::RepeatedOver,
            (Self::RepeatedOver, true) => Self::Late,
        }
    }

    /// Whether the listener takes the peer for a live one.
    pub fn believes(self) -> bool {
        matches!(self, Self::Up | Self::Late | Self::Repeated)
    }

    /// Whether the last thing heard is a Down.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Over | Self::Bare | Self::LateOver | Self::RepeatedOver)
    }

    /// Whether an Up came after a Down.
    pub fn is_late(self) -> bool {
        matches!(self, Self::Late | Self::LateOver)
    }

    /// Whether the same event came twice.
    pub fn is_repeated(self) -> bool {
        matches!(self, Self::Repeated | Self::RepeatedOver)
    }

    /// What remains of it when the subscription ends: a session that was up is forgotten, one that is gone stays gone.
    pub(super) fn forget(&mut self) {
        if *self == Self::Up {
            *self = Self::Nothing;
        }
    }
}

/// What was told about one session.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct SessionRecord {
    /// Where its connection comes from, as long as it holds a slot.
    pub origin: Origin,
    /// It was given a slot.
    pub opened: bool,
    /// It was rejected, and why.
    pub rejected: Option<Reason>,
    /// Its handshake completed with this key.
    pub key: Option<Key>,
    /// What the registry heard.
    pub registry: Stream,
    /// It is in the registry.
    pub registered: bool,
    /// What its two ends compare where the direction does not tell which session is kept.
    pub rank: u32,
    /// It was told to end.
    pub disconnecting: bool,
    /// Its key was banned, and it has not been told to end since.
    pub owed_ban: bool,
    /// Its connection was closed.
    pub closed: bool,
    /// Its peer said that it is ahead.
    pub ahead: bool,
    /// The selector counts it among those that are ahead.
    pub heeded: bool,
    /// Something is kept on its behalf.
    pub kept: bool,
    /// What was kept on its behalf was dropped.
    pub dropped: bool,
}

impl SessionRecord {
    /// Hears of the end, and forgets what no rule asks of a session that is over: where it came from, that it was told to
    /// end, and of one that no subscriber was told of, who it was. Histories that differ in nothing else are one.
    pub(super) fn end(&mut self) {
        if self.registry == Stream::Nothing {
            self.key = None;
        }
        self.origin = Origin::default();
        self.rank = 0;
        self.disconnecting = false;
        self.owed_ban = false;
        self.registry.hear(false);
    }

    /// Whether it holds a slot: it was given one, and the registry has not heard of its end.
    pub fn holds_slot(&self) -> bool {
        self.opened && !self.registry.is_ended()
    }

    /// Whether it holds a slot and was not announced.
    pub fn is_pending(&self) -> bool {
        self.opened && self.registry == Stream::Nothing
    }

    /// Whether it was told to end.
    pub fn is_told_to_end(&self) -> bool {
        self.disconnecting || self.rejected.is_some()
    }

    /// Whether it was told to end, was rejected, is closed, or its end was heard of. A subscriber that takes it for live is
    /// wrong.
    pub fn is_dead(&self) -> bool {
        self.is_told_to_end() || self.closed || self.registry.is_ended()
    }
}

/// Whether a subscriber is subscribed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subscription {
    /// It is not.
    #[default]
    Off,
    /// It is, and hears everything.
    On,
    /// It was cut off for being slow and has not heard of that yet.
    CutOff,
}

/// What one subscriber was told.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct SubscriberRecord {
    /// Whether it is subscribed.
    pub subscription: Subscription,
    /// What it heard, per session.
    pub heard: Table<Stream, 3>,
}

impl SubscriberRecord {
    pub(super) fn end_subscription(&mut self) {
        self.subscription = Subscription::Off;
        self.heard.iter_mut().for_each(Stream::forget);
    }
}

/// How far the shutdown is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not asked for.
    #[default]
    Open,
    /// Begun.
    Begun,
    /// The caller was told that it is complete.
    Complete,
}

/// What a output gives away at the moment when it is told, and a history could not tell later. Once committed it stays.
#[derive(Debug, EnumSetType)]
#[enumset(repr = "u32", serialize_repr = "u32")]
pub enum Violation {
    /// Announced without a completed handshake (PEER-5).
    Ungreeted,
    /// Payload taken in by a selector that has not heard Up (PEER-6).
    PayloadBeforeUp,
    /// A snapshot that lists other sessions than the registered ones (PEER-8).
    Misreported,
    /// A rejection for want of a slot while one was free (PEER-9).
    SlotWasFree,
    /// Registered although rejected (PEER-11).
    RegisteredRejected,
    /// Registered although banned (PEER-13).
    RegisteredBanned,
    /// A live session removed from the registry before its end (PEER-14).
    RemovedLive,
    /// An id given twice (PEER-14).
    IdReused,
    /// A subscriber heard Up under a key while it took an older session of that key for live (PEER-14).
    KeyOverlaps,
    /// A connection closed twice (PEER-15).
    ClosedTwice,
    /// Something kept for a session that is gone (PEER-16).
    KeptAfterEnd,
    /// A panic (PEER-17).
    Panicked,
    /// Something told after the shutdown was said to be complete (PEER-18).
    AfterComplete,
    /// A shutdown said to be complete while a session was owed its end (PEER-18).
    OwedAtComplete,
    /// An announcement thrown away (PEER-25).
    Ignored,
    /// A slot given although all of them were taken, or all for ordinary sessions that are not announced (PEER-10).
    NoSlotLeft,
    /// Turned away by a limit that holds for other sessions, or that only others reached (PEER-48).
    TurnedAwayByOthers,
    /// A slot given although a limit by direction, address or source was reached (PEER-41).
    OverLimit,
    /// A reserved slot given to a session without privilege (PEER-42).
    ReservedTaken,
    /// Of two sessions with one key, the one turned away that both ends prefer (PEER-43).
    PreferredRejected,
    /// Turned away as a duplicate although there may be one more (PEER-44).
    RejectedWithRoom,
    /// Turned away because of a session that has closed its connection (PEER-49).
    TurnedAwayByClosed,
    /// Announced before one that waited for room, and for nothing else, for longer (PEER-50).
    Overtaken,
}

/// The violations that were committed.
pub type Violations = EnumSet<Violation>;
