//! Actions, outputs and refusals of the peer lifecycle.

use serde::{Deserialize, Serialize};

use super::{Key, Limits, Network, Origin, SessionId, SubscriberId};

/// What can be attempted. Each is one critical section, one queue operation or one message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A connection, accepted or dialed, asks for a slot.
    Open {
        /// The next unused id.
        session: SessionId,
        /// Where it comes from.
        #[serde(default, skip_serializing_if = "Origin::is_plain")]
        origin: Origin,
    },
    /// The handshake finds that the session is to be privileged.
    GrantPrivilege {
        /// Whose handshake.
        session: SessionId,
    },
    /// The handshake says what its two ends compare where the direction does not tell which session is kept.
    Rank {
        /// Whose handshake.
        session: SessionId,
        /// The same number at both ends.
        rank: u32,
    },
    /// The handshake completes and says who the peer is.
    HandshakeDone {
        /// Whose handshake.
        session: SessionId,
        /// Who it is.
        key: Key,
    },
    /// The session's task has itself announced: admission by key, registration and every queue in one critical section.
    Announce {
        /// Whose task.
        session: SessionId,
    },
    /// Somebody wants the session to end: the peer, this node, its operator.
    Disconnect {
        /// Which session.
        session: SessionId,
    },
    /// The handshake timer fires. It runs until the session is announced.
    Expire {
        /// Whose timer.
        session: SessionId,
    },
    /// The session's guard runs because the session is to end.
    End {
        /// Whose guard.
        session: SessionId,
    },
    /// The session's task is aborted or panics, wherever it is; its guard runs.
    Abort {
        /// Whose task.
        session: SessionId,
    },
    /// The task of a session whose guard has run drops the connection.
    Close {
        /// Whose connection.
        session: SessionId,
    },
    /// The peer says that it is ahead of us, and the session's task notes it in the session's cell.
    PeerAhead {
        /// Which peer.
        session: SessionId,
    },
    /// The session's task tells the selector to look at the cell.
    NotifySelector {
        /// Whose task.
        session: SessionId,
    },
    /// Somebody subscribes and is given a snapshot.
    Subscribe {
        /// Who.
        subscriber: SubscriberId,
    },
    /// A subscriber is dropped.
    Unsubscribe {
        /// Who.
        subscriber: SubscriberId,
    },
    /// The patience with a subscriber that holds up an announcement is over.
    Evict {
        /// Who.
        subscriber: SubscriberId,
    },
    /// A subscriber takes the next item of its queue.
    Receive {
        /// Who.
        subscriber: SubscriberId,
    },
    /// The active peer made no progress for too long.
    Stall,
    /// The selector looks again at a peer that stalled and has rested.
    Reconsider {
        /// Which peer.
        session: SessionId,
    },
    /// The operator bans a key.
    Ban {
        /// Which.
        key: Key,
    },
    /// The ban ends.
    Unban {
        /// Which.
        key: Key,
    },
    /// The operator bans the addresses of a network.
    BanNetwork {
        /// Which.
        network: Network,
    },
    /// The ban of a network ends.
    UnbanNetwork {
        /// Which.
        network: Network,
    },
    /// The operator sets other limits. Sessions that hold a slot keep it.
    SetLimits {
        /// Which.
        limits: Limits,
    },
    /// Shutdown is asked for.
    Shutdown,
    /// The shutdown notices that the last session has ended.
    Finish,
}

/// What a subscriber takes from its queue.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A peer has come.
    Up(SessionId),
    /// It has gone.
    Down(SessionId),
    /// The subscriber was too slow: nothing more comes, forget everybody and subscribe again.
    Lagged,
    /// The shutdown is complete: nothing more comes.
    Closed,
}

