//! A server that answers and closes each connection a moment after its last response.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::oracle::{Fault, Oracle};

/// The length of requests and responses: the connection's number, and the request's.
pub(crate) const MESSAGE: usize = 16;

/// A message, as it is sent.
pub(crate) fn message(connection: u64, request: u64) -> [u8; MESSAGE] {
    let mut bytes = [0; MESSAGE];
    bytes[..8].copy_from_slice(&connection.to_le_bytes());
    bytes[8..].copy_from_slice(&request.to_le_bytes());
    bytes
}

/// The servers, each with its thread.
pub(crate) struct Servers {
    addresses: Vec<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Servers {
    pub(crate) fn start(count: usize, timeout: Duration, oracle: &Arc<Oracle>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut addresses, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count {
            // A name without a file: nothing is left of it.
            let name = format!("takeover-storm-{}-{number}", std::process::id());
            let address = SocketAddr::from_abstract_name(name)?;
            let listener = UnixListener::bind_addr(&address)?;
            listener.set_nonblocking(true)?;
            let mut server = Server::new(listener, timeout, Arc::clone(oracle))?;
            let stop = Arc::clone(&stop);
            threads.push(Builder::new().name(format!("server-{number}")).spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    server.turn();
                }
            })?);
            addresses.push(address);
        }
        Ok(Self { addresses, threads, stop })
    }

    pub(crate) fn connect(addresses: &[SocketAddr], server: usize) -> io::Result<UnixStream> {
        let stream = UnixStream::connect_addr(&addresses[server])?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // A server that has panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Server {
    poller: OwnedFd,
    listener: UnixListener,
    timeout: Duration,
    oracle: Arc<Oracle>,
    clients: HashMap<u64, Client>,
    next: u64,
    /// In the order in which they are due, because all wait for the same time.
    due: VecDeque<(Instant, u64, u64)>,
}

struct Client {
    stream: UnixStream,
    /// The connection's number, when it has said it.
    name: Option<u64>,
    responses: u64,
}

/// The poller's name for the listener.
const LISTENER: u64 = u64::MAX;

/// How long a server waits at most, so that it hears that it should stop.
const TICK: Duration = Duration::from_millis(20);

impl Server {
    fn new(listener: UnixListener, timeout: Duration, oracle: Arc<Oracle>) -> io::Result<Self> {
        let poller = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&poller, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Self { poller, listener, timeout, oracle, clients: HashMap::new(), next: 0, due: VecDeque::new() })
    }

    fn turn(&mut self) {
        let now = Instant::now();
        let next = self.due.front().map_or(TICK, |(at, ..)| at.saturating_duration_since(now));
        for name in wait(&self.poller, next) {
            if name == LISTENER {
                self.accept();
            } else {
                self.answer(name);
            }
        }
        self.close_due();
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let name = self.next;
            self.next += 1;
            let is_watched = stream.set_nonblocking(true).is_ok()
                && epoll::add(&self.poller, &stream, EventData::new_u64(name), EventFlags::IN).is_ok();
            if is_watched {
                self.clients.insert(name, Client { stream, name: None, responses: 0 });
            }
        }
    }

    fn answer(&mut self, name: u64) {
        let Some(client) = self.clients.get_mut(&name) else { return };
        let mut request = [0; MESSAGE];
        match client.stream.read(&mut request) {
            Ok(MESSAGE) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // A message of this length is not divided by a Unix socket: the client has ended.
            Ok(_) | Err(_) => {
                self.clients.remove(&name);
                return;
            }
        }
        let mut said = [0; 8];
        said.copy_from_slice(&request[..8]);
        let said = u64::from_le_bytes(said);
        if client.name.is_some_and(|name| name != said) {
            self.oracle.find(Fault::TwoConnections);
        }
        client.name = Some(said);
        client.responses += 1;
        if client.stream.write_all(&request).is_err() {
            self.clients.remove(&name);
            return;
        }
        self.due.push_back((Instant::now() + self.timeout, name, client.responses));
    }

    fn close_due(&mut self) {
        let now = Instant::now();
        while let Some((at, name, responses)) = self.due.front().copied()
            && at <= now
        {
            self.due.pop_front();
            if self.clients.get(&name).is_some_and(|client| client.responses == responses) {
                self.clients.remove(&name);
            }
        }
    }
}

/// What a poller reports within a time.
pub(crate) fn wait(poller: impl AsFd, within: Duration) -> Vec<u64> {
    let mut events: Vec<Event> = Vec::with_capacity(64);
    let within = Timespec { tv_sec: within.as_secs() as _, tv_nsec: within.subsec_nanos().into() };
    match epoll::wait(poller, rustix::buffer::spare_capacity(&mut events), Some(&within)) {
        Ok(_) => events.iter().map(|event| event.data.u64()).collect(),
        // Interrupted: nothing is lost, because what is there is reported again.
        Err(_) => Vec::new(),
    }
}
