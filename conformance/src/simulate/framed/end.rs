//! One end: its driver, what its application does with it, and what is known of it.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use handfast::framed::{Closer, Config, Connection, Error, Frame, Outcome, Reader, Writer};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::canary::{Canary, Reading, shut_down};
use super::wire::{Parsed, payload};
use crate::log::Log;
use crate::simulate::oracle::Oracle;
use crate::simulate::transport::{End, Link, Socket};

/// One end.
pub(super) struct Endpoint {
    pub(super) end: End,
    pub(super) link: Link,
    pub(super) oracle: Oracle,
    pub(super) config: Config,
    canary: Option<Canary>,
    reader: Mutex<Option<Reader<Socket>>>,
    writer: Mutex<Option<Writer<Socket>>>,
    closer: RefCell<Option<Closer<Socket>>>,
    /// A future that sends heartbeats. There is one, as one task is to send them.
    heartbeats: RefCell<Option<Heartbeats>>,
    pub(super) known: RefCell<Known>,
    /// Waits of the reader.
    waits: Cell<u32>,
    /// What its driver records.
    pub(super) log: Log,
}

type Heartbeats = Pin<Box<dyn Future<Output = Error>>>;

/// What is known of one end: what its application did, and what it was told.
pub(super) struct Known {
    /// Frames that were accepted, or may have been.
    pub(super) offered: Vec<Offered>,
    /// How many of those the wire has been compared with.
    pub(super) matched: usize,
    /// How many items of the wire were compared.
    pub(super) compared: usize,
    /// How many frames its reader gave.
    pub(super) given: usize,
    /// What the reader was told of the end.
    pub(super) ending: Option<Result<(), Error>>,
    /// The peer's bytes that had been read when no reader wanted them any more.
    pub(super) left_at: Option<usize>,
    /// The earliest deadline of a shutdown.
    pub(super) deadline: Option<Instant>,
    /// The outcome, and how many of the peer's bytes had been read then.
    pub(super) outcome: Option<(Outcome, usize)>,
    /// Since when a call waits to read, and to write.
    pub(super) reading_since: Option<Instant>,
    pub(super) writing_since: Option<Instant>,
    pub(super) heartbeats_since: Option<Instant>,
    /// Since when it is seen to have room for a sign of life.
    pub(super) takes_since: Option<Instant>,
    pub(super) accepted_at: Option<Instant>,
    /// Its reader was told of the end behind the deadline of its own shutdown.
    pub(super) was_told_late: bool,
    /// A call was told that the peer is unresponsive.
    pub(super) was_unresponsive: bool,
    /// It was dropped without a shutdown.
    pub(super) is_abandoned: bool,
    /// Bytes of its direction are not its driver's.
    pub(super) is_forged: bool,
    /// What it sent, as it is understood.
    pub(super) sent: Parsed,
}

/// A frame that was accepted, or may have been.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    pub(super) kind: u32,
    pub(super) length: usize,
    pub(super) is_certain: bool,
}

/// Clears a moment when a call is over or dropped.
struct Waits<'e>(&'e RefCell<Known>, fn(&mut Known) -> &mut Option<Instant>);

impl<'e> Waits<'e> {
    fn begin(known: &'e RefCell<Known>, which: fn(&mut Known) -> &mut Option<Instant>) -> Self {
        *which(&mut known.borrow_mut()) = Some(Instant::now());
        Self(known, which)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        *(self.1)(&mut self.0.borrow_mut()) = None;
    }
}

impl Endpoint {
    pub(super) fn new(link: &Link, end: End, oracle: &Oracle, config: Config, canary: Option<Canary>) -> Rc<Self> {
        let mut socket = link.socket(end);
        if canary == Some(Canary::ForgetsFlush) {
            socket = socket.that_forgets_flush();
        }
        let log = Log::default();
        let connection = Connection::recorded(socket, config.clone(), log.clone());
        let heartbeats: Heartbeats = Box::pin(connection.heartbeats());
        let (reader, writer) = connection.into_split();
        let known = Known {
            offered: Vec::new(),
            matched: 0,
            compared: 0,
            given: 0,
            ending: None,
            left_at: None,
            deadline: None,
            outcome: None,
            reading_since: None,
            writing_since: None,
            heartbeats_since: None,
            takes_since: None,
            accepted_at: None,
            was_told_late: false,
            was_unresponsive: false,
            is_abandoned: false,
            is_forged: false,
            sent: Parsed::new(config.max_frame, config.heartbeat.is_some()),
        };
        Rc::new(Self {
            end,
            link: link.clone(),
            oracle: oracle.clone(),
            config,
            canary,
            closer: RefCell::new(Some(writer.closer())),
            reader: Mutex::new(Some(reader)),
            writer: Mutex::new(Some(writer)),
            heartbeats: RefCell::new(Some(heartbeats)),
            known: RefCell::new(known),
            waits: Cell::new(0),
            log,
        })
    }

