//! How the core is configured.

use super::Reason;

/// How a registry is configured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config<K> {
    /// How many sessions there may be.
    pub limits: Limits,
    /// Events that a subscriber's queue holds, one place for the Down of each announced session included. More than
    /// `limits.total`. What is beyond `2 * limits.total` only lets a slow subscriber fall further behind before it holds
    /// up announcements.
    pub capacity: usize,
    /// What becomes of a second session with the same key.
    pub duplicates: Duplicates<K>,
}

/// How many sessions there may be, of which kinds. Each limit is checked where the slot is taken, in the same step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Sessions that hold a slot.
    pub total: usize,
    /// Of these, sessions that are not announced: what a flood of half-open connections can take. It holds for
    /// privileged sessions too.
    pub pending: usize,
    /// Sessions that were accepted.
    pub inbound: usize,
    /// Sessions that were dialed.
    pub outbound: usize,
    /// Sessions that are not announced, from one source: a /24 of IPv4 or a /64 of IPv6.
    pub pending_per_source: usize,
    /// Sessions with one address, announced or not.
    pub per_address: usize,
    /// Of `total`, slots that only privileged sessions may take.
    pub reserved: usize,
}

impl Limits {
    /// These two limits, and no others.
    pub const fn new(total: usize, pending: usize) -> Self {
        let (most, reserved) = (usize::MAX, 0);
        Self { total, pending, inbound: most, outbound: most, pending_per_source: most, per_address: most, reserved }
    }
}

/// What becomes of a second session with the same key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Duplicates<K> {
    /// It is rejected. A peer that comes back before its old connection was found dead is turned away until then.
    KeepOld,
    /// The older one is told to end, and the newer one is announced when it has ended. A peer that can prove the key can
    /// push out its session at will.
    KeepNew,
    /// Of two sessions of different direction, the one is kept that the end with the lesser key dialed: both ends keep
    /// the same connection, provided that both use this rule. Of two sessions of the same direction the newer one is
    /// kept, so that a peer that lost its connection is not locked out; ends that see two such connections in different
    /// orders may each keep another one. A session with `local` itself is rejected.
    TieBreak {
        /// Our own key.
        local: K,
    },
    /// There may be this many, at least one; one more is rejected. Subscribers tell them apart by their session.
    Allow(usize),
}

impl<K> Config<K> {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Limits { total, reserved, .. } = self.limits;
        if self.capacity <= total {
            return Err(ConfigError::CapacityTooSmall { capacity: self.capacity, total });
        }
        if matches!(self.duplicates, Duplicates::Allow(0)) {
            return Err(ConfigError::NobodyAllowed);
        }
        if reserved > total {
            return Err(ConfigError::ReservedTooMany { reserved, total });
        }
        Ok(())
    }
}

/// Why a configuration is refused. The caller is to blame.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The session in the last slot could never be announced.
    #[error("a queue for {capacity} events cannot keep room for the Downs of {total} sessions and one more Up")]
    CapacityTooSmall {
        /// The capacity that was asked for.
        capacity: usize,
        /// The number of slots that was asked for.
        total: usize,
    },
    /// More slots are reserved than there are.
    #[error("{reserved} of {total} slots cannot be reserved")]
    ReservedTooMany {
        /// The number of reserved slots that was asked for.
        reserved: usize,
        /// The number of slots that was asked for.
        total: usize,
    },
    /// No session is allowed under a key, so that none could ever be announced.
    #[error("a key must be allowed at least one session")]
    NobodyAllowed,
}

/// A connection that got no slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{session} gets no slot: {reason}")]
pub struct Rejected {
    /// The id that it used up.
    pub session: super::SessionId,
    /// Why.
    pub reason: Reason,
}
