//! The connections that can be idle in a pool, and their entries in its table.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::Pooled;
use super::contain::contain;
use super::core::Handle;
use super::metrics::Counters;
use crate::ownership::{Guard, Numbered};

/// A connection that can be watched while it is idle, and moved to another worker.
///
/// [`TcpStream`] and [`UnixStream`] are; [`Carrying`] keeps something beside one of them. For a type of your own, do
/// with the stream in it what is done here with a stream.
///
/// No lock of the pool's is held while this code runs. If it panics, the connection is closed.
///
/// # TLS
///
/// A TLS 1.3 server sends session tickets when the handshake is over, as a rule behind its first answer. To a peek they are bytes
/// that no task asked for, so that a connection that is put before its tickets were read is thrown away. Let the session read
/// what there is, and ask whether the *application* was sent something. `Session` stands for `rustls::ClientConnection`,
/// whose methods have these names:
///
/// ```
/// use std::io;
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::sync::{Mutex, PoisonError};
/// use std::task::{Context, Poll, ready};
///
/// use handfast::pool::{Connection, NotIdle};
/// use tokio::io::Interest;
/// use tokio::net::TcpStream;
///
/// trait Session: Send + 'static {
///     /// Reads records from the peer: 0 at the end of the stream.
///     fn read_tls(&mut self, records: &mut dyn io::Read) -> io::Result<usize>;
///     /// Works on what was read, tickets included. Returns how many bytes there are for the application.
///     fn process_new_packets(&mut self) -> io::Result<usize>;
/// }
///
/// struct Secured<S> {
///     stream: TcpStream,
///     session: Mutex<S>,
/// }
///
/// impl<S: Session> Secured<S> {
///     /// Reads what there is, in one attempt.
///     fn read(&self, mut records: impl io::Read) -> io::Result<Option<NotIdle>> {
///         let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
///         Ok(match session.read_tls(&mut records)? {
///             0 => Some(NotIdle::Closed),
///             _ => (session.process_new_packets()? != 0).then_some(NotIdle::Bytes),
///         })
///     }
///
///     /// Reads until the socket has nothing more, or the application has something.
///     fn drain(&self, read: impl Fn() -> io::Result<Option<NotIdle>>) -> Option<NotIdle> {
///         loop {
///             match read() {
///                 Ok(None) => {}
///                 Ok(Some(reason)) => return Some(reason),
///                 Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
///                 Err(error) => return Some(NotIdle::Failed(error.kind())),
///             }
///         }
///     }
/// }
///
/// /// Reads from the socket itself, whatever its poller has reported.
/// struct Direct<'a>(BorrowedFd<'a>);
///
/// impl io::Read for Direct<'_> {
///     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
///         Ok(rustix::net::recv(self.0, buffer, rustix::net::RecvFlags::DONTWAIT)?.0)
///     }
/// }
///
/// impl<S> AsFd for Secured<S> {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.stream.as_fd()
///     }
/// }
///
/// impl<S: Session> Connection for Secured<S> {
///     fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
///         loop {
///             if let Err(error) = ready!(self.stream.poll_read_ready(cx)) {
///                 return Poll::Ready(NotIdle::Failed(error.kind()));
///             }
///             if let Some(reason) = self.not_idle() {
///                 return Poll::Ready(reason);
///             }
///         }
///     }
///
///     fn not_idle(&self) -> Option<NotIdle> {
///         self.drain(|| self.stream.try_io(Interest::READABLE, || self.read(Direct(self.as_fd()))))
///     }
///
///     fn probe(&self) -> Option<NotIdle> {
///         self.drain(|| self.read(Direct(self.as_fd())))
///     }
///
///     fn reregister(self) -> io::Result<Self> {
///         Ok(Self { stream: TcpStream::from_std(self.stream.into_std()?)?, session: self.session })
///     }
/// }
/// ```
///
/// A server that closes its session properly sends an alert, which a session reports as the end of its data: have it
/// count as [`NotIdle::Closed`].
///
/// # HTTP/2
///
/// An HTTP/2 connection is never idle in this sense: its server sends settings and pings, and many requests share it. A task reads it,
/// on the runtime on which it was made. What is pooled is the handle for requests, of which many exist at a time:
///
/// - Keep a handle for as long as requests may be sent, not one connection for each; the pool is for what one request
///   has to itself. For one connection to each destination, set [`per_key`](super::Limits::per_key) to 1, put a clone of the
///   handle, and have the stream itself in an [`Arc`](std::sync::Arc) that handle and task share, for [`AsFd`].
/// - [`poll_not_idle`](Self::poll_not_idle) polls whether the task has ended or the server has announced that it goes
///   away (`GOAWAY`), and never looks at the socket: its bytes are the task's.
/// - [`probe`](Self::probe) returns the same, as [`not_idle`](Self::not_idle) does.
/// - Nothing can take it to another worker: use [`Prefer::OnlyOwn`](super::Prefer::OnlyOwn), or a
///   [`RuntimePool`](super::RuntimePool), and let [`reregister`](Self::reregister) return the connection as it is.
pub trait Connection: AsFd + Send + Sized + 'static {
    /// Polls whether an idle connection is not idle any more. While it is idle, `cx` is woken when it may not be.
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle>;

    /// Returns why it is not idle any more, if its poller has reported that. Asks the kernel only if something was
    /// reported.
    fn not_idle(&self) -> Option<NotIdle>;

    /// Asks the kernel whether it is not idle any more, with one system call.
    fn probe(&self) -> Option<NotIdle>;

    /// Takes it off the poller of the runtime that it was registered with, and registers it with the current one.
    /// Called on the worker that takes the connection over.
    ///
    /// # Errors
    ///
    /// Of the kernel. The connection is closed then.
    fn reregister(self) -> io::Result<Self>;
}

