//! The implementation that is judged: where it is, and how a case reaches it.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::wire::{Manner, Wire};

/// What an implementation is told: which part it plays and what it supports.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Part {
    /// The word of its role on the command line.
    pub role: String,
    /// What it supports, the preferred one first.
    pub protocols: Vec<String>,
}

/// An implementation in this process: it is given its end of a connection and does its part on it.
pub type Task = Arc<dyn Fn(Wire, Part) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Where the implementation is.
#[derive(Clone)]
pub enum Target {
    /// It listens at this address. With a port of 0, and a command that starts it, at a port that is free.
    Connect(SocketAddr),
    /// It dials this address. With a port of 0, and a command that starts it, at a port that is free.
    Listen(SocketAddr),
    /// It is a task of this process.
    Task(Task),
}

impl Debug for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(address) => write!(f, "an implementation that listens at {address}"),
            Self::Listen(address) => write!(f, "an implementation that dials {address}"),
            Self::Task(_) => write!(f, "an implementation in this process"),
        }
    }
}

/// A target, and the command that starts it for each case.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where it is.
    pub target: Target,
    /// What starts it: for `sh`, with `{port}`, `{role}` and `{protocols}` in it; and `{dial}` for a port that it is to dial.
    pub exec: Option<String>,
    /// How long it may take to be there.
    pub limit: Duration,
}

/// Why there is no connection to the implementation.
#[derive(Debug, Error)]
pub enum Unreachable {
    /// It does not accept connections, or makes none.
    #[error("there is no connection to the implementation after {0:?}")]
    NoConnection(Duration),
    /// The program ended before there was one.
    #[error("the program ended before there was a connection: {0}")]
    Ended(std::process::ExitStatus),
    /// It is the one that makes connections.
    #[error("the implementation dials, so that there is one connection to it")]
    Dials,
    /// The operating system gives no socket or starts no program.
    #[error("no socket, or no program: {0}")]
    Io(#[from] io::Error),
}

/// A connection, and the program at its other end.
#[derive(Debug)]
pub struct Reached {
    /// The connection.
    pub wire: Wire,
    /// The program, which is killed with its process group when this is dropped.
    pub program: Option<Program>,
    /// How there are more connections to the same implementation.
    pub more: More,
}

/// Makes more connections to the implementation of a case.
#[derive(Debug)]
pub struct More {
    target: Target,
    part: Part,
    manner: Manner,
    limit: Duration,
    /// Where the program was told to dial.
    dials: Option<TcpListener>,
}

/// The role of a task that is to dial.
const OUTBOUND: &str = "outbound";

impl More {
    /// Makes one more connection.
    ///
    /// # Errors
    ///
    /// If the implementation accepts none, or is one that dials.
    pub async fn connect(&self) -> Result<Wire, Unreachable> {
        match &self.target {
            Target::Task(task) => Ok(start(task, self.part.clone(), self.manner)),
            Target::Connect(address) => {
                let dialed = timeout(self.limit, socket(*address, self.manner)?.connect(*address)).await;
                tcp(dialed.map_err(|_| Unreachable::NoConnection(self.limit))??)
            }
            Target::Listen(_) => Err(Unreachable::Dials),
        }
    }

    /// Takes the connection that the implementation makes by itself. None if it was not told where to.
    ///
    /// # Errors
    ///
    /// If it makes none in time.
    pub async fn dialed(&self) -> Result<Option<Wire>, Unreachable> {
        let part = Part { role: OUTBOUND.to_owned(), ..self.part.clone() };
        match (&self.target, &self.dials) {
            (Target::Task(task), _) => Ok(Some(start(task, part, self.manner))),
            (_, None) => Ok(None),
            (_, Some(listener)) => {
                let accepted = timeout(self.limit, listener.accept()).await;
                tcp(accepted.map_err(|_| Unreachable::NoConnection(self.limit))??.0).map(Some)
            }
        }
    }
}

/// How long to wait before a program is asked again whether it listens.
const RETRY: Duration = Duration::from_millis(20);

impl Access {
    /// Makes an implementation of a function.
    pub fn task<F>(implementation: impl Fn(Wire, Part) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task: Task = Arc::new(move |wire, part| Box::pin(implementation(wire, part)));
        Self { target: Target::Task(task), exec: None, limit: Duration::from_secs(20) }
    }

