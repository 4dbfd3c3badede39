//! What goes into the core and what comes out.

use crate::direction::Direction;
use std::convert::Infallible;
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::sync::Arc;

use super::Discarded;

/// One connection, from the moment it asks for a slot. Ids are given in order and never again (PEER-14).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub(super) u64);

/// One subscription. A subscriber that was evicted and subscribes again has another one.
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

impl Display for SubscriberId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "subscriber {}", self.0)
    }
}

/// Where a connection comes from: what is known of it before its handshake.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    /// Who began.
    pub direction: Direction,
    /// The address of the other end, if it has one. Limits and bans by address see an IPv4-mapped address as IPv4.
    pub address: Option<IpAddr>,
    /// It may take a reserved slot. No limit but that of all sessions holds for it, and it is counted in no other.
    pub privileged: bool,
}

impl Origin {
    /// A connection that was accepted.
    pub fn inbound(address: Option<IpAddr>) -> Self {
        Self { direction: Direction::Inbound, address, privileged: false }
    }

    /// A connection that was dialed.
    pub fn outbound(address: Option<IpAddr>) -> Self {
        Self { direction: Direction::Outbound, address, privileged: false }
    }

    /// The same, with the right to a reserved slot.
    #[must_use]
    pub fn privileged(self) -> Self {
        Self { privileged: true, ..self }
    }
}

/// The peer of a session that has completed its handshake.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Peer<K, I = ()> {
    /// The session.
    pub session: SessionId,
    /// Who it is.
    pub key: K,
    /// What else the handshake said.
    pub info: I,
    /// Where the connection comes from. An address is in its [canonical](super::canonical) form.
    pub origin: Origin,
    /// What both ends compare where ties are broken and the direction does not tell: see
    /// [`Core::set_rank`](super::Core::set_rank). Zero unless the handshake set it.
    pub rank: u32,
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SessionStage {
    /// The handshake goes on.
    Handshaking,
    /// The handshake said who it is; the session waits to be announced.
    HandshakeDone,
    /// It is announced.
    Up,
    /// It must not be announced, for this reason, and is about to end.
    Rejected(Reason),
}

/// Why a session was rejected or ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Reason {
    /// Every slot is taken.
    Full,
    /// Every slot for sessions of its direction that are not announced is taken.
    Pending,
    /// Every slot that is not reserved is taken.
    Reserved,
    /// Every slot for accepted connections is taken.
    Inbound,
    /// Every slot for dialed connections is taken.
    Outbound,
    /// The source has too many sessions that are not announced.
    PendingFromSource,
    /// The source has too many sessions.
    PerSource,
    /// The address has too many sessions.
    PerAddress,
    /// The key, or a network with the address, is banned.
    Banned,
    /// The key has a session, and that one is kept.
    Duplicate,
    /// The key is our own.
    Myself,
    /// The node is full, and the slot was given to another connection.
    Evicted,
    /// A newer or better session with the same key takes its place.
    Replaced,
    /// It was not announced within the handshake timeout.
    HandshakeTimeout,
    /// The handshake failed, or completed without saying who it is.
    HandshakeFailed,
    /// The other end closed the connection.
    RemoteClosed,
    /// The connection, or the session's own work, failed.
    Failed,
    /// It was the active peer and made no progress.
    Stalled,
    /// We wanted it.
    Local,
    /// The application's own reason, by the label under which it is counted and logged.
    Application(&'static str),
    /// Its task was aborted or dropped.
    Aborted,
    /// Its task panicked.
    Panicked,
    /// The node is shutting down.
    ShuttingDown,
}