/// Why a connection is not idle any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotIdle {
    /// The server has closed it, or its half of it.
    #[error("the server has closed the connection")]
    Closed,
    /// The server has sent something that was not asked for, or was not read.
    #[error("the server has sent something to an idle connection")]
    Bytes,
    /// It has failed.
    #[error("the connection has failed: {0}")]
    Failed(io::ErrorKind),
}

/// A connection with what belongs to it: the state of its parser, of its TLS session.
#[derive(Clone, Debug)]
pub struct Carrying<S, P> {
    /// The connection.
    pub stream: S,
    /// What belongs to it.
    pub payload: P,
}

impl<S: AsFd, P> AsFd for Carrying<S, P> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl<S: Connection, P: Send + 'static> Connection for Carrying<S, P> {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        self.stream.poll_not_idle(cx)
    }

    fn not_idle(&self) -> Option<NotIdle> {
        self.stream.not_idle()
    }

    fn probe(&self) -> Option<NotIdle> {
        self.stream.probe()
    }

    fn reregister(self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.reregister()?, payload: self.payload })
    }
}

impl Connection for TcpStream {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        let poll_ready = |cx: &mut Context<'_>| self.poll_read_ready(cx);
        poll(poll_ready, || self.not_idle(), cx)
    }

    fn not_idle(&self) -> Option<NotIdle> {
        reason(self.try_io(Interest::READABLE, || peek(self)))
    }

    fn probe(&self) -> Option<NotIdle> {
        reason(peek(self))
    }

    fn reregister(self) -> io::Result<Self> {
        Self::from_std(self.into_std()?)
    }
}

impl Connection for UnixStream {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        let poll_ready = |cx: &mut Context<'_>| self.poll_read_ready(cx);
        poll(poll_ready, || self.not_idle(), cx)
    }

    fn not_idle(&self) -> Option<NotIdle> {
        reason(self.try_io(Interest::READABLE, || peek(self)))
    }

    fn probe(&self) -> Option<NotIdle> {
        reason(peek(self))
    }

    fn reregister(self) -> io::Result<Self> {
        Self::from_std(self.into_std()?)
    }
}

/// How often a poller may say that there is something where there is nothing.
const FALSE_ALARMS: usize = 4;

