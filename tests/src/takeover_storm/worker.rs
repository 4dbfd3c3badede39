//! A worker: a thread, its poller, its idle connections.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::oracle::{Counts, Fault, Oracle, one};
use super::server::{MESSAGE, Servers, message, wait};
use super::storm::{Listed, Storm};
use super::subject::{After, Reported, Subject};

/// One worker.
pub(crate) struct Worker<S> {
    number: usize,
    storm: Arc<Storm<S>>,
    poller: OwnedFd,
    /// What the poller may report, by the connection's id, and the protocol's name for it.
    known: HashMap<u64, (Weak<Conn>, u64)>,
    /// Requests without a response.
    waiting: usize,
    chance: SmallRng,
}

/// How many requests a worker may wait for.
const AT_ONCE: usize = 8;

/// One takeover in so many is followed by a deletion at once, as when a proxy needs the descriptor.
const KILL: u32 = 16;

/// How long a poller waits at most.
const TICK: Duration = Duration::from_millis(1);

impl<S: Subject> Worker<S> {
    pub(crate) fn new(number: usize, storm: Arc<Storm<S>>) -> io::Result<Self> {
        let poller = epoll::create(CreateFlags::CLOEXEC)?;
        let chance = SmallRng::seed_from_u64(storm.seed.wrapping_mul(1 << 16).wrapping_add(number as u64));
        Ok(Self { number, storm, poller, known: HashMap::new(), waiting: 0, chance })
    }

    pub(crate) fn run(&mut self) {
        let mut due = Instant::now();
        while !self.storm.pace.has_ended() && !self.storm.oracle.has_found() {
            let interval = self.storm.pace.interval();
            let mut now = Instant::now();
            while due <= now && self.waiting < AT_ONCE {
                self.request();
                due = if interval.is_zero() { now } else { due + interval };
                if interval.is_zero() {
                    break;
                }
            }
            // What could not be kept up with is not made up for.
            now = Instant::now();
            due = due.max(now.checked_sub(TICK).unwrap_or(now));
            let rest = if self.waiting < AT_ONCE { due.saturating_duration_since(now) } else { TICK };
            self.poll(rest.min(TICK));
        }
        self.finish();
    }

    /// Until every response has come and every idle connection was closed by its server.
    fn finish(&mut self) {
        let end = Instant::now() + self.storm.patience * 5;
        while (self.waiting != 0 || !self.own_list().is_empty()) && !self.storm.oracle.has_found() {
            if Instant::now() > end {
                self.storm.oracle.find(Fault::Lost { millis: (self.storm.patience * 5).as_millis() });
            }
            self.poll(TICK);
        }
    }

    fn counts(&self) -> &Counts {
        &self.storm.oracle.counts
    }

