//! One end: the cores of `handfast::framed`, and what a driver keeps beside them.

use std::collections::VecDeque;

use handfast::framed::{self as product, Error, NextStep, ReadCursor, WriteCursor, WriteLimits};
use handfast_spec::framed::{Ending, Forgery, FrameId, Given, Half, Moment, Refusal, Shape};

use super::convert::{HALF, MAX_FRAME, ending, forged, frame, given};
use super::kernel::{Chunk, item};

/// One end.
pub(super) struct EndState {
    pub(super) writer: WriteCursor,
    pub(super) reader: ReadCursor,
    pub(super) ending: product::CloseState<Moment>,
    pub(super) accepted: u32,
    /// What is left of the item that is being handed over.
    sending: VecDeque<Half>,
    /// What an end that does not keep to the protocol puts before the rest.
    forged: VecDeque<Chunk>,
    /// What was read and not given, for the count.
    pub(super) held: VecDeque<Half>,
    pub(super) reading: Reading,
    pub(super) discarded: u16,
    /// The kernel has said that nothing more comes.
    pub(super) ended: bool,
    /// Why the connection has ended, as it was told first.
    fate: Option<Ending>,
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
    /// The reader hands over the answer to the peer's marker.
    Answers,
    Reported,
    Left,
}

/// What a reader finds.
pub(super) enum Found {
    Nothing,
    Given(Given),
    /// The peer's marker.
    Marker,
    Broken(Ending),
}

impl EndState {
    pub(super) fn new() -> Self {
        let limits = WriteLimits { max_frame: MAX_FRAME, copied: 0, heartbeats: false };
        Self {
            writer: WriteCursor::new(limits),
            reader: ReadCursor::new(MAX_FRAME, false),
            ending: product::CloseState::new(),
            accepted: 0,
            sending: VecDeque::new(),
            forged: VecDeque::new(),
            held: VecDeque::new(),
            reading: Reading::Waits,
            discarded: 0,
            ended: false,
            fate: None,
            refuses: false,
            abandoned: false,
        }
    }

    /// Whether a shutdown has begun.
    pub(super) fn is_open(&self) -> bool {
        self.ending.next_step() == NextStep::None && !self.abandoned
    }

    /// Nothing waits to be handed over.
    pub(super) fn has_sent(&self) -> bool {
        self.forged.is_empty() && self.writer.pieces().next().is_none()
    }

    pub(super) fn accept(&mut self, shape: Shape) -> Result<FrameId, Refusal> {
        let frame = frame(FrameId(self.accepted), shape);
        self.writer.accept(frame).map_err(|_| Refusal::Broken)?;
        self.accepted += 1;
        Ok(FrameId(self.accepted - 1))
    }

    pub(super) fn forge(&mut self, forgery: Forgery) {
        self.forged.extend(forged(forgery));
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
        Some(Chunk { half, bytes: bytes[..HALF].to_vec() })
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
                let (given, halves) = given(&read);
                self.held.drain(..halves);
                Found::Given(given)
            }
            product::Next::Heartbeat => Found::Given(Given::Reserved),
            product::Next::Marker => Found::Marker,
            product::Next::Broken(error) => Found::Broken(ending(&error)),
        }
    }

    /// Returns what the connection has come to: what was told first.
    pub(super) fn latch(&mut self, ending: Ending) -> Ending {
        if ending == Ending::Marker { ending } else { *self.fate.get_or_insert(ending) }
    }

    /// Tells the application that nothing more comes, and why.
    pub(super) fn tell(&mut self, ending: Ending) -> Ending {
        let ending = self.latch(ending);
        self.reading = Reading::Reported;
        self.held.clear();
        self.refuses |= ending != Ending::Marker;
        ending
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
