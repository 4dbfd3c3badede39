//! The switches that turn handfast's design into a mutant of it.

use serde::Serialize;

/// One mistake that somebody made in a real system, made in handfast's design.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// None: the design as it is.
    #[default]
    None,
    /// A session that was told to end is announced all the same if its handshake completed.
    AnnouncesTheEnding,
    /// The shutdown waits for the queues to be empty before it is complete.
    StopWaitsForQueues,
    /// The shutdown does not tell sessions to end that wait to be announced.
    StopForgetsGreeted,
    /// The shutdown neither tells sessions to end that shake hands nor waits for them.
    StopForgetsPending,
    /// A ban takes effect when somebody gets to it.
    BanIsQueued,
    /// A newer session takes over the registration, and the guard of the older one removes whatever has its key.
    RemovesByKey,
    /// The guard returns the slot and the registration first and sends Down later.
    DownAfterRelease,
    /// Announcements of peers other than the active one are thrown away, also while nobody is active.
    OnlyActiveIsHeard,
    /// The selector counts what it is told of a peer of whom it has not heard Up.
    HeedsTheUnheard,
    /// A peer is picked at its Up or when the active one goes, not when it gets ahead while nobody is active.
    NoPickWhenIdle,
    /// A peer that is not ahead at its Up never counts again.
    LevelPeersWrittenOff,
    /// Slots are counted; the count goes down when a session is told to end and again when it ends.
    SlotReturnedTwice,
    /// Slots are counted; the count does not go down when a task is aborted.
    SlotLostOnAbort,
    /// Admission by key and registration are two steps.
    ChecksThenRegisters,
    /// A newer session with the same key does not wait for the end of the older one.
    NewDoesNotWait,
    /// Admission by key comes after Up.
    AdmitsAfterUp,
    /// Slots are checked in one step and taken in the next.
    ChecksThenTakesSlot,
    /// An aborted task leaves no Down.
    AbortSkipsDown,
    /// A full queue loses what comes.
    LossyQueue,
    /// The guard waits until there is room for Down.
    DownWaitsForRoom,
    /// A subscriber may veto a session of which others were told.
    VetoWithoutRollback,
    /// When the active peer goes, the next is picked before the gone one is deleted.
    PickBeforeDelete,
    /// The snapshot is taken in one step and the subscription made in the next.
    SnapshotThenSubscribe,
    /// The handshake timer stops when the handshake completes, although the session still waits to be announced.
    TimerStopsAtGreeting,
    /// A second report of a completed handshake is a programming error and panics.
    SecondGreetingPanics,
    /// A session of whom nobody knows who it is is announced when its handshake takes too long.
    AnnouncesOnTimeout,
    /// The guard runs for each of two reasons to end.
    GuardRunsTwice,
    /// Accepted connections are counted; the count goes down when a session is told to end and again when it ends.
    InboundReturnedTwice,
    /// Accepted connections are counted; the count does not go down when a task is aborted.
    InboundLostOnAbort,
    /// Connections are counted by direction; the end of one takes from the count of the other direction.
    OtherDirectionReturned,
    /// What a source may have pending is held until the session ends, although it was announced.
    SourceHeldWhileUp,
    /// Reserved slots go to anybody.
    ReservesNothing,
    /// Of two connections with one peer each end prefers the one that it dialed itself.
    PrefersOwnDial,
    /// A session with the node's own key is announced.
    MeetsItself,
    /// The number of sessions that a key may have is checked before the one that asks is counted.
    AllowsOneMore,
    /// The session that asks is counted among those that its key has.
    AllowsOneLess,
    /// A ban of an address tells only announced sessions to end.
    AddressBanSparesPending,
}

impl Flaw {
    /// Every mistake.
    pub const MISTAKES: [Self; 36] = [
        Self::AnnouncesTheEnding,
        Self::StopWaitsForQueues,
        Self::StopForgetsGreeted,
        Self::StopForgetsPending,
        Self::BanIsQueued,
        Self::RemovesByKey,
        Self::DownAfterRelease,
        Self::OnlyActiveIsHeard,
        Self::NoPickWhenIdle,
        Self::LevelPeersWrittenOff,
        Self::SlotReturnedTwice,
        Self::SlotLostOnAbort,
        Self::ChecksThenRegisters,
        Self::NewDoesNotWait,
        Self::AdmitsAfterUp,
        Self::ChecksThenTakesSlot,
        Self::AbortSkipsDown,
        Self::LossyQueue,
        Self::DownWaitsForRoom,
        Self::VetoWithoutRollback,
        Self::PickBeforeDelete,
        Self::SnapshotThenSubscribe,
        Self::TimerStopsAtGreeting,
        Self::SecondGreetingPanics,
        Self::AnnouncesOnTimeout,
        Self::GuardRunsTwice,
        Self::InboundReturnedTwice,
        Self::InboundLostOnAbort,
        Self::OtherDirectionReturned,
        Self::SourceHeldWhileUp,
        Self::ReservesNothing,
        Self::PrefersOwnDial,
        Self::MeetsItself,
        Self::AllowsOneMore,
        Self::AllowsOneLess,
        Self::AddressBanSparesPending,
    ];
}
