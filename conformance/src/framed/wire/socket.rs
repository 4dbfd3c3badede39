//! The ends of the wire, as transports for drivers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use handfast::framed::{Delivery, Transport};
use handfast_spec::framed::{Action, End};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Call, Wire};

/// One end of the wire.
pub(in crate::framed) struct Socket {
    pub(super) wire: Wire,
    pub(super) end: End,
}

/// One direction of a socket. The socket is closed when both are dropped.
pub(in crate::framed) struct Direction {
    wire: Wire,
    end: End,
}

impl Transport for Socket {
    type Read = Direction;
    type Write = Direction;

    fn split(self) -> (Direction, Direction) {
        let Self { wire, end } = self;
        (Direction { wire: wire.clone(), end }, Direction { wire, end })
    }

    fn delivery(write: &Direction) -> io::Result<Delivery> {
        write.wire.lock().delivery(write.end)
    }
}

impl AsyncRead for Direction {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.wire.lock();
        let read = inner.read(self.end, into);
        if read.is_pending() {
            inner.ends[self.end.index()].reads = Some(cx.waker().clone());
        }
        read
    }
}

impl AsyncWrite for Direction {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.wire.lock();
        let written = inner.write(self.end, bytes);
        if written.is_pending() {
            inner.ends[self.end.index()].writes = Some(cx.waker().clone());
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.wire.lock();
        // Nothing waits on a socket that is gone.
        if !inner.ends[self.end.index()].knows_of_reset && !inner.may(self.end, Call::Finish) {
            inner.ends[self.end.index()].writes = Some(cx.waker().clone());
            return Poll::Pending;
        }
        inner.tcp.close_direction(self.end);
        inner.note(Action::Finish { end: self.end });
        Poll::Ready(Ok(()))
    }
}

impl Drop for Direction {
    fn drop(&mut self) {
        self.wire.lock().drop_direction(self.end);
    }
}