    /// Connects one case with the implementation, which is started first if there is a command.
    ///
    /// # Errors
    ///
    /// If there is no connection in time.
    pub async fn reach(&self, part: &Part, manner: Manner) -> Result<Reached, Unreachable> {
        match &self.target {
            Target::Task(task) => {
                let wire = start(task, part.clone(), manner);
                Ok(Reached { wire, program: None, more: self.more(self.target.clone(), part, manner, None) })
            }
            Target::Connect(address) => self.dial(*address, part, manner).await,
            Target::Listen(address) => self.accept(*address, part, manner).await,
        }
    }

    async fn dial(&self, address: SocketAddr, part: &Part, manner: Manner) -> Result<Reached, Unreachable> {
        let mut address = address;
        if address.port() == 0 {
            address.set_port(free_port()?);
        }
        let dials = self.exec.as_ref().is_some_and(|command| command.contains("{dial}"));
        let dials = if dials { Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?) } else { None };
        let mut program = self.start(address.port(), dials.as_ref(), part)?;
        let until = Instant::now() + self.limit;
        loop {
            let dialed = timeout(self.limit, socket(address, manner)?.connect(address)).await;
            if let Ok(Ok(stream)) = dialed {
                let more = self.more(Target::Connect(address), part, manner, dials);
                return Ok(Reached { wire: tcp(stream)?, program, more });
            }
            if let Some(status) = program.as_mut().map(Program::status).transpose()?.flatten() {
                return Err(Unreachable::Ended(status));
            }
            if Instant::now() >= until {
                return Err(Unreachable::NoConnection(self.limit));
            }
            sleep(RETRY).await;
        }
    }

    async fn accept(&self, address: SocketAddr, part: &Part, manner: Manner) -> Result<Reached, Unreachable> {
        let socket = socket(address, manner)?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(1)?;
        let mut program = self.start(listener.local_addr()?.port(), None, part)?;
        let until = Instant::now() + self.limit;
        loop {
            if let Ok(accepted) = timeout(RETRY, listener.accept()).await {
                let more = self.more(self.target.clone(), part, manner, None);
                return Ok(Reached { wire: tcp(accepted?.0)?, program, more });
            }
            if let Some(status) = program.as_mut().map(Program::status).transpose()?.flatten() {
                return Err(Unreachable::Ended(status));
            }
            if Instant::now() >= until {
                return Err(Unreachable::NoConnection(self.limit));
            }
        }
    }

    fn more(&self, target: Target, part: &Part, manner: Manner, dials: Option<TcpListener>) -> More {
        More { target, part: part.clone(), manner, limit: self.limit, dials }
    }

    fn start(&self, port: u16, dials: Option<&TcpListener>, part: &Part) -> io::Result<Option<Program>> {
        let dialed = dials.map(TcpListener::local_addr).transpose()?.map_or(0, |address| address.port());
        let command = self.exec.as_ref().map(|command| {
            command
                .replace("{dial}", &dialed.to_string())
                .replace("{port}", &port.to_string())
                .replace("{role}", &part.role)
                .replace("{protocols}", &part.protocols.join(","))
        });
        command.map(|command| Program::start(&command)).transpose()
    }
}

/// Starts a task at the other end of a new connection.
fn start(task: &Task, part: Part, manner: Manner) -> Wire {
    let (ours, theirs) = tokio::io::duplex(manner.capacity.unwrap_or(64 << 10));
    tokio::spawn(task(Wire::Memory(theirs), part));
    Wire::Memory(ours)
}

fn tcp(stream: TcpStream) -> Result<Wire, Unreachable> {
    // The pieces of a case are segments of their own.
    stream.set_nodelay(true)?;
    Ok(Wire::Tcp(stream))
}

fn socket(address: SocketAddr, manner: Manner) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(capacity) = manner.capacity {
        // Before there is a connection, so that its window is never larger. The kernel has a least value of its own.
        let size = u32::try_from(capacity).unwrap_or(u32::MAX);
        socket.set_recv_buffer_size(size)?;
        socket.set_send_buffer_size(size)?;
    }
    Ok(socket)
}

/// A port at which nothing listens now.
fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A program that was started for a case, the leader of a process group.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Whether it was waited for, so that its number may be another process's.
    reaped: bool,
}

impl Program {
    fn start(command: &str) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        Ok(Self { child: shell.spawn()?, reaped: false })
    }

    fn status(&mut self) -> io::Result<Option<std::process::ExitStatus>> {
        let status = self.child.try_wait()?;
        self.reaped |= status.is_some();
        Ok(status)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // What the shell started is in its group. The group has ended by itself if there is none.
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
