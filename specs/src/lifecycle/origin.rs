//! Where a connection comes from.

use core::net::IpAddr;

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::Key;

/// Who began a connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The other end: it was accepted here.
    #[default]
    #[display("inbound")]
    Inbound,
    /// This end dialed it.
    #[display("outbound")]
    Outbound,
}

impl Direction {
    /// The direction in which one end sees a connection that the other end sees in this one.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Inbound => Self::Outbound,
            Self::Outbound => Self::Inbound,
        }
    }

    /// The direction that `local` sees of the connection that is kept of two with `peer`: the one that the lesser key
    /// dialed. Both ends keep the same one.
    ///
    /// ```
    /// # use handfast_spec::lifecycle::{Direction, Key};
    /// for (one, other) in [(Key(1), Key(2)), (Key(2), Key(1))] {
    ///     let (here, there) = (Direction::preferred(one, other), Direction::preferred(other, one));
    ///     assert_eq!(here, there.reversed(), "one connection, seen from its two ends");
    /// }
    /// ```
    #[must_use]
    pub fn preferred(local: Key, peer: Key) -> Self {
        if local < peer { Self::Outbound } else { Self::Inbound }
    }
}

/// What is known of a connection before its handshake. `Default` is a connection that was accepted, and nothing else is
/// known.
#[derive(Clone, Copy, Debug, Default, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[display("{}{direction}{}", if *privileged { "privileged " } else { "" }, self.spaced_address())]
#[serde(default, deny_unknown_fields)]
pub struct Origin {
    /// Who began.
    pub direction: Direction,
    /// The address of the other end, if it has one. An IPv4 address is written as such, not mapped to IPv6.
    pub address: Option<IpAddr>,
    /// No limit but that of all sessions holds for it, and it is counted in no other.
    pub privileged: bool,
}

impl Origin {
    /// Nothing is known but that the connection was accepted.
    pub const PLAIN: Self = Self { direction: Direction::Inbound, address: None, privileged: false };

    /// Whether nothing is known but that the connection was accepted. Logs leave such an origin out.
    pub fn is_plain(&self) -> bool {
        *self == Self::PLAIN
    }

    fn spaced_address(&self) -> String {
        self.address.map_or(String::new(), |address| format!(" {address}"))
    }
}
