//! How the core is configured.

use super::{Network, Reason};
use crate::direction::Direction;
use crate::setters::setters;

/// The rank of a session whose connection both ends dialed: a direction would tell its ends different things, so that both
/// prefer it to every other one.
pub const DIALED_BY_BOTH: u32 = u32::MAX;

/// How a registry is configured. [`Config::new`] fills in what most nodes need.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Config<K> {
    /// How many sessions there may be.
    pub limits: Limits,
    /// Events that a subscriber's queue holds, one place for the Down of each announced session included. More than
    /// `limits.total`. What is beyond `2 * limits.total` only lets a slow subscriber fall further behind before it holds
    /// up announcements.
    pub capacity: usize,
    /// What becomes of a second session with the same key.
    pub duplicates: Duplicates,
    /// Our own key, if it is known. A session with it is rejected with [`Reason::Myself`], whatever becomes of duplicates.
    pub local: Option<K>,
    /// What becomes of a connection that finds every slot taken.
    pub when_full: WhenFull,
}

impl<K> Config<K> {
    /// Returns a configuration with these limits and a queue that holds an Up and a Down of every session, that does not
    /// know our own key, and turns connections away when it is full.
    pub fn new(limits: Limits, duplicates: Duplicates) -> Self {
        let capacity = limits.total.saturating_mul(2).saturating_add(1);
        Self { limits, capacity, duplicates, local: None, when_full: WhenFull::TurnAway }
    }

    setters! {
        limits, with_limits: Limits;
        capacity, with_capacity: usize;
        duplicates, with_duplicates: Duplicates;
        local, with_local: Option<K>;
        when_full, with_when_full: WhenFull;
    }
}

/// How many sessions there may be, of which kinds. Each limit is checked where the slot is taken, in the same step.
///
/// A session is *ordinary* unless it is [privileged](super::Origin::privileged). Privileged sessions are counted in `total`
/// alone, and no other limit holds for them, so that ordinary ones neither wait for them nor are waited for. What is
/// accepted and what is dialed is counted apart, pending sessions included: connections that strangers make do not use up
/// what we dial with, as long as `inbound` and `reserved` together are less than `total`. [`Limits::by_direction`] and
/// [`with_reserved`](Self::with_reserved) see to that, and limits where `inbound` is less than `total` and leaves no
/// slot that is not reserved are [refused](ConfigError::NothingLeftToDial).
///
/// One participant can have many addresses and connections, so that a node that accepts strangers sets `per_source`,
/// which [`Limits::new`] and [`Limits::by_direction`] leave open because the right number depends on who comes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Sessions that hold a slot.
    pub total: usize,
    /// Ordinary accepted sessions.
    pub inbound: usize,
    /// Ordinary dialed sessions.
    pub outbound: usize,
    /// Ordinary accepted sessions that are not announced: what a flood of half-open connections can take.
    pub pending_inbound: usize,
    /// Ordinary dialed sessions that are not announced.
    pub pending_outbound: usize,
    /// Ordinary accepted sessions that are not announced, from one source.
    pub pending_per_source: usize,
    /// Ordinary accepted sessions from one source, announced or not.
    pub per_source: usize,
    /// Ordinary accepted sessions with one address, announced or not.
    pub per_address: usize,
    /// Of `total`, slots that only privileged sessions may take, from the handshake on.
    pub reserved: usize,
    /// The prefix length of a source of IPv4, in bits: a source is what one participant can have many addresses of.
    pub source_v4: u8,
    /// The prefix length of a source of IPv6, in bits. A customer of a provider has a /64, a /56 or a /48.
    pub source_v6: u8,
}

impl Limits {
    /// Returns these two limits, `pending` for each direction, and no others; a source is a /24 of IPv4 or a /64 of IPv6.
    /// Strangers can fill every slot: see [`by_direction`](Self::by_direction).
    pub const fn new(total: usize, pending: usize) -> Self {
        let most = usize::MAX;
        Self {
            total,
            inbound: most,
            outbound: most,
            pending_inbound: pending,
            pending_outbound: pending,
            pending_per_source: most,
            per_source: most,
            per_address: most,
            reserved: 0,
            source_v4: 24,
            source_v6: 64,
        }
    }

    /// Returns as many slots as may be accepted and dialed together, each direction with its own, and no other limits.
    pub const fn by_direction(inbound: usize, outbound: usize) -> Self {
        let total = inbound.saturating_add(outbound);
        Self { inbound, outbound, ..Self::new(total, total) }
    }

    /// Returns these limits with as many slots more, that only privileged sessions may take.
    pub const fn with_reserved(self, reserved: usize) -> Self {
        let (total, reserved) = (self.total.saturating_add(reserved), self.reserved.saturating_add(reserved));
        Self { total, reserved, ..self }
    }

    pub(super) fn of(&self, direction: Direction) -> usize {
        match direction {
            Direction::Inbound => self.inbound,
            Direction::Outbound => self.outbound,
        }
    }

    pub(super) fn pending(&self, direction: Direction) -> usize {
        match direction {
            Direction::Inbound => self.pending_inbound,
            Direction::Outbound => self.pending_outbound,
        }
    }

    pub(super) fn source(&self, address: std::net::IpAddr) -> Network {
        Network::new(address, if address.is_ipv4() { self.source_v4 } else { self.source_v6 })
    }

