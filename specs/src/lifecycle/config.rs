//! What the operator configures.

use serde::{Deserialize, Serialize};

use super::Key;

/// A limit that limits nothing: no history has room for more sessions.
pub const NO_LIMIT: u32 = u32::MAX;

/// How many slots there are. Logs leave out what limits nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Limits {
    /// Sessions in all.
    pub total: u32,
    /// Sessions that are not announced.
    pub pending: u32,
    /// Sessions that were accepted.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub inbound: u32,
    /// Sessions that were dialed.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub outbound: u32,
    /// Sessions that are not announced, from one source.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub pending_per_source: u32,
    /// Sessions with one address.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub per_address: u32,
    /// Of `total`, slots that only privileged sessions may take.
    #[serde(default, skip_serializing_if = "reserves_nothing")]
    pub reserved: u32,
}

impl Limits {
    /// These two limits, and no others.
    pub const fn new(total: u32, pending: u32) -> Self {
        Self {
            total,
            pending,
            inbound: NO_LIMIT,
            outbound: NO_LIMIT,
            pending_per_source: NO_LIMIT,
            per_address: NO_LIMIT,
            reserved: 0,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(NO_LIMIT, NO_LIMIT)
    }
}

const fn no_limit() -> u32 {
    NO_LIMIT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn limits_nothing(limit: &u32) -> bool {
    *limit == NO_LIMIT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn reserves_nothing(reserved: &u32) -> bool {
    *reserved == 0
}

/// What becomes of a second session with the same key.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// It is rejected.
    #[default]
    KeepOld,
    /// The older one is told to end, and the newer one is announced when it has ended.
    KeepNew,
    /// Of two sessions of different direction the one is kept that the end with the lesser key dialed, of two of the
    /// same direction the newer one; the other one is rejected or told to end. A session with `local` itself is
    /// rejected.
    TieBreak {
        /// Our own key.
        local: Key,
    },
    /// There may be this many; one more is rejected.
    Allow(u32),
}

impl Duplicates {
    /// How many sessions may be registered under one key.
    pub fn most(self) -> u32 {
        match self {
            Self::KeepOld | Self::KeepNew | Self::TieBreak { .. } => 1,
            Self::Allow(most) => most,
        }
    }
}
