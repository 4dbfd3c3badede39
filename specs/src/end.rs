//! The two ends of a connection.

use derive_more::Display;
use serde::{Deserialize, Serialize};

/// One end of a connection.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// One end.
    #[display("left")]
    Left,
    /// The other.
    #[display("right")]
    Right,
}

impl End {
    /// Both ends.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// The end as an index.
    pub fn index(self) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }
}
