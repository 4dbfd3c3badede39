//! How soon the kernel notices that a server has vanished.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

use crate::setters::setters;

/// How soon the kernel ends a TCP connection when its server has vanished: without a word, because its machine or the way
/// to it has failed.
///
/// Nothing else notices that an idle connection leads nowhere. By the kernel's defaults it lasts two hours without these probes, and
/// a request on it is sent again for a quarter of an hour. A connection that ends like this while it is idle has its siblings
/// [suspected](super::Pool::suspect).
///
/// ```
/// # use handfast::pool::Liveness;
/// # async fn connect(address: std::net::SocketAddr) -> std::io::Result<tokio::net::TcpStream> {
/// let stream = tokio::net::TcpStream::connect(address).await?;
/// Liveness::default().apply(&stream)?;
/// # Ok(stream)
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Liveness {
    /// How long what was sent may remain without an acknowledgement (`TCP_USER_TIMEOUT`, in milliseconds, at least one). On Linux, Android
    /// and Fuchsia; elsewhere not applied.
    pub unacknowledged: Duration,
    /// How long a connection is silent before it is probed (`TCP_KEEPIDLE`), in whole seconds, at least one.
    pub idle: Duration,
    /// How long after a probe the next is sent (`TCP_KEEPINTVL`), in whole seconds, at least one.
    pub interval: Duration,
    /// How many probes remain without an answer before the connection has failed (`TCP_KEEPCNT`). Where there is
    /// `unacknowledged`, that decides.
    pub probes: u32,
}

impl Default for Liveness {
    /// 10 seconds without an acknowledgement; a probe after 10 silent seconds and then every 3 seconds, 3 times.
    fn default() -> Self {
        let (unacknowledged, idle) = (Duration::from_secs(10), Duration::from_secs(10));
        Self { unacknowledged, idle, interval: Duration::from_secs(3), probes: 3 }
    }
}

impl Liveness {
    /// Sets the options of a TCP socket, with five system calls: once for each connection, when it is made.
    ///
    /// # Errors
    ///
    /// Of the kernel, for a socket that is not TCP, or values that it does not take.
    pub fn apply(&self, stream: &impl AsFd) -> io::Result<()> {
        let at_least_one = |duration: Duration| duration.max(Duration::from_secs(1));
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, at_least_one(self.idle))?;
        sockopt::set_tcp_keepintvl(stream, at_least_one(self.interval))?;
        sockopt::set_tcp_keepcnt(stream, self.probes)?;
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
        {
            // None is the kernel's default, and not a short time.
            let milliseconds = self.unacknowledged.as_millis().max(1);
            sockopt::set_tcp_user_timeout(stream, u32::try_from(milliseconds).unwrap_or(u32::MAX))?;
        }
        Ok(())
    }

    setters! { const:
        unacknowledged, with_unacknowledged: Duration;
        idle, with_idle: Duration;
        interval, with_interval: Duration;
        probes, with_probes: u32;
    }
}
