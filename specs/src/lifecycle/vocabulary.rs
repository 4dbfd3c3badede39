//! Actions, outputs and refusals of the peer lifecycle.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::{Key, Limits, Network, Origin, SessionId, SubscriberId};

/// What can be attempted. Each is one critical section, one queue operation or one message.
#[expect(missing_docs, reason = "the types of its fields say what they are")]
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A connection, accepted or dialed, asks for a slot under the next unused id.
    #[display("{session} opens{}", if origin.is_plain() { String::new() } else { format!(", {origin}") })]
    Open {
        session: SessionId,
        #[serde(default, skip_serializing_if = "Origin::is_plain")]
        origin: Origin,
    },
    /// The handshake finds that the session is to be privileged.
    #[display("{session} is granted privilege")]
    GrantPrivilege { session: SessionId },
    /// The handshake says what its two ends compare where the direction does not tell which session is kept.
    #[display("{session} has rank {rank}")]
    Rank { session: SessionId, rank: u32 },
    /// The handshake completes and says who the peer is.
    #[display("handshake of {session} completes with {key}")]
    HandshakeDone { session: SessionId, key: Key },
    /// The session's task has itself announced: admission by key, registration and every queue in one critical section.
    #[display("{session} has itself announced")]
    Announce { session: SessionId },
    /// The session is told to end: by the peer, this node or its operator.
    #[display("{session} is disconnected")]
    Disconnect { session: SessionId },
    /// The handshake timer fires. It runs until the session is announced.
    #[display("handshake timer of {session} fires")]
    Expire { session: SessionId },
    /// The session's guard runs because the session is to end.
    #[display("guard of {session} runs")]
    End { session: SessionId },
    /// The session's task is aborted or panics, wherever it is; its guard runs.
    #[display("task of {session} is aborted")]
    Abort { session: SessionId },
    /// The task of a session drops the connection, after its guard has run.
    #[display("connection of {session} is dropped")]
    Close { session: SessionId },
    /// The peer says that it is ahead of us, and the session's task notes it in the session's cell.
    #[display("peer of {session} is ahead")]
    PeerAhead { session: SessionId },
    /// The session's task tells the selector to look at the cell.
    #[display("{session} calls the selector")]
    NotifySelector { session: SessionId },
    /// A subscriber subscribes and is given a snapshot.
    #[display("{subscriber} subscribes")]
    Subscribe { subscriber: SubscriberId },
    /// A subscriber is dropped.
    #[display("{subscriber} is dropped")]
    Unsubscribe { subscriber: SubscriberId },
    /// The patience with a subscriber that holds up an announcement is over.
    #[display("patience with {subscriber} is over")]
    Evict { subscriber: SubscriberId },
    /// A subscriber takes the next item of its queue.
    #[display("{subscriber} receives")]
    Receive { subscriber: SubscriberId },
    /// The active peer made no progress for too long.
    #[display("active peer stalls")]
    Stall,
    /// The selector looks again at a peer that stalled and has rested.
    #[display("selector looks again at {session}")]
    Reconsider { session: SessionId },
    /// The operator bans a key.
    #[display("{key} is banned")]
    Ban { key: Key },
    /// The ban ends.
    #[display("ban of {key} is lifted")]
    Unban { key: Key },
    /// The operator bans the addresses of a network.
    #[display("{network} is banned")]
    BanNetwork { network: Network },
    /// The ban of a network ends.
    #[display("ban of {network} is lifted")]
    UnbanNetwork { network: Network },
    /// The operator sets other limits. Sessions that hold a slot keep it.
    #[display("other limits are set: {limits:?}")]
    SetLimits { limits: Limits },
    /// Shutdown is asked for.
    #[display("shutdown is asked for")]
    Shutdown,
    /// The shutdown notices that the last session has ended.
    #[display("shutdown looks whether all have ended")]
    Finish,
}

