//! What TCP does with what it is handed, and what a close or a reset takes away.
//!
//! Two bounded queues in each direction, the sender's and the receiver's, and what each end's socket knows. Nothing is lost
//! or reordered on the way. What Linux does was measured, and is told in the document of the protocol: a reset drops the
//! send queues of both ends and leaves the receive queue of whom it hits, unless [`Kernel::purges`].

use handfast_spec::framed::{End, Half, Output, Refusal};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// How the kernels behave, the same at both ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Kernel {
    /// How many halves a send queue holds.
    pub send: u8,
    /// How many halves a receive queue holds.
    pub receive: u8,
    /// Whether a reset takes away what the application has not read yet. Linux does not do that.
    pub purges: bool,
    /// Whether an application can find out that everything it sent was acknowledged (`SIOCOUTQ`).
    pub tells: bool,
}

/// One connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Tcp {
    /// From left to right, and back.
    pipes: [Pipe; 2],
    sockets: [Socket; 2],
}

#[derive(Debug, Default, Eq, Hash, PartialEq, Serialize)]
struct Pipe {
    send: Halves,
    receive: Halves,
    stream: Stream,
}

/// What would be derived, except that the halves are copied in one piece.
impl Clone for Pipe {
    fn clone(&self) -> Self {
        let copy = |halves: &Halves| SmallVec::from_slice(halves);
        Self { send: copy(&self.send), receive: copy(&self.receive), stream: self.stream }
    }
}

/// A queue of halves.
pub(super) type Halves = SmallVec<[Half; 2]>;

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Stream {
    #[default]
    Open,
    /// The end of the stream is queued behind what is in the send queue.
    Ending,
    /// It has arrived in the other kernel, and everything before it.
    Arrived,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
struct Socket {
    health: Health,
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    #[default]
    Alive,
    /// It was reset, and the application was not told.
    Reset,
    /// It was reset, and the first call after that was told.
    Dead,
}

/// What a kernel answers to a write.
pub(super) enum Wrote {
    Taken,
    Full,
    /// The connection is gone.
    Gone,
}

/// What a kernel answers to a read.
pub(super) enum Got {
    Half(Half),
    Reset,
    End,
    Nothing,
}

impl Tcp {
    /// A connection that has just been established.
    pub(super) fn new() -> Self {
        Self { pipes: [Pipe::default(), Pipe::default()], sockets: [Socket::default(); 2] }
    }

    pub(super) fn write(&mut self, end: End, half: Half, kernel: &Kernel) -> Wrote {
        let (socket, pipe) = (&mut self.sockets[end.index()], &mut self.pipes[end.index()]);
        match (socket.health, pipe.stream) {
            (Health::Reset, _) => {
                socket.health = Health::Dead;
                Wrote::Gone
            }
            (Health::Dead, _) | (Health::Alive, Stream::Ending | Stream::Arrived) => Wrote::Gone,
            (Health::Alive, Stream::Open) if pipe.send.len() >= usize::from(kernel.send) => Wrote::Full,
            (Health::Alive, Stream::Open) => {
                pipe.send.push(half);
                Wrote::Taken
            }
        }
    }

    pub(super) fn read(&mut self, end: End) -> Got {
        let (socket, pipe) = (&mut self.sockets[end.index()], &mut self.pipes[end.peer().index()]);
        if !pipe.receive.is_empty() {
            return Got::Half(pipe.receive.remove(0));
        }
        match (socket.health, pipe.stream) {
            (Health::Reset, _) => {
                socket.health = Health::Dead;
                Got::Reset
            }
            (Health::Dead, _) | (Health::Alive, Stream::Arrived) => Got::End,
            (Health::Alive, Stream::Open | Stream::Ending) => Got::Nothing,
        }
    }

    /// Whether a read would answer something.
    pub(super) fn is_readable(&self, end: End) -> bool {
        let (socket, pipe) = (&self.sockets[end.index()], &self.pipes[end.peer().index()]);
        !pipe.receive.is_empty() || socket.health != Health::Alive || pipe.stream == Stream::Arrived
    }

    /// Nothing follows from this end.
    pub(super) fn shut_write(&mut self, end: End) {
        let (socket, pipe) = (self.sockets[end.index()], &mut self.pipes[end.index()]);
        if socket.health == Health::Alive && pipe.stream == Stream::Open {
            pipe.stream = Stream::Ending;
        }
    }

    /// Closes an end's socket. With unread input that is a reset, which drops what this end has not sent yet.
    pub(super) fn close(&mut self, end: End, kernel: &Kernel, outputs: &mut Vec<Output>) {
        self.sockets[end.index()].closed = true;
        outputs.push(Output::Closed(end));
        let unread = &mut self.pipes[end.peer().index()].receive;
        if unread.is_empty() {
            self.shut_write(end);
            return;
        }
        unread.clear();
        self.break_off(end, kernel, outputs);
    }

    /// One half or the end of the stream goes over the network.
    pub(super) fn carry(&mut self, from: End, kernel: &Kernel, outputs: &mut Vec<Output>) -> Result<(), Refusal> {
        let to_closed = self.sockets[from.peer().index()].closed;
        if self.sockets[from.index()].health != Health::Alive {
            return Err(Refusal::Nothing);
        }
        let pipe = &mut self.pipes[from.index()];
        match (pipe.send.is_empty(), pipe.stream) {
            (false, _) if to_closed => {
                pipe.send.clear();
                self.break_off(from.peer(), kernel, outputs);
            }
            (false, _) if pipe.receive.len() >= usize::from(kernel.receive) => return Err(Refusal::NoRoom),
            (false, _) => {
                let half = pipe.send.remove(0);
                pipe.receive.push(half);
            }
            (true, Stream::Ending) => {
                pipe.stream = Stream::Arrived;
                outputs.push(Output::Arrived(from));
            }
            (true, Stream::Open | Stream::Arrived) => return Err(Refusal::Nothing),
        }
        Ok(())
    }

    /// An end that is closed answers with a reset. What neither end's kernel has sent yet is lost.
    fn break_off(&mut self, closed: End, kernel: &Kernel, outputs: &mut Vec<Output>) {
        let peer = closed.peer();
        self.sockets[closed.index()].health = Health::Dead;
        self.pipes.iter_mut().for_each(|pipe| pipe.send.clear());
        if kernel.purges {
            self.pipes[closed.index()].receive.clear();
        }
        if self.sockets[peer.index()].health == Health::Alive {
            self.sockets[peer.index()].health = Health::Reset;
            outputs.push(Output::Reset(peer));
        }
    }

    /// Whether everything that an end sent, the end of the stream included, is in the other kernel.
    pub(super) fn has_arrived(&self, end: End) -> bool {
        self.pipes[end.index()].stream == Stream::Arrived
    }

    pub(super) fn is_closed(&self, end: End) -> bool {
        self.sockets[end.index()].closed
    }

    pub(super) fn is_reset(&self, end: End) -> bool {
        self.sockets[end.index()].health != Health::Alive
    }

    /// What is under way from an end, in words.
    pub(super) fn describe(&self, from: End) -> String {
        let pipe = &self.pipes[from.index()];
        let ending = match pipe.stream {
            Stream::Open => "",
            Stream::Ending => ", then the end",
            Stream::Arrived => ", the end has arrived",
        };
        format!("from {from}: {} in the send queue, {} to be read{ending}", pipe.send.len(), pipe.receive.len())
    }
}
