//! Nodes, connections and the ends of connections.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::{End, Role};
use crate::lifecycle::Direction;

/// A node. Its number is its key: of two nodes that of the lesser number has the lesser key.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("node {_0}")]
pub struct NodeId(pub u32);

impl NodeId {
    /// The number of the node as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A connection. Its number is never given again.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("c{_0}")]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// The number of the connection as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[display("{end} end of {connection}")]
pub struct Socket {
    /// The connection.
    pub connection: ConnectionId,
    /// Which end of it.
    pub end: End,
}

impl Socket {
    /// The other end of the connection.
    #[must_use]
    pub fn peer(self) -> Self {
        Self { end: self.end.peer(), ..self }
    }
}

/// Which ends dialed a connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialed {
    /// The left end dialed, the right one accepted.
    #[default]
    #[display("dialed by its left end")]
    Left,
    /// The right end dialed, the left one accepted.
    #[display("dialed by its right end")]
    Right,
    /// Both dialed, and this end draws the greater number.
    #[display("dialed by both ends, and the {_0} one draws the greater number")]
    Both(End),
}

impl Dialed {
    /// The direction in which an end sees the connection.
    #[must_use]
    pub fn direction(self, end: End) -> Direction {
        match (self, end) {
            (Self::Left, End::Left) | (Self::Right, End::Right) | (Self::Both(_), End::Left | End::Right) => {
                Direction::Outbound
            }
            (Self::Left, End::Right) | (Self::Right, End::Left) => Direction::Inbound,
        }
    }

    /// The role on which an end settles: see [`simopen`](crate::simopen), SIM-5 and SIM-29.
    #[must_use]
    pub fn role(self, end: End) -> Role {
        let initiator = match self {
            Self::Left => End::Left,
            Self::Right => End::Right,
            Self::Both(greater) => greater,
        };
        if end == initiator { Role::Initiator } else { Role::Responder }
    }
}

/// A connection that may be opened: between which nodes, and by which of them.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Link {
    /// The node at the left end and the one at the right end.
    pub nodes: [NodeId; 2],
    /// Which of them dialed.
    pub dialed: Dialed,
    /// The rank that its upgrade gives it, by which its dialer numbers its connections.
    #[serde(default)]
    pub rank: u32,
}

impl Link {
    /// The node at an end.
    #[must_use]
    pub fn node(&self, end: End) -> NodeId {
        self.nodes[end.index()]
    }
}
