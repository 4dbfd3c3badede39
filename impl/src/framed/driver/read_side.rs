//! The direction in which we read, behind its lock.

use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::{future::Future, io};

use bytes::buf::Limit;
use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::wakers::Wakers;
use crate::framed::fault::Fault;

pub(super) struct ReadSide<R> {
    io: R,
    pub(super) wakers: Wakers,
    /// What a shutdown has read, for the reader.
    pub(super) ahead: BytesMut,
    /// Bytes that a shutdown has read and dropped.
    pub(super) discarded: u64,
    /// How the peer's bytes have ended.
    pub(super) end: Option<End>,
    /// Whether somebody wants to have frames.
    pub(super) has_reader: bool,
}

/// How the peer's bytes have ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// In order, as far as the transport knows.
    InOrder,
    Fault(Fault),
}

impl<R: AsyncRead + Unpin> ReadSide<R> {
    pub(super) fn new(io: R) -> Self {
        let ahead = BytesMut::new();
        Self { io, wakers: Wakers::new(), ahead, discarded: 0, end: None, has_reader: true }
    }

    /// Reads once into the room, which must not be empty. None is an end, which is kept.
    pub(super) fn poll_read(&mut self, room: &mut Limit<&mut BytesMut>) -> Poll<Option<usize>> {
        debug_assert!(room.has_remaining_mut(), "no byte is taken for an end");
        loop {
            let cx = &mut Context::from_waker(self.wakers.all());
            // The future does one read when it is polled, and keeps nothing.
            let read = ready!(pin!(self.io.read_buf(room)).poll(cx));
            self.end = match read {
                Ok(0) => Some(End::InOrder),
                Ok(bytes) => return Poll::Ready(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Some(End::Fault(error.into())),
            };
            return Poll::Ready(None);
        }
    }
}
