//! The steps of HAProxy's threads.

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
