//! Connections to backends.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;

use handfast::pool::Local;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::link::{Home, Idle, Link};
use crate::options::{Limits, Reuse};

/// The backends, as one worker sees them.
pub(crate) struct Backends {
    addresses: Vec<SocketAddr>,
    reuse: Reuse,
    limits: Limits,
    pool: Local<SocketAddr, Idle>,
    next: Cell<usize>,
}

/// The backends that one request is sent to, one after the other, each once.
pub(crate) struct Attempts<'a> {
    backends: &'a Backends,
    first: usize,
    tried: usize,
    may_be_reused: bool,
}

impl Backends {
    pub(crate) fn new(addresses: Vec<SocketAddr>, reuse: Reuse, limits: Limits, pool: Local<SocketAddr, Idle>) -> Self {
        // Workers begin with different backends.
        let next = Cell::new(pool.here().number());
        Self { addresses, reuse, limits, pool, next }
    }

    /// Begins with the next backend.
    pub(crate) fn attempts(&self, is_repeatable: bool) -> Attempts<'_> {
        let first = self.next.replace(self.next.get().wrapping_add(1));
        let may_be_reused = match self.reuse {
            Reuse::Never => false,
            Reuse::Safe => is_repeatable,
            Reuse::Always => true,
        };
        Attempts { backends: self, first, tried: 0, may_be_reused }
    }

    /// Uses no idle connection to a backend whose host has vanished: each would cost a request its time.
    pub(crate) fn forget(&self, address: SocketAddr) {
        self.pool.pool().suspect(&address);
    }

    /// Closes the connection that has been idle for longest, for want of descriptors. Returns whether there was any.
    pub(crate) fn make_room(&self) -> bool {
        self.pool.pool().close_oldest()
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Link> {
        let stream = loop {
            match timeout(self.limits.connect, TcpStream::connect(address)).await? {
                Err(error) if is_out_of_descriptors(&error) && self.make_room() => {}
                stream => break stream?,
            }
        };
        stream.set_nodelay(true)?;
        // Without it a host that has vanished without a word is given up after a quarter of an hour.
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(self.limits.unacknowledged))?;
        Link::new(stream, self.home(address), &self.limits).await.map_err(io::Error::other)
    }

    fn home(&self, address: SocketAddr) -> Home {
        Home { address, pool: (self.reuse != Reuse::Never).then(|| self.pool.clone()) }
    }
}

impl Attempts<'_> {
    /// Returns a connection to the next backend, or `None` if all have been tried. The first one may have been used, if
    /// the request may be sent over such a connection.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Link>> {
        let Backends { addresses, pool, .. } = self.backends;
        let address = (self.tried < addresses.len()).then(|| addresses[(self.first + self.tried) % addresses.len()])?;
        self.tried += 1;
        if std::mem::take(&mut self.may_be_reused)
            && let Some(pooled) = pool.take(&address)
        {
            return Some(Ok(Link::resume(pooled, self.backends.home(address))));
        }
        Some(self.backends.connect(address).await)
    }

    /// Tries the same backend again, on a new connection: the one that failed had been used, and says nothing about the
    /// backend.
    pub(crate) fn try_again(&mut self) {
        self.tried -= 1;
    }

    pub(crate) fn has_others(&self) -> bool {
        self.tried < self.backends.addresses.len()
    }
}

/// Whether the process or the system has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::MFILE | Errno::NFILE))
}
