//! Actions, outputs and refusals of descriptor ownership.

use serde::{Deserialize, Serialize};

use super::{Incarnation, Thread};

/// The owner of a descriptor.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// One thread's, until another takes it over.
    Thread(Thread),
    /// Every thread's, as a listening socket is.
    Everybody,
}

/// What can be attempted. Each is one read-modify-write or one store of the slot's word, or one system call.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The kernel gives a thread a descriptor, with the lowest number that is free.
    Open {
        /// Which thread.
        thread: Thread,
        /// The next unused incarnation.
        incarnation: Incarnation,
    },
    /// The thread claims the slot of the number that it was given.
    Claim {
        /// Which thread.
        thread: Thread,
    },
    /// The thread publishes the descriptor in the slot that it claimed, and is inside, to register it.
    Insert {
        /// Which thread.
        thread: Thread,
        /// Its owner from now on.
        owner: Owner,
    },
    /// The thread, inside, has its poller watch the descriptor.
    Watch {
        /// Which thread.
        thread: Thread,
    },
    /// The other end sends something.
    Arrive {
        /// To which descriptor.
        incarnation: Incarnation,
    },
    /// The thread's poller gives it a report of every descriptor that has something new; it has dealt with those that it
    /// was given before. From here on they are the thread's, whatever becomes of the descriptors.
    Poll {
        /// Which thread.
        thread: Thread,
    },
    /// The thread acts on a report that it was given: it enters, or is turned away.
    Enter {
        /// Which thread.
        thread: Thread,
        /// What the report is about.
        incarnation: Incarnation,
    },
    /// The thread enters without a report, to have its poller watch a shared descriptor.
    Join {
        /// Which thread.
        thread: Thread,
        /// Which descriptor.
        incarnation: Incarnation,
    },
    /// The thread leaves.
    Leave {
        /// Which thread.
        thread: Thread,
    },
    /// The thread wants to be the owner of an idle descriptor, and inside.
    Takeover {
        /// Which thread.
        thread: Thread,
        /// Which descriptor.
        incarnation: Incarnation,
    },
    /// The thread, not inside, asks for a descriptor to be closed.
    Delete {
        /// Which thread.
        thread: Thread,
        /// Which descriptor.
        incarnation: Incarnation,
    },
    /// The thread, inside, asks for the descriptor to be closed and leaves.
    DeleteInside {
        /// Which thread.
        thread: Thread,
    },
    /// The thread that holds the slot frees it.
    Wipe {
        /// Which thread.
        thread: Thread,
    },
    /// The thread closes the descriptor after it has freed the slot.
    Close {
        /// Which thread.
        thread: Thread,
    },
    /// The thread, turned away because it is not the owner, has its poller forget the descriptor.
    Forget {
        /// Which thread.
        thread: Thread,
    },
}

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// A thread.
    Thread(Thread),
}

