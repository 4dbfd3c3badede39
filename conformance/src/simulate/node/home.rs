//! A node of the world, its connections, and what is told there.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use handfast::framed::{self, Delivery, Error, Frame, Outcome, Transport};
use handfast::lifecycle::{Duplicates, Event, Limits, Reason, Subscription};
use handfast::node::{Config, Drained, Node, Opening, Reader, Session, Stream, Upgraded, framed_with_report};
use handfast::simopen::{Direction, Options, Side};
use handfast_spec::lifecycle::{Action, Lifecycle, Output as Told, SessionId};
use handfast_spec::log::LineOf;
use handfast_spec::node::{self as spec, Ending, History, NodeId, Output, Role};
use handfast_spec::{Observation, Protocol};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::super::oracle::{Oracle, TRUTH};
use super::super::transport;
use super::{Canary, Setup};
use crate::log::Log;

/// What all nodes of a run tell.
#[derive(Clone)]
pub(super) struct Book {
    history: Arc<Mutex<History>>,
    pub(super) oracle: Oracle,
}

impl Book {
    pub(super) fn new(oracle: Oracle) -> Self {
        Self { history: Arc::default(), oracle }
    }

    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        // Nothing under it panics: it is data.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, output: Output) {
        self.oracle.trace(&output);
        spec::Node::record(&mut self.history(), &output);
    }
}

/// What one process tells. It is silent when it was killed.
#[derive(Clone)]
pub(super) struct Voice {
    book: Book,
    is_alive: Arc<AtomicBool>,
    canary: Option<Canary>,
    events: Arc<Mutex<Option<Subscription<u64, Said>>>>,
}

impl Voice {
    fn tell(&self, output: Output, event: &'static str) {
        if self.is_heard() {
            self.book.oracle.saw(event);
            self.book.tell(output);
        }
    }

    /// Whether it was not killed.
    pub(super) fn is_heard(&self) -> bool {
        self.is_alive.load(Ordering::Relaxed)
    }

    /// Tells what the subscriber has heard. A connection is dropped after the Down of its session is queued, and before
    /// anything takes that from the queue.
    pub(super) fn hear(&self) {
        // Held only where this runs already, further out.
        let Ok(mut events) = self.events.try_lock() else { return };
        while let Some(event) = events.as_mut().and_then(Subscription::try_next) {
            match event {
                Event::Up(peer) => self.tell(Output::Up(peer.info.socket), "a session is announced"),
                Event::Down(..) if self.canary == Some(Canary::MissesDowns) => {}
                Event::Down(peer, reason) => {
                    if reason == Reason::Replaced {
                        self.book.oracle.saw("a session is replaced");
                    }
                    self.tell(Output::Down(peer.info.socket), "a session is over");
                }
                Event::Lagged => self.book.oracle.broken(TRUTH, "a subscriber that takes everything at once lags"),
                Event::Closed => {}
            }
        }
    }
}

/// What a node records. It alone tells who loses a tie, when that is decided: others are told of its Down.
#[derive(Clone)]
struct Tap {
    log: Log,
    voice: Voice,
    sockets: Sockets,
}

/// The ends of the sessions of a process, by the numbers that its registry gives.
type Sockets = Arc<Mutex<BTreeMap<SessionId, spec::Socket>>>;

impl Tap {
    fn ties(&self, line: &LineOf<Lifecycle>) {
        let (Action::Announce { session: winner }, Some(Observation::Accepted(told))) =
            (line.action, &line.observation)
        else {
            return;
        };
        let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        for told in told {
            if let Told::Disconnecting(loser) = told
                && let (Some(loser), Some(winner)) = (sockets.get(loser), sockets.get(&winner))
            {
                self.voice.tell(Output::Beaten(*loser, *winner), "a tie is broken");
            }
        }
    }
}

impl Write for Tap {
    /// Each call has a whole line.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.windows(10).any(|word| word == b"\"announce\"") {
            self.ties(&serde_json::from_slice(bytes)?);
        }
        self.log.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the upgrade says of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) socket: spec::Socket,
}

/// Tells when an end is closed: when the last part of it is dropped.
struct Tag {
    socket: spec::Socket,
    voice: Voice,
}

impl Drop for Tag {
    fn drop(&mut self) {
        self.voice.hear();
        self.voice.tell(Output::Closed(self.socket), "a connection is closed");
    }
}

/// One end of a connection of the world, or one direction of it. Fields are dropped in their order.
pub(super) struct Wire<S> {
    stream: S,
    tag: Arc<Tag>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Transport for Wire<transport::Socket> {
    type Read = Wire<transport::Half>;
    type Write = Wire<transport::Half>;

    fn split(self) -> (Self::Read, Self::Write) {
        let Self { stream, tag } = self;
        let (read, write) = stream.split();
        (Wire { stream: read, tag: Arc::clone(&tag) }, Wire { stream: write, tag })
    }

    fn delivery(write: &Self::Write) -> io::Result<Delivery> {
        transport::Socket::delivery(&write.stream)
    }
}

type Io = Wire<transport::Socket>;

/// A process with a node.
pub(super) struct Home {
    pub(super) node: Node<u64, Said, Io>,
    pub(super) voice: Voice,
    pub(super) has_stopped: bool,
    /// What it has recorded, if it is recorded.
    pub(super) log: Option<Log>,
    sockets: Sockets,
}

impl Home {
    pub(super) fn new(id: NodeId, setup: &Setup, book: &Book, canary: Option<Canary>) -> Self {
        let (is_alive, events) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let voice = Voice { book: book.clone(), is_alive, canary, events };
        let (said, frames, reported) = (voice.clone(), setup.frames, voice.clone());
        let upgrade = move |stream| introduce(id, stream, said.clone());
        let spoken = voice.clone();
        let body = move |session| exchange(session, frames, spoken.clone());
        let body = framed_with_report(framed::Config::default(), body, move |drained| report(&drained, &reported));
        let (config, log, sockets) =
            (config(id, setup, canary), setup.is_recorded.then(Log::default), Sockets::default());
        let node = match log.clone() {
            None => Node::new(config, upgrade, body),
            Some(log) => {
                let tap = Tap { log, voice: voice.clone(), sockets: Arc::clone(&sockets) };
                Node::recorded(config, tap, upgrade, body)
            }
        };
        let node = node.expect("the configuration is sound");
        let subscription = node.registry().subscribe().expect("a node that has just begun takes a subscriber");
        *voice.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(subscription);
        Self { node, voice, has_stopped: false, log, sockets }
    }

