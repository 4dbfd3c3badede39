//! Streams of bytes, what they know of the bytes that they took, and how they fail.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use tokio::io::{self, AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, tcp};
#[cfg(unix)]
use tokio::net::{UnixStream, unix};

use super::SocketWriteHalf;
use crate::framed::Delivery;

/// A stream of bytes in both directions, of which the sending direction can be closed alone.
///
/// The two halves are used by different tasks at once. What a shutdown can promise depends on [`delivery`](Self::delivery):
/// a transport that knows nothing of what arrives can never give a [clean](crate::framed::Outcome::Clean) end.
pub trait Transport {
    /// The direction in which we read.
    type Read: AsyncRead + Send + Unpin;
    /// The direction in which we write. Its `poll_shutdown` closes this direction alone.
    type Write: AsyncWrite + Send + Unpin;

    /// Takes it apart. Dropping both halves closes it.
    fn split(self) -> (Self::Read, Self::Write);

    /// How many of the bytes that it took could still be destroyed by closing this end.
    ///
    /// # Errors
    ///
    /// If the connection is broken, so that they will never arrive.
    fn delivery(write: &Self::Write) -> io::Result<Delivery>;
}

/// Knows what is acknowledged by the peer's kernel, on Linux.
impl Transport for TcpStream {
    type Read = tcp::OwnedReadHalf;
    type Write = SocketWriteHalf<tcp::OwnedWriteHalf>;

    fn split(self) -> (Self::Read, Self::Write) {
        let (read, write) = self.into_split();
        (read, SocketWriteHalf(write))
    }

    fn delivery(write: &Self::Write) -> io::Result<Delivery> {
        let socket: &TcpStream = write.0.as_ref();
        match outstanding(socket) {
            Delivery::Outstanding(0) => Ok(Delivery::Outstanding(0)),
            // After a reset nothing is acknowledged any more. This may be the only call that learns of it: no task need
            // read or write.
            delivery => socket.take_error()?.map_or(Ok(delivery), Err),
        }
    }
}

/// Returns the number of bytes that the peer's kernel has not acknowledged, the end of the stream counted as one byte once it is sent.
#[cfg(target_os = "linux")]
fn outstanding(socket: &TcpStream) -> Delivery {
    match linux::outstanding(socket) {
        Ok(bytes) => Delivery::Outstanding(u64::try_from(bytes).unwrap_or(0)),
        // It fails on sockets that are not connected, of which there is nothing to know.
        Err(_) => Delivery::Unknown,
    }
}

/// Other systems are not known well enough.
#[cfg(not(target_os = "linux"))]
fn outstanding(_: &TcpStream) -> Delivery {
    Delivery::Unknown
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // One request of `ioctl` that no crate wraps yet.
mod linux {
    use std::ffi::c_int;
    use std::io;
    use std::os::fd::{AsFd, AsRawFd};

    /// `SIOCOUTQ` of `tcp(7)`, which has the number of `TIOCOUTQ` on every architecture.
    pub(super) fn outstanding(socket: impl AsFd) -> io::Result<c_int> {
        let mut bytes: c_int = 0;
        // SAFETY: the descriptor is open, because it is borrowed. The request writes one `int` through its pointer and does
        // nothing else, on every kind of descriptor that knows it; the others refuse it.
        let answer = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
        if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(bytes) }
    }
}

/// What was written is in the peer's queue already, where no closing of this end can reach it.
#[cfg(unix)]
impl Transport for UnixStream {
    type Read = unix::OwnedReadHalf;
    type Write = SocketWriteHalf<unix::OwnedWriteHalf>;

    fn split(self) -> (Self::Read, Self::Write) {
        let (read, write) = self.into_split();
        (read, SocketWriteHalf(write))
    }

    fn delivery(_: &Self::Write) -> io::Result<Delivery> {
        Ok(Delivery::Outstanding(0))
    }
}

/// Any stream of bytes, of which nothing is known once it has taken them: TLS, a pipe, an SSH channel.
#[derive(Debug)]
pub struct Opaque<T>(pub T);

impl<T: AsyncRead + AsyncWrite + Send> Transport for Opaque<T> {
    type Read = ReadHalf<T>;
    type Write = WriteHalf<T>;

    fn split(self) -> (Self::Read, Self::Write) {
        io::split(self.0)
    }

    fn delivery(_: &Self::Write) -> io::Result<Delivery> {
        Ok(Delivery::Unknown)
    }
}

/// An [`io::Error`] that can be cloned, because every later call returns it again.
#[derive(Clone, Debug)]
pub struct Fault(Arc<io::Error>);

impl Fault {
    /// Returns the kind of the error.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }

    /// Returns the error.
    pub fn as_io(&self) -> &io::Error {
        &self.0
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<io::ErrorKind> for Fault {
    fn from(kind: io::ErrorKind) -> Self {
        io::Error::from(kind).into()
    }
}

/// Two faults are equal if an operating system would call them the same.
impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind() == other.0.kind() && self.0.raw_os_error() == other.0.raw_os_error()
    }
}

impl Eq for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
