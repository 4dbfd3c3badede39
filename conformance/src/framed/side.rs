//! One end: the cores of `handfast::framed`, and what a driver keeps beside them.

use std::collections::VecDeque;

use handfast::framed::{self as product, Duty, Error, Frame, ReadCursor, WriteCursor, WriteLimits};
use handfast_spec::framed::{Ending, Forgery, FrameId, Given, Half, Item, Moment, Outcome, Refusal, Shape};

use super::kernel::Chunk;

/// The greatest payload: that of a full frame.
const MAX_FRAME: u32 = 4;

const MARKER: u32 = 1 << 28;

/// One end.
pub(super) struct Side {
    pub(super) writer: WriteCursor,
    pub(super) reader: ReadCursor,
    pub(super) ending: product::Ending<Moment>,
    pub(super) accepted: u32,
    /// What is left of the item that is being handed over.
    sending: VecDeque<Half>,
    /// What somebody who does not keep to the protocol puts before the rest.
    forged: VecDeque<Chunk>,
    /// What was read and not given, for the count.
    pub(super) held: VecDeque<Half>,
    pub(super) reading: Reading,
    pub(super) discarded: u16,
    /// The kernel has said that nothing more comes.
    pub(super) ended: bool,
    /// The peer is not to be trusted, or this end itself.
    pub(super) refuses: bool,
    pub(super) abandoned: bool,
}

/// What the application and its reader know of the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reading {
    Waits,
    /// The reader's cursor has a reason, and the application was not told.
    Fails,
    Told,
    Left,
}

/// What a reader finds.
pub(super) enum Found {
    Nothing,
    Given(Given),
    End(Ending),
}

impl Side {
    pub(super) fn new() -> Self {
        let limits = WriteLimits { max_frame: MAX_FRAME, copied: 0, heartbeats: false };
        Self {
            writer: WriteCursor::new(limits),
            reader: ReadCursor::new(MAX_FRAME, false),
            ending: product::Ending::new(),
            accepted: 0,
            sending: VecDeque::new(),
            forged: VecDeque::new(),
            held: VecDeque::new(),
            reading: Reading::Waits,
            discarded: 0,
            ended: false,
            refuses: false,
            abandoned: false,
        }
    }

    /// Whether a shutdown has begun.
    pub(super) fn is_open(&self) -> bool {
        self.ending.duty() == Duty::None && !self.abandoned
    }

    /// Nothing waits to be handed over.
    pub(super) fn has_sent(&self) -> bool {
        self.forged.is_empty() && self.writer.pieces().next().is_none()
    }

    pub(super) fn accept(&mut self, shape: Shape) -> Result<FrameId, Refusal> {
        let frame = frame(self.accepted, shape);
        self.writer.accept(frame).map_err(|_| Refusal::Broken)?;
        self.accepted += 1;
        Ok(FrameId(self.accepted - 1))
    }

    pub(super) fn forge(&mut self, forgery: Forgery) {
        let (kind, length) = match forgery {
            Forgery::Reserved => (1 << 29, 0),
            Forgery::TooLong => (0, MAX_FRAME + 1),
            Forgery::LoadedMarker => (MARKER, 1),
        };
        let halves = Half::of(Item::Forged(forgery));
        let parts = [u32::to_be_bytes(kind), u32::to_be_bytes(length)];
        self.forged.extend(halves.zip(parts).map(|(half, bytes)| Chunk { half, bytes: bytes.to_vec() }));
    }

    /// The next half that is to be handed over, as the bytes say.
    pub(super) fn next_chunk(&mut self) -> Option<Chunk> {
        if let Some(forged) = self.forged.front() {
            return Some(forged.clone());
        }
        let bytes: Vec<u8> = self.writer.pieces().flatten().copied().take(8).collect();
        if bytes.is_empty() {
            // Everything was sent, or nothing will be.
            self.sending.clear();
            return None;
        }
        if self.sending.is_empty() {
            self.sending.extend(Half::of(item(bytes.first_chunk()?)));
        }
        let half = *self.sending.front()?;
        Some(Chunk { half, bytes: bytes[..bytes_of(half)].to_vec() })
    }

