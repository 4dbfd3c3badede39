//! A wire in memory that does what it is told: two queues for each direction, as TCP has them.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::framed::{Config, Connection, Delivery, Frame, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// The marker.
pub(crate) const MARKER: [u8; 8] = [0x10, 0, 0, 0, 0, 0, 0, 0];

/// A heartbeat.
pub(crate) const HEARTBEAT: [u8; 8] = [0x01, 0, 0, 0, 0, 0, 0, 0];

/// The bytes of a frame, written down from the description and not with the code under test.
pub(crate) fn bytes_of(frame: &Frame) -> Vec<u8> {
    let mut bytes = frame.kind.to_be_bytes().to_vec();
    bytes.extend_from_slice(&u32::try_from(frame.payload.len()).expect("it is short").to_be_bytes());
    bytes.extend_from_slice(&frame.payload);
    bytes
}

/// A frame with a payload that is different in each place.
pub(crate) fn frame(kind: u32, length: usize) -> Frame {
    Frame::new(kind, (0..length).map(|index| (index * 7 + kind as usize) as u8).collect::<Vec<_>>())
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Direction {
    /// What was written and has not come to the other end.
    pub(crate) sent: VecDeque<u8>,
    /// What has come to the other end and was not read.
    pub(crate) arrived: VecDeque<u8>,
    /// The writer has said that nothing follows.
    pub(crate) finished: bool,
    pub(crate) send_room: usize,
    pub(crate) receive_room: usize,
    /// Bytes move on their own.
    pub(crate) moves: bool,
    /// So many bytes are taken or given by one call.
    pub(crate) at_once: usize,
    end_arrived: bool,
    pub(crate) error: Option<io::ErrorKind>,
    /// What was written is held back: a flush waits until it is let go.
    pub(crate) holds: bool,
    /// How many flushes came to their end.
    pub(crate) flushes: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The addresses of the pieces that each write was offered.
    pub(crate) writes: Vec<Vec<usize>>,
    pub(crate) reads: usize,
}

impl Direction {
    fn new() -> Self {
        Self {
            sent: VecDeque::new(),
            arrived: VecDeque::new(),
            finished: false,
            send_room: usize::MAX,
            receive_room: usize::MAX,
            moves: true,
            at_once: usize::MAX,
            end_arrived: false,
            error: None,
            holds: false,
            flushes: 0,
            reader: None,
            writer: None,
            writes: Vec::new(),
            reads: 0,
        }
    }

    /// Moves so many bytes to the other end, if there are so many and there is room; then the end, if nothing is before it.
    pub(crate) fn deliver(&mut self, bytes: usize) {
        let count = bytes.min(self.sent.len()).min(self.receive_room.saturating_sub(self.arrived.len()));
        self.arrived.extend(self.sent.drain(..count));
        let ends = self.finished && self.sent.is_empty() && !self.end_arrived;
        self.end_arrived |= ends;
        if count > 0 || ends {
            self.reader.take().into_iter().for_each(Waker::wake);
            self.writer.take().into_iter().for_each(Waker::wake);
        }
    }

    fn settle(&mut self) {
        if self.moves {
            self.deliver(usize::MAX);
        }
    }

    /// Wakes whoever waits, because there is more room.
    pub(crate) fn wake(&mut self) {
        self.settle();
        self.writer.take().into_iter().for_each(Waker::wake);
    }

    /// Bytes that have not come to the other end, the end counted as one.
    fn outstanding(&self) -> u64 {
        self.sent.len() as u64 + u64::from(self.finished && !self.end_arrived)
    }

    pub(crate) fn fail(&mut self, error: io::ErrorKind) {
        self.error = Some(error);
        self.sent.clear();
        self.reader.take().into_iter().for_each(Waker::wake);
        self.writer.take().into_iter().for_each(Waker::wake);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Direction>>);

impl Shared {
    pub(crate) fn get(&self) -> MutexGuard<'_, Direction> {
        self.0.lock().expect("no test panics in here")
    }
}

/// The peer, by hand.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// What we write.
    pub(crate) ours: Shared,
    /// What the peer writes.
    pub(crate) theirs: Shared,
}

