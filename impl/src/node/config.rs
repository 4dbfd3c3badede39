//! How a node is configured.

use std::time::Duration;

use thiserror::Error;

use crate::lifecycle::{self, Duplicates, Limits};
use crate::setters::setters;
use crate::simopen::core::Protocol;
use crate::simopen::{Backoff, NameError, Options};

/// How a node is configured. [`Config::new`] fills in what most nodes need.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Config<K> {
    /// How many sessions there may be, what becomes of duplicates, and how long things take. Its `grace` bounds the end of
    /// a session: what frames are left is drained in the first seven eighths of it, the last is for the body to return.
    /// Its `handshake_timeout` is a total, for connecting, the negotiation, the upgrade, and the wait for the end of the
    /// session that a winner of a tie replaces.
    pub registry: lifecycle::NodeConfig<K>,
    /// How the roles are settled.
    pub opening: Opening,
    /// How long connecting may take. Zero is refused.
    pub connect_timeout: Duration,
    /// When a peer that is to stay connected is dialed again.
    pub redial: Redial,
    /// How many connections the kernel keeps that were not accepted yet.
    pub backlog: u32,
    /// How long a listener rests when it cannot accept. Most likely there is no descriptor left; the connection stays in
    /// the kernel's queue. Zero is refused.
    pub accept_pause: Duration,
}

impl<K> Config<K> {
    /// Returns a configuration with these limits for a node with the key `local`, which ends prove in the upgrade. Of two
    /// sessions with one peer both ends keep the same one ([`Duplicates::TieBreak`]). The initiator is negotiated for one
    /// protocol of this name, which begins with a slash; a session has 30 seconds to be announced, and 5 to end.
    pub fn new(limits: Limits, local: K, protocol: impl Into<String>) -> Self {
        let registry = lifecycle::Config { local: Some(local), ..lifecycle::Config::new(limits, Duplicates::TieBreak) };
        Self {
            registry: lifecycle::NodeConfig { grace: Duration::from_secs(5), ..lifecycle::NodeConfig::new(registry) },
            opening: Opening::Negotiate { protocols: vec![protocol.into()], options: Options::default() },
            connect_timeout: Duration::from_secs(10),
            redial: Redial::default(),
            backlog: 1024,
            accept_pause: Duration::from_millis(100),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let lifecycle::NodeConfig { grace, handshake_timeout, .. } = self.registry;
        if grace >= handshake_timeout {
            return Err(ConfigError::GraceTooLong { grace, handshake_timeout });
        }
        let Redial { backoff, .. } = self.redial;
        let times = [
            ("connect_timeout", self.connect_timeout),
            ("redial.backoff.first", backoff.first),
            ("redial.backoff.most", backoff.most),
            ("accept_pause", self.accept_pause),
        ];
        if let Some((time, _)) = times.into_iter().find(|(_, duration)| duration.is_zero()) {
            return Err(ConfigError::NoTime { time });
        }
        match &self.opening {
            Opening::Negotiate { protocols, .. } if protocols.is_empty() => Err(ConfigError::NoProtocols),
            Opening::Negotiate { protocols, .. } => protocols.iter().try_for_each(|name| {
                let wrong = |source| ConfigError::Name { name: name.clone(), source };
                Protocol::new(name).map(drop).map_err(wrong)
            }),
            Opening::ByDirection => Ok(()),
        }
    }

    setters! {
        registry, with_registry: lifecycle::NodeConfig<K>;
        opening, with_opening: Opening;
        connect_timeout, with_connect_timeout: Duration;
        redial, with_redial: Redial;
        backlog, with_backlog: u32;
        accept_pause, with_accept_pause: Duration;
    }
}

/// How the ends of a connection come to opposite roles.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Opening {
    /// By [`simopen`](crate::simopen). Peers are dialed from the port that the node listens on, so that two that dial each
    /// other at the same moment may meet in one connection, of which both dialed.
    Negotiate {
        /// The protocols that this end speaks, the one that it prefers first.
        protocols: Vec<String>,
        /// How to negotiate.
        options: Options,
    },
    /// The end that dialed is the initiator, and nothing is said. Peers are dialed from any port: where both ends dialed
    /// one connection, both would be initiators.
    ByDirection,
}

/// When a peer that is to stay connected is dialed again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Redial {
    /// How long it is waited after each failure in a row, `first` and `most` more than zero. After the last of its `attempts`,
    /// the first at the earliest, the peer is given up.
    pub backoff: Backoff,
    /// How long a session must have been announced for its end not to count as a failure.
    pub stayed: Duration,
    /// The number that chooses each wait up to its limit. Drawn from the operating system if there is none; another source
    /// is for tests, because nodes that wait for the same time dial each other at the same moment again.
    pub random: Option<u64>,
}

impl Default for Redial {
    /// Up to half a second at first and a minute at most, without end; a session has stayed after 10 seconds.
    fn default() -> Self {
        let backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(60), attempts: u32::MAX };
        Self { backoff, stayed: Duration::from_secs(10), random: None }
    }
}

impl Redial {
    /// The wait after this many failures in a row, of which there is at least one.
    pub(super) fn wait(&self, failures: u32) -> Duration {
        // Without random numbers every wait is the longest one.
        let random = self.random.or_else(|| getrandom::u64().ok());
        random.map_or_else(|| self.backoff.limit(failures), |random| self.backoff.wait(failures, random))
    }

    setters! { const:
        backoff, with_backoff: Backoff;
        stayed, with_stayed: Duration;
        random, with_random: Option<u64>;
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The registry could not announce every session.
    #[error(transparent)]
    Registry(#[from] lifecycle::ConfigError),
    /// The winner of a tie would time out while the loser ends.
    #[error(
        "a session that may take {grace:?} to end lets the one that replaces it miss its handshake timeout of \
         {handshake_timeout:?}: make `registry.grace` shorter"
    )]
    GraceTooLong {
        /// The grace that was asked for.
        grace: Duration,
        /// The handshake timeout that was asked for.
        handshake_timeout: Duration,
    },
    /// With a time of zero no connection could be made, or a failure would be followed by the next attempt without a pause.
    #[error("{time} must not be zero")]
    NoTime {
        /// The name of the time.
        time: &'static str,
    },
    /// No protocol could be agreed on.
    #[error("no protocol can be negotiated: name one, or set `opening` to `ByDirection`")]
    NoProtocols,
    /// Something that was named cannot be a protocol.
    #[error("{name:?} cannot be negotiated: {source}")]
    Name {
        /// What was named.
        name: String,
        /// Why it cannot be.
        source: NameError,
    },
}
