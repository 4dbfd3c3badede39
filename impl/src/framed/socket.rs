//! The sending direction of tokio's sockets.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use tokio::net::tcp;
#[cfg(unix)]
use tokio::net::unix;

/// The sending direction of a socket of tokio's, of which no write raises `SIGPIPE`.
///
/// The standard library passes `MSG_NOSIGNAL` with plain writes. Vectored ones are `writev(2)`, which has no flags: in a
/// process where the signal has its default action, as in a plugin of a C program, one frame to a peer that has gone
/// would end the process.
#[derive(Debug)]
pub struct SocketWriteHalf<H>(pub H);

macro_rules! without_signal {
    ($half:ty) => {
        impl AsyncWrite for SocketWriteHalf<$half> {
            fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write(cx, bytes)
            }

            #[cfg(any(target_os = "linux", target_os = "android"))]
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                pieces: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let socket = self.0.as_ref();
                loop {
                    std::task::ready!(socket.poll_write_ready(cx))?;
                    let mut taken = None;
                    let sent =
                        socket.try_io(tokio::io::Interest::WRITABLE, || linux::send(&socket, pieces, &mut taken));
                    match (taken, sent) {
                        (Some(bytes), _) | (None, Ok(bytes)) => return Poll::Ready(Ok(bytes)),
                        (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                        (None, Err(error)) => return Poll::Ready(Err(error)),
                    }
                }
            }

            /// Elsewhere the standard library sets `SO_NOSIGPIPE`, there is no such signal, or the program must ignore it.
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                pieces: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_flush(cx)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.0).poll_shutdown(cx)
            }
        }
    };
}

without_signal!(tcp::OwnedWriteHalf);
#[cfg(unix)]
without_signal!(unix::OwnedWriteHalf);

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io::{self, IoSlice};
    use std::os::fd::AsFd;

    use libc::MSG_NOSIGNAL;
    use socket2::SockRef;

    /// Sends what the socket takes. Where that is a part, the number of bytes is in `taken` and the socket counts as full:
    /// the runtime then waits for room, and the next write is not tried in vain.
    pub(super) fn send(socket: &impl AsFd, pieces: &[IoSlice<'_>], taken: &mut Option<usize>) -> io::Result<usize> {
        let bytes = SockRef::from(socket).send_vectored_with_flags(pieces, MSG_NOSIGNAL)?;
        if bytes < pieces.iter().map(|piece| piece.len()).sum() {
            *taken = Some(bytes);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(bytes)
    }
}
