//! A stream that takes and gives what it is told to.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stream, in the hands of a driver. Dropping it closes it.
#[derive(Debug)]
pub struct Told(Arc<Mutex<Gate>>);

/// The same stream, in the hands of the test.
#[derive(Clone, Debug, Default)]
pub(super) struct Teller(Arc<Mutex<Gate>>);

#[derive(Debug, Default)]
struct Gate {
    /// What the driver has to write, and was not allowed to.
    offered: Vec<u8>,
    /// How much may be written.
    allowed: usize,
    /// What was written.
    written: Vec<u8>,
    unflushed: bool,
    holds_flushes: bool,
    /// Nothing more is taken.
    refuses: bool,
    /// What may be read.
    arrived: Vec<u8>,
    /// Nothing more will arrive.
    has_ended: bool,
    /// The driver asked for more to read than there is, and nothing was given since.
    asks: bool,
    is_closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

fn lock(gate: &Mutex<Gate>) -> MutexGuard<'_, Gate> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Teller {
    /// The stream that does what this says.
    pub(super) fn stream(&self) -> Told {
        Told(Arc::clone(&self.0))
    }

    /// What the driver would write.
    pub(super) fn offered(&self) -> Vec<u8> {
        lock(&self.0).offered.clone()
    }

    /// Lets so much be written.
    pub(super) fn allow(&self, bytes: usize) {
        let mut gate = lock(&self.0);
        gate.allowed += bytes;
        wake(&mut gate.writer);
    }

    /// What was written since this was last called.
    pub(super) fn take_written(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.0).written)
    }

    /// Whether something was written that may be in a buffer still, although nothing follows it.
    pub(super) fn is_stuck(&self) -> bool {
        let gate = lock(&self.0);
        gate.unflushed && gate.offered.is_empty() && !gate.holds_flushes
    }

    /// From now on every write and every flush fails.
    pub(super) fn refuse(&self) {
        let mut gate = lock(&self.0);
        gate.refuses = true;
        gate.offered.clear();
        wake(&mut gate.writer);
    }

    /// From now on a flush has to wait.
    pub(super) fn hold_flushes(&self) {
        lock(&self.0).holds_flushes = true;
    }

    /// No longer.
    pub(super) fn let_flush(&self) {
        let mut gate = lock(&self.0);
        gate.holds_flushes = false;
        wake(&mut gate.writer);
    }

    /// Lets this be read.
    pub(super) fn give(&self, bytes: &[u8]) {
        let mut gate = lock(&self.0);
        gate.asks = false;
        gate.arrived.extend_from_slice(bytes);
        wake(&mut gate.reader);
    }

    /// Lets the end be read.
    pub(super) fn end(&self) {
        let mut gate = lock(&self.0);
        gate.asks = false;
        gate.has_ended = true;
        wake(&mut gate.reader);
    }

    /// Whether the driver waits for something to read.
    pub(super) fn asks(&self) -> bool {
        lock(&self.0).asks
    }

    /// What was given and not read.
    pub(super) fn is_unread(&self) -> bool {
        !lock(&self.0).arrived.is_empty()
    }

    /// Whether the driver has dropped the stream.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.0).is_closed
    }
}

impl AsyncRead for Told {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut gate = lock(&self.0);
        if gate.arrived.is_empty() && !gate.has_ended {
            gate.asks = true;
            gate.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = gate.arrived.len().min(buffer.remaining());
        buffer.put_slice(&gate.arrived[..length]);
        gate.arrived.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Told {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut gate = lock(&self.0);
        if gate.refuses {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let length = gate.allowed.min(bytes.len());
        gate.offered.clear();
        gate.offered.extend_from_slice(&bytes[length..]);
        if length == 0 {
            gate.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        gate.allowed -= length;
        gate.unflushed = true;
        gate.written.extend_from_slice(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut gate = lock(&self.0);
        if gate.refuses {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if gate.holds_flushes {
            gate.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        gate.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        lock(&self.0).is_closed = true;
    }
}
