//! The direction in which we write, behind its lock.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::life::Life;
use super::wakers::Wakers;
use crate::framed::Error;
use crate::framed::core::WriteCursor;

/// Pieces that are given to the transport at once.
const PIECES: usize = 64;

/// Payloads up to this length are copied behind their headers if the transport takes several pieces at once.
const COPIED: usize = 4 * 1024;

/// The same if it takes one piece at a time, where each piece is a call and perhaps a packet.
const COPIED_IF_NOT_VECTORED: usize = 32 * 1024;

pub(super) struct WriteSide<W> {
    pub(super) io: W,
    pub(super) cursor: WriteCursor,
    pub(super) wakers: Wakers,
    /// The transport has taken bytes that it may still keep to itself.
    unflushed: bool,
    /// Whether the transport did not take everything the last time.
    blocked: bool,
}

impl<W: AsyncWrite + Unpin> WriteSide<W> {
    pub(super) fn new(io: W, cursor: WriteCursor) -> Self {
        Self { io, cursor, wakers: Wakers::new(), unflushed: false, blocked: false }
    }

    pub(super) fn copied(io: &W) -> usize {
        if io.is_write_vectored() { COPIED } else { COPIED_IF_NOT_VECTORED }
    }

    /// Writes what is queued, until the transport has all of it.
    pub(super) fn poll_queue(&mut self, life: &Life) -> Poll<Result<(), Error>> {
        let all = self.wakers.all().clone();
        self.poll_queue_for(&mut Context::from_waker(&all), life)
    }

    fn poll_queue_for(&mut self, cx: &mut Context<'_>, life: &Life) -> Poll<Result<(), Error>> {
        if let Some(error) = self.cursor.failure() {
            return Poll::Ready(Err(error.clone()));
        }
        while self.cursor.queued() > 0 {
            match self.poll_some(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::Transport(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(bytes)) => {
                    self.cursor.advance(bytes);
                    self.unflushed = true;
                    self.blocked = false;
                    life.bytes_went(bytes);
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::Transport(error.into()))),
                Poll::Pending => return self.wait(life),
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::Transport(error.into()))),
                Poll::Pending => return self.wait(life),
            }
        }
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    fn wait(&mut self, life: &Life) -> Poll<Result<(), Error>> {
        if !self.blocked {
            self.blocked = true;
            life.writer_waits();
        }
        Poll::Pending
    }

    fn poll_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut pieces = self.cursor.pieces();
        let first = pieces.next().unwrap_or_default();
        let Some(second) = pieces.next().filter(|_| self.io.is_write_vectored()) else {
            // Sockets tell tokio with this call, and not with the other one, that they are full when they took a part.
            return Pin::new(&mut self.io).poll_write(cx, first);
        };
        let mut slices = [IoSlice::new(&[]); PIECES];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip([first, second].into_iter().chain(pieces)) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..count])
    }

    /// Tells the transport that nothing follows.
    pub(super) fn poll_close(&mut self) -> Poll<Result<(), Error>> {
        let all = self.wakers.all().clone();
        let closed = ready!(Pin::new(&mut self.io).poll_shutdown(&mut Context::from_waker(&all)));
        Poll::Ready(closed.map_err(|error| Error::Transport(error.into())))
    }
}