/// Why a thread was turned away.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Away {
    /// The descriptor is not there any more.
    Gone,
    /// Deletion was asked for.
    Closing,
    /// It belongs to another thread.
    NotOwner,
    /// A thread is inside.
    Busy,
    /// It is shared.
    Shared,
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The kernel gave the thread a descriptor.
    Opened(Thread, Incarnation),
    /// The thread has the slot of the descriptor to itself.
    Claimed(Thread, Incarnation),
    /// The slot was not clean when the thread put its descriptor in.
    Unclean(Thread, Incarnation),
    /// The descriptor is in the table and has this owner.
    Inserted(Thread, Incarnation, Owner),
    /// The thread's poller watches the descriptor.
    Watched(Thread, Incarnation),
    /// The kernel refused to watch or to forget what the thread named.
    KernelRefused(Thread),
    /// Something arrived.
    Arrived(Incarnation),
    /// The thread was given a report of its poller.
    Reported(Thread, Incarnation),
    /// The thread is inside the first descriptor, because of a report or a token of the second.
    Entered(Thread, Incarnation, Incarnation),
    /// The thread dealt with all that had arrived.
    Handled(Thread, Incarnation),
    /// The thread was turned away from the descriptor.
    TurnedAway(Thread, Incarnation, Away),
    /// The thread is not inside any more.
    Left(Thread, Incarnation),
    /// The thread is the owner.
    TakenOver(Thread, Incarnation),
    /// Deletion was asked for.
    Deleting(Thread, Incarnation),
    /// The thread was told that it is the one to close the descriptor.
    MustClose(Thread, Incarnation),
    /// The thread freed the slot of the descriptor.
    Wiped(Thread, Incarnation),
    /// The kernel closed the descriptor for the thread.
    Closed(Thread, Incarnation),
    /// The thread's poller does not watch the first descriptor any more; the thread meant the second.
    Forgotten(Thread, Incarnation, Incarnation),
    /// The thread is in the middle of a call of more than one step.
    Called(Thread),
    /// The call is over.
    Returned(Thread),
    /// What was to be written for one descriptor was written for another, or under another group's numbers.
    Mixed(Thread),
    /// A flag that a thread had set is lost.
    FlagLost(Incarnation),
    /// An update is noted and queued nowhere, or queued twice.
    UpdateMislaid(Thread, Incarnation),
    /// The descriptor is idle, on the shelf of the thread.
    Listed(Thread, Incarnation),
    /// The thread took the descriptor off the shelf that it was on.
    Unlisted(Thread, Incarnation),
    /// The idle time of the descriptor is over.
    Expired(Incarnation),
    /// The process knows that something is there for the descriptor: a poller told it, or the kernel when it was asked.
    Known(Incarnation),
    /// The thread is to look at the descriptor, because its poller reported something.
    Woken(Thread, Incarnation),
    /// The descriptor is out of its slot, which is free, and open: the thread has it.
    TakenOut(Thread, Incarnation),
    /// The thread was given the descriptor by the pool, to use it.
    Given(Thread, Incarnation),
    /// The thread uses the descriptor, which is new, or which the pool did not keep.
    HandedBack(Thread, Incarnation),
    /// All threads are of one runtime: its poller, its shelf and its place as an owner are those of thread 0.
    OneRuntime,
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The thread is at another point of its work.
    NotNow,
    /// The incarnation is not the next unused one.
    NotNext,
    /// No number is free.
    NoNumber,
    /// The slot is not free.
    Occupied,
    /// There is no such descriptor, or nothing is known of it any more.
    Gone,
    /// Deletion was asked for already.
    Closing,
    /// It belongs to another thread.
    NotOwner,
    /// A thread is inside.
    Busy,
    /// It is shared.
    Shared,
    /// The thread's poller watches it already.
    Watching,
    /// The thread's poller has nothing to report of it.
    NothingNew,
}

impl Action {
    /// The thread that takes the action; `None` for what the environment chooses: that a descriptor is opened, that
    /// something arrives, and that a thread wants to have or to end what exists.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Open { .. }
            | Self::Arrive { .. }
            | Self::Join { .. }
            | Self::Takeover { .. }
            | Self::Delete { .. }
            | Self::DeleteInside { .. } => None,
            Self::Claim { thread }
            | Self::Insert { thread, .. }
            | Self::Watch { thread }
            | Self::Poll { thread }
            | Self::Enter { thread, .. }
            | Self::Leave { thread }
            | Self::Wipe { thread }
            | Self::Close { thread }
            | Self::Forget { thread } => Some(Component::Thread(thread)),
        }
    }

    /// The thread that takes the step; `None` if something arrives.
    pub fn thread(self) -> Option<Thread> {
        match self {
            Self::Arrive { .. } => None,
            Self::Open { thread, .. }
            | Self::Claim { thread }
            | Self::Insert { thread, .. }
            | Self::Watch { thread }
            | Self::Poll { thread }
            | Self::Enter { thread, .. }
            | Self::Join { thread, .. }
            | Self::Leave { thread }
            | Self::Takeover { thread, .. }
            | Self::Delete { thread, .. }
            | Self::DeleteInside { thread }
            | Self::Wipe { thread }
            | Self::Close { thread }
            | Self::Forget { thread } => Some(thread),
        }
    }
}

/// Why an operation that is not about a report did nothing.
impl From<Away> for Refusal {
    fn from(away: Away) -> Self {
        match away {
            Away::Gone => Self::Gone,
            Away::Closing => Self::Closing,
            Away::NotOwner => Self::NotOwner,
            Away::Busy => Self::Busy,
            Away::Shared => Self::Shared,
        }
    }
}
