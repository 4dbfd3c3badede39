//! The steps of HAProxy's threads.

use derive_more::Display;
use enumset::{EnumSet, EnumSetType};
use handfast_spec::ownership::{Component, Thread};
use serde::{Deserialize, Serialize};

/// What can be attempted.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The kernel gives the thread the number, and the thread sets out to insert it.
    #[display("{_0} is given the number")]
    Open(Thread),
    /// The other end sends something.
    #[display("something arrives")]
    Arrive,
    /// The thread, in search of an idle connection, locks the list in which another thread keeps one.
    #[display("{_0} locks the list of the idle connection")]
    Takeover(Thread),
    /// The thread takes its own idle connection out of its list.
    #[display("{_0} uses its connection")]
    Use(Thread),
    /// The thread puts the connection that it uses into its list of idle ones.
    #[display("{_0} lists its connection as idle")]
    List(Thread),
    /// The thread hands the connection that it uses to the second one.
    #[display("{_0} hands its connection to {_1}")]
    Migrate(Thread, Thread),
    /// The thread sets out to delete the descriptor, in its callback or outside.
    #[display("{_0} sets out to delete the descriptor")]
    Delete(Thread),
    /// The thread looks through its updates, or has its poller report; or takes up what was handed to it.
    #[display("{_0} polls")]
    Poll(Thread),
    /// The thread takes the next step of what it is doing.
    #[display("{_0} {_1}")]
    Step(Thread, Step),
}