/// Polls readiness, without a system call if the poller has not reported anything since the last one.
fn poll(
    poll_ready: impl Fn(&mut Context<'_>) -> Poll<io::Result<()>>,
    not_idle: impl Fn() -> Option<NotIdle>,
    cx: &mut Context<'_>,
) -> Poll<NotIdle> {
    // A task that has used up its budget would be told that there is nothing, and would not be woken later.
    let poll_ready = tokio::task::coop::unconstrained(std::future::poll_fn(|cx| {
        for _ in 0..FALSE_ALARMS {
            if let Err(error) = ready!(poll_ready(cx)) {
                return Poll::Ready(NotIdle::Failed(error.kind()));
            }
            if let Some(reason) = not_idle() {
                return Poll::Ready(reason);
            }
        }
        // A poller that goes on like this has seen the end of the stream, which it never takes back.
        Poll::Ready(NotIdle::Closed)
    }));
    pin!(poll_ready).poll(cx)
}

fn reason(peeked: io::Result<usize>) -> Option<NotIdle> {
    match peeked {
        Ok(0) => Some(NotIdle::Closed),
        Ok(_) => Some(NotIdle::Bytes),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
        Err(error) => Some(NotIdle::Failed(error.kind())),
    }
}

fn peek(stream: impl AsFd) -> io::Result<usize> {
    use rustix::net::{RecvFlags, recv};
    let (read, _) = recv(stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
    Ok(read)
}

/// An idle connection in its slot of the table, and its handle in its owner's idle list.
pub(super) struct Entry<C> {
    number: usize,
    /// The lock is never taken: it makes of a connection that can be sent one that a table may keep.
    pooled: Mutex<Option<Pooled<C>>>,
    /// `None` until it is listed, and again when it is not listed any more.
    pub(super) handle: Option<Handle>,
}

/// The right to touch an idle connection.
pub(super) type Inside<'a, C> = Guard<'a, Entry<C>>;

impl<C> Entry<C> {
    pub(super) fn new(number: usize, pooled: Pooled<C>) -> Self {
        Self { number, pooled: Mutex::new(Some(pooled)), handle: None }
    }

    pub(super) fn into_pooled(self) -> Pooled<C> {
        // It is never locked, so that it is not poisoned.
        there(self.pooled.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn pooled(&mut self) -> &Pooled<C> {
        there(self.slot().as_ref())
    }

    fn slot(&mut self) -> &mut Option<Pooled<C>> {
        self.pooled.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Numbered for Entry<C> {
    fn number(&self) -> usize {
        self.number
    }
}

fn there<T>(pooled: Option<T>) -> T {
    match pooled {
        Some(pooled) => pooled,
        None => unreachable!("a connection leaves its entry together with its slot"),
    }
}

/// An idle connection that was claimed. It is closed when this is dropped, also by a panic, so that none stays in the
/// table that no worker will look at (OWN-16).
pub(super) struct Claimed<'a, C> {
    /// `None` once it was released or left.
    inside: Option<Inside<'a, C>>,
    counters: &'a Counters,
}

impl<'a, C> Claimed<'a, C> {
    pub(super) fn new(inside: Inside<'a, C>, counters: &'a Counters) -> Self {
        Self { inside: Some(inside), counters }
    }

    pub(super) fn entry(&mut self) -> &mut Entry<C> {
        match self.inside.as_mut().and_then(|inside| inside.get_mut()) {
            Some(entry) => entry,
            None => unreachable!("an idle connection belongs to one worker"),
        }
    }

    /// Takes the connection out of its slot, which is free from then on, while the descriptor is open still: it is the
    /// caller's alone, to use or to close.
    pub(super) fn release(mut self) -> Pooled<C> {
        match self.inside.take() {
            Some(inside) => release(inside),
            None => unreachable!("it is released or left once"),
        }
    }

    /// Leaves the connection where it is.
    pub(super) fn leave(mut self) {
        drop(self.inside.take());
    }
}

impl<C> Drop for Claimed<'_, C> {
    fn drop(&mut self) {
        if let Some(inside) = self.inside.take() {
            let _ = contain(self.counters, || drop(release(inside)));
        }
    }
}

fn release<C>(mut inside: Inside<'_, C>) -> Pooled<C> {
    let pooled = there(inside.get_mut().and_then(|entry| entry.slot().take()));
    let _ = inside.delete();
    pooled
}

/// Returns why a connection is not idle any more, without asking the kernel; if it is idle, `waker` is woken when it may
/// not be.
pub(super) fn why_not_idle<C: Connection>(pooled: &Pooled<C>, waker: &Waker) -> Option<NotIdle> {
    match pooled.connection.poll_not_idle(&mut Context::from_waker(waker)) {
        Poll::Ready(reason) => Some(reason),
        Poll::Pending => None,
    }
}
