//! Actions, outputs and refusals of framed connections.

use serde::{Deserialize, Serialize};

use super::{End, Forgery, FrameId, Half, Moment, Shape};

/// What can be attempted. Each is one critical section, one system call, or one segment of the network.
///
/// A system call moves one half at a time; one that moves more is as many actions with nothing between them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The application writes its next frame: the connection accepts it, or refuses it.
    Write {
        /// The end of the application.
        end: End,
        /// What the frame is like.
        shape: Shape,
    },
    /// The application of an end that does not keep to the protocol writes something else.
    Forge {
        /// The end of the application.
        end: End,
        /// What.
        forgery: Forgery,
    },
    /// The application drops a write that waits for the kernel.
    DropWrite {
        /// The end of the application.
        end: End,
    },
    /// The writer offers the kernel the next half of what is queued.
    Send {
        /// The end of the writer.
        end: End,
    },
    /// The reader looks for the next frame: in what was read already, or in the next half that the kernel has. Behind the
    /// peer's marker it hands over the next half of its answer, and ends the direction.
    Read {
        /// The end of the reader.
        end: End,
    },
    /// The application drops a read that is in the middle of a frame.
    DropRead {
        /// The end of the application.
        end: End,
    },
    /// The application drops its reader.
    Leave {
        /// The end of the application.
        end: End,
    },
    /// The application drops the connection without a shutdown.
    Abandon {
        /// The end of the application.
        end: End,
    },
    /// The application asks for the end of the direction in which this end sends, until a moment.
    Shutdown {
        /// The end of the application.
        end: End,
        /// Until when.
        by: Moment,
    },
    /// The shutdown reads one half ahead of the reader, so that the peer's writer is not held up.
    ReadAhead {
        /// The end that shuts down.
        end: End,
    },
    /// The shutdown tells the kernel that nothing follows: the marker was handed over.
    Finish {
        /// The end that shuts down.
        end: End,
    },
    /// The shutdown looks what became of everything that was handed over.
    Confirm {
        /// The end that shuts down.
        end: End,
    },
    /// The deadline of a shutdown has passed and its timer fires.
    Expire {
        /// The end of the timer.
        end: End,
    },
    /// The connection closes its socket, when it is not needed any more.
    Close {
        /// The end of the socket.
        end: End,
    },
    /// The network carries one half, or the end of the stream, from one kernel to the other.
    Carry {
        /// The end that sent it.
        from: End,
    },
    /// Time passes a moment.
    Pass {
        /// Which.
        moment: Moment,
    },
}

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// What hands an end's bytes to the kernel, and sees its shutdown through.
    Writer(End),
    /// An application that reads.
    Reader(End),
    /// What reads ahead during a shutdown.
    Drain(End),
    /// The timer of a shutdown.
    Timer(End),
    /// The network from an end to the other.
    Network(End),
}

/// Why nothing more is given to a reader.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The peer's marker: everything was given.
    Marker,
    /// The peer's bytes ended between two frames.
    WithoutMarker,
    /// The peer's bytes ended within a frame.
    Truncated,
    /// The connection was reset, or its writer found that it is gone.
    Reset,
    /// The peer sent what no end may send.
    Violation,
    /// The deadline of this end's shutdown passed.
    Deadline,
    /// This end began to shut down. handfast never says so to a reader; historical designs do.
    ShutDown,
}

/// What the callers of a shutdown are told.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every accepted frame and the marker were acknowledged.
    Clean,
    /// Everything was handed over to a kernel that does not tell what is acknowledged.
    Unconfirmed,
    /// The deadline passed; everything was handed over and not acknowledged.
    Unacknowledged,
    /// The deadline passed before everything was handed over.
    DeadlineExceeded,
    /// The connection broke before everything was acknowledged.
    PeerGone,
    /// The shutdown itself failed, and says nothing of the frames. handfast never says so; historical designs do.
    Failed,
}

/// What a reader gives to the application.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A frame as it was written.
    Frame(FrameId),
    /// A frame of a reserved type. handfast never gives it.
    Reserved,
    /// Bytes that are no frame. handfast never gives them.
    Garbled,
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The application was told that its frame is accepted.
    Accepted(End, FrameId),
    /// The kernel was handed this half.
    Handed(End, Half),
    /// The writer was told that nothing can be sent any more.
    WriteFailed(End),
    /// The end was given this half by its kernel.
    Took(End, Half),
    /// A shutdown was given this half by its kernel, and keeps it for the reader.
    Kept(End, Half),
    /// The end was given a half by its kernel and threw it away.
    Discarded(End),
    /// The application was given this.
    Delivered(End, Given),
    /// The application was told that nothing more comes, and why.
    Ended(End, Ending),
    /// The application has no reader any more.
    Left(End),
    /// The application dropped the connection without a shutdown.
    Abandoned(End),
    /// A shutdown is asked for, until a moment.
    Begun(End, Moment),
    /// The peer's marker has begun a shutdown, until a moment.
    Answers(End, Moment),
    /// The callers of the shutdown were told this.
    Over(End, Outcome),
    /// Everything that the end's kernel was handed, and the end of the stream, has arrived in the other kernel.
    Arrived(End),
    /// The end's kernel was told that the connection is reset.
    Reset(End),
    /// The end's socket was closed.
    Closed(End),
    /// Time has passed this moment.
    Passed(Moment),
    /// The reader made room for a payload that is longer than allowed. handfast never does.
    Overcommitted(End),
    /// A task died of a panic that is a mistake.
    Panicked(End),
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The socket is closed.
    Closed,
    /// A shutdown has begun: nothing is accepted any more.
    ShutDown,
    /// The connection is broken, and so it stays.
    Broken,
    /// There is no room for it now.
    NoRoom,
    /// There is nothing to do, or nothing has come.
    Nothing,
    /// The application has nothing more to write, or keeps to the protocol.
    NoMore,
    /// The application was told already that nothing more comes; it would be told the same again.
    Ended,
    /// There is no reader.
    Gone,
    /// It comes before its time, or the shutdown is at another point.
    NotNow,
    /// A shutdown is going on that ends no later; the caller will be told its outcome.
    Joined,
    /// The shutdown is over; the caller would be told its outcome again.
    Over,
    /// As much was read ahead as may be.
    Enough,
}

impl Action {
    /// The component that takes the action; `None` for the environment (applications other than as readers, and time),
    /// of which nothing is assumed.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::Write { .. }
            | Self::Forge { .. }
            | Self::DropWrite { .. }
            | Self::DropRead { .. }
            | Self::Leave { .. }
            | Self::Abandon { .. }
            | Self::Shutdown { .. }
            | Self::Pass { .. } => None,
            Self::Send { end } | Self::Finish { end } | Self::Confirm { end } | Self::Close { end } => {
                Some(Component::Writer(end))
            }
            Self::Read { end } => Some(Component::Reader(end)),
            Self::ReadAhead { end } => Some(Component::Drain(end)),
            Self::Expire { end } => Some(Component::Timer(end)),
            Self::Carry { from } => Some(Component::Network(from)),
        }
    }
}
