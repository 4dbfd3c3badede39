//! The product's words in those of the specification.

use handfast_spec::lifecycle::{self as spec, Refusal};

use crate::lifecycle::{Direction, Misuse, Origin, Reason};

/// The specification's words for where a connection comes from.
pub(super) fn origin(origin: Origin) -> spec::Origin {
    let Origin { direction, address, privileged } = origin;
    let direction = match direction {
        Direction::Inbound => spec::Direction::Inbound,
        Direction::Outbound => spec::Direction::Outbound,
    };
    spec::Origin { direction, address: address.map(|address| address.to_canonical()), privileged }
}

/// The specification's word for a reason to reject, if it has one.
pub(super) fn word(reason: Reason) -> Option<spec::Reason> {
    match reason {
        Reason::Full => Some(spec::Reason::Full),
        Reason::Pending => Some(spec::Reason::Pending),
        Reason::Reserved => Some(spec::Reason::Reserved),
        Reason::Inbound => Some(spec::Reason::Inbound),
        Reason::Outbound => Some(spec::Reason::Outbound),
        Reason::PendingFromSource => Some(spec::Reason::PendingFromSource),
        Reason::PerAddress => Some(spec::Reason::PerAddress),
        Reason::Myself => Some(spec::Reason::Myself),
        Reason::Banned => Some(spec::Reason::Banned),
        Reason::Duplicate => Some(spec::Reason::Duplicate),
        Reason::ShuttingDown => Some(spec::Reason::Closing),
        Reason::Replaced
        | Reason::HandshakeTimeout
        | Reason::HandshakeFailed
        | Reason::RemoteClosed
        | Reason::Failed
        | Reason::Stalled
        | Reason::Local
        | Reason::Application(_)
        | Reason::Aborted
        | Reason::Panicked => None,
    }
}

/// The specification's word for a refusal, where both have the same idea of what is refused.
pub(super) fn refusal(misuse: Misuse) -> Option<Refusal> {
    match misuse {
        Misuse::NotNow => Some(Refusal::NotNow),
        Misuse::Ending => Some(Refusal::Ending),
        Misuse::ShuttingDown => Some(Refusal::AlreadyClosing),
        Misuse::NoSuchSession
        | Misuse::NoSuchSubscriber
        | Misuse::NotHolding
        | Misuse::AlreadyBanned
        | Misuse::NotBanned => None,
    }
}
