//! The product's words in those of the specification.

use handfast_spec::lifecycle::{self as spec, Refusal};

use crate::lifecycle::{Misuse, Reason};

/// The specification's word for a reason to reject, if it has one.
pub(super) fn word(reason: Reason) -> Option<spec::Reason> {
    match reason {
        Reason::Full => Some(spec::Reason::Full),
        Reason::Pending => Some(spec::Reason::Pending),
        Reason::Banned => Some(spec::Reason::Banned),
        Reason::Duplicate => Some(spec::Reason::Duplicate),
        Reason::ShuttingDown => Some(spec::Reason::Closing),
        Reason::Reserved
        | Reason::Inbound
        | Reason::Outbound
        | Reason::PendingFromSource
        | Reason::PerAddress
        | Reason::Myself
        | Reason::Replaced
        | Reason::HandshakeTimeout
        | Reason::HandshakeFailed
        | Reason::RemoteClosed
        | Reason::Failed
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
