//! A connection that reads what is not its application's: the shape of TLS, with a session that stands in for one.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use handfast::pool::{Connection, NotIdle, Pool, Pooled, RuntimePool};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use crate::pool::support::{config, on, until, workers};

/// Records of one byte: tickets, and what is for the application.
const TICKET: u8 = b't';

/// As much of `rustls::ClientConnection` as a pool needs.
#[derive(Default)]
struct Session {
    records: Vec<u8>,
    tickets: usize,
}

impl Session {
    fn read_tls(&mut self, records: &mut dyn Read) -> io::Result<usize> {
        let mut buffer = [0; 64];
        let read = records.read(&mut buffer)?;
        self.records.extend(&buffer[..read]);
        Ok(read)
    }

    fn process_new_packets(&mut self) -> usize {
        let before = self.records.len();
        self.records.retain(|record| *record != TICKET);
        self.tickets += before - self.records.len();
        self.records.len()
    }
}

struct Secured {
    stream: UnixStream,
    session: Mutex<Session>,
}

struct Direct<'a>(BorrowedFd<'a>);

impl Read for Direct<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(self.0, buffer, rustix::net::RecvFlags::DONTWAIT)?.0)
    }
}

impl Secured {
    fn read(&self) -> io::Result<Option<NotIdle>> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match session.read_tls(&mut Direct(self.stream.as_fd()))? {
            0 => Some(NotIdle::Closed),
            _ => (session.process_new_packets() != 0).then_some(NotIdle::Bytes),
        })
    }

    fn drain(&self, read: impl Fn() -> io::Result<Option<NotIdle>>) -> Option<NotIdle> {
        loop {
            match read() {
                Ok(None) => {}
                Ok(Some(reason)) => return Some(reason),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => return Some(NotIdle::Failed(error.kind())),
            }
        }
    }
}

impl AsFd for Secured {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Connection for Secured {
    fn poll_not_idle(&self, cx: &mut Context<'_>) -> Poll<NotIdle> {
        loop {
            if let Err(error) = ready!(self.stream.poll_read_ready(cx)) {
                return Poll::Ready(NotIdle::Failed(error.kind()));
            }
            if let Some(reason) = self.not_idle() {
                return Poll::Ready(reason);
            }
        }
    }

    fn not_idle(&self) -> Option<NotIdle> {
        self.drain(|| self.stream.try_io(Interest::READABLE, || self.read()))
    }

    fn probe(&self) -> Option<NotIdle> {
        self.drain(|| self.read())
    }

    fn reregister(self) -> io::Result<Self> {
        Ok(Self { stream: UnixStream::from_std(self.stream.into_std()?)?, session: self.session })
    }
}

fn secured() -> (Pooled<Secured>, UnixStream) {
    let (stream, theirs) = UnixStream::pair().expect("there are descriptors");
    (Pooled::new(Secured { stream, session: Mutex::default() }), theirs)
}

fn tickets(pooled: &Pooled<Secured>) -> usize {
    pooled.connection.session.lock().expect("whole").tickets
}

/// Of ten that are put before their tickets were read, ten are given out again.
#[tokio::test]
async fn tickets_that_come_to_an_idle_connection_do_not_end_it() {
    let pool: RuntimePool<u8, Secured> = RuntimePool::new(config()).expect("this is a runtime");
    for round in 0..10 {
        let (ours, mut theirs) = secured();
        if round % 2 == 0 {
            theirs.write_all(&[TICKET, TICKET]).await.expect("it is open");
            ours.connection.stream.readable().await.expect("they arrive");
        }
        pool.put(1, ours).expect("tickets are nothing for the application");
        if round % 2 == 1 {
            theirs.write_all(&[TICKET, TICKET]).await.expect("it is open");
            tokio::task::yield_now().await;
        }
        let taken = pool.take(&1).expect("it is idle");
        assert_eq!(tickets(&taken), 2, "round {round}");
    }
    assert_eq!(pool.pool().metrics().closed_while_idle, 0);
}

#[test]
fn tickets_are_read_before_a_takeover() {
    let workers = workers(2);
    let pool: Pool<u8, Secured> = Pool::new(&workers, config()).expect("they run");
    let seen = pool.clone();
    let _theirs = on(&workers, 0, async move |here| {
        let (ours, mut theirs) = secured();
        seen.local(&here).put(1, ours).expect("it is idle");
        theirs.write_all(&[TICKET]).await.expect("it is open");
        theirs.into_std().expect("it is a socket")
    });
    let taken = on(&workers, 1, async move |here| pool.local(&here).take(&1).map(|taken| tickets(&taken)));
    assert_eq!(taken, Some(1));
}

#[tokio::test]
async fn what_is_for_the_application_ends_it() {
    let pool: RuntimePool<u8, Secured> = RuntimePool::new(config()).expect("this is a runtime");
    let (ours, mut theirs) = secured();
    pool.put(1, ours).expect("it is idle");
    theirs.write_all(&[TICKET, b'!']).await.expect("it is open");
    until(|| pool.pool().idle() == 0).await;
    assert_eq!(pool.pool().metrics().closed_while_idle, 1);
}
