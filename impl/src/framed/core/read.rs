//! Where we are in the peer's bytes.

use bytes::buf::Limit;
use bytes::{Buf, BytesMut};

use super::buffer::Buffer;
use super::types::Error;
use super::wire::{Announced, Frame, HEADER, announced};

/// The peer's bytes on one side, frames on the other.
///
/// The cursor owns what was read and not yet given out, so that nothing is lost when a caller stops waiting (FRM-4). It
/// never asks for bytes beyond the frame that it is at: a frame that has arrived whole is given out at once (FRM-14).
#[derive(Debug)]
pub struct ReadCursor {
    buffer: Buffer,
    max_frame: u32,
    heartbeats: bool,
    state: State,
    end: Option<End>,
}

/// What is known of the end, before everything was given out that was read.
#[derive(Clone, Debug)]
enum End {
    /// The peer's bytes have ended.
    Bytes,
    Because(Error),
}

#[derive(Clone, Debug)]
enum State {
    /// At the first byte of a header.
    Header,
    /// Behind the header of a frame with this kind and length.
    Payload(u32, usize),
    /// Behind the marker. What follows it is ignored.
    Marked,
    Broken(Error),
}

/// What comes next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// A frame.
    Frame(Frame),
    /// A sign of life, on a connection with heartbeats.
    Heartbeat,
    /// The marker: the peer has sent everything. It is found again and again.
    Marker,
    /// So many bytes more are needed, at the least.
    Incomplete(usize),
    /// The reason why nothing comes any more. It is found again and again.
    Broken(Error),
}

impl ReadCursor {
    /// Creates a cursor at the beginning of a connection. `max_frame` is the greatest length of a payload in bytes;
    /// `heartbeats` is whether the kinds of the heartbeats are reserved.
    pub fn new(max_frame: u32, heartbeats: bool) -> Self {
        Self { buffer: Buffer::default(), max_frame, heartbeats, state: State::Header, end: None }
    }

    /// Takes what comes next out of what was read; then what is known of the end.
    pub fn decode(&mut self) -> Next {
        let next = match self.state {
            State::Header => self.header(),
            State::Payload(kind, length) => self.payload(kind, length),
            State::Marked => return Next::Marker,
            State::Broken(ref error) => return Next::Broken(error.clone()),
        };
        match (&next, self.end.take()) {
            (Next::Incomplete(missing), Some(end)) => {
                let error = self.unfinished(end, *missing);
                self.break_off(error.clone());
                Next::Broken(error)
            }
            (Next::Incomplete(_) | Next::Frame(_) | Next::Heartbeat | Next::Marker | Next::Broken(_), end) => {
                self.end = end;
                next
            }
        }
    }

    /// Returns the error for a caller that waits for an unfinished item.
    fn unfinished(&mut self, end: End, missing: usize) -> Error {
        match (end, &self.state) {
            (End::Because(error), _) => error,
            (End::Bytes, State::Header) if self.buffer.bytes().is_empty() => Error::EndedWithoutMarker,
            (End::Bytes, State::Header | State::Payload(..) | State::Marked | State::Broken(_)) => {
                Error::Truncated { missing }
            }
        }
    }

    fn break_off(&mut self, error: Error) {
        self.state = State::Broken(error);
        self.buffer.release();
    }

    fn header(&mut self) -> Next {
        let bytes = self.buffer.bytes();
        let Some(&header) = bytes.first_chunk::<HEADER>() else { return Next::Incomplete(HEADER - bytes.len()) };
        match announced(header, self.max_frame, self.heartbeats) {
            Ok(Announced::Frame(kind, length)) => {
                bytes.advance(HEADER);
                self.payload(kind, length)
            }
            Ok(Announced::Heartbeat) => {
                bytes.advance(HEADER);
                Next::Heartbeat
            }
            Ok(Announced::Marker) => {
                self.state = State::Marked;
                self.buffer.release();
                Next::Marker
            }
            Err(violation) => {
                let error = Error::Violation(violation);
                self.break_off(error.clone());
                Next::Broken(error)
            }
        }
    }

    fn payload(&mut self, kind: u32, length: usize) -> Next {
        match self.buffer.take(length) {
            Some(payload) => {
                self.state = State::Header;
                Next::Frame(Frame { kind, payload })
            }
            None => {
                self.state = State::Payload(kind, length);
                Next::Incomplete(length - self.buffer.bytes().len())
            }
        }
    }

    /// Returns room to read into, at the end of what was read. It grows with what has come: a header that announces
    /// much makes room for 64 KiB, and then there is room for as much again as has come of the payload. Empty if
    /// nothing comes any more.
    pub fn room(&mut self) -> Limit<&mut BytesMut> {
        let have = self.buffer.bytes().len();
        let missing = match self.state {
            State::Header => HEADER.saturating_sub(have),
            State::Payload(_, length) => length.saturating_sub(have),
            State::Marked | State::Broken(_) => return self.buffer.no_room(),
        };
        if self.end.is_some() {
            return self.buffer.no_room();
        }
        self.buffer.room(missing)
    }

    /// Says how many bytes were read into the [room](Self::room), so that the next room is of the right size.
    pub fn filled(&mut self, bytes: usize) {
        self.buffer.filled(bytes);
    }

    /// Returns the last so many bytes that were read, before they are [counted](Self::filled).
    pub(in crate::framed) fn last(&mut self, bytes: usize) -> &[u8] {
        let all = self.buffer.bytes();
        &all[all.len() - bytes..]
    }

    /// Takes over bytes that a shutdown has read, as they come from the transport.
    pub fn supply(&mut self, bytes: BytesMut) {
        if let (State::Header | State::Payload(..), None) = (&self.state, &self.end) {
            self.buffer.append(bytes);
        }
    }

    /// Notes that the peer's bytes have ended, which they should do behind the marker only. It is told when everything
    /// that was read is given out (FRM-3, FRM-4); `otherwise` is why they ended, if something is known to have
    /// happened.
    pub fn end(&mut self, otherwise: Option<Error>) {
        self.end.get_or_insert(otherwise.map_or(End::Bytes, End::Because));
    }

    /// Notes that nothing more is read, for this reason. It is told when everything that was read is given out. The
    /// first reason stays, and so does a marker that was read.
    pub fn fail(&mut self, error: Error) {
        self.end.get_or_insert(End::Because(error));
    }
}
