//! The model's words in the product's, and back.

use handfast::lifecycle::{self as product, StateError};
use handfast_spec::lifecycle::{Direction, Key, Limits, NO_LIMIT, Network, Origin, Reason, Refusal};
use model::lifecycle::handfast::{Config, Duplicates};

/// The rank that stands for a connection that both ends dialed is one number to the rules and to the library.
const _: () = assert!(product::DIALED_BY_BOTH == handfast_spec::lifecycle::DIALED_BY_BOTH);

/// The product's configuration of a node that the model has configured so.
pub fn configured(config: &Config) -> product::Config<Key> {
    let duplicates = match config.duplicates {
        Duplicates::KeepOld => product::Duplicates::KeepOld,
        Duplicates::KeepNew => product::Duplicates::KeepNew,
        Duplicates::TieBreak => product::Duplicates::TieBreak,
        Duplicates::Allow(most) => product::Duplicates::Allow(number(most)),
    };
    product::Config::new(limits(&config.limits), duplicates)
        .with_capacity(usize::try_from(config.capacity).unwrap_or(usize::MAX))
        .with_local(config.local)
}

/// The product's limits.
pub(super) fn limits(limits: &Limits) -> product::Limits {
    product::Limits::new(number(limits.total), number(limits.pending_inbound))
        .with_inbound(number(limits.inbound))
        .with_outbound(number(limits.outbound))
        .with_pending_outbound(number(limits.pending_outbound))
        .with_pending_per_source(number(limits.pending_per_source))
        .with_per_source(number(limits.per_source))
        .with_per_address(number(limits.per_address))
        .with_reserved_of_total(number(limits.reserved))
        .with_source_v4(limits.source_v4)
        .with_source_v6(limits.source_v6)
}

/// The product's network.
pub(super) fn network(network: &Network) -> product::Network {
    network.to_string().parse().expect("both crates write networks in the usual way")
}

fn number(limit: u32) -> usize {
    if limit == NO_LIMIT { usize::MAX } else { limit as usize }
}

/// The product's word for where a connection comes from.
pub fn origin(origin: &Origin) -> product::Origin {
    let Origin { direction, address, privileged } = *origin;
    let direction = match direction {
        Direction::Inbound => product::Direction::Inbound,
        Direction::Outbound => product::Direction::Outbound,
    };
    product::Origin { direction, address, privileged }
}

pub(super) fn reason(reason: product::Reason) -> Reason {
    match reason {
        product::Reason::Full => Reason::Full,
        product::Reason::Pending => Reason::Pending,
        product::Reason::Reserved => Reason::Reserved,
        product::Reason::Inbound => Reason::Inbound,
        product::Reason::Outbound => Reason::Outbound,
        product::Reason::PerSource => Reason::PerSource,
        product::Reason::PerAddress => Reason::PerAddress,
        product::Reason::PendingFromSource => Reason::PendingFromSource,
        product::Reason::Banned => Reason::Banned,
        product::Reason::Duplicate => Reason::Duplicate,
        product::Reason::Myself => Reason::Myself,
        product::Reason::ShuttingDown => Reason::Closing,
        other => panic!("the specification has no word for {other:?}"),
    }
}

pub(super) fn refusal(error: StateError) -> Refusal {
    match error {
        StateError::NoSuchSession(_) => Refusal::NoSuchSession,
        StateError::WrongStage { .. } | StateError::AlreadyPrivileged(_) | StateError::NotShuttingDown => {
            Refusal::NotNow
        }
        StateError::Ending(_) => Refusal::Ending,
        StateError::NoSuchSubscriber(_) => Refusal::NoSuchSubscriber,
        StateError::NotHolding(_) => Refusal::NotHolding,
        StateError::AlreadyBanned => Refusal::AlreadyBanned,
        StateError::NotBanned => Refusal::NotBanned,
        StateError::ShuttingDown => Refusal::AlreadyClosing,
        other => panic!("the specification has no word for {other:?}"),
    }
}
