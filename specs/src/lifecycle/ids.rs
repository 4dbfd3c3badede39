//! Who is who.

use derive_more::Display;
use serde::{Deserialize, Serialize};

/// One connection, from the moment it asks for a slot. Never reused: ids are given in order of opening.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("session {_0}")]
pub struct SessionId(pub u32);

/// Who is at the other end, as the handshake proved it. A key may return under a new [`SessionId`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("key {_0}")]
pub struct Key(pub u32);

/// One subscriber. A log gives the number of one that is gone to the next, so that numbers are as many as subscribers
/// at one time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[display("{}", if *self == SELECTOR { "selector".to_owned() } else { format!("subscriber {_0}") })]
pub struct SubscriberId(pub u32);

/// The subscriber that feeds the active-peer selector.
pub const SELECTOR: SubscriberId = SubscriberId(0);

impl SessionId {
    /// The id as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl SubscriberId {
    /// The id as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