    /// The kernel has taken it.
    pub(super) fn sent(&mut self, chunk: &Chunk) {
        if self.forged.pop_front().is_none() {
            self.sending.pop_front();
            self.writer.advance(chunk.bytes.len());
        }
        if self.has_sent() {
            self.ending.written();
        }
    }

    pub(super) fn keep(&mut self, chunk: Chunk) {
        self.held.push_back(chunk.half);
        self.reader.supply(chunk.bytes.as_slice().into());
    }

    /// What the reader gives next.
    pub(super) fn decode(&mut self) -> Found {
        match self.reader.decode() {
            product::Next::Incomplete(_) => Found::Nothing,
            product::Next::Frame(read) => {
                let (id, shape) = match read.payload.len() {
                    0 => (FrameId(read.kind), Shape::Empty),
                    _ => (FrameId(read.kind), Shape::Full),
                };
                self.held.drain(..Item::Frame(id, shape).halves());
                let is_whole = read == frame(id.0, shape);
                Found::Given(if is_whole { Given::Frame(id) } else { Given::Garbled })
            }
            product::Next::Heartbeat => Found::Given(Given::Reserved),
            product::Next::Marker => self.tell(Ending::Marker),
            product::Next::Broken(error) => self.tell(ending(&error)),
        }
    }

    fn tell(&mut self, ending: Ending) -> Found {
        self.reading = Reading::Told;
        self.held.clear();
        self.refuses |= ending == Ending::Violation;
        Found::End(ending)
    }

    /// Nothing more is sent.
    pub(super) fn break_off(&mut self, error: Error) {
        self.writer.fail(error);
        self.forged.clear();
    }

    /// Whether what was read ends within an item.
    pub(super) fn is_within(&self) -> bool {
        self.held.front().is_some_and(|half| self.held.len() < half.item.halves())
    }

    /// Nothing more is read; what was read is still given.
    pub(super) fn stop_reading(&mut self, error: Error) {
        if self.reading == Reading::Waits {
            self.reading = Reading::Fails;
            self.reader.fail(error);
        }
    }
}

/// The frame with this number.
fn frame(number: u32, shape: Shape) -> Frame {
    match shape {
        Shape::Empty => Frame::new(number, ""),
        Shape::Full => Frame::new(number, vec![number as u8, 0xa1, 0xb2, 0xc3]),
    }
}

/// What a header begins.
fn item(header: &[u8; 8]) -> Item {
    let [k0, k1, k2, k3, length @ ..] = *header;
    let kind = u32::from_be_bytes([k0, k1, k2, k3]);
    match (kind, u32::from_be_bytes(length)) {
        (MARKER, _) => Item::Marker,
        (kind, 0) => Item::Frame(FrameId(kind), Shape::Empty),
        (kind, _) => Item::Frame(FrameId(kind), Shape::Full),
    }
}

/// Bytes of a half.
fn bytes_of(half: Half) -> usize {
    match half.part {
        handfast_spec::framed::Part::Head | handfast_spec::framed::Part::HeadRest => 4,
        handfast_spec::framed::Part::Body | handfast_spec::framed::Part::BodyRest => 2,
    }
}

fn ending(error: &Error) -> Ending {
    match error {
        Error::EndedWithoutMarker => Ending::WithoutMarker,
        Error::Truncated { .. } => Ending::Truncated,
        Error::Transport(_) => Ending::Reset,
        Error::Violation(_) => Ending::Violation,
        Error::DeadlineExceeded => Ending::Deadline,
        Error::ShutDown => Ending::ShutDown,
        other => panic!("no reader is told that {other}"), // The product may have more errors, and these are not for readers.
    }
}

pub(super) fn outcome(outcome: product::Outcome) -> Outcome {
    match outcome {
        product::Outcome::Clean => Outcome::Clean,
        product::Outcome::Unconfirmed { .. } => Outcome::Unconfirmed,
        product::Outcome::Unacknowledged { .. } => Outcome::Unacknowledged,
        product::Outcome::DeadlineExceeded { .. } => Outcome::DeadlineExceeded,
        product::Outcome::PeerGone { .. } => Outcome::PeerGone,
        other => panic!("the model has no word for {other}"), // The product may have more some day.
    }
}
