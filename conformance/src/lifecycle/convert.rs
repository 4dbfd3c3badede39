//! The model's words in the product's, and back.

use handfast::lifecycle::{self as product, StateError};
use handfast_spec::lifecycle::{Direction, Key, Limits, NO_LIMIT, Origin, Reason, Refusal};
use model::lifecycle::handfast::{Config, Duplicates};

/// The product's configuration of a node that the model has configured so.
pub fn configured(config: &Config) -> product::Config<Key> {
    let Limits { total, pending, inbound, outbound, pending_per_source, per_address, reserved } = config.limits;
    let number = |limit: u32| if limit == NO_LIMIT { usize::MAX } else { limit as usize };
    product::Config {
        limits: product::Limits {
            total: number(total),
            pending: number(pending),
            inbound: number(inbound),
            outbound: number(outbound),
            pending_per_source: number(pending_per_source),
            per_address: number(per_address),
            reserved: number(reserved),
        },
        capacity: usize::try_from(config.capacity).unwrap_or(usize::MAX),
        duplicates: match config.duplicates {
            Duplicates::KeepOld => product::Duplicates::KeepOld,
            Duplicates::KeepNew => product::Duplicates::KeepNew,
            Duplicates::TieBreak { local } => product::Duplicates::TieBreak { local },
            Duplicates::Allow(most) => product::Duplicates::Allow(number(most)),
        },
    }
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
        StateError::WrongStage { .. } | StateError::NotShuttingDown => Refusal::NotNow,
        StateError::Ending(_) => Refusal::Ending,
        StateError::NoSuchSubscriber(_) => Refusal::NoSuchSubscriber,
        StateError::NotHolding(_) => Refusal::NotHolding,
        StateError::AlreadyBanned => Refusal::AlreadyBanned,
        StateError::NotBanned => Refusal::NotBanned,
        StateError::ShuttingDown => Refusal::AlreadyClosing,
        other => panic!("the specification has no word for {other:?}"),
    }
}