/// Why a session was rejected.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Every slot is taken.
    Full,
    /// Every slot for sessions of its direction that are not announced yet is taken.
    Pending,
    /// Every slot that is not reserved is taken.
    Reserved,
    /// Every slot for accepted connections is taken.
    Inbound,
    /// Every slot for dialed connections is taken.
    Outbound,
    /// The address has as many sessions as it may have.
    PerAddress,
    /// The source has as many sessions as it may have.
    PerSource,
    /// The source has as many sessions that are not announced as it may have.
    PendingFromSource,
    /// The key, or a network with the address, is banned.
    Banned,
    /// The key has as many sessions as it may have, and the policy keeps those.
    Duplicate,
    /// The key is our own.
    Myself,
    /// The node is shutting down.
    Closing,
    /// A subscriber, or another rule of the node, refused it.
    Vetoed,
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Where the connection that asks for a slot comes from. Not told where [nothing is known](Origin::is_plain).
    Came(SessionId, Origin),
    /// The session has a slot.
    Opened(SessionId),
    /// The session must not be announced.
    Rejected(SessionId, Reason),
    /// The session is privileged from now on.
    Privileged(SessionId),
    /// What is compared where the direction does not tell which session is kept.
    Ranked(SessionId, u32),
    /// The handshake is complete.
    HandshakeDone(SessionId, Key),
    /// The handshake was reported complete a second time; that changes nothing.
    HandshakeDoneTwice(SessionId),
    /// The session waits for room from now on, behind those that wait already.
    Waits(SessionId),
    /// The registry heard of the session's coming.
    Announced(SessionId),
    /// The session is in the registry.
    Registered(SessionId),
    /// The session is no longer in the registry.
    Removed(SessionId),
    /// The session was told to end.
    Disconnecting(SessionId),
    /// The session was told to end because its handshake took too long.
    TimedOut(SessionId),
    /// The registry heard of the session's end.
    Ended(SessionId),
    /// The session's connection is closed.
    Closed(SessionId),
    /// A task died of a panic that nobody meant.
    Panicked(SessionId),
    /// One session of the snapshot that the subscriber is being given.
    Listed(SubscriberId, SessionId),
    /// The snapshot is complete, with this many sessions; the stream of events follows.
    Subscribed(SubscriberId, u32),
    /// The subscriber is gone.
    Unsubscribed(SubscriberId),
    /// Nothing more is queued for the subscriber.
    CutOff(SubscriberId),
    /// The subscriber took this from its queue.
    Heard(SubscriberId, Event),
    /// The peer told its session that it is ahead.
    PeerAhead(SessionId),
    /// The selector counts the peer among those that are ahead.
    Heeded(SessionId),
    /// The selector does not know the session yet and will look when it hears of it.
    Deferred(SessionId),
    /// What the peer announced was thrown away.
    Ignored(SessionId),
    /// The application was told which peer is the active one.
    Active(Option<SessionId>),
    /// The application was told that the active peer made no progress, and to disconnect it.
    Stalled(SessionId),
    /// Something is kept on behalf of the session, under its id.
    Kept(SessionId),
    /// What was kept on behalf of the session is gone.
    Dropped(SessionId),
    /// The operator was told that the ban is in force.
    Banned(Key),
    /// The operator was told that the ban is over.
    Unbanned(Key),
    /// The operator was told that the ban of the network is in force.
    NetworkBanned(Network),
    /// The operator was told that the ban of the network is over.
    NetworkUnbanned(Network),
    /// The operator was told that these limits hold.
    Limited(Limits),
    /// The shutdown has begun.
    ShutdownBegun,
    /// Whoever asked for the shutdown was told that it is complete.
    ShutdownComplete,
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such session, or no more.
    NoSuchSession,
    /// The id is not the next unused one.
    NotNext,
    /// The session is at another point of its life.
    NotNow,
    /// The session has been told to end already.
    Ending,
    /// It waits until every subscriber has room for the session's coming and its going.
    NoRoom,
    /// It waits until the session that it replaces has ended.
    WaitsForOld,
    /// There is no such subscriber, or it is not subscribed.
    NoSuchSubscriber,
    /// The subscriber is subscribed already.
    AlreadySubscribed,
    /// The queue is empty.
    Empty,
    /// The subscriber does not hold anybody up.
    NotHolding,
    /// There is nothing new to look at.
    NothingNew,
    /// There is no active peer.
    NoneActive,
    /// The key or the network is banned already.
    AlreadyBanned,
    /// The key or the network is not banned.
    NotBanned,
    /// With these limits the last slot could not be announced.
    Unsound,
    /// The shutdown has begun already, or is over.
    AlreadyClosing,
    /// The shutdown has not begun, or sessions have not ended yet, or it is over.
    NotFinished,
}
