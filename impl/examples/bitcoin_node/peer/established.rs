//! A connection between its handshake and its conversation.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use bitcoin::p2p::message::NetworkMessage;
use handfast::lifecycle::{Handshake, Reason};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Framed, FramedParts};

use super::wire::Wire;
use super::{About, Connection};

/// What comes out of a handshake: the connection, and the way to say again that it completed.
///
/// The session may wait for room in the queues of subscribers, and nothing reads the connection meanwhile. Its end is
/// noticed all the same, so that a peer that has gone keeps no slot.
pub struct Established {
    stream: Arc<TcpStream>,
    wire: Wire,
    unread: BytesMut,
    handshake: Handshake<SocketAddr, About>,
}

/// What shows that the peer has closed. On Linux it does so behind bytes that are not read yet: peers are not silent when
/// their handshake is done. Elsewhere it does when there are none.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOSED: Interest = Interest::PRIORITY;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOSED: Interest = Interest::READABLE;

impl Established {
    pub(super) fn new(connection: Connection, handshake: Handshake<SocketAddr, About>) -> Self {
        // Nothing is left to be written: every message was flushed.
        let FramedParts { io, codec, read_buf, .. } = connection.into_parts();
        Self { stream: Arc::new(io), wire: codec, unread: read_buf, handshake }
    }

    /// Tells the session to end if the peer closes while it waits to be announced.
    pub(super) fn ends_when_closed(&self) {
        let stream = Arc::clone(&self.stream);
        self.handshake.ends_when(async move {
            match stream.ready(CLOSED).await {
                Ok(ready) if !ready.is_read_closed() => pending().await,
                Ok(_) | Err(_) => Reason::RemoteClosed,
            }
        });
    }

    /// Takes the connection for the conversation. None if it is still watched.
    pub(super) fn into_parts(self) -> Option<(Connection, Handshake<SocketAddr, About>)> {
        let mut parts = FramedParts::new::<NetworkMessage>(Arc::into_inner(self.stream)?, self.wire);
        parts.read_buf = self.unread;
        Some((Framed::from_parts(parts), self.handshake))
    }
}
