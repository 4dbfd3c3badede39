//! How much of a TCP socket's send queue the peer has not acknowledged.

use tokio::net::TcpStream;

use crate::framed::Delivery;

/// Bytes that the peer's kernel has not acknowledged, the end of the stream counted as one byte once it is sent.
#[cfg(target_os = "linux")]
pub(super) fn outstanding(socket: &TcpStream) -> Delivery {
    match linux::outstanding(socket) {
        Ok(bytes) => Delivery::Outstanding(u64::try_from(bytes).unwrap_or(0)),
        // It fails on sockets that are not connected, of which there is nothing to know.
        Err(_) => Delivery::Unknown,
    }
}

/// Only Linux is known well enough.
#[cfg(not(target_os = "linux"))]
pub(super) fn outstanding(_: &TcpStream) -> Delivery {
    Delivery::Unknown
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // One request of `ioctl` that nobody wraps yet.
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