/// How far a thread is: the step that it takes next. The letters and numbers are those of the specification's tables.
#[derive(Debug, Default, Deserialize, Display, EnumSetType, Hash, Ord, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing: the thread is in its loop.
    #[default]
    #[display("rests")]
    Rest,
    /// The generation of the report is compared before a reference is taken, and the group.
    #[display("fd_update_events, UE1: looks at the generation and the group")]
    Ue1,
    /// A reference is taken, to act on a report.
    #[display("fd_update_events, UE2: takes a reference for its report")]
    Ue2,
    /// Is the thread allowed?
    #[display("fd_update_events, UE3: looks whether thread_mask has it")]
    Ue3,
    /// It announces itself.
    #[display("fd_update_events, UE4: running_mask |= own")]
    Ue4,
    /// Who else runs?
    #[display("fd_update_events, UE5: reads running_mask")]
    Ue5,
    /// Is it allowed still, and is every thread that runs?
    #[display("fd_update_events, UE6: reads thread_mask, and compares")]
    Ue6,
    /// It is not: it takes its announcement back.
    #[display("fd_update_events, UE7: running_mask &= ~own, having lost")]
    Ue7,
    /// The reference is returned: the running bit keeps the descriptor.
    #[display("fd_update_events, UE8: returns its reference")]
    Ue8,
    /// The flags are read.
    #[display("fd_update_events, UE10: reads state")]
    Ue10,
    /// The flags are written.
    #[display("fd_update_events, UE11: writes state")]
    Ue11,
    /// The callback begins.
    #[display("fd_update_events, UE12: runs the callback")]
    Ue12,
    /// The callback ends.
    #[display("fd_update_events, UE12: ends the callback")]
    Callback,
    /// A reference is taken again.
    #[display("fd_update_events, UE13: takes a reference again")]
    Ue13,
    /// Who is allowed now?
    #[display("fd_update_events, UE14: reads thread_mask")]
    Ue14,
    /// The running bit is cleared.
    #[display("fd_update_events, UE15: running_mask &= ~own")]
    Ue15,
    /// The reference is returned, and the report is dealt with.
    #[display("fd_update_events, UE17: returns its reference")]
    Ue17,
    /// Before the repair: who runs?
    #[display("fd_update_events, B1: reads running_mask")]
    Be1,
    /// Before the repair: who is allowed?
    #[display("fd_update_events, B2: reads thread_mask, and compares")]
    Be2,
    /// Before the repair: the running bit is set if no other thread came or went.
    #[display("fd_update_events, B3: swaps its bit into running_mask if that is as it was")]
    Be3,
    /// Is a close owed? The thread that clears the flag closes.
    #[display("fd_update_events, CM1: clears MUST_CLOSE, and sees whether it was set")]
    Cm1,
    /// The reference is returned, to close.
    #[display("fd_update_events, CM2: returns its reference")]
    Cm2,
    /// An update is noted, for the thread's own poller.
    #[display("fd_update_events, UPD1: update_mask |= own")]
    Upd1,
    /// The reference is returned.
    #[display("fd_update_events, UPD2: returns its reference")]
    Upd2,
    /// After a running bit was cleared: is deletion asked for?
    #[display("K1: looks whether thread_mask is empty")]
    K1,
    /// And does no thread run?
    #[display("K2: looks whether running_mask is empty")]
    K2,
    /// And is the close still owed?
    #[display("K3: clears MUST_CLOSE, and sees whether it was set")]
    K3,
    /// The reference is returned, to close or not.
    #[display("K4: returns its reference")]
    K4,
    /// A reference is taken, to take over; or, from another group, the entry is locked.
    #[display("fd_takeover, T2: takes a reference, or the lock of the entry")]
    T2,
    /// The running mask is swapped from empty to the taker's bit.
    #[display("fd_takeover, T3: swaps its bit into running_mask if that is empty")]
    T3,
    /// The taker is the one who is allowed.
    #[display("fd_takeover, T4: thread_mask = own")]
    T4,
    /// From another group: the new group is published, and the lock released.
    #[display("fd_takeover, T4b: publishes its group, and unlocks the entry")]
    T4b,
    /// From another group: the masks of the old group are cleared.
    #[display("fd_takeover, T4c: polled_mask = update_mask = 0")]
    T4c,
    /// The wish to be polled is cleared, so that the taker can wish anew.
    #[display("fd_takeover, T5: clears ACTIVE")]
    T5,
    /// The running bit is cleared.
    #[display("fd_takeover, T6: running_mask &= ~own")]
    T6,
    /// The reference is returned, the connection taken out of the list, the list unlocked.
    #[display("fd_takeover, T7: returns its reference, and unlocks the list")]
    T7,
    /// It cannot be taken over: the reference is returned and the list unlocked.
    #[display("fd_takeover, T8: gives up, and unlocks the list")]
    T8,
    /// The entry is locked for the new group.
    #[display("fd_migrate_on, MG1: locks the entry for the new group")]
    Mg1,
    /// The new owner is the one who is allowed.
    #[display("fd_migrate_on, MG2: thread_mask = the new owner")]
    Mg2,
    /// The wish to be polled is cleared.
    #[display("fd_migrate_on, MG3: clears ACTIVE")]
    Mg3,
    /// The entry is unlocked, and the reference returned.
    #[display("fd_migrate_on, MG4: unlocks the entry")]
    Mg4,
    /// The entry is claimed.
    #[display("fd_claim_tgid, N3: claims the entry for its group")]
    N3,
    /// What is left in it is looked at, and the descriptor stored.
    #[display("fd_insert, N5: stores the descriptor")]
    N5,
    /// The reference is returned.
    #[display("fd_insert, N7: returns its reference")]
    N7,
    /// The wish to be polled, unless it is wished already.
    #[display("fd_want_recv, P0: sets ACTIVE")]
    P0,
    /// An update is noted and queued.
    #[display("updt_fd_polling, P4: notes an update")]
    P4,
    /// A reference is taken, to delete.
    #[display("fd_delete, D0: takes a reference")]
    D0,
    /// The deleter announces itself.
    #[display("fd_delete, D1: running_mask |= own")]
    D1,
    /// A close is owed.
    #[display("fd_delete, D2: sets MUST_CLOSE")]
    D2,
    /// No thread is allowed any more.
    #[display("fd_delete, D3: thread_mask = 0")]
    D3,
    /// The running bit is cleared.
    #[display("fd_delete, D4: running_mask &= ~own")]
    D4,
    /// Is the close still owed?
    #[display("fd_delete, D5: clears MUST_CLOSE, and sees whether it was set")]
    D5,
    /// A reference is taken, to delete from another group.
    #[display("fd_delete, X0: takes a reference, or stops the others")]
    X0,
    /// A close is owed.
    #[display("fd_delete, X1: sets MUST_CLOSE")]
    X1,
    /// No thread is allowed any more.
    #[display("fd_delete, X2: thread_mask = 0")]
    X2,
    /// Does any thread run?
    #[display("fd_delete, X3: looks whether running_mask is empty")]
    X3,
    /// Is the close still owed?
    #[display("fd_delete, X4: clears MUST_CLOSE, and sees whether it was set")]
    X4,
    /// The reference is returned.
    #[display("fd_delete, X5: returns its reference")]
    X5,
    /// The group is reset: no new references.
    #[display("_fd_delete_orphan, O3: resets the group")]
    O3,
    /// All references have been returned.
    #[display("_fd_delete_orphan, O4: finds all references returned")]
    O4,
    /// No updates are noted any more.
    #[display("_fd_delete_orphan, O6: update_mask = 0")]
    O6,
    /// The entry is wiped.
    #[display("_fd_delete_orphan, O8: wipes the entry")]
    O8,
    /// The number is closed.
    #[display("_fd_delete_orphan, O12: closes the number")]
    O12,
    /// The next update in the thread's own list: a reference is taken.
    #[display("the poller, U1: takes a reference for an update")]
    U1,
    /// The update is no longer noted.
    #[display("the poller, U2: update_mask &= ~own")]
    U2,
    /// The poller is told.
    #[display("the poller, U3: tells its poller")]
    U3,
    /// The reference is returned.
    #[display("the poller, U4: returns its reference")]
    U4,
    /// The list of the group is looked through: a reference is taken.
    #[display("the poller, S1: takes a reference for the list of its group")]
    S1,
    /// The thread's part of the update is no longer noted.
    #[display("done_update_polling, S2: update_mask &= ~own")]
    S2,
    /// The poller reports, or not.
    #[display("the poller, W: has its poller report")]
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

impl Step {
    /// Every step that a thread can take: all but rest.
    pub fn all() -> impl Iterator<Item = Self> {
        EnumSet::<Self>::all().into_iter().filter(|step| *step != Self::Rest)
    }
}
