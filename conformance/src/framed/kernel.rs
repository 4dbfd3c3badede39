//! The two kernels between two ends, which carry bytes, half an item at a time.
//!
//! Each half is remembered with what it was when it was handed over, as told by the bytes themselves. Everything of the
//! product that is held to the model runs on these kernels: the cores, the driver on tokio and on shuttle, and the port of
//! the original. They are the control of the model's own kernels (`model/src/framed/tcp.rs`), with which they share no
//! code, so that a mistake there does not hide on both sides: the walks would find the two apart.

use std::collections::VecDeque;

use handfast_spec::framed::{End, FrameId, Half, Item, Output, Refusal, Shape};
use model::framed::Kernel;

/// Bytes that go over the wire together.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// What was handed over.
    pub half: Half,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The type of the marker.
pub(super) const MARKER: u32 = 1 << 28;

/// What a kernel answers to a write.
#[derive(Debug)]
pub enum Wrote {
    /// The chunk is in the send queue.
    Taken,
    /// There is no room for it.
    Full,
    /// The connection is gone.
    Gone,
}

/// What a kernel answers to a read.
#[derive(Debug)]
pub enum Got {
    /// What came next.
    Chunk(Chunk),
    /// The connection is reset; this is said once.
    Reset,
    /// The stream has ended.
    End,
    /// Nothing has come.
    Nothing,
}

/// One connection.
#[derive(Debug)]
pub struct Tcp {
    behaves: Kernel,
    /// From left to right, and back.
    pipes: [Pipe; 2],
    sockets: [Socket; 2],
}

#[derive(Debug, Default)]
struct Pipe {
    send: VecDeque<Chunk>,
    receive: VecDeque<Chunk>,
    ends: bool,
    end_arrived: bool,
}

#[derive(Debug, Default)]
struct Socket {
    closed: bool,
    reset: bool,
    /// Some call was told of the reset.
    told: bool,
}

impl Tcp {
    /// A connection that has just been established.
    pub fn new(behaves: Kernel) -> Self {
        Self { behaves, pipes: Default::default(), sockets: Default::default() }
    }

    /// Offers the kernel of an end the next bytes.
    pub fn write(&mut self, end: End, chunk: Chunk) -> Wrote {
        let (socket, pipe) = (&mut self.sockets[end.index()], &mut self.pipes[end.index()]);
        if socket.reset || pipe.ends {
            socket.told = true;
            return Wrote::Gone;
        }
        if pipe.send.len() >= usize::from(self.behaves.send) {
            return Wrote::Full;
        }
        pipe.send.push_back(chunk);
        Wrote::Taken
    }

    /// Asks the kernel of an end for the next bytes.
    pub fn read(&mut self, end: End) -> Got {
        let (socket, pipe) = (&mut self.sockets[end.index()], &mut self.pipes[end.peer().index()]);
        if let Some(chunk) = pipe.receive.pop_front() {
            return Got::Chunk(chunk);
        }
        if socket.reset && !std::mem::replace(&mut socket.told, true) {
            return Got::Reset;
        }
        if socket.reset || pipe.end_arrived { Got::End } else { Got::Nothing }
    }

    /// Ends the direction in which an end sends.
    pub fn close_direction(&mut self, end: End) {
        self.pipes[end.index()].ends |= !self.sockets[end.index()].reset;
    }

    /// Closes an end's socket; with unread input that is a reset.
    pub fn close(&mut self, end: End, outputs: &mut Vec<Output>) {
        self.sockets[end.index()].closed = true;
        outputs.push(Output::Closed(end));
        let unread = &mut self.pipes[end.peer().index()].receive;
        if unread.is_empty() {
            self.close_direction(end);
        } else {
            unread.clear();
            self.reset(end, outputs);
        }
    }

    /// Carries the next chunk, or the end of the stream, from one kernel to the other.
    ///
    /// # Errors
    ///
    /// If there is nothing to carry, or no room for it.
    pub fn carry(&mut self, from: End, outputs: &mut Vec<Output>) -> Result<(), Refusal> {
        if self.sockets[from.index()].reset {
            return Err(Refusal::Nothing);
        }
        let to_closed = self.sockets[from.peer().index()].closed;
        let pipe = &mut self.pipes[from.index()];
        if pipe.send.is_empty() {
            if !pipe.ends || std::mem::replace(&mut pipe.end_arrived, true) {
                return Err(Refusal::Nothing);
            }
            outputs.push(Output::Arrived(from));
        } else if to_closed {
            self.reset(from.peer(), outputs);
        } else if pipe.receive.len() >= usize::from(self.behaves.receive) {
            return Err(Refusal::NoRoom);
        } else {
            pipe.receive.extend(pipe.send.pop_front());
        }
        Ok(())
    }

    /// What an end that is closed answers.
    fn reset(&mut self, closed: End, outputs: &mut Vec<Output>) {
        let peer = closed.peer();
        self.pipes.iter_mut().for_each(|pipe| pipe.send.clear());
        if self.behaves.purges {
            self.pipes[closed.index()].receive.clear();
        }
        let socket = &mut self.sockets[closed.index()];
        (socket.reset, socket.told) = (true, true);
        if !std::mem::replace(&mut self.sockets[peer.index()].reset, true) {
            outputs.push(Output::Reset(peer));
        }
    }

    /// Halves that are not with the other kernel, the end of the stream counted as one; none if this kernel does not tell.
    pub fn outstanding(&self, end: End) -> Option<u64> {
        let pipe = &self.pipes[end.index()];
        // A reset empties the queue, and nothing in it has arrived.
        let lost = u64::from(self.sockets[end.index()].reset && !pipe.end_arrived);
        let count = pipe.send.len() as u64 + u64::from(pipe.ends && !pipe.end_arrived);
        self.behaves.tells.then_some(count.max(lost))
    }

    /// Whether an end has closed its socket.
    pub fn is_closed(&self, end: End) -> bool {
        self.sockets[end.index()].closed
    }

    /// Whether an end's connection is reset.
    pub fn is_reset(&self, end: End) -> bool {
        self.sockets[end.index()].reset
    }
}

/// Returns what a header begins.
pub fn item(header: &[u8; 8]) -> Item {
    let [k0, k1, k2, k3, length @ ..] = *header;
    let kind = u32::from_be_bytes([k0, k1, k2, k3]);
    match (kind, u32::from_be_bytes(length)) {
        (MARKER, _) => Item::Marker,
        (kind, 0) => Item::Frame(FrameId(kind), Shape::Empty),
        (kind, _) => Item::Frame(FrameId(kind), Shape::Full),
    }
}
