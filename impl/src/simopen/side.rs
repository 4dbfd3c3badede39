//! What an end is on a connection, whatever is put above it.

use tokio::io::{AsyncRead, AsyncWrite};

use super::driver::{Part, open};
use super::{Direction, Error, Negotiated, Options, Role};

/// What an end is on a connection. Both are settled once, at the bottom, and stay what they are for every layer above.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Side {
    /// The part that the end plays in whatever needs two.
    pub role: Role,
    /// Whether the end dialed.
    pub direction: Direction,
}

impl Side {
    /// Negotiates on a layer above, such as what a security protocol made of the stream: the initiator
    /// [proposes](super::propose), the responder [accepts](super::accept).
    ///
    /// Cancellation as for [`negotiate`](super::negotiate).
    ///
    /// # Errors
    ///
    /// As [`negotiate`](super::negotiate).
    pub async fn negotiate<Io, P>(self, io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        P: AsRef<str>,
    {
        let part = match self.role {
            Role::Initiator => Part::Proposer(self.direction),
            Role::Responder => Part::Listener(self.direction),
        };
        open(io, part, protocols, options, None).await
    }
}
