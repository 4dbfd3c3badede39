//! Actions, outputs and refusals of descriptor ownership.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::{Incarnation, Thread};

/// The owner of a descriptor.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// One thread's, until another takes it over.
    Thread(Thread),
    /// Every thread's, as a listening socket is.
    #[display("everybody")]
    Everybody,
}

/// What can be attempted. Each is one read-modify-write or one store of the slot's word, or one system call.
#[expect(missing_docs, reason = "the types of its fields say what they are")]
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The kernel gives a thread the next unused incarnation, with the lowest number that is free.
    #[display("{thread} opens {incarnation}")]
    Open { thread: Thread, incarnation: Incarnation },
    /// The thread claims the slot of the number that it was given.
    #[display("{thread} claims the slot")]
    Claim { thread: Thread },
    /// The thread publishes the descriptor in the slot that it claimed, for its owner from now on, and is inside, to
    /// register it.
    #[display("{thread} inserts it for {owner}")]
    Insert { thread: Thread, owner: Owner },
    /// The thread, inside, has its poller watch the descriptor.
    #[display("{thread} has its poller watch it")]
    Watch { thread: Thread },
    /// The other end sends something.
    #[display("something arrives for {incarnation}")]
    Arrive { incarnation: Incarnation },
    /// The thread's poller gives it a report of every descriptor that has something new; it has dealt with those that it
    /// was given before. From here on they are the thread's, whatever becomes of the descriptors.
    #[display("{thread} polls")]
    Poll { thread: Thread },
    /// The thread acts on a report that it was given: it enters, or is turned away.
    #[display("{thread} acts on its report of {incarnation}")]
    Enter { thread: Thread, incarnation: Incarnation },
    /// The thread enters without a report, to have its poller watch a shared descriptor.
    #[display("{thread} joins {incarnation}")]
    Join { thread: Thread, incarnation: Incarnation },
    /// The thread leaves.
    #[display("{thread} leaves")]
    Leave { thread: Thread },
    /// The thread wants to be the owner of an idle descriptor, and inside.
    #[display("{thread} takes over {incarnation}")]
    Takeover { thread: Thread, incarnation: Incarnation },
    /// The thread, not inside, asks for a descriptor to be closed.
    #[display("{thread} deletes {incarnation} from outside")]
    Delete { thread: Thread, incarnation: Incarnation },
    /// The thread, inside, asks for the descriptor to be closed and leaves.
    #[display("{thread} deletes it from inside and leaves")]
    DeleteInside { thread: Thread },
    /// The thread that holds the slot frees it.
    #[display("{thread} frees the slot")]
    Wipe { thread: Thread },
    /// The thread closes the descriptor after it has freed the slot.
    #[display("{thread} closes it")]
    Close { thread: Thread },
    /// The thread, turned away because it is not the owner, has its poller forget the descriptor.
    #[display("{thread} has its poller forget it")]
    Forget { thread: Thread },
}

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// A thread.
    Thread(Thread),
}