    /// Reads once. Returns whether there may be more.
    pub(super) async fn read(&self, peer: &Self) -> bool {
        let mut reader = self.reader.lock().await;
        let Some(reader) = reader.as_mut() else { return false };
        let has_ended = self.known.borrow().ending.is_some();
        let mut reading = Reading { canary: self.canary, has_ended, waits: self.waits.get() };
        let read = {
            let _waits = Waits::begin(&self.known, |known| &mut known.reading_since);
            poll_fn(|cx| {
                let read = reading.poll(reader, cx);
                self.waits.set(reading.waits);
                read
            })
            .await
        };
        let is_frame = matches!(read, Ok(Some(_)));
        self.check_read(peer, read);
        is_frame
    }

    pub(super) async fn feed(&self, kind: u32, length: usize) {
        let mut writer = self.writer.lock().await;
        let Some(writer) = writer.as_mut() else { return };
        let fed = {
            let _waits = Waits::begin(&self.known, |known| &mut known.writing_since);
            writer.feed(Frame::new(kind, payload(kind, length))).await
        };
        if fed.is_ok() {
            self.offer(Offered { kind, length, is_certain: true });
        }
        self.check_written(fed, false, Some(length));
    }

    pub(super) async fn write(&self, kind: u32, length: usize) {
        let mut writer = self.writer.lock().await;
        let Some(writer) = writer.as_mut() else { return };
        self.offer(Offered { kind, length, is_certain: false });
        let written = {
            let _waits = Waits::begin(&self.known, |known| &mut known.writing_since);
            writer.write(Frame::new(kind, payload(kind, length))).await
        };
        if written.is_ok() {
            let mut known = self.known.borrow_mut();
            known.offered.last_mut().expect("it was offered").is_certain = true;
        }
        self.check_written(written, true, Some(length));
    }

    fn offer(&self, offered: Offered) {
        let mut known = self.known.borrow_mut();
        known.offered.push(offered);
        known.accepted_at = Some(Instant::now());
    }

    pub(super) async fn flush(&self) {
        let mut writer = self.writer.lock().await;
        let Some(writer) = writer.as_mut() else { return };
        let flushed = {
            let _waits = Waits::begin(&self.known, |known| &mut known.writing_since);
            writer.flush().await
        };
        self.check_written(flushed, true, None);
    }

    /// Returns the earliest deadline, if there is a connection and a shutdown is given this one.
    pub(super) fn earliest(&self, deadline: Instant) -> Option<Instant> {
        self.closer.borrow().as_ref()?;
        let earliest = self.known.borrow().deadline.map_or(deadline, |known| known.min(deadline));
        Some(earliest.max(Instant::now()))
    }

    pub(super) async fn shut_down(&self, deadline: Instant) {
        let closer = self.closer.borrow().clone();
        let Some(closer) = closer else { return };
        self.begin_shutdown(deadline);
        let outcome = shut_down(self.canary, &closer, deadline, (&self.link, self.end)).await;
        self.check_outcome(outcome);
    }

    fn begin_shutdown(&self, deadline: Instant) {
        let mut known = self.known.borrow_mut();
        known.deadline = Some(known.deadline.map_or(deadline, |known| known.min(deadline)));
    }

    pub(super) async fn send_heartbeats(&self) {
        let Some(heartbeats) = self.heartbeats.borrow_mut().take() else { return };
        let _waits = Waits::begin(&self.known, |known| &mut known.heartbeats_since);
        let error = heartbeats.await;
        self.oracle.saw("heartbeats end");
        self.check_written(Err(error), false, None);
    }

    /// Drops the reader.
    pub(super) async fn leave(&self) {
        let reader = self.reader.lock().await.take();
        if reader.is_some() {
            self.oracle.saw("a reader leaves");
            self.note_left();
        }
    }

    pub(super) fn note_left(&self) {
        let read = self.link.look(|state| state.from(self.end.peer()).read);
        self.known.borrow_mut().left_at.get_or_insert(read);
    }

    /// Drops everything of the connection, when no task has any of it any more.
    pub(super) fn drop_all(&self) {
        let reader = self.reader.try_lock().map(|mut reader| reader.take());
        let writer = self.writer.try_lock().map(|mut writer| writer.take());
        let closer = self.closer.borrow_mut().take();
        let heartbeats = self.heartbeats.borrow_mut().take();
        drop((reader, writer, closer, heartbeats));
    }

    pub(super) fn has_connection(&self) -> bool {
        self.closer.borrow().is_some()
    }

    pub(super) fn drain_limit(&self) -> usize {
        usize::try_from(self.config.drain.discard).unwrap_or(usize::MAX)
    }

    pub(super) fn idle(&self) -> Option<(Duration, usize)> {
        self.config.idle.map(|idle| (idle.timeout, idle.progress))
    }
}
