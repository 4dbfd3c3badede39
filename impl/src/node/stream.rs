//! A connection on its way to its upgrade.

use std::fmt::{self, Debug, Formatter};
use std::io::{self, Cursor, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Chain, ReadBuf};

use crate::framed::{Delivery, Transport};
use crate::simopen::{Direction, Negotiated, Role, Side};

/// A connection with settled roles, as an upgrade gets it. What was read beyond the negotiation comes first.
///
/// It is a stream of bytes, and a [`Transport`] where the connection below is one: an upgrade that only exchanges a few
/// messages on it can return it as it is, and frames on it end [clean](crate::framed::Outcome::Clean).
pub struct Stream<Io> {
    io: Io,
    /// What was read beyond the negotiation.
    surplus: Bytes,
    side: Side,
    both_dialed: bool,
    protocol: Option<String>,
    address: Option<SocketAddr>,
}

impl<Io> Stream<Io> {
    /// The end that dialed is the initiator.
    pub(super) fn by_direction(io: Io, direction: Direction, address: Option<SocketAddr>) -> Self {
        let role = match direction {
            Direction::Outbound => Role::Initiator,
            Direction::Inbound => Role::Responder,
        };
        Self { io, surplus: Bytes::new(), side: Side { role, direction }, both_dialed: false, protocol: None, address }
    }

    pub(super) fn negotiated(negotiated: Negotiated<Io>, address: Option<SocketAddr>) -> Self {
        let (side, both_dialed) = (negotiated.side(), negotiated.both_dialed());
        let protocol = Some(negotiated.protocol().to_owned());
        let (io, surplus) = negotiated.into_parts();
        Self { io, surplus: surplus.into(), side, both_dialed, protocol, address }
    }

    /// Returns the part that this end plays in the upgrade and above, and whether it dialed. The ends have opposite
    /// roles.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether both ends dialed the connection: both are told the same. Never where
    /// [nothing is negotiated](super::Opening::ByDirection).
    pub fn both_dialed(&self) -> bool {
        self.both_dialed
    }

    /// Returns the protocol that was agreed on. None where [nothing is negotiated](super::Opening::ByDirection).
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Returns the address of the other end, if it has one: the one that was dialed, or from which it was dialed.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Returns the connection below.
    pub fn get_ref(&self) -> &Io {
        &self.io
    }

    /// Returns the connection below, and what was read from it and not taken yet: it comes before anything that it
    /// still gives.
    pub fn into_parts(self) -> (Io, Vec<u8>) {
        (self.io, self.surplus.into())
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Stream<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.surplus.is_empty() {
            return Pin::new(&mut this.io).poll_read(cx, buffer);
        }
        let taken = this.surplus.split_to(this.surplus.len().min(buffer.remaining()));
        buffer.put_slice(&taken);
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Stream<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Knows of what arrives as much as the connection below.
impl<Io: Transport> Transport for Stream<Io> {
    type Read = Chain<Cursor<Bytes>, Io::Read>;
    type Write = Io::Write;

    fn split(self) -> (Self::Read, Self::Write) {
        let (read, write) = self.io.split();
        (Cursor::new(self.surplus).chain(read), write)
    }

    fn delivery(write: &Self::Write) -> io::Result<Delivery> {
        Io::delivery(write)
    }
}

impl<Io> Debug for Stream<Io> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { side, protocol, address, .. } = self;
        f.debug_struct("Stream")
            .field("side", side)
            .field("protocol", protocol)
            .field("address", address)
            .finish_non_exhaustive()
    }
}