/// Why a thread was turned away.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Away {
    /// The descriptor is not there any more.
    #[display("it is gone")]
    Gone,
    /// Deletion was asked for.
    #[display("it is being closed")]
    Closing,
    /// It belongs to another thread.
    #[display("it belongs to another thread")]
    NotOwner,
    /// A thread is inside.
    #[display("a thread is inside")]
    Busy,
    /// It is shared.
    #[display("it is shared")]
    Shared,
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The kernel gave the thread a descriptor.
    #[display("{_0} has {_1}")]
    Opened(Thread, Incarnation),
    /// The thread has the slot of the descriptor to itself.
    #[display("{_0} holds the slot for {_1}")]
    Claimed(Thread, Incarnation),
    /// The slot was not clean when the thread put its descriptor in.
    #[display("{_0} finds the slot for {_1} not clean")]
    Unclean(Thread, Incarnation),
    /// The descriptor is in the table and has this owner.
    #[display("{_1} is in the table and belongs to {_2}")]
    Inserted(Thread, Incarnation, Owner),
    /// The thread's poller watches the descriptor.
    #[display("the poller of {_0} watches {_1}")]
    Watched(Thread, Incarnation),
    /// The kernel refused to watch or to forget what the thread named.
    #[display("the kernel refuses what {_0} asks of its poller")]
    KernelRefused(Thread),
    /// Something arrived.
    #[display("something is there for {_0}")]
    Arrived(Incarnation),
    /// The thread was given a report of its poller.
    #[display("{_0} holds a report of {_1}")]
    Reported(Thread, Incarnation),
    /// The thread is inside the first descriptor, because of a report or a token of the second.
    #[display("{_0} is inside {_1}{}", unless_same(_1, _2, || format!(" because of a report of {_2}")))]
    Entered(Thread, Incarnation, Incarnation),
    /// The thread dealt with all that had arrived.
    #[display("{_0} deals with what arrived for {_1}")]
    Handled(Thread, Incarnation),
    /// The thread was turned away from the descriptor.
    #[display("{_0} is turned away from {_1}: {_2}")]
    TurnedAway(Thread, Incarnation, Away),
    /// The thread is not inside any more.
    #[display("{_0} is outside of {_1}")]
    Left(Thread, Incarnation),
    /// The thread is the owner.
    #[display("{_1} belongs to {_0}, who took it over")]
    TakenOver(Thread, Incarnation),
    /// Deletion was asked for.
    #[display("{_0} wants {_1} closed")]
    Deleting(Thread, Incarnation),
    /// The thread was told that it is the one to close the descriptor.
    #[display("{_0} is to close {_1}")]
    MustClose(Thread, Incarnation),
    /// The thread freed the slot of the descriptor.
    #[display("the slot of {_1} is free")]
    Wiped(Thread, Incarnation),
    /// The kernel closed the descriptor for the thread.
    #[display("{_0} has closed {_1}")]
    Closed(Thread, Incarnation),
    /// The thread's poller does not watch the first descriptor any more; the thread meant the second.
    #[display("the poller of {_0} watches {_1} no longer{}", unless_same(_1, _2, || format!(", although {_2} was meant")))]
    Forgotten(Thread, Incarnation, Incarnation),
    /// The thread is in the middle of a call of more than one step.
    #[display("{_0} is in the middle of a call")]
    Called(Thread),
    /// The call is over.
    #[display("the call of {_0} is over")]
    Returned(Thread),
    /// What was to be written for one descriptor was written for another, or under another group's numbers.
    #[display("{_0} writes what is read for another")]
    Mixed(Thread),
    /// A flag that a thread had set is lost.
    #[display("a flag of {_0} is lost")]
    FlagLost(Incarnation),
    /// An update is noted and queued nowhere, or queued twice.
    #[display("an update of {_1} for {_0} is mislaid")]
    UpdateMislaid(Thread, Incarnation),
    /// The descriptor is idle, on the idle list of the thread.
    #[display("{_1} is on the idle list of {_0}")]
    Listed(Thread, Incarnation),
    /// The thread took the descriptor off the idle list that it was on.
    #[display("{_0} takes {_1} off its idle list")]
    Unlisted(Thread, Incarnation),
    /// The idle time of the descriptor is over.
    #[display("the idle time of {_0} is over")]
    Expired(Incarnation),
    /// The process knows that something is there for the descriptor: a poller told it, or the kernel when it was asked.
    #[display("it is known that something is there for {_0}")]
    Known(Incarnation),
    /// The thread is to look at the descriptor, because its poller reported something.
    #[display("{_0} is to look at {_1}")]
    Woken(Thread, Incarnation),
    /// The descriptor is out of its slot, which is free, and open: the thread has it.
    #[display("{_1} is out of its slot, and {_0} has it")]
    TakenOut(Thread, Incarnation),
    /// The thread was given the descriptor by the pool, to use it.
    #[display("{_0} is given {_1}")]
    Given(Thread, Incarnation),
    /// The thread uses the descriptor, which is new, or which the pool did not keep.
    #[display("{_0} uses {_1}")]
    HandedBack(Thread, Incarnation),
    /// All threads are of one runtime: its poller, its idle list and its place as an owner are those of thread 0.
    #[display("all threads are of one runtime")]
    OneRuntime,
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The thread is at another point of its work.
    #[display("the thread is at another point of its work")]
    NotNow,
    /// The incarnation is not the next unused one.
    #[display("the descriptor is not the next one")]
    NotNext,
    /// No number is free.
    #[display("no number is free")]
    NoNumber,
    /// The slot is not free.
    #[display("the slot is not free")]
    Occupied,
    /// There is no such descriptor, or nothing is known of it any more.
    #[display("the descriptor is gone")]
    Gone,
    /// Deletion was asked for already.
    #[display("deletion was asked for")]
    Closing,
    /// It belongs to another thread.
    #[display("it belongs to another thread")]
    NotOwner,
    /// A thread is inside.
    #[display("a thread is inside")]
    Busy,
    /// It is shared.
    #[display("it is shared")]
    Shared,
    /// The thread's poller watches it already.
    #[display("the thread's poller watches it")]
    Watching,
    /// The thread's poller has nothing to report of it.
    #[display("there is nothing to report")]
    NothingNew,
}

impl Action {
    /// The thread that takes the action; `None` for what the environment chooses: that a descriptor is opened, that
    /// something arrives, and that a thread wants to have or to end what exists.
    pub fn component(self) -> Option<Component> {
        let is_free = matches!(
            self,
            Self::Open { .. }
                | Self::Join { .. }
                | Self::Takeover { .. }
                | Self::Delete { .. }
                | Self::DeleteInside { .. }
        );
        self.thread().filter(|_| !is_free).map(Component::Thread)
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

/// What is said of a descriptor that another one was taken for.
fn unless_same(found: &Incarnation, meant: &Incarnation, otherwise: impl FnOnce() -> String) -> String {
    if found == meant { String::new() } else { otherwise() }
}
