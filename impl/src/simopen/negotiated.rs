//! A stream on which a protocol was agreed, and what its end is for the layers above.

use std::fmt::{self, Debug, Formatter};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::core::Protocol;
use super::driver::{Part, open};
use super::{Direction, Error, Options, Role};

/// A stream on which a protocol was agreed, positioned where that protocol begins: what was read beyond the negotiation
/// comes first.
///
/// It is not `Clone`, also if the stream is: each clone would give the bytes that were read beyond the negotiation.
///
/// ```compile_fail,E0599
/// # use handfast::simopen::Negotiated;
/// fn twice<Io: Clone>(stream: Negotiated<Io>) -> Negotiated<Io> {
///     stream.clone()
/// }
/// ```
pub struct Negotiated<Io> {
    io: Io,
    surplus: Vec<u8>,
    taken: usize,
    protocol: Protocol,
    side: Side,
    both_dialed: bool,
}

impl<Io> Negotiated<Io> {
    pub(super) fn new(io: Io, surplus: Vec<u8>, protocol: Protocol, side: Side, both_dialed: bool) -> Self {
        Self { io, surplus, taken: 0, protocol, side, both_dialed }
    }

    /// Returns the protocol that was agreed on, in the spelling of the caller.
    pub fn protocol(&self) -> &str {
        self.protocol.name()
    }

    /// Returns the part that this end plays in all that follows: in the security protocol, in the choice of a
    /// multiplexer, and in that.
    pub fn role(&self) -> Role {
        self.side.role
    }

    /// Whether this end dialed. It says nothing about the role.
    pub fn direction(&self) -> Direction {
        self.side.direction
    }

    /// Whether both ends dialed the connection. Both are told the same.
    pub fn both_dialed(&self) -> bool {
        self.both_dialed
    }

    /// Returns the stream, and what was read from it and not taken yet: it comes before anything that the stream still
    /// gives.
    pub fn into_parts(mut self) -> (Io, Vec<u8>) {
        self.surplus.drain(..self.taken);
        (self.io, self.surplus)
    }

    /// Returns the stream.
    pub fn get_ref(&self) -> &Io {
        &self.io
    }

    /// Returns what this end is, for the layers above.
    pub fn side(&self) -> Side {
        self.side
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Negotiated<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let surplus = &this.surplus[this.taken..];
        if surplus.is_empty() {
            return Pin::new(&mut this.io).poll_read(context, buffer);
        }
        let length = surplus.len().min(buffer.remaining());
        buffer.put_slice(&surplus[..length]);
        this.taken += length;
        if this.taken == this.surplus.len() {
            this.surplus = Vec::new();
            this.taken = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Negotiated<Io> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl<Io> Debug for Negotiated<Io> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { surplus, taken, protocol, side: Side { role, direction }, .. } = self;
        f.debug_struct("Negotiated")
            .field("protocol", protocol)
            .field("role", role)
            .field("direction", direction)
            .field("surplus", &(surplus.len() - taken))
            .finish_non_exhaustive()
    }
}

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
