//! Where hyper finds the connection to a backend while it is used.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A place for a connection that hyper reads and writes. While it is idle the pool has the connection, and the place is
/// empty.
///
/// One task uses it at a time; the lock, which is never contended, lets hyper's state move between threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    stream: Option<TcpStream>,
    moved: u64,
    write: Write,
    error: Option<io::ErrorKind>,
    has_upload: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Write {
    #[default]
    Ready,
    Blocked,
    Failed,
}

/// The party that an exchange waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    Client,
    Backend,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Code under this lock does not panic, so that a poisoned lock still guards a consistent state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fill(&self, stream: TcpStream) {
        self.lock().stream = Some(stream);
    }

    pub(crate) fn empty(&self) -> Option<TcpStream> {
        self.lock().stream.take()
    }

    /// Returns how many bytes have moved, in both directions.
    pub(crate) fn moved(&self) -> u64 {
        self.lock().moved
    }

    /// Returns how the connection has failed, if it has.
    pub(crate) fn error(&self) -> Option<io::ErrorKind> {
        self.lock().error
    }

    /// Returns what an exchange without an answer waits for: more of the client's body while there is more and the backend
    /// takes it, otherwise the backend.
    pub(crate) fn turn(&self) -> Turn {
        let state = self.lock();
        if state.has_upload && state.write == Write::Ready { Turn::Client } else { Turn::Backend }
    }

    /// Whether there may be more of the client's body.
    pub(crate) fn has_upload(&self) -> bool {
        self.lock().has_upload
    }

    fn poll_with(
        &self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        let State { stream: Some(stream), write: Write::Ready | Write::Blocked, .. } = &mut *state else {
            return Poll::Pending;
        };
        match write(Pin::new(stream), cx) {
            Poll::Ready(Ok(count)) => {
                state.write = Write::Ready;
                state.moved += count as u64;
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => {
                // The backend may have answered before it closed: a refused upload is the common case. hyper would report
                // the failure and drop the answer, so it is not told, and reads on: to the answer, or to the end.
                state.write = Write::Failed;
                state.error.get_or_insert(error.kind());
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => {
                state.write = Write::Blocked;
                Poll::Pending
            }
        }
    }
}

impl AsyncRead for Slot {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        let before = buffer.filled().len();
        let Some(stream) = &mut state.stream else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let result = Pin::new(stream).poll_read(cx, buffer);
        if let Poll::Ready(result) = &result {
            state.moved += (buffer.filled().len() - before) as u64;
            if let Err(error) = result {
                state.error.get_or_insert(error.kind());
            }
        }
        result
    }
}

impl AsyncWrite for Slot {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP stream keeps nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping the stream closes it; a backend that sees half a close may end the exchange.
        Poll::Ready(Ok(()))
    }
}

/// A client's body on its way to a backend. Its slot knows that there is one until it is dropped, which hyper does when it
/// has taken the last of it.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Incoming,
    _mark: Mark,
}

#[derive(Debug)]
struct Mark(Slot);

impl Upload {
    pub(crate) fn new(body: Incoming, slot: Slot) -> Self {
        slot.lock().has_upload = true;
        Self { body, _mark: Mark(slot) }
    }

    /// Returns the body, of which nothing has been taken.
    pub(crate) fn into_body(self) -> Incoming {
        self.body
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.lock().has_upload = false;
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
