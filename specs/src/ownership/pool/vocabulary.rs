//! What the workers of a pool and their surroundings do.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::super::{Component, Incarnation, Thread};

/// What can be attempted. Each is one critical section of an idle list, one read-modify-write of a word, or one thing that a
/// poller or the kernel is asked.
#[expect(missing_docs, reason = "the types of its fields say what they are")]
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A thread has a new connection, the next unused incarnation, which its poller watches, and uses it.
    #[display("{thread} opens {incarnation}")]
    Open { thread: Thread, incarnation: Incarnation },
    /// The server closes the connection, or sends something that is not read.
    #[display("the server closes {incarnation}")]
    Arrive { incarnation: Incarnation },
    /// A poller has something to report where nothing is.
    #[display("there is a false alarm about {incarnation}")]
    Ring { incarnation: Incarnation },
    /// The idle time of a connection is over.
    #[display("{incarnation} has been idle for too long")]
    Age { incarnation: Incarnation },
    /// The thread's poller notes what it has to report, and wakes the task that waits for it.
    #[display("the poller of {thread} notes what there is")]
    Poll { thread: Thread },
    /// The thread puts the connection that it uses into the pool: it is in the table, and the thread inside.
    #[display("{thread} puts its connection into the table")]
    Insert { thread: Thread },
    /// The thread, inside, asks what its poller has noted; if it is nothing, it is to be woken when there is something.
    #[display("{thread} asks its poller, and is to be woken")]
    Watch { thread: Thread },
    /// The thread puts the connection on its idle list and leaves. Where there is no room it takes over the oldest.
    #[display("{thread} puts it on its idle list")]
    List { thread: Thread },
    /// The thread wants a connection, and begins with the newest on the idle list of a thread, which it locks.
    #[display("{thread} locks the idle list of {from} to take something")]
    Take { thread: Thread, from: Thread },
    /// The thread tries to take over the next connection on the idle list that it has locked.
    #[display("{thread} tries to take over the next")]
    Claim { thread: Thread },
    /// The thread takes a connection out of its slot, which is free from then on.
    #[display("{thread} takes it out of its slot")]
    Release { thread: Thread },
    /// The thread asks what the poller that watches the connection has noted.
    #[display("{thread} asks what is noted of it")]
    Ask { thread: Thread },
    /// The thread has the former owner's poller forget the connection.
    #[display("{thread} has its former poller forget it")]
    Deregister { thread: Thread },
    /// The thread has its own poller watch the connection.
    #[display("{thread} has its own poller watch it")]
    Register { thread: Thread },
    /// The thread asks the kernel whether something is there; if not, it is given the connection.
    #[display("{thread} asks the kernel about it")]
    Probe { thread: Thread },
    /// The thread, woken, enters to look at a connection.
    #[display("{thread} looks at {incarnation}")]
    Look { thread: Thread, incarnation: Incarnation },
    /// The thread was turned away because another one of its runtime is inside. It asks again under the lock of the idle list,
    /// and leaves the report there if that is inside still.
    #[display("{thread} asks again, or leaves the report on the idle list")]
    Defer { thread: Thread },
    /// The thread takes the connection that it has found closed off its idle list.
    #[display("{thread} takes it off its idle list")]
    Unlist { thread: Thread },
    /// The thread has found nothing and leaves.
    #[display("{thread} leaves")]
    Leave { thread: Thread },
    /// The thread takes over, and off its idle list, whatever has been idle for too long.
    #[display("{thread} takes off what has expired")]
    Expire { thread: Thread },
    /// The thread stops: it takes everything off its idle list.
    #[display("{thread} stops")]
    Stop { thread: Thread },
    /// The thread closes the connection that it has taken out, to be closed.
    #[display("{thread} closes it")]
    Close { thread: Thread },
    /// The thread closes the connection that it uses.
    #[display("{thread} closes the connection that it uses")]
    Drop { thread: Thread },
}

impl Action {
    /// The thread that takes the action; `None` for what the environment chooses: what servers and time do, and what
    /// the users of the pool begin.
    pub fn component(self) -> Option<Component> {
        let is_free = matches!(
            self,
            Self::Open { .. } | Self::Insert { .. } | Self::Take { .. } | Self::Stop { .. } | Self::Drop { .. }
        );
        self.thread().filter(|_| !is_free).map(Component::Thread)
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
