//! What is scheduled on its own.

use derive_more::Display;

use super::{Action, SELECTOR, SessionId, SubscriberId};

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// A session's task, its guard included.
    Session(SessionId),
    /// A session's handshake timer.
    #[display("timer of {_0}")]
    Timer(SessionId),
    /// A subscriber's task.
    Subscriber(SubscriberId),
    /// The timer that watches for subscribers that hold up an announcement.
    #[display("patience with {_0}")]
    Patience(SubscriberId),
    /// The task that waits for the end of the shutdown.
    #[display("shutdown")]
    Shutdown,
    /// The loop or lock that keeps the registry, where it is a task of its own.
    #[display("registry")]
    Registry,
    /// The task that runs a session's handshake, where it is a task of its own.
    #[display("handshake of {_0}")]
    Handshake(SessionId),
    /// The task that watches for a session's end, where it is a task of its own.
    #[display("watcher of {_0}")]
    Watcher(SessionId),
    /// The task that reads a session's messages, where it is a task of its own.
    #[display("reader of {_0}")]
    Reader(SessionId),
}

impl Action {
    /// The component that takes the action; `None` for the environment (peers, operators, faults and the timer of a
    /// stalled peer), of which nothing is assumed.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Open { .. }
            | Self::HandshakeDone { .. }
            | Self::Disconnect { .. }
            | Self::Abort { .. }
            | Self::PeerAhead { .. }
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Stall
            | Self::Ban { .. }
            | Self::Unban { .. }
            | Self::BanNetwork { .. }
            | Self::UnbanNetwork { .. }
            | Self::GrantPrivilege { .. }
            | Self::Rank { .. }
            | Self::SetLimits { .. }
            | Self::Shutdown => None,
            Self::Announce { session }
            | Self::End { session }
            | Self::Close { session }
            | Self::NotifySelector { session } => Some(Component::Session(session)),
            Self::Expire { session } => Some(Component::Timer(session)),
            Self::Evict { subscriber } => Some(Component::Patience(subscriber)),
            Self::Receive { subscriber } => Some(Component::Subscriber(subscriber)),
            Self::Reconsider { .. } => Some(Component::Subscriber(SELECTOR)),
            Self::Finish => Some(Component::Shutdown),
        }
    }
}
