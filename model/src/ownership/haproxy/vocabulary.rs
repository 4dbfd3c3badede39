//! The steps of HAProxy's threads.

use core::fmt::{self, Display, Formatter};

use handfast_spec::ownership::{Component, Thread};
use serde::{Deserialize, Serialize};

/// What can be attempted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The kernel gives the thread the number, and the thread sets out to insert it.
    Open(Thread),
    /// The other end sends something.
    Arrive,
    /// The thread, in search of an idle connection, locks the list in which another thread keeps one.
    Takeover(Thread),
    /// The thread takes its own idle connection out of its list.
    Use(Thread),
    /// The thread puts the connection that it uses into its list of idle ones.
    List(Thread),
    /// The thread hands the connection that it uses to the second one.
    Migrate(Thread, Thread),
    /// The thread sets out to delete the descriptor, in its callback or outside.
    Delete(Thread),
    /// The thread looks through its updates, or has its poller report; or takes up what was handed to it.
    Poll(Thread),
    /// The thread takes the next step of what it is doing.
    Step(Thread, Step),
}

/// How far a thread is: the step that it takes next. The letters and numbers are those of the specification's tables.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing: the thread is in its loop.
    #[default]
    Rest,
    /// The generation of the report is compared before a reference is taken, and the group.
    Ue1,
    /// A reference is taken, to act on a report.
    Ue2,
    /// Is the thread allowed?
    Ue3,
    /// It announces itself.
    Ue4,
    /// Who else runs?
    Ue5,
    /// Is it allowed still, and is everybody who runs?
    Ue6,
    /// It is not: it takes its announcement back.
    Ue7,
    /// The reference is returned: the running bit keeps the descriptor.
    Ue8,
    /// The flags are read.
    Ue10,
    /// The flags are written.
    Ue11,
    /// The callback begins.
    Ue12,
    /// The callback ends.
    Callback,
    /// A reference is taken again.
    Ue13,
    /// Who is allowed now?
    Ue14,
    /// The running bit is cleared.
    Ue15,
    /// The reference is returned, and the report is dealt with.
    Ue17,
    /// Before the repair: who runs?
    Be1,
    /// Before the repair: who is allowed?
    Be2,
    /// Before the repair: the running bit is set if nobody else came or went.
    Be3,
    /// Is a close owed? Whoever clears the flag closes.
    Cm1,
    /// The reference is returned, to close.
    Cm2,
    /// An update is noted, for the thread's own poller.
    Upd1,
    /// The reference is returned.
    Upd2,
    /// After a running bit was cleared: is deletion asked for?
    K1,
    /// And does nobody run?
    K2,
    /// And is the close still owed?
    K3,
    /// The reference is returned, to close or not.
    K4,
    /// A reference is taken, to take over; or, from another group, the entry is locked.
    T2,
    /// The running mask is swapped from empty to the taker's bit.
    T3,
    /// The taker is the one who is allowed.
    T4,
    /// From another group: the new group is published, and the lock released.
    T4b,
    /// From another group: the masks of the old group are cleared.
    T4c,
    /// The wish to be polled is cleared, so that the taker can wish anew.
    T5,
    /// The running bit is cleared.
    T6,
    /// The reference is returned, the connection taken out of the list, the list unlocked.
    T7,
    /// It cannot be taken over: the reference is returned and the list unlocked.
    T8,
    /// The entry is locked for the new group.
    Mg1,
    /// The new owner is the one who is allowed.
    Mg2,
    /// The wish to be polled is cleared.
    Mg3,
    /// The entry is unlocked, and the reference returned.
    Mg4,
    /// The entry is claimed.
    N3,
    /// What is left in it is looked at, and the descriptor stored.
    N5,
    /// The reference is returned.
    N7,
    /// The wish to be polled, unless it is wished already.
    P0,
    /// An update is noted and queued.
    P4,
    /// A reference is taken, to delete.
    D0,
    /// The deleter announces itself.
    D1,
    /// A close is owed.
    D2,
    /// Nobody is allowed any more.
    D3,
    /// The running bit is cleared.
    D4,
    /// Is the close still owed?
    D5,
    /// A reference is taken, to delete from another group.
    X0,
    /// A close is owed.
    X1,
    /// Nobody is allowed any more.
    X2,
    /// Does anybody run?
    X3,
    /// Is the close still owed?
    X4,
    /// The reference is returned.
    X5,
    /// The group is reset: no new references.
    O3,
    /// All references have been returned.
    O4,
    /// No updates are noted any more.
    O6,
    /// The entry is wiped.
    O8,
    /// The number is closed.
    O12,
    /// The next update in the thread's own list: a reference is taken.
    U1,
    /// The update is no longer noted.
    U2,
    /// The poller is told.
    U3,
    /// The reference is returned.
    U4,
    /// The list of the group is looked through: a reference is taken.
    S1,
    /// The thread's part of the update is no longer noted.
    S2,
    /// The poller reports, or not.
    W,
}