    fn list(storm: &Storm<S>, whose: usize) -> MutexGuard<'_, Vec<Listed>> {
        storm.lists[whose].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_list(&self) -> MutexGuard<'_, Vec<Listed>> {
        Self::list(&self.storm, self.number)
    }

    fn request(&mut self) {
        let server = self.chance.random_range(0..self.storm.servers.len());
        let kill = self.chance.random_ratio(1, KILL);
        let workers = self.storm.lists.len();
        let start = self.chance.random_range(0..workers);
        // Others first, and its own last.
        let others = (0..workers).map(|step| (start + step) % workers).filter(|whose| *whose != self.number);
        for whose in others.chain([self.number]).collect::<Vec<_>>() {
            match self.take(whose, server, kill) {
                Taken::Nothing => {}
                Taken::Killed => break,
                Taken::Over { conn, name, request } => {
                    one(if whose == self.number { &self.counts().reused } else { &self.counts().taken_over });
                    self.send(&conn, name, request);
                    return;
                }
            }
        }
        self.connect(server);
    }

    fn take(&self, whose: usize, server: usize, kill: bool) -> Taken {
        let mut list = Self::list(&self.storm, whose);
        for index in (0..list.len()).rev().filter(|index| list[*index].conn.server == server).collect::<Vec<_>>() {
            let name = list[index].name;
            let mut request = None;
            let has_taken = self.storm.subject.takeover(name, self.number, &mut |conn| {
                let Some(mut inner) = self.inner(conn) else { return After::Keep };
                if conn.is_closed.load(Ordering::SeqCst) {
                    self.storm.oracle.find(Fault::InsideClosed { worker: self.number });
                }
                inner.owner = self.number;
                inner.request += 1;
                inner.doing = Doing::Request(Instant::now());
                request = Some(inner.request);
                if kill { After::Delete } else { After::Keep }
            });
            match (has_taken, request) {
                (true, Some(_)) if kill => {
                    list.remove(index);
                    return Taken::Killed;
                }
                (true, Some(request)) => return Taken::Over { conn: list.remove(index).conn, name, request },
                (true, None) | (false, _) => one(&self.counts().skipped),
            }
        }
        Taken::Nothing
    }

    /// What belongs to whoever is inside, and must be free for the taking.
    fn inner<'a>(&self, conn: &'a Conn) -> Option<MutexGuard<'a, Inner>> {
        match conn.inner.try_lock() {
            Ok(inner) => Some(inner),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                self.storm.oracle.find(Fault::TwoInside { worker: self.number });
                None
            }
        }
    }

    fn connect(&mut self, server: usize) {
        // A server that has too much to do has a full queue; the request is not made.
        let Ok(stream) = Servers::connect(&self.storm.servers, server) else { return };
        let id = self.storm.ids.fetch_add(1, Ordering::Relaxed);
        let conn = self.storm.kernel.open(id, stream, server, self.number);
        let name = self.storm.subject.insert(&conn, self.number);
        self.send(&conn, name, 0);
    }

    /// Has its poller watch the connection, which is its own, and writes the request.
    fn send(&mut self, conn: &Arc<Conn>, name: u64, request: u64) {
        self.known.insert(conn.id, (Arc::downgrade(conn), name));
        // It is there already if the connection was this worker's before and came back.
        let _ = epoll::add(&self.poller, &conn.stream, EventData::new_u64(conn.id), EventFlags::IN);
        self.waiting += 1;
        // If the server has closed it, the poller says so.
        let _ = (&conn.stream).write_all(&message(conn.id, request));
    }

    fn poll(&mut self, within: Duration) {
        for id in wait(&self.poller, within) {
            let Some((conn, name)) = self.known.get(&id).cloned() else { continue };
            let mut ended = 0;
            let reported = self.storm.subject.report(name, self.number, &mut |conn| self.act(conn, name, &mut ended));
            self.waiting -= ended;
            match reported {
                Reported::Ran => {}
                Reported::NotOwner => {
                    one(&self.counts().late);
                    // It belongs to another worker, and this poller watches it still.
                    if let Some(conn) = conn.upgrade() {
                        let _ = epoll::delete(&self.poller, &conn.stream);
                    }
                    self.known.remove(&id);
                }
                Reported::Gone => {
                    one(&self.counts().late);
                    self.known.remove(&id);
                }
            }
            if conn.strong_count() == 0 {
                self.known.remove(&id);
            }
        }
    }

    /// The callback. `ended` counts requests that wait no more.
    fn act(&self, conn: &Arc<Conn>, name: u64, ended: &mut usize) -> After {
        let Some(mut inner) = self.inner(conn) else { return After::Keep };
        let oracle = &self.storm.oracle;
        if inner.owner != self.number {
            oracle.find(Fault::TwoOwners { worker: self.number, owner: inner.owner });
            return After::Keep;
        }
        if conn.is_closed.load(Ordering::SeqCst) {
            oracle.find(Fault::InsideClosed { worker: self.number });
            return After::Keep;
        }
        let mut response = [0; MESSAGE];
        match (&conn.stream).read(&mut response) {
            Ok(MESSAGE) => {
                if let Doing::Request(since) = inner.doing
                    && response == message(conn.id, inner.request)
                {
                    oracle.waited(since);
                    one(&oracle.counts.responses);
                    *ended += 1;
                } else {
                    oracle.find(Fault::WrongResponse);
                }
                inner.doing = Doing::Idle;
                drop(inner);
                self.own_list().push(Listed { name, conn: Arc::clone(conn) });
                After::Keep
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => After::Keep,
            Ok(_) | Err(_) => {
                match inner.doing {
                    // It leaves the list before it is deleted.
                    Doing::Idle => {
                        self.own_list().retain(|listed| listed.conn.id != conn.id);
                        one(&oracle.counts.closed_while_idle);
                    }
                    Doing::Request(since) => {
                        oracle.waited(since);
                        one(&oracle.counts.retried);
                        *ended += 1;
                    }
                }
                After::Delete
            }
        }
    }
}

/// What was found in a list.
enum Taken {
    Nothing,
    /// One was taken over and deleted at once.
    Killed,
    Over {
        conn: Arc<Conn>,
        name: u64,
        request: u64,
    },
}

// Connections, and the numbers by which the protocols under test know them.

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
