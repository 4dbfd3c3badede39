//! What the operator configures.

use serde::{Deserialize, Serialize};

use super::{Direction, Network, Origin};

/// A limit that limits nothing: no history has room for more sessions.
pub const NO_LIMIT: u32 = u32::MAX;

/// The rank of a session whose connection both ends dialed: a direction would tell its ends different things, so that both
/// prefer it to every other one.
pub const DIALED_BY_BOTH: u32 = u32::MAX;

/// How many slots there are, for which kinds of sessions. Logs leave out what limits nothing.
///
/// *Ordinary* sessions have no privilege. Sessions that are privileged are counted in `total` alone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Limits {
    /// Sessions in all.
    pub total: u32,
    /// Ordinary accepted sessions that are not announced.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub pending_inbound: u32,
    /// Ordinary dialed sessions that are not announced.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub pending_outbound: u32,
    /// Ordinary accepted sessions.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub inbound: u32,
    /// Ordinary dialed sessions.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub outbound: u32,
    /// Ordinary accepted sessions that are not announced, from one source.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub pending_per_source: u32,
    /// Ordinary accepted sessions from one source.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub per_source: u32,
    /// Ordinary accepted sessions with one address.
    #[serde(default = "no_limit", skip_serializing_if = "limits_nothing")]
    pub per_address: u32,
    /// Of `total`, slots that only privileged sessions may take.
    #[serde(default, skip_serializing_if = "reserves_nothing")]
    pub reserved: u32,
    /// The prefix length of a source of IPv4, in bits.
    #[serde(default = "usual_v4", skip_serializing_if = "is_usual_v4")]
    pub source_v4: u8,
    /// The prefix length of a source of IPv6, in bits.
    #[serde(default = "usual_v6", skip_serializing_if = "is_usual_v6")]
    pub source_v6: u8,
}

impl Limits {
    /// Returns a limit for all sessions and one for those of each direction that are not announced, and no others.
    pub const fn new(total: u32, pending: u32) -> Self {
        Self {
            total,
            pending_inbound: pending,
            pending_outbound: pending,
            inbound: NO_LIMIT,
            outbound: NO_LIMIT,
            pending_per_source: NO_LIMIT,
            per_source: NO_LIMIT,
            per_address: NO_LIMIT,
            reserved: 0,
            source_v4: usual_v4(),
            source_v6: usual_v6(),
        }
    }

    /// Returns how many ordinary sessions of a direction there may be that are not announced.
    pub const fn pending(&self, direction: Direction) -> u32 {
        match direction {
            Direction::Inbound => self.pending_inbound,
            Direction::Outbound => self.pending_outbound,
        }
    }

    /// Returns how many ordinary sessions of a direction there may be.
    pub const fn of(&self, direction: Direction) -> u32 {
        match direction {
            Direction::Inbound => self.inbound,
            Direction::Outbound => self.outbound,
        }
    }

    /// Returns the source of a connection: the network of which one participant can have every address.
    ///
    /// ```
    /// # use handfast_spec::lifecycle::{Limits, Origin};
    /// let of = |address: &str| Limits::default().source(&Origin { address: address.parse().ok(), ..Origin::default() });
    /// assert_eq!(of("192.0.2.1"), of("192.0.2.200"));
    /// assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
    /// assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:1"));
    /// assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    /// assert_eq!(of("no address"), None);
    /// ```
    pub fn source(&self, origin: &Origin) -> Option<Network> {
        let address = origin.address?;
        Some(Network::new(address, if address.is_ipv4() { self.source_v4 } else { self.source_v6 }))
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

const fn usual_v4() -> u8 {
    24
}

const fn usual_v6() -> u8 {
    64
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn limits_nothing(limit: &u32) -> bool {
    *limit == NO_LIMIT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn reserves_nothing(reserved: &u32) -> bool {
    *reserved == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn is_usual_v4(length: &u8) -> bool {
    *length == usual_v4()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it asks about by reference")]
const fn is_usual_v6(length: &u8) -> bool {
    *length == usual_v6()
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
    /// Of two sessions of different direction the one is kept that the end with the lesser key dialed. Of two of the
    /// same direction it is the one of greater rank, and of equal rank the newer one. The other one is rejected or told to
    /// end. Our own key must be known.
    TieBreak,
    /// There may be this many; one more is rejected.
    Allow(u32),
}

impl Duplicates {
    /// How many sessions may be registered under one key.
    pub fn most(self) -> u32 {
        match self {
            Self::KeepOld | Self::KeepNew | Self::TieBreak => 1,
            Self::Allow(most) => most,
        }
    }
}
