//! Why there is no connection to go on with.

use std::io;

use thiserror::Error;

use super::core::{Failure, NameError};

/// Why a negotiation gave nothing. The stream is closed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller named no protocol.
    #[error("no protocol was named")]
    NoProtocols,
    /// The caller named something that cannot be a protocol.
    #[error("{name:?} cannot be negotiated")]
    Name {
        /// What was named.
        name: String,
        /// Why it cannot be.
        source: NameError,
    },
    /// The two ends did not agree, or the peer did not keep to the rules.
    #[error(transparent)]
    Negotiation(#[from] Failure),
    /// The connection failed.
    #[error("the connection failed during the negotiation")]
    Io(#[from] io::Error),
}

impl Error {
    /// Whether both ends drew the same number, so that another connection will do.
    pub fn is_tie(&self) -> bool {
        matches!(self, Self::Negotiation(Failure::Tie))
    }

    /// Whether the peer dialed too, and does not speak the extension.
    pub fn is_plain_dialer(&self) -> bool {
        matches!(self, Self::Negotiation(Failure::PlainDialer))
    }
}
