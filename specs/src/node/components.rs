//! What is scheduled on its own.

use derive_more::Display;

use super::{Action, NodeId, Socket};

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// The task of a session.
    #[display("task of {_0}")]
    Task(Socket),
    /// A body that reads.
    #[display("body of {_0}")]
    Body(Socket),
    /// The timer of a session.
    #[display("timer of {_0}")]
    Timer(Socket),
    /// The shutdown of a node.
    #[display("shutdown of {_0}")]
    Shutdown(NodeId),
}

impl Action {
    /// The component that takes the action; `None` for the environment (connections that come about, bodies other than as
    /// readers, operators, crashes), of which nothing is assumed.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Open { .. }
            | Self::Write { .. }
            | Self::Leave { .. }
            | Self::Ban { .. }
            | Self::Stop { .. }
            | Self::Crash { .. }
            | Self::Restart { .. } => None,
            Self::Settle { socket }
            | Self::Prove { socket }
            | Self::Announce { socket }
            | Self::Shutdown { socket }
            | Self::Confirm { socket }
            | Self::End { socket }
            | Self::Close { socket } => Some(Component::Task(socket)),
            Self::Read { socket } => Some(Component::Body(socket)),
            Self::Expire { socket } => Some(Component::Timer(socket)),
            Self::Finish { node } => Some(Component::Shutdown(node)),
        }
    }
}