/// What a subscriber takes from its queue.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A peer has come.
    #[display("Up of {_0}")]
    Up(SessionId),
    /// It has gone.
    #[display("Down of {_0}")]
    Down(SessionId),
    /// The subscriber was too slow: nothing more comes, forget every peer and subscribe again.
    #[display("Lagged")]
    Lagged,
    /// The shutdown is complete: nothing more comes.
    #[display("Closed")]
    Closed,
}

/// Why a session was rejected.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Every slot is taken.
    #[display("no slot")]
    Full,
    /// Every slot for sessions of its direction that are not announced yet is taken.
    #[display("no slot for pending sessions")]
    Pending,
    /// Every slot that is not reserved is taken.
    #[display("no slot that is not reserved")]
    Reserved,
    /// Every slot for accepted connections is taken.
    #[display("no slot for accepted connections")]
    Inbound,
    /// Every slot for dialed connections is taken.
    #[display("no slot for dialed connections")]
    Outbound,
    /// The address has as many sessions as it may have.
    #[display("no slot for its address")]
    PerAddress,
    /// The source has as many sessions as it may have.
    #[display("no slot for its source")]
    PerSource,
    /// The source has as many sessions that are not announced as it may have.
    #[display("no slot for pending sessions from its source")]
    PendingFromSource,
    /// The key, or a network with the address, is banned.
    #[display("banned")]
    Banned,
    /// The key has as many sessions as it may have, and the policy keeps those.
    #[display("duplicate")]
    Duplicate,
    /// The key is our own.
    #[display("our own key")]
    Myself,
    /// The node is shutting down.
    #[display("shutting down")]
    Closing,
    /// A subscriber, or another rule of the node, refused it.
    #[display("vetoed")]
    Vetoed,
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Where the connection that asks for a slot comes from. Not told where [nothing is known](Origin::is_plain).
    #[display("{_0} is {_1}")]
    Came(SessionId, Origin),
    /// The session has a slot.
    #[display("{_0} has a slot")]
    Opened(SessionId),
    /// The session must not be announced.
    #[display("{_0} is rejected: {_1}")]
    Rejected(SessionId, Reason),
    /// The session is privileged from now on.
    #[display("{_0} is privileged")]
    Privileged(SessionId),
    /// What is compared where the direction does not tell which session is kept.
    #[display("{_0} has rank {_1}")]
    Ranked(SessionId, u32),
    /// The handshake is complete.
    #[display("{_0} is with {_1}")]
    HandshakeDone(SessionId, Key),
    /// The handshake was reported complete a second time; that changes nothing.
    #[display("{_0} was greeted before")]
    HandshakeDoneTwice(SessionId),
    /// The session waits for room from now on, behind those that wait already.
    #[display("{_0} waits for room")]
    Waits(SessionId),
    /// The registry heard of the session's coming.
    #[display("registry hears Up of {_0}")]
    Announced(SessionId),
    /// The session is in the registry.
    #[display("{_0} is registered")]
    Registered(SessionId),
    /// The session is no longer in the registry.
    #[display("{_0} is no longer registered")]
    Removed(SessionId),
    /// The session was told to end.
    #[display("{_0} is to end")]
    Disconnecting(SessionId),
    /// The session was told to end because its handshake took too long.
    #[display("{_0} has timed out")]
    TimedOut(SessionId),
    /// The registry heard of the session's end.
    #[display("registry hears Down of {_0}")]
    Ended(SessionId),
    /// The session's connection is closed.
    #[display("connection of {_0} is closed")]
    Closed(SessionId),
    /// A task died of a panic that was not intended.
    #[display("a task of {_0} panics")]
    Panicked(SessionId),
    /// One session of the snapshot that the subscriber is being given.
    #[display("{_0} is given {_1}")]
    Listed(SubscriberId, SessionId),
    /// The snapshot is complete, with this many sessions; the stream of events follows.
    #[display("{_0} has a snapshot of {_1}")]
    Subscribed(SubscriberId, u32),
    /// The subscriber is gone.
    #[display("{_0} is gone")]
    Unsubscribed(SubscriberId),
    /// Nothing more is queued for the subscriber.
    #[display("{_0} is cut off")]
    CutOff(SubscriberId),
    /// The subscriber took this from its queue.
    #[display("{_0} hears {_1}")]
    Heard(SubscriberId, Event),
    /// The peer told its session that it is ahead.
    #[display("{_0} learns that its peer is ahead")]
    PeerAhead(SessionId),
    /// The selector counts the peer among those that are ahead.
    #[display("selector notes that {_0} is ahead")]
    Heeded(SessionId),
    /// The selector does not know the session yet and will look when it hears of it.
    #[display("selector does not know {_0} yet")]
    Deferred(SessionId),
    /// What the peer announced was thrown away.
    #[display("what the peer of {_0} announced is thrown away")]
    Ignored(SessionId),
    /// The application was told which peer is the active one.
    #[display("application hears that {} is active", _0.map_or("no peer".to_owned(), |peer| peer.to_string()))]
    Active(Option<SessionId>),
    /// The application was told that the active peer made no progress, and to disconnect it.
    #[display("application hears that {_0} stalled")]
    Stalled(SessionId),
    /// Something is kept on behalf of the session, under its id.
    #[display("something is kept for {_0}")]
    Kept(SessionId),
    /// What was kept on behalf of the session is gone.
    #[display("what was kept for {_0} is dropped")]
    Dropped(SessionId),
    /// The operator was told that the ban is in force.
    #[display("operator hears that {_0} is banned")]
    Banned(Key),
    /// The operator was told that the ban is over.
    #[display("operator hears that {_0} is no longer banned")]
    Unbanned(Key),
    /// The operator was told that the ban of the network is in force.
    #[display("operator hears that {_0} is banned")]
    NetworkBanned(Network),
    /// The operator was told that the ban of the network is over.
    #[display("operator hears that {_0} is no longer banned")]
    NetworkUnbanned(Network),
    /// The operator was told that these limits hold.
    #[display("operator hears that these limits hold: {_0:?}")]
    Limited(Limits),
    /// The shutdown has begun.
    #[display("shutdown has begun")]
    ShutdownBegun,
    /// The caller of the shutdown was told that it is complete.
    #[display("shutdown is complete")]
    ShutdownComplete,
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such session, or no more.
    #[display("there is no such session")]
    NoSuchSession,
    /// The id is not the next unused one.
    #[display("the id is not the next unused one")]
    NotNext,
    /// The session is at another point of its life.
    #[display("the session is at another point of its life")]
    NotNow,
    /// The session has been told to end already.
    #[display("the session has been told to end already")]
    Ending,
    /// It waits until every subscriber has room for the session's coming and its going.
    #[display("a subscriber has no room for its coming and its going")]
    NoRoom,
    /// It waits until the session that it replaces has ended.
    #[display("the session that it replaces has not ended")]
    WaitsForOld,
    /// There is no such subscriber, or it is not subscribed.
    #[display("there is no such subscriber")]
    NoSuchSubscriber,
    /// The subscriber is subscribed already.
    #[display("the subscriber is subscribed already")]
    AlreadySubscribed,
    /// The queue is empty.
    #[display("the queue is empty")]
    Empty,
    /// The subscriber holds up no session.
    #[display("the subscriber does not hold anybody up")]
    NotHolding,
    /// There is nothing new to look at.
    #[display("there is nothing new to look at")]
    NothingNew,
    /// There is no active peer.
    #[display("there is no active peer")]
    NoneActive,
    /// The key or the network is banned already.
    #[display("the key or the network is banned already")]
    AlreadyBanned,
    /// The key or the network is not banned.
    #[display("the key or the network is not banned")]
    NotBanned,
    /// With these limits the last slot could not be announced.
    #[display("the last slot could not be announced")]
    Unsound,
    /// The shutdown has begun already, or is over.
    #[display("the shutdown has begun already")]
    AlreadyClosing,
    /// The shutdown has not begun, or sessions have not ended yet, or it is over.
    #[display("sessions have not ended, or nothing is to finish")]
    NotFinished,
}