impl Action {
    /// The thread that takes the action; `None` for what the environment chooses.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Open(..)
            | Self::Arrive
            | Self::Takeover(..)
            | Self::Use(..)
            | Self::List(..)
            | Self::Migrate(..)
            | Self::Delete(..) => None,
            Self::Poll(thread) | Self::Step(thread, _) => Some(Component::Thread(thread)),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Open(thread) => write!(f, "{thread} is given the number"),
            Self::Arrive => f.write_str("something arrives"),
            Self::Takeover(thread) => write!(f, "{thread} locks the list of the idle connection"),
            Self::Use(thread) => write!(f, "{thread} uses its connection"),
            Self::List(thread) => write!(f, "{thread} lists its connection as idle"),
            Self::Migrate(thread, to) => write!(f, "{thread} hands its connection to {to}"),
            Self::Delete(thread) => write!(f, "{thread} sets out to delete the descriptor"),
            Self::Poll(thread) => write!(f, "{thread} polls"),
            Self::Step(thread, step) => write!(f, "{thread} {step}"),
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let found = SHOWN.iter().find(|(step, _)| step == self);
        f.write_str(found.map_or("rests", |(_, words)| words))
    }
}

impl Step {
    /// Every step that a thread can take.
    pub fn all() -> impl Iterator<Item = Self> {
        SHOWN.iter().map(|(step, _)| *step)
    }
}

/// Every step but rest, in words. A step that is not here is taken by nobody.
const SHOWN: [(Step, &str); 69] = [
    (Step::Ue1, "UE1: looks at the generation and the group"),
    (Step::Ue2, "UE2: takes a reference for its report"),
    (Step::Ue3, "UE3: looks whether thread_mask has it"),
    (Step::Ue4, "UE4: running_mask |= own"),
    (Step::Ue5, "UE5: reads running_mask"),
    (Step::Ue6, "UE6: reads thread_mask, and compares"),
    (Step::Ue7, "UE7: running_mask &= ~own, having lost"),
    (Step::Ue8, "UE8: returns its reference"),
    (Step::Ue10, "UE10: reads state"),
    (Step::Ue11, "UE11: writes state"),
    (Step::Ue12, "UE12: runs the callback"),
    (Step::Callback, "UE12: ends the callback"),
    (Step::Ue13, "UE13: takes a reference again"),
    (Step::Ue14, "UE14: reads thread_mask"),
    (Step::Ue15, "UE15: running_mask &= ~own"),
    (Step::Ue17, "UE17: returns its reference"),
    (Step::Be1, "B1: reads running_mask"),
    (Step::Be2, "B2: reads thread_mask, and compares"),
    (Step::Be3, "B3: swaps its bit into running_mask if that is as it was"),
    (Step::Cm1, "CM1: clears MUST_CLOSE, and sees whether it was set"),
    (Step::Cm2, "CM2: returns its reference"),
    (Step::Upd1, "UPD1: update_mask |= own"),
    (Step::Upd2, "UPD2: returns its reference"),
    (Step::K1, "K1: looks whether thread_mask is empty"),
    (Step::K2, "K2: looks whether running_mask is empty"),
    (Step::K3, "K3: clears MUST_CLOSE, and sees whether it was set"),
    (Step::K4, "K4: returns its reference"),
    (Step::T2, "T2: takes a reference, or the lock of the entry"),
    (Step::T3, "T3: swaps its bit into running_mask if that is empty"),
    (Step::T4, "T4: thread_mask = own"),
    (Step::T4b, "T4b: publishes its group, and unlocks the entry"),
    (Step::T4c, "T4c: polled_mask = update_mask = 0"),
    (Step::T5, "T5: clears ACTIVE"),
    (Step::T6, "T6: running_mask &= ~own"),
    (Step::T7, "T7: returns its reference, and unlocks the list"),
    (Step::T8, "T8: gives up, and unlocks the list"),
    (Step::Mg1, "MG1: locks the entry for the new group"),
    (Step::Mg2, "MG2: thread_mask = the new owner"),
    (Step::Mg3, "MG3: clears ACTIVE"),
    (Step::Mg4, "MG4: unlocks the entry"),
    (Step::N3, "N3: claims the entry for its group"),
    (Step::N5, "N5: stores the descriptor"),
    (Step::N7, "N7: returns its reference"),
    (Step::P0, "P0: sets ACTIVE"),
    (Step::P4, "P4: notes an update"),
    (Step::D0, "D0: takes a reference"),
    (Step::D1, "D1: running_mask |= own"),
    (Step::D2, "D2: sets MUST_CLOSE"),
    (Step::D3, "D3: thread_mask = 0"),
    (Step::D4, "D4: running_mask &= ~own"),
    (Step::D5, "D5: clears MUST_CLOSE, and sees whether it was set"),
    (Step::X0, "X0: takes a reference, or stops the others"),
    (Step::X1, "X1: sets MUST_CLOSE"),
    (Step::X2, "X2: thread_mask = 0"),
    (Step::X3, "X3: looks whether running_mask is empty"),
    (Step::X4, "X4: clears MUST_CLOSE, and sees whether it was set"),
    (Step::X5, "X5: returns its reference"),
    (Step::O3, "O3: resets the group"),
    (Step::O4, "O4: finds all references returned"),
    (Step::O6, "O6: update_mask = 0"),
    (Step::O8, "O8: wipes the entry"),
    (Step::O12, "O12: closes the number"),
    (Step::U1, "U1: takes a reference for an update"),
    (Step::U2, "U2: update_mask &= ~own"),
    (Step::U3, "U3: tells its poller"),
    (Step::U4, "U4: returns its reference"),
    (Step::S1, "S1: takes a reference for the list of its group"),
    (Step::S2, "S2: update_mask &= ~own"),
    (Step::W, "W: has its poller report"),
];
