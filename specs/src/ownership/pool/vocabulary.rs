//! What the workers of a pool and their surroundings do.

use core::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::super::{Component, Incarnation, Thread};

/// What can be attempted. Each is one critical section of a shelf, one read-modify-write of a word, or one thing that a
/// poller or the kernel is asked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A thread has a new connection, which its poller watches, and uses it.
    Open {
        /// Which thread.
        thread: Thread,
        /// The next unused incarnation.
        incarnation: Incarnation,
    },
    /// The server closes the connection, or sends something that is not read.
    Arrive {
        /// Which connection.
        incarnation: Incarnation,
    },
    /// A poller has something to report where nothing is.
    Ring {
        /// Of which connection.
        incarnation: Incarnation,
    },
    /// The idle time of a connection is over.
    Age {
        /// Which connection.
        incarnation: Incarnation,
    },
    /// The thread's poller notes what it has to report, and wakes the task that waits for it.
    Poll {
        /// Which thread.
        thread: Thread,
    },
    /// The thread puts the connection that it uses into the pool: it is in the table, and the thread inside.
    Insert {
        /// Which thread.
        thread: Thread,
    },
    /// The thread, inside, asks what its poller has noted; if it is nothing, it is to be woken when there is something.
    Watch {
        /// Which thread.
        thread: Thread,
    },
    /// The thread puts the connection on its shelf and leaves. Where there is no room it takes over the oldest.
    List {
        /// Which thread.
        thread: Thread,
    },
    /// The thread wants a connection, and begins with the newest on a shelf, which it locks.
    Take {
        /// Which thread.
        thread: Thread,
        /// The thread of the shelf.
        from: Thread,
    },
    /// The thread tries to take over the next connection on the shelf that it has locked.
    Claim {
        /// Which thread.
        thread: Thread,
    },
    /// The thread takes a connection out of its slot, which is free from then on.
    Release {
        /// Which thread.
        thread: Thread,
    },
    /// The thread asks what the poller that watches the connection has noted.
    Ask {
        /// Which thread.
        thread: Thread,
    },
    /// The thread has the former owner's poller forget the connection.
    Deregister {
        /// Which thread.
        thread: Thread,
    },
    /// The thread has its own poller watch the connection.
    Register {
        /// Which thread.
        thread: Thread,
    },
    /// The thread asks the kernel whether something is there; if not, it is given the connection.
    Probe {
        /// Which thread.
        thread: Thread,
    },
    /// The thread, woken, enters to look at a connection.
    Look {
        /// Which thread.
        thread: Thread,
        /// Which connection.
        incarnation: Incarnation,
    },
    /// The thread was turned away because another one of its runtime is inside. It asks again under the lock of the shelf,
    /// and leaves the report there if that is inside still.
    Defer {
        /// Which thread.
        thread: Thread,
    },
    /// The thread takes the connection that it has found closed off its shelf.
    Unlist {
        /// Which thread.
        thread: Thread,
    },
    /// The thread has found nothing and leaves.
    Leave {
        /// Which thread.
        thread: Thread,
    },
    /// The thread takes over, and off its shelf, whatever has been idle for too long.
    Expire {
        /// Which thread.
        thread: Thread,
    },
    /// The thread stops: it takes everything off its shelf.
    Stop {
        /// Which thread.
        thread: Thread,
    },
    /// The thread closes the connection that it has taken out, to be closed.
    Close {
        /// Which thread.
        thread: Thread,
    },
    /// The thread closes the connection that it uses.
    Drop {
        /// Which thread.
        thread: Thread,
    },
}

impl Action {
    /// The thread that takes the action; `None` for what the environment chooses: what servers and time do, and what
    /// the users of the pool begin.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Open { .. }
            | Self::Arrive { .. }
            | Self::Ring { .. }
            | Self::Age { .. }
            | Self::Insert { .. }
            | Self::Take { .. }
            | Self::Stop { .. }
            | Self::Drop { .. } => None,
            Self::Poll { thread }
            | Self::Watch { thread }
            | Self::List { thread }
            | Self::Claim { thread }
            | Self::Release { thread }
            | Self::Ask { thread }
            | Self::Deregister { thread }
            | Self::Register { thread }
            | Self::Probe { thread }
            | Self::Look { thread, .. }
            | Self::Defer { thread }
            | Self::Unlist { thread }
            | Self::Leave { thread }
            | Self::Expire { thread }
            | Self::Close { thread } => Some(Component::Thread(thread)),
        }
    }

    /// The thread that takes the step; `None` for what servers and time do.
    pub fn thread(self) -> Option<Thread> {
        match self {
            Self::Arrive { .. } | Self::Ring { .. } | Self::Age { .. } => None,
            Self::Open { thread, .. }
            | Self::Poll { thread }
            | Self::Insert { thread }
            | Self::Watch { thread }
            | Self::List { thread }
            | Self::Take { thread, .. }
            | Self::Claim { thread }
            | Self::Release { thread }
            | Self::Ask { thread }
            | Self::Deregister { thread }
            | Self::Register { thread }
            | Self::Probe { thread }
            | Self::Look { thread, .. }
            | Self::Defer { thread }
            | Self::Unlist { thread }
            | Self::Leave { thread }
            | Self::Expire { thread }
            | Self::Stop { thread }
            | Self::Close { thread }
            | Self::Drop { thread } => Some(thread),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { thread, incarnation } => write!(f, "{thread} opens {incarnation}"),
            Self::Arrive { incarnation } => write!(f, "the server closes {incarnation}"),
            Self::Ring { incarnation } => write!(f, "there is a false alarm about {incarnation}"),
            Self::Age { incarnation } => write!(f, "{incarnation} has been idle for too long"),
            Self::Poll { thread } => write!(f, "the poller of {thread} notes what there is"),
            Self::Insert { thread } => write!(f, "{thread} puts its connection into the table"),
            Self::Watch { thread } => write!(f, "{thread} asks its poller, and is to be woken"),
            Self::List { thread } => write!(f, "{thread} puts it on its shelf"),
            Self::Take { thread, from } => write!(f, "{thread} locks the shelf of {from} to take something"),
            Self::Claim { thread } => write!(f, "{thread} tries to take over the next"),
            Self::Release { thread } => write!(f, "{thread} takes it out of its slot"),
            Self::Ask { thread } => write!(f, "{thread} asks what is noted of it"),
            Self::Deregister { thread } => write!(f, "{thread} has its former poller forget it"),
            Self::Register { thread } => write!(f, "{thread} has its own poller watch it"),
            Self::Probe { thread } => write!(f, "{thread} asks the kernel about it"),
            Self::Look { thread, incarnation } => write!(f, "{thread} looks at {incarnation}"),
            Self::Defer { thread } => write!(f, "{thread} asks again, or leaves the report on the shelf"),
            Self::Unlist { thread } => write!(f, "{thread} takes it off its shelf"),
            Self::Leave { thread } => write!(f, "{thread} leaves"),
            Self::Expire { thread } => write!(f, "{thread} takes off what has expired"),
            Self::Stop { thread } => write!(f, "{thread} stops"),
            Self::Close { thread } => write!(f, "{thread} closes it"),
            Self::Drop { thread } => write!(f, "{thread} closes the connection that it uses"),
        }
    }
}
