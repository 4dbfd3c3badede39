//! Connections, and the numbers by which the protocols under test know them.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::oracle::{Fault, Oracle, one};

/// A connection, for one incarnation of its number.
#[derive(Debug)]
pub(crate) struct Conn {
    /// Never given to another connection.
    pub(crate) id: u64,
    pub(crate) number: usize,
    pub(crate) server: usize,
    pub(crate) stream: UnixStream,
    /// Whoever is inside has this; nobody ever waits for it.
    pub(crate) inner: Mutex<Inner>,
    pub(crate) is_closed: AtomicBool,
}

/// What belongs to the owner alone.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) owner: usize,
    pub(crate) request: u64,
    pub(crate) doing: Doing,
}

/// What a connection is for at the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    Idle,
    /// Since when its owner waits for a response.
    Request(Instant),
}

/// The kernel's numbers: the lowest that is free, and again as soon as it is closed.
#[derive(Debug)]
pub(crate) struct Kernel {
    open: Mutex<Vec<Option<Arc<Conn>>>>,
    oracle: Arc<Oracle>,
}

impl Kernel {
    pub(crate) fn new(oracle: Arc<Oracle>) -> Self {
        Self { open: Mutex::default(), oracle }
    }

    pub(crate) fn oracle(&self) -> &Arc<Oracle> {
        &self.oracle
    }

    pub(crate) fn open(&self, id: u64, stream: UnixStream, server: usize, owner: usize) -> Arc<Conn> {
        let mut open = self.lock();
        let number = open.iter().position(Option::is_none).unwrap_or(open.len());
        if number == open.len() {
            open.push(None);
        }
        let inner = Inner { owner, request: 0, doing: Doing::Request(Instant::now()) };
        let conn = Conn { id, number, server, stream, inner: Mutex::new(inner), is_closed: AtomicBool::new(false) };
        let conn = Arc::new(conn);
        open[number] = Some(Arc::clone(&conn));
        one(&self.oracle.counts.opened);
        conn
    }

    /// What a number means now.
    pub(crate) fn get(&self, number: usize) -> Option<Arc<Conn>> {
        self.lock().get(number).cloned().flatten()
    }

    /// A protocol closes a number, for an incarnation of it.
    pub(crate) fn close(&self, number: usize, id: u64) {
        let closed = {
            let mut open = self.lock();
            match open.get_mut(number) {
                Some(place) if place.as_ref().is_some_and(|conn| conn.id == id) => place.take(),
                Some(_) | None => None,
            }
        };
        match closed {
            Some(conn) => {
                conn.is_closed.store(true, Ordering::SeqCst);
                // Others may know it for a moment longer, as an epoll set may; the server hears of it now.
                let _ = conn.stream.shutdown(std::net::Shutdown::Both);
                one(&self.oracle.counts.closed);
            }
            None => self.oracle.find(Fault::ClosedTwice { number }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Arc<Conn>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
