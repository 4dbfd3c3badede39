//! Where we are in the peer's bytes.

use bytes::buf::Limit;
use bytes::{Buf, BytesMut};

use super::buffer::Buffer;
use super::wire::{Announced, Frame, HEADER, announced};
use super::words::Error;

/// The peer's bytes on one side, frames on the other.
///
/// The cursor owns what was read and not yet given out, so that nothing is lost when somebody stops waiting. It never
/// asks for bytes beyond the frame that it is at: a frame that has arrived whole is given out at once.
#[derive(Debug)]
pub struct ReadCursor {
    buffer: Buffer,
    max_frame: u32,
    heartbeats: bool,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// At the first byte of a header.
    Header,
    /// Behind the header of a frame with this kind and length.
    Payload(u32, usize),
    /// Behind the marker. Whatever follows it is nobody's.
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
    /// At the beginning of a connection. `max_frame` is the greatest length of a payload in bytes; `heartbeats` is
    /// whether the kinds of the heartbeats are reserved.
    pub fn new(max_frame: u32, heartbeats: bool) -> Self {
        Self { buffer: Buffer::default(), max_frame, heartbeats, state: State::Header }
    }

    /// Takes what comes next out of what was read.
    pub fn decode(&mut self) -> Next {
        match self.state {
            State::Header => self.header(),
            State::Payload(kind, length) => self.payload(kind, length),
            State::Marked => Next::Marker,
            State::Broken(ref error) => Next::Broken(error.clone()),
        }
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
                self.fail(error.clone());
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

    /// Room to read into, at the end of what was read: all that is missing of the item that comes next, or more. Empty if
    /// nothing comes any more.
    pub fn room(&mut self) -> Limit<&mut BytesMut> {
        let have = self.buffer.bytes().len();
        let missing = match self.state {
            State::Header => HEADER.saturating_sub(have),
            State::Payload(_, length) => length.saturating_sub(have),
            State::Marked | State::Broken(_) => return self.buffer.no_room(),
        };
        self.buffer.room(missing)
    }

    /// Says how many bytes were read into the [room](Self::room), so that the next room is of the right size.
    pub fn filled(&mut self, bytes: usize) {
        self.buffer.filled(bytes);
    }

    /// Hands over bytes that somebody else has read, as they come from the transport.
    pub fn supply(&mut self, bytes: BytesMut) {
        match self.state {
            State::Header | State::Payload(..) => self.buffer.append(bytes),
            State::Marked | State::Broken(_) => {}
        }
    }

    /// The peer's bytes have ended. Only behind the marker that is what they should do; `otherwise` is why they ended, if
    /// something is known to have happened.
    pub fn end(&mut self, otherwise: Option<Error>) {
        let have = self.buffer.bytes().len();
        let error = match self.state {
            State::Header if have == 0 => Error::EndedWithoutMarker,
            State::Header => Error::Truncated { missing: HEADER - have },
            State::Payload(_, length) => Error::Truncated { missing: length - have },
            State::Marked | State::Broken(_) => return,
        };
        self.fail(otherwise.unwrap_or(error));
    }

    /// Nothing comes any more, for this reason; what is there of an unfinished frame is let go. The first reason stays,
    /// and so does the marker.
    pub fn fail(&mut self, error: Error) {
        match self.state {
            State::Header | State::Payload(..) => {
                self.state = State::Broken(error);
                self.buffer.release();
            }
            State::Marked | State::Broken(_) => {}
        }
    }
}