impl Reason {
    /// Returns a short name: what is counted and logged. That of a reason of the application is its label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Pending => "pending",
            Self::Reserved => "reserved",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::PendingFromSource => "pending_from_source",
            Self::PerSource => "per_source",
            Self::PerAddress => "per_address",
            Self::Banned => "banned",
            Self::Duplicate => "duplicate",
            Self::Myself => "myself",
            Self::Evicted => "evicted",
            Self::Replaced => "replaced",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::HandshakeFailed => "handshake_failed",
            Self::RemoteClosed => "remote_closed",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
            Self::Local => "local",
            Self::Application(label) => label,
            Self::Aborted => "aborted",
            Self::Panicked => "panicked",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A handshake that fails and does not say why.
impl From<&()> for Reason {
    fn from((): &()) -> Self {
        Self::HandshakeFailed
    }
}

/// A handshake that does not fail.
impl From<&Infallible> for Reason {
    fn from(never: &Infallible) -> Self {
        match *never {}
    }
}

/// A handshake that had nothing to report to any more: the session's own reason counts.
impl From<&StateError> for Reason {
    fn from(_: &StateError) -> Self {
        Self::HandshakeFailed
    }
}

/// A handshake that had nothing to report to any more: the session's own reason counts.
impl From<StateError> for Reason {
    fn from(_: StateError) -> Self {
        Self::HandshakeFailed
    }
}

/// Whether a handshake was reported complete before.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "a handshake that completes twice is worth counting"]
pub enum Greeting {
    /// It was not.
    First,
    /// It was; nothing has changed, the first key stays.
    Again,
}

/// What became of an announcement.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use = "a session that waits must be announced again later"]
pub enum Announcement {
    /// Every subscriber will hear Up, and later Down.
    Up,
    /// The session must end; no subscriber hears of it.
    Rejected(Reason),
    /// It waits for room from now on: a subscriber has none for its Up and its Down, or others wait before it.
    Queued,
    /// It still waits for room.
    WaitsForRoom,
    /// This session with the same key has been told to end and has not ended yet.
    WaitsForOlder(SessionId),
}

/// What a subscriber hears.
#[derive(Debug, Eq, PartialEq)]
pub enum Event<K, I = ()> {
    /// A peer has come.
    Up(Arc<Peer<K, I>>),
    /// It has gone, and why.
    Down(Arc<Peer<K, I>>, Reason),
    /// The subscriber was too slow: nothing more comes. Forget all peers and subscribe again.
    Lagged,
    /// The shutdown is complete: nothing more comes, and no peer is left.
    Closed,
}

// Derived, it would ask of a peer's key and info that they can be cloned.
impl<K, I> Clone for Event<K, I> {
    fn clone(&self) -> Self {
        match self {
            Self::Up(peer) => Self::Up(Arc::clone(peer)),
            Self::Down(peer, reason) => Self::Down(Arc::clone(peer), *reason),
            Self::Lagged => Self::Lagged,
            Self::Closed => Self::Closed,
        }
    }
}

/// What the driver is to do.
#[derive(Debug)]
#[must_use = "an effect that is not carried out leaves a task asleep"]
pub enum Effect<K, I = ()> {
    /// Let the session's task end, for this reason; its guard calls [`Core::end`](super::Core::end).
    End(SessionId, Reason),
    /// Let the session's task try again to have itself announced.
    Retry(SessionId),
    /// Let the subscribers look: there is an event, one was evicted, or the shutdown is complete.
    Wake,
    /// Drop this, where no lock is held.
    Discard(Discarded<K, I>),
}

/// A new subscription.
#[derive(Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Subscribed<K, I = ()> {
    /// Who.
    pub subscriber: SubscriberId,
    /// The peers that were announced at that moment, in order of their sessions.
    pub snapshot: Vec<Arc<Peer<K, I>>>,
}

// Derived, it would ask of a peer's key and info that they can be cloned.
impl<K, I> Clone for Subscribed<K, I> {
    fn clone(&self) -> Self {
        Self { subscriber: self.subscriber, snapshot: self.snapshot.clone() }
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Ended {
    /// Whether it had been announced: subscribers were sent Up, and now Down.
    pub announced: bool,
    /// The first reason that was given for its end.
    pub reason: Reason,
}

/// An operation that is not valid in the present state, and changed nothing: the caller is mistaken, or was late.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The session has ended or was never opened.
    #[error("{0} has already ended, or was never opened")]
    NoSuchSession(SessionId),
    /// The session is in a stage that does not allow the operation.
    #[error("the operation is not valid in this state: {session} is {stage}")]
    WrongStage {
        /// The session.
        session: SessionId,
        /// The stage that it is in.
        stage: &'static str,
    },
    /// The session was told to end before.
    #[error("{0} was told to end before")]
    Ending(SessionId),
    /// The subscriber is gone, or never subscribed.
    #[error("{0} is gone, or never subscribed")]
    NoSuchSubscriber(SubscriberId),
    /// The subscriber does not hold up any announcement.
    #[error("{0} does not hold up an announcement")]
    NotHolding(SubscriberId),
    /// The session is privileged already.
    #[error("{0} is privileged already")]
    AlreadyPrivileged(SessionId),
    /// The key or the network is banned already.
    #[error("the key or the network is banned already")]
    AlreadyBanned,
    /// The key or the network is not banned.
    #[error("the key or the network is not banned")]
    NotBanned,
    /// The node is shutting down, or has shut down.
    #[error("the node is shutting down")]
    ShuttingDown,
    /// No shutdown is in progress: none has begun, or it is complete.
    #[error("the node has not begun its shutdown, or has completed it")]
    NotShuttingDown,
}
