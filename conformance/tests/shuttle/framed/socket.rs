//! What a driver holds of a wire.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use handfast::framed::{Delivery, Transport};
use handfast_spec::framed::{Action, End};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framed::wire::{Inner, Wire};

/// One end's socket.
pub(crate) struct Socket(Direction, Direction);

impl Socket {
    pub(crate) fn new(wire: &Wire, end: End) -> Self {
        Self(Direction { wire: wire.clone(), end }, Direction { wire: wire.clone(), end })
    }
}

/// One direction of a socket.
pub(crate) struct Direction {
    wire: Wire,
    end: End,
}

impl Direction {
    /// Calls the kernel, and wakes the tasks that can go on because of it.
    fn call<T>(&self, cx: &Context<'_>, reads: bool, call: impl FnOnce(&mut Inner) -> Poll<T>) -> Poll<T> {
        let mut inner = self.wire.lock();
        let answer = call(&mut inner);
        if answer.is_pending() {
            let line = &mut inner.lines[self.end.index()];
            let waiting = if reads { &mut line.reads } else { &mut line.writes };
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            return answer;
        }
        let carriers: Vec<_> = inner.carriers.iter_mut().filter_map(Option::take).collect();
        drop(inner);
        carriers.into_iter().for_each(Waker::wake);
        answer
    }
}

impl Transport for Socket {
    type Read = Direction;
    type Write = Direction;

    fn split(self) -> (Direction, Direction) {
        (self.0, self.1)
    }

    fn delivery(write: &Direction) -> io::Result<Delivery> {
        let inner = write.wire.lock();
        match inner.tcp.outstanding(write.end) {
            Some(halves) if halves > 0 && inner.tcp.is_reset(write.end) => Err(io::ErrorKind::ConnectionReset.into()),
            Some(halves) => Ok(Delivery::Outstanding(halves)),
            None => Ok(Delivery::Unknown),
        }
    }
}

impl AsyncRead for Direction {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let end = self.end;
        self.call(cx, true, |inner| inner.read(end, into))
    }
}

impl AsyncWrite for Direction {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let end = self.end;
        self.call(cx, false, |inner| inner.write(end, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = self.end;
        self.call(cx, false, |inner| {
            inner.tcp.close_direction(end);
            inner.record.push(Action::Finish { end });
            Poll::Ready(Ok(()))
        })
    }
}

impl Drop for Direction {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut inner = self.wire.lock();
        inner.lines[self.end.index()].dropped += 1;
        if inner.lines[self.end.index()].dropped == 2 && !inner.tcp.is_closed(self.end) {
            let mut told = Vec::new();
            inner.tcp.close(self.end, &mut told);
            inner.record.push(Action::Close { end: self.end });
            told.iter().for_each(|output| inner.ledger_record(output));
            let wakers = inner.all_wakers();
            drop(inner);
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}
