//! The log of one node: lines of its parts, each with the part that it is of.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use crate::lifecycle::SessionId;

/// How a node was configured: its log's first line, in fields beside the name of the protocol.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Configured {
    /// Whether roles are negotiated. Otherwise the end that dialed is the initiator, and no negotiation is in the log.
    pub negotiates: bool,
}

/// The protocol that a line of the log is of.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The node's registry.
    #[display("lifecycle")]
    Lifecycle,
    /// The negotiation on one connection.
    #[display("simopen")]
    Simopen,
    /// The frames of one connection.
    #[display("framed")]
    Framed,
}

/// What a line says beside what a log of its part alone says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Tag {
    /// The part.
    pub part: Part,
    /// The session with the connection, as the registry's lines number it. None for the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// A line that has nothing else than its tag: the part is done with the connection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Over {
    /// Which part.
    #[serde(flatten)]
    pub tag: Tag,
    /// True.
    pub over: bool,
}