    /// Checks that every slot can be taken and announced, and that something is left to dial with, if that is wanted.
    pub(super) fn validate(&self, capacity: usize) -> Result<(), ConfigError> {
        let Self { total, reserved, inbound, outbound, .. } = *self;
        if capacity <= total {
            return Err(ConfigError::CapacityTooSmall { capacity, total });
        }
        if reserved > total {
            return Err(ConfigError::ReservedTooMany { reserved, total });
        }
        if outbound > 0 && inbound < total && reserved < total && inbound >= total - reserved {
            return Err(ConfigError::NothingLeftToDial { inbound, reserved, total });
        }
        let accepts = inbound > 0;
        let is_for_ordinary = reserved < total;
        let zeros = [
            ("total", total == 0),
            ("inbound and outbound", is_for_ordinary && !accepts && outbound == 0),
            ("pending_inbound", is_for_ordinary && accepts && self.pending_inbound == 0),
            ("pending_outbound", is_for_ordinary && outbound > 0 && self.pending_outbound == 0),
            ("pending_per_source", is_for_ordinary && accepts && self.pending_per_source == 0),
            ("per_source", is_for_ordinary && accepts && self.per_source == 0),
            ("per_address", is_for_ordinary && accepts && self.per_address == 0),
        ];
        match zeros.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((limit, _)) => Err(ConfigError::AdmitsNone { limit }),
            None => Ok(()),
        }
    }

    setters! { const:
        total, with_total: usize;
        inbound, with_inbound: usize;
        outbound, with_outbound: usize;
        pending_inbound, with_pending_inbound: usize;
        pending_outbound, with_pending_outbound: usize;
        pending_per_source, with_pending_per_source: usize;
        per_source, with_per_source: usize;
        per_address, with_per_address: usize;
        reserved, with_reserved_of_total: usize;
        source_v4, with_source_v4: u8;
        source_v6, with_source_v6: u8;
    }
}

/// What becomes of a second session with the same key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Duplicates {
    /// It is rejected. A peer that comes back before its old connection was found dead is turned away until then.
    KeepOld,
    /// The older one is told to end, and the newer one is announced when it has ended. A peer that can prove the key can
    /// push out its session at will.
    KeepNew,
    /// Of two sessions of different direction, the one is kept that the end with the lesser key dialed: both ends keep
    /// the same connection, provided that both use this rule. Of two sessions of the same direction the one of greater
    /// [rank](super::Peer::rank) is kept, and of equal rank the newer one, so that a peer that lost its connection is not
    /// locked out; ends that see two such connections in different orders may each keep another one, unless the handshake
    /// gives them ranks. One of the rank [`DIALED_BY_BOTH`] goes before every other one, whatever its
    /// direction. [`Config::local`] must be known.
    TieBreak,
    /// There may be this many, at least one; one more is rejected. Subscribers tell them apart by their session.
    Allow(usize),
}

/// What becomes of a connection that finds every slot of its kind taken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is turned away.
    TurnAway,
    /// An ordinary accepted session is ended with [`Reason::Evicted`] and gives its slot to it: the youngest one of the
    /// source that has the most, where the older half of them is protected. So strangers from few sources push out each
    /// other, and a peer that stays is safe. The idea is Bitcoin Core's. A session that is not announced is evicted where
    /// the newcomer lacks a slot for pending sessions. If all are protected the newcomer is turned away, and so it is where
    /// it would find no slot all the same: its address or source has too much already, no more may be dialed, or
    /// more sessions hold slots than [limits that were lowered](super::Core::set_limits) allow. Nobody is evicted then.
    EvictWorst,
}

impl<K> Config<K> {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.limits.validate(self.capacity)?;
        match self.duplicates {
            Duplicates::Allow(0) => Err(ConfigError::NobodyAllowed),
            Duplicates::TieBreak if self.local.is_none() => Err(ConfigError::NoLocalKey),
            Duplicates::KeepOld | Duplicates::KeepNew | Duplicates::TieBreak | Duplicates::Allow(_) => Ok(()),
        }
    }
}

/// Why a configuration is refused. The caller is to blame.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
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
    /// Accepted sessions could take every slot that is not reserved, although they are limited to fewer than there are, so
    /// that strangers could keep the node from dialing. [`Limits::with_reserved`] adds the reserved slots to `total`; to
    /// dial privileged sessions alone set `outbound` to zero.
    #[error(
        "{inbound} accepted sessions and {reserved} reserved slots of {total} leave none to dial with: add the reserved \
         slots to `total` (`with_reserved`)"
    )]
    NothingLeftToDial {
        /// The limit of accepted sessions.
        inbound: usize,
        /// The number of reserved slots.
        reserved: usize,
        /// The number of slots.
        total: usize,
    },
    /// A limit of zero turns every peer away that it holds for. To accept none set `inbound` to zero, to dial none
    /// `outbound`.
    #[error("a limit of zero admits no peer: {limit}")]
    AdmitsNone {
        /// The limit.
        limit: &'static str,
    },
    /// No time is left for any handshake.
    #[error("a handshake timeout of zero admits no peer")]
    NoTimeForHandshake,
    /// No session is allowed under a key, so that none could ever be announced.
    #[error("a key must be allowed at least one session")]
    NobodyAllowed,
    /// Ties are broken by our own key, which is not configured.
    #[error("ties cannot be broken without our own key: set `local`")]
    NoLocalKey,
}

/// A connection that got no slot.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[error("{session} gets no slot: {reason}")]
pub struct Rejected {
    /// The id that it used up.
    pub session: super::SessionId,
    /// Why.
    pub reason: Reason,
}
