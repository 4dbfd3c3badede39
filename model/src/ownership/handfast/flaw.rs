//! The switches that turn handfast's design into a mutant of it.

use serde::Serialize;

/// One mistake that somebody made in a real system, or nearly, made in handfast's design.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// None: the design as it is.
    #[default]
    None,
    /// A thread looks whether it may enter in one step and says that it is inside in the next.
    ChecksThenEnters,
    /// A thread looks whether it may take over in one step and does so in the next.
    ChecksThenTakesOver,
    /// Whoever leaves looks afterwards whether it was the last, and nothing says that somebody is closing already.
    LooksWhetherLast,
    /// A report of an earlier descriptor is taken for one of whatever has the number now.
    NoGeneration,
    /// A thread whose report comes too late has its poller forget the number.
    ForgetsTheGone,
    /// The descriptor is closed before its slot is free.
    ClosesBeforeWiping,
    /// The slot is free and what was in it is still there.
    LeavesThePayload,
    /// A thread enters what is to be closed.
    EntersClosing,
    /// A thread enters whatever its poller reports.
    EntersAnyway,
    /// A descriptor is taken over from under its owner.
    TakesOverBusy,
    /// A descriptor that is to be closed is taken over.
    TakesOverClosing,
    /// A deletion leaves the close to whoever leaves last, also when nobody is inside.
    NobodyClosesIdle,
    /// Whoever leaves last does not look whether it is to close.
    LastDoesNotClose,
    /// Whoever deletes closes, also when somebody is inside.
    DeleterCloses,
    /// A thread that took a descriptor over does not have its poller watch it.
    TakerDoesNotWatch,
    /// A thread that is not the owner any more does not have its poller forget the descriptor.
    NeverForgets,
}

impl Flaw {
    /// Every mistake.
    pub const MISTAKES: [Self; 16] = [
        Self::ChecksThenEnters,
        Self::ChecksThenTakesOver,
        Self::LooksWhetherLast,
        Self::NoGeneration,
        Self::ForgetsTheGone,
        Self::ClosesBeforeWiping,
        Self::LeavesThePayload,
        Self::EntersClosing,
        Self::EntersAnyway,
        Self::TakesOverBusy,
        Self::TakesOverClosing,
        Self::NobodyClosesIdle,
        Self::LastDoesNotClose,
        Self::DeleterCloses,
        Self::TakerDoesNotWatch,
        Self::NeverForgets,
    ];
}
