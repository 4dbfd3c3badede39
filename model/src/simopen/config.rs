//! Who is at the ends of a connection, and what it holds.

use handfast_spec::simopen::{End, EndpointConfig, Kind, Name, Nonce, Pair};
use serde::Serialize;
use smallvec::SmallVec;

use super::flaw::Flaws;

/// A connection and its ends.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// The left end.
    pub left: EndConfig,
    /// The right end.
    pub right: EndConfig,
    /// How many messages fit between the ends: on the way to the left end, and on the way to the right one. None: a
    /// message is handed over when both are there.
    pub capacity: [u8; 2],
    /// How many proposals an end declines before it gives up on its peer.
    pub patience: u8,
    /// Whether ends have a deadline.
    pub timed: bool,
}

/// One end.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct EndConfig {
    /// What it is for.
    pub kind: Kind,
    /// The protocols that it supports, the preferred one first.
    pub protocols: SmallVec<[Name; 4]>,
    /// What it does otherwise than handfast's.
    pub flaws: Flaws,
    /// What it takes for its peer's identity, in designs that compare identities.
    pub presumed: Nonce,
}

impl EndConfig {
    /// An end as handfast's.
    pub fn new(kind: Kind, protocols: &[Name]) -> Self {
        Self { kind, protocols: protocols.into(), flaws: Flaws::NONE, presumed: Nonce(0) }
    }
}

impl Config {
    /// What is configured of this end.
    pub fn end(&self, end: End) -> &EndConfig {
        match end {
            End::Left => &self.left,
            End::Right => &self.right,
        }
    }

    /// How many messages fit on the way to this end.
    pub fn room(&self, end: End) -> usize {
        usize::from(self.capacity[end.index()])
    }

    /// The same, as the vocabulary has it.
    pub fn pair(&self) -> Pair {
        let party = |end: &EndConfig| EndpointConfig { kind: end.kind, protocols: end.protocols.to_vec() };
        Pair { left: party(&self.left), right: party(&self.right), patience: self.patience, timed: self.timed }
    }
}