impl Peer {
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut theirs = self.theirs.get();
        theirs.sent.extend(bytes);
        theirs.settle();
    }

    pub(crate) fn send_frame(&self, frame: &Frame) {
        self.send(&bytes_of(frame));
    }

    pub(crate) fn finish(&self) {
        let mut theirs = self.theirs.get();
        theirs.finished = true;
        theirs.settle();
    }

    /// Reads what has arrived.
    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut ours = self.ours.get();
        let mut bytes = Vec::new();
        while !ours.arrived.is_empty() {
            bytes.extend(ours.arrived.drain(..));
            ours.settle();
        }
        bytes
    }

    /// What had come to us stays readable, as on Linux.
    pub(crate) fn reset(&self) {
        self.ours.get().fail(io::ErrorKind::ConnectionReset);
        self.theirs.get().fail(io::ErrorKind::ConnectionReset);
    }
}

/// Our end. The parameter is whether it tells what has arrived.
pub(crate) struct End<const TELLS: bool>(Peer);

pub(crate) struct Read(Shared);

pub(crate) struct Write<const TELLS: bool>(Shared);

impl<const TELLS: bool> Transport for End<TELLS> {
    type Read = Read;
    type Write = Write<TELLS>;

    fn split(self) -> (Read, Write<TELLS>) {
        (Read(self.0.theirs), Write(self.0.ours))
    }

    fn delivery(write: &Write<TELLS>) -> io::Result<Delivery> {
        let ours = write.0.get();
        match ours.error {
            Some(error) => Err(error.into()),
            None => Ok(if TELLS { Delivery::Outstanding(ours.outstanding()) } else { Delivery::Unknown }),
        }
    }
}

impl AsyncRead for Read {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut theirs = self.0.get();
        theirs.reads += 1;
        let count = into.remaining().min(theirs.arrived.len()).min(theirs.at_once);
        if count > 0 {
            into.put_slice(&theirs.arrived.drain(..count).collect::<Vec<_>>());
            theirs.settle();
            return Poll::Ready(Ok(()));
        }
        match theirs.error {
            Some(error) => Poll::Ready(Err(error.into())),
            None if theirs.end_arrived => Poll::Ready(Ok(())),
            None => {
                theirs.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<const TELLS: bool> AsyncWrite for Write<TELLS> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut ours = self.0.get();
        if let Some(error) = ours.error {
            return Poll::Ready(Err(error.into()));
        }
        assert!(!ours.finished, "nothing is written behind the end");
        let room = ours.send_room.saturating_sub(ours.sent.len()).min(ours.at_once);
        if room == 0 {
            ours.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        ours.writes.push(pieces.iter().map(|piece| piece.as_ptr() as usize).collect());
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).take(room).collect();
        ours.sent.extend(&bytes);
        ours.settle();
        Poll::Ready(Ok(bytes.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ours = self.0.get();
        if ours.holds {
            ours.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        ours.flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ours = self.0.get();
        assert!(!ours.holds, "what is held back is flushed before the end");
        ours.finished = true;
        ours.settle();
        Poll::Ready(Ok(()))
    }
}

/// A connection over a wire that tells what has arrived, and the peer at its other end.
pub(crate) fn connection(config: Config) -> (Connection<End<true>>, Peer) {
    let (end, peer) = wire();
    (Connection::new(end, config), peer)
}

pub(crate) fn wire<const TELLS: bool>() -> (End<TELLS>, Peer) {
    crate::limit::limited();
    let direction = || Shared(Arc::new(Mutex::new(Direction::new())));
    let peer = Peer { ours: direction(), theirs: direction() };
    (End(peer.clone()), peer)
}

/// Polls a future once, as a task that is woken once would, and drops it.
pub(crate) fn once<F: Future>(future: F) -> Poll<F::Output> {
    std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A deadline.
pub(crate) fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}
