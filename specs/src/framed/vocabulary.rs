//! Actions, outputs and refusals of framed connections.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::{End, Forgery, FrameId, Half, Moment, Shape};

/// What can be attempted. Each is one critical section, one system call, or one segment of the network.
///
/// A system call moves one half at a time; one that moves more is as many actions with nothing between them.
#[expect(missing_docs, reason = "the types of its fields say what they are")]
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The application writes its next frame: the connection accepts it, or refuses it.
    #[display("{end} writes {shape}")]
    Write { end: End, shape: Shape },
    /// The application of an end that does not keep to the protocol writes something else.
    #[display("{end} writes {forgery}")]
    Forge { end: End, forgery: Forgery },
    /// The application drops a write that waits for the kernel.
    #[display("{end} drops its write")]
    DropWrite { end: End },
    /// The writer offers the kernel the next half of what is queued.
    #[display("{end} sends")]
    Send { end: End },
    /// The reader looks for the next frame: in what was read already, or in the next half that the kernel has. Behind the
    /// peer's marker it hands over the next half of its answer, and ends the direction.
    #[display("{end} reads")]
    Read { end: End },
    /// The application drops a read that is in the middle of a frame.
    #[display("{end} drops its read")]
    DropRead { end: End },
    /// The application drops its reader.
    #[display("{end} drops its reader")]
    Leave { end: End },
    /// The application drops the connection without a shutdown.
    #[display("{end} drops the connection")]
    Abandon { end: End },
    /// The application asks for the end of the direction in which this end sends, until a moment.
    #[display("{end} shuts down by {by}")]
    Shutdown { end: End, by: Moment },
    /// The shutdown reads one half ahead of the reader, so that the peer's writer is not held up.
    #[display("{end} reads ahead")]
    ReadAhead { end: End },
    /// The shutdown tells the kernel that nothing follows: the marker was handed over.
    #[display("{end} ends its direction")]
    Finish { end: End },
    /// The shutdown looks what became of everything that was handed over.
    #[display("{end} looks what has arrived")]
    Confirm { end: End },
    /// The deadline of a shutdown has passed and its timer fires.
    #[display("{end}'s deadline strikes")]
    Expire { end: End },
    /// The connection closes its socket, when it is not needed any more.
    #[display("{end} closes its socket")]
    Close { end: End },
    /// The network carries one half, or the end of the stream, from one kernel to the other.
    #[display("the network carries from {from}")]
    Carry { from: End },
    /// Time passes a moment.
    #[display("{moment} passes")]
    Pass { moment: Moment },
}

/// What is scheduled on its own.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// What hands an end's bytes to the kernel, and sees its shutdown through.
    #[display("writer of {_0}")]
    Writer(End),
    /// An application that reads.
    #[display("reader of {_0}")]
    Reader(End),
    /// What reads ahead during a shutdown.
    #[display("drain of {_0}")]
    Drain(End),
    /// The timer of a shutdown.
    #[display("timer of {_0}")]
    Timer(End),
    /// The network from an end to the other.
    #[display("network from {_0}")]
    Network(End),
}

/// Why nothing more is given to a reader.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The peer's marker: everything was given.
    #[display("the peer has sent everything")]
    Marker,
    /// The peer's bytes ended between two frames.
    #[display("the peer ended without its marker")]
    WithoutMarker,
    /// The peer's bytes ended within a frame.
    #[display("the peer ended within a frame")]
    Truncated,
    /// The connection was reset, or its writer found that it is gone.
    #[display("the connection is gone")]
    Reset,
    /// The peer sent what no end may send.
    #[display("the peer broke the protocol")]
    Violation,
    /// The deadline of this end's shutdown passed.
    #[display("the deadline has passed")]
    Deadline,
    /// This end began to shut down. handfast never says so to a reader; historical designs do.
    #[display("this end shuts down")]
    ShutDown,
}

/// What the callers of a shutdown are told.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every accepted frame and the marker were acknowledged.
    #[display("clean")]
    Clean,
    /// Everything was handed over to a kernel that does not tell what is acknowledged.
    #[display("unconfirmed")]
    Unconfirmed,
    /// The deadline passed; everything was handed over and not acknowledged.
    #[display("not acknowledged in time")]
    Unacknowledged,
    /// The deadline passed before everything was handed over.
    #[display("not handed over in time")]
    DeadlineExceeded,
    /// The connection broke before everything was acknowledged.
    #[display("the peer is gone")]
    PeerGone,
    /// The shutdown itself failed, and says nothing of the frames. handfast never says so; historical designs do.
    #[display("failed")]
    Failed,
}

