//! What was done to one descriptor, as those wrote it down who did it.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// How many descriptors came and went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Books {
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(SeqCst)
    }

    pub(crate) fn closed(&self) -> usize {
        self.closed.load(SeqCst)
    }
}

/// The book of one descriptor, which outlives it.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) shared: bool,
    inside: AtomicUsize,
    /// Set before the deleter asks.
    pub(crate) doomed: AtomicBool,
    closed: AtomicBool,
}

impl Life {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }
}

/// A socket that knows who it is. It has its number as long as it lives.
#[derive(Debug)]
pub(crate) struct Socket {
    ours: UnixStream,
    theirs: UnixStream,
    serial: u64,
    pub(crate) life: Arc<Life>,
    books: Books,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }
}

impl Socket {
    pub(crate) fn open(shared: bool, books: &Books) -> Self {
        let (ours, theirs) = UnixStream::pair().expect("there are sockets");
        let serial = books.opened.fetch_add(1, SeqCst) as u64;
        let doomed = AtomicBool::new(false);
        let life = Life { shared, inside: AtomicUsize::new(0), doomed, closed: AtomicBool::new(false) };
        Self { ours, theirs, serial, life: Arc::new(life), books: books.clone() }
    }

    /// To be called inside: is it there, is it this one, is anybody else here?
    pub(crate) fn work(&self, pause: bool) {
        let others = self.life.inside.fetch_add(1, SeqCst);
        assert!(others == 0 || self.life.shared, "{others} are inside socket {}", self.serial);
        assert!(!self.life.is_closed(), "inside socket {}, which is closed", self.serial);
        if pause {
            std::thread::yield_now();
        }
        if self.life.shared {
            self.ours.local_addr().expect("it is a socket still");
        } else {
            self.ask_the_kernel();
        }
        assert!(!self.life.is_closed(), "closed under a callback: socket {}", self.serial);
        self.life.inside.fetch_sub(1, SeqCst);
    }

    /// What goes in at one end comes out at the other, so that both numbers mean what they meant.
    fn ask_the_kernel(&self) {
        let mut heard = [0; 8];
        (&self.ours).write_all(&self.serial.to_le_bytes()).expect("it is open, and there is room");
        (&self.theirs).read_exact(&mut heard).expect("it is open");
        assert_eq!(u64::from_le_bytes(heard), self.serial, "another socket has the number");
    }
}

/// Somebody closes it. The sockets close after this.
impl Drop for Socket {
    fn drop(&mut self) {
        assert_eq!(self.life.inside.load(SeqCst), 0, "closed under a callback: socket {}", self.serial);
        assert!(!self.life.closed.swap(true, SeqCst), "closed twice: socket {}", self.serial);
        self.books.closed.fetch_add(1, SeqCst);
    }
}
