//! Connections to backends.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use handfast::pool::{Local, Pooled};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Reuse;

/// The backends, as one worker sees them.
pub(crate) struct Backends {
    addresses: Vec<SocketAddr>,
    reuse: Reuse,
    pool: Local<SocketAddr, TcpStream>,
    next: Cell<usize>,
}

/// A connection, and where it belongs.
pub(crate) struct Connected {
    pub(crate) pooled: Pooled<TcpStream>,
    pub(crate) home: Home,
}

/// Where a connection goes when it is idle.
#[derive(Clone)]
pub(crate) struct Home {
    address: SocketAddr,
    pool: Option<Local<SocketAddr, TcpStream>>,
}

/// How long a backend may take to accept.
const CONNECT: Duration = Duration::from_secs(5);

impl Backends {
    pub(crate) fn new(addresses: Vec<SocketAddr>, reuse: Reuse, pool: Local<SocketAddr, TcpStream>) -> Self {
        // Workers begin with different backends.
        let next = Cell::new(pool.here().number());
        Self { addresses, reuse, pool, next }
    }

    /// A connection to the next backend: one that has been used if it may be, otherwise a new one.
    pub(crate) async fn connect(&self, is_repeatable: bool, is_first: bool) -> io::Result<Connected> {
        let address = self.addresses[self.next.get() % self.addresses.len()];
        self.next.set(self.next.get().wrapping_add(1));
        let (keeps, may_be_used) = match self.reuse {
            Reuse::Never => (false, false),
            Reuse::Safe => (true, is_repeatable),
            Reuse::Always => (true, true),
        };
        let home = Home { address, pool: keeps.then(|| self.pool.clone()) };
        if may_be_used
            && is_first
            && let Some(pooled) = self.pool.take(&address)
        {
            return Ok(Connected { pooled, home });
        }
        let stream = timeout(CONNECT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        Ok(Connected { pooled: Pooled::new(stream), home })
    }
}

impl Home {
    /// The connection is idle.
    pub(crate) fn put(&self, pooled: Pooled<TcpStream>) {
        if let Some(pool) = &self.pool {
            // What is not wanted is closed.
            let _ = pool.put(self.address, pooled);
        }
    }
}
