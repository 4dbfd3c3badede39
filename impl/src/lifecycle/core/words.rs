//! What goes into the core and what comes out.

use std::fmt::{self, Display, Formatter};

/// One connection, from the moment it asks for a slot. Ids are given in order and never again (PEER-14).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub(super) u64);

/// One subscription. A subscriber that was cut off and subscribes again has another one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubscriberId(pub(super) u64);

impl SessionId {
    /// The number of sessions that asked for a slot before this one.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl Display for SessionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

/// How many of everything there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config {
    /// Sessions that hold a slot.
    pub total: usize,
    /// Of these, sessions that are not announced: what a flood of half-open connections can take.
    pub pending: usize,
    /// Events that a subscriber's queue holds, one place for the Down of each announced session included. More than
    /// `total`. What is beyond `2 * total` only lets a slow subscriber fall further behind before it holds up
    /// announcements.
    pub capacity: usize,
    /// What becomes of a second session with the same key.
    pub duplicates: Duplicates,
}

/// What becomes of a second session with the same key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duplicates {
    /// It is rejected. A peer that comes back before its old connection was found dead is turned away until then.
    KeepOld,
    /// The older one is told to end, and the newer one is announced when it has ended. Whoever can prove the key can
    /// push out its session at will.
    KeepNew,
}

impl Config {
    pub(super) fn validate(self) -> Result<(), ConfigError> {
        if self.capacity > self.total {
            Ok(())
        } else {
            Err(ConfigError::CapacityTooSmall { capacity: self.capacity, total: self.total })
        }
    }
}

/// Why a configuration is refused. The caller is to blame.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The session in the last slot could never be announced.
    #[error("a queue for {capacity} events cannot keep room for the Downs of {total} sessions and one more Up")]
    CapacityTooSmall {
        /// The capacity that was asked for.
        capacity: usize,
        /// The number of slots that was asked for.
        total: usize,
    },
}

/// Why a session was rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// Every slot is taken.
    Full,
    /// Every slot for sessions that are not announced is taken.
    Pending,
    /// The key is banned.
    Banned,
    /// The key has a session, and that one is kept.
    Duplicate,
    /// The node is shutting down.
    ShuttingDown,
}

/// A connection that got no slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{session} gets no slot: {reason:?}")]
pub struct Rejected {
    /// The id that it used up.
    pub session: SessionId,
    /// Why.
    pub reason: Reason,
}

/// Whether a handshake was reported complete before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a handshake that completes twice is worth counting"]
pub enum Greeting {
    /// It was not.
    First,
    /// It was; nothing has changed, the first key stays.
    Again,
}

/// What became of an announcement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a session that waits must be announced again later"]
pub enum Announcement {
    /// Every subscriber will hear Up, and later Down.
    Up,
    /// The session must end; nobody hears of it.
    Rejected(Reason),
    /// A subscriber has no room for its Up and its Down.
    WaitsForRoom,
    /// This session with the same key has been told to end and has not ended yet.
    WaitsForOlder(SessionId),
}

/// What a subscriber hears.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// A peer has come.
    Up(SessionId),
    /// It has gone.
    Down(SessionId),
    /// The subscriber was too slow: nothing more comes. Forget everybody and subscribe again.
    Lagged,
    /// The shutdown is complete: nothing more comes, and nobody is left.
    Closed,
}

/// What the driver is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "an effect that is not carried out leaves a task asleep"]
pub enum Effect {
    /// Let the session's task end; its guard calls [`Core::end`](super::Core::end).
    End(SessionId),
    /// Let the session's task try again to have itself announced.
    Retry(SessionId),
    /// Let the subscriber look into its queue.
    Wake(SubscriberId),
}

/// A new subscription.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscribed {
    /// Who.
    pub subscriber: SubscriberId,
    /// The sessions that were announced at that moment, in order of their ids.
    pub snapshot: Vec<SessionId>,
}

/// Why a call did nothing. The caller is to blame, or was late.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The session is over or was never opened.
    #[error("there is no such session")]
    NoSuchSession,
    /// The session, or the node, is at another point of its life.
    #[error("that does not happen at this point")]
    NotNow,
    /// The session has been told to end.
    #[error("the session has been told to end")]
    Ending,
    /// The subscriber is gone, or there never was one.
    #[error("there is no such subscriber")]
    NoSuchSubscriber,
    /// The subscriber does not hold anybody up.
    #[error("the subscriber does not hold up an announcement")]
    NotHolding,
    /// The key is banned already.
    #[error("the key is banned already")]
    AlreadyBanned,
    /// The key is not banned.
    #[error("the key is not banned")]
    NotBanned,
    /// The node shuts down.
    #[error("the node shuts down")]
    ShuttingDown,
}