/// What a reader gives to the application.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A frame as it was written.
    Frame(FrameId),
    /// A frame of a reserved type. handfast never gives it.
    #[display("a frame of a reserved type")]
    Reserved,
    /// Bytes that are no frame. handfast never gives them.
    #[display("bytes that are no frame")]
    Garbled,
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The application was told that its frame is accepted.
    #[display("{_0}: {_1} is accepted")]
    Accepted(End, FrameId),
    /// The kernel was handed this half.
    #[display("{_0}'s kernel is handed {_1}")]
    Handed(End, Half),
    /// The writer was told that nothing can be sent any more.
    #[display("{_0} cannot send any more")]
    WriteFailed(End),
    /// The end was given this half by its kernel.
    #[display("{_0} takes {_1}")]
    Took(End, Half),
    /// A shutdown was given this half by its kernel, and keeps it for the reader.
    #[display("{_0} keeps {_1} for its reader")]
    Kept(End, Half),
    /// The end was given a half by its kernel and threw it away.
    #[display("{_0} throws a half away")]
    Discarded(End),
    /// The application was given this.
    #[display("{_0}'s application is given {_1}")]
    Delivered(End, Given),
    /// The application was told that nothing more comes, and why.
    #[display("{_0}'s application is told: {_1}")]
    Ended(End, Ending),
    /// The application has no reader any more.
    #[display("{_0} has no reader any more")]
    Left(End),
    /// The application dropped the connection without a shutdown.
    #[display("{_0} has dropped the connection")]
    Abandoned(End),
    /// A shutdown is asked for, until a moment.
    #[display("{_0}'s shutdown may take until {_1}")]
    Begun(End, Moment),
    /// The peer's marker has begun a shutdown, until a moment.
    #[display("{_0} answers the marker with a shutdown that may take until {_1}")]
    Answers(End, Moment),
    /// The callers of the shutdown were told this.
    #[display("{_0}'s shutdown is over: {_1}")]
    Over(End, Outcome),
    /// Everything that the end's kernel was handed, and the end of the stream, has arrived in the other kernel.
    #[display("everything that {_0} sent has arrived")]
    Arrived(End),
    /// The end's kernel was told that the connection is reset.
    #[display("{_0} is reset")]
    Reset(End),
    /// The end's socket was closed.
    #[display("{_0}'s socket is closed")]
    Closed(End),
    /// Time has passed this moment.
    #[display("{_0} has passed")]
    Passed(Moment),
    /// The reader made room for a payload that is longer than allowed. handfast never does.
    #[display("{_0} makes room for more than is allowed")]
    Overcommitted(End),
    /// A task died of a panic that is a mistake.
    #[display("{_0} panics")]
    Panicked(End),
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The socket is closed.
    #[display("the socket is closed")]
    Closed,
    /// A shutdown has begun: nothing is accepted any more.
    #[display("a shutdown has begun")]
    ShutDown,
    /// The connection is broken, and so it stays.
    #[display("the connection is broken")]
    Broken,
    /// There is no room for it now.
    #[display("there is no room")]
    NoRoom,
    /// There is nothing to do, or nothing has come.
    #[display("there is nothing to do")]
    Nothing,
    /// The application has nothing more to write, or keeps to the protocol.
    #[display("the application does no such thing")]
    NoMore,
    /// The application was told already that nothing more comes; it would be told the same again.
    #[display("the application was told that nothing more comes")]
    Ended,
    /// There is no reader.
    #[display("there is no reader")]
    Gone,
    /// It comes before its time, or the shutdown is at another point.
    #[display("not now")]
    NotNow,
    /// A shutdown is going on that ends no later; the caller will be told its outcome.
    #[display("a shutdown goes on that ends no later")]
    Joined,
    /// The shutdown is over; the caller would be told its outcome again.
    #[display("the shutdown is over")]
    Over,
    /// As much was read ahead as may be.
    #[display("as much was read ahead as may be")]
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