    /// Notes which end a session has.
    pub(super) fn has(&self, session: handfast::lifecycle::SessionId, socket: spec::Socket) {
        let number = SessionId(u32::try_from(session.number()).expect("a run has few sessions"));
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).insert(number, socket);
    }

    /// The end of a connection at this node.
    pub(super) fn wire(&self, stream: transport::Socket, socket: spec::Socket) -> Io {
        Wire { stream, tag: Arc::new(Tag { socket, voice: self.voice.clone() }) }
    }

    /// Nothing is heard of it any more.
    pub(super) fn silence(&self) {
        self.voice.hear();
        self.voice.is_alive.store(false, Ordering::Relaxed);
    }
}

fn config(id: NodeId, setup: &Setup, canary: Option<Canary>) -> Config<u64> {
    let mut config = Config::new(Limits::by_direction(24, 24), u64::from(id.0), "/world/1");
    config.registry.handshake_timeout = Duration::from_millis(setup.handshake);
    config.registry.grace = Duration::from_millis(setup.grace);
    // Numbers that differ, so that each run of a seed is the same.
    let number = u64::from(id.0);
    let nonce = Some(if setup.is_greater_first { 1_000 - number } else { number });
    config.opening =
        Opening::Negotiate { protocols: vec!["/world/1".to_owned()], options: Options::default().with_nonce(nonce) };
    if canary == Some(Canary::KeepsOld) {
        config.registry.registry.duplicates = Duplicates::KeepOld;
    }
    config
}

async fn introduce(id: NodeId, mut stream: Stream<Io>, voice: Voice) -> io::Result<Upgraded<u64, Said, Stream<Io>>> {
    let socket = stream.get_ref().tag.socket;
    let Side { role, direction } = stream.side();
    let is_client = role == handfast::simopen::Role::Initiator;
    if !is_client && direction == Direction::Outbound {
        voice.book.oracle.saw("a node that dialed is the responder");
    }
    let role = if is_client { Role::Initiator } else { Role::Responder };
    voice.tell(Output::Settled(socket, role), "a role is settled");
    stream.write_u64(id.0.into()).await?;
    stream.flush().await?;
    let key = stream.read_u64().await?;
    if voice.canary != Some(Canary::BelievesClaims) {
        voice.tell(Output::Proven(socket), "a key is proven");
    }
    Ok(Upgraded::new(key, Said { socket }, stream))
}

async fn exchange(session: Session<u64, Said, Stream<Io>>, frames: u32, voice: Voice) -> Result<Reason, Error> {
    let Session { peer, mut reader, mut writer, .. } = session;
    let socket = peer.info.socket;
    if voice.canary == Some(Canary::BelievesClaims) {
        voice.tell(Output::Proven(socket), "a key is proven");
    }
    voice.hear();
    let write = async {
        for number in 0..frames {
            if writer.feed(Frame::new(1, number.to_be_bytes().to_vec())).await.is_err() {
                return;
            }
            voice.tell(Output::Accepted(socket), "a frame is accepted");
        }
        // Whoever waits for it is told by the report.
        let _ = writer.flush().await;
    };
    let ((), read) = tokio::join!(write, read(&mut reader, socket, &voice));
    read
}

async fn read(reader: &mut Reader<Stream<Io>>, socket: spec::Socket, voice: &Voice) -> Result<Reason, Error> {
    let mut next = 0_u32;
    loop {
        match reader.read().await {
            Ok(Some(frame)) => {
                let is_next = frame.payload[..] == next.to_be_bytes();
                voice.book.oracle.holds(is_next, "NODE-5", || format!("{socket} is given another frame than {next}"));
                next += 1;
                voice.tell(Output::Delivered(socket), "a frame is given");
            }
            Ok(None) => {
                voice.tell(Output::Ended(socket, Ending::Marker), "a marker is read");
                return Ok(Reason::RemoteClosed);
            }
            Err(error) => {
                voice.tell(Output::Ended(socket, Ending::Gone), "a reader is told that its peer is gone");
                return Err(error);
            }
        }
    }
}

fn report(drained: &Drained<u64, Said>, voice: &Voice) {
    let is_clean = match voice.canary {
        Some(Canary::TrustsKernel) => drained.outcome.is_some_and(Outcome::is_clean),
        _ => drained.is_clean(), // the others report what is so
    };
    let event = if is_clean { "all frames have arrived" } else { "frames may be lost" };
    voice.tell(Output::Reported(drained.peer.info.socket, is_clean), event);
}
