//! What can be idle in a pool.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// A connection that can be watched while it is idle, and moved to another worker.
///
/// [`TcpStream`] and [`UnixStream`] are; [`Carrying`] keeps something beside one of them. For a type of your own, do
/// with the stream in it what is done here with a stream.
pub trait Connection: AsFd + Send + Sized + 'static {
    /// Looks whether an idle connection is idle no more; if it is still idle, has `cx` woken when it may not be.
    fn poll_disturbed(&self, cx: &mut Context<'_>) -> Poll<Disturbance>;

    /// What its poller has reported, if it is idle no more. Asks the kernel only if something was reported.
    fn disturbed(&self) -> Option<Disturbance>;

    /// Asks the kernel whether it is idle no more, with one system call.
    fn probe(&self) -> Option<Disturbance>;

    /// Takes it off the poller of the runtime that it was registered with, and registers it with the current one.
    /// Called on the worker that takes the connection over.
    ///
    /// # Errors
    ///
    /// Of the kernel. The connection is closed then.
    fn rehome(self) -> io::Result<Self>;
}

/// What makes a connection idle no more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Disturbance {
    /// The server has closed it, or its half of it.
    #[error("the server has closed the connection")]
    Closed,
    /// The server has sent something that nobody asked for, or that nobody has read.
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
    fn poll_disturbed(&self, cx: &mut Context<'_>) -> Poll<Disturbance> {
        self.stream.poll_disturbed(cx)
    }

    fn disturbed(&self) -> Option<Disturbance> {
        self.stream.disturbed()
    }

    fn probe(&self) -> Option<Disturbance> {
        self.stream.probe()
    }

    fn rehome(self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.rehome()?, payload: self.payload })
    }
}

impl Connection for TcpStream {
    fn poll_disturbed(&self, cx: &mut Context<'_>) -> Poll<Disturbance> {
        let poll_ready = |cx: &mut Context<'_>| self.poll_read_ready(cx);
        poll(poll_ready, || self.disturbed(), cx)
    }

    fn disturbed(&self) -> Option<Disturbance> {
        told(self.try_io(Interest::READABLE, || peek(self)))
    }

    fn probe(&self) -> Option<Disturbance> {
        told(peek(self))
    }

    fn rehome(self) -> io::Result<Self> {
        Self::from_std(self.into_std()?)
    }
}

impl Connection for UnixStream {
    fn poll_disturbed(&self, cx: &mut Context<'_>) -> Poll<Disturbance> {
        let poll_ready = |cx: &mut Context<'_>| self.poll_read_ready(cx);
        poll(poll_ready, || self.disturbed(), cx)
    }

    fn disturbed(&self) -> Option<Disturbance> {
        told(self.try_io(Interest::READABLE, || peek(self)))
    }

    fn probe(&self) -> Option<Disturbance> {
        told(peek(self))
    }

    fn rehome(self) -> io::Result<Self> {
        Self::from_std(self.into_std()?)
    }
}

/// How often a poller may say that there is something where there is nothing.
const FALSE_ALARMS: usize = 4;

/// No system call if the poller has not reported anything since the last one.
fn poll(
    poll_ready: impl Fn(&mut Context<'_>) -> Poll<io::Result<()>>,
    disturbed: impl Fn() -> Option<Disturbance>,
    cx: &mut Context<'_>,
) -> Poll<Disturbance> {
    // A task that has used up its budget would be told that there is nothing, and nobody would be woken later.
    let poll_ready = tokio::task::coop::unconstrained(std::future::poll_fn(|cx| {
        for _ in 0..FALSE_ALARMS {
            if let Err(error) = ready!(poll_ready(cx)) {
                return Poll::Ready(Disturbance::Failed(error.kind()));
            }
            if let Some(disturbance) = disturbed() {
                return Poll::Ready(disturbance);
            }
        }
        // A poller that goes on like this has seen the end of the stream, which it never takes back.
        Poll::Ready(Disturbance::Closed)
    }));
    pin!(poll_ready).poll(cx)
}

fn told(peeked: io::Result<usize>) -> Option<Disturbance> {
    match peeked {
        Ok(0) => Some(Disturbance::Closed),
        Ok(_) => Some(Disturbance::Bytes),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
        Err(error) => Some(Disturbance::Failed(error.kind())),
    }
}

fn peek(stream: impl AsFd) -> io::Result<usize> {
    use rustix::net::{RecvFlags, recv};
    let (read, _) = recv(stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
    Ok(read)
}
