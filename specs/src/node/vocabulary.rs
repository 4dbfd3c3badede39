//! Actions, outputs and refusals of nodes.

use derive_more::Display;
use serde::{Deserialize, Serialize};

use super::{NodeId, Role, Socket};
use crate::lifecycle::{Direction, Reason};

/// What can be attempted. Each is one critical section, one system call, or what a session's task does between two.
#[expect(missing_docs, reason = "the types of its fields say what they are")]
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The node takes a slot for its end of a connection and begins to negotiate.
    #[display("{socket} opens")]
    Open { socket: Socket },
    /// The negotiation ends with a role.
    #[display("{socket} settles its role")]
    Settle { socket: Socket },
    /// The upgrade ends with the peer's key.
    #[display("{socket} learns its peer's key")]
    Prove { socket: Socket },
    /// The session has itself announced: the tie is broken, and it is in the registry and in every queue.
    #[display("{socket} has itself announced")]
    Announce { socket: Socket },
    /// The body writes its next frame.
    #[display("{socket} writes a frame")]
    Write { socket: Socket },
    /// The body reads what comes next: a frame, the marker, or the end of the stream.
    #[display("{socket} reads")]
    Read { socket: Socket },
    /// The body returns by itself, without having read to the end.
    #[display("body of {socket} returns")]
    Leave { socket: Socket },
    /// The shutdown of the frames begins: the marker is sent.
    #[display("{socket} shuts down")]
    Shutdown { socket: Socket },
    /// The shutdown looks what became of everything that was sent.
    #[display("{socket} looks what has arrived")]
    Confirm { socket: Socket },
    /// The timer fires: of the handshake before the session is announced, of the drain after it was told to end.
    #[display("timer of {socket} fires")]
    Expire { socket: Socket },
    /// The session reports its frames, and its guard runs: Down.
    #[display("session of {socket} ends")]
    End { socket: Socket },
    /// The session's task drops the connection.
    #[display("{socket} is closed")]
    Close { socket: Socket },
    /// The operator of a node bans another one.
    #[display("{node} bans {peer}")]
    Ban { node: NodeId, peer: NodeId },
    /// The node is to shut down.
    #[display("{node} is to shut down")]
    Stop { node: NodeId },
    /// The shutdown of a node looks whether every session has ended and every connection is closed.
    #[display("{node} looks whether all have ended")]
    Finish { node: NodeId },
    /// The process of a node is killed; its kernel closes what it had.
    #[display("{node} is killed")]
    Crash { node: NodeId },
    /// The node is started again, with the same key.
    #[display("{node} is started again")]
    Restart { node: NodeId },
}

/// What a body was told of the end of the peer's frames.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The peer's marker: everything was given.
    #[display("the peer has sent everything")]
    Marker,
    /// The stream ended without it, or the connection is gone.
    #[display("the peer is gone")]
    Gone,
    /// The deadline of the drain has passed.
    #[display("the deadline has passed")]
    Deadline,
}

/// Something that a participant is told.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The end is open, as this node sees it, with this one at the other end.
    #[display("{_0} is open at {_1}, with {_2}, {_3}")]
    Opened(Socket, NodeId, NodeId, Direction),
    /// The upgrade is told the role of the end.
    #[display("{_0} is the {_1}")]
    Settled(Socket, Role),
    /// The session knows its peer's key.
    #[display("{_0} knows its peer")]
    Proven(Socket),
    /// The session is rejected.
    #[display("{_0} is rejected: {_1}")]
    Rejected(Socket, Reason),
    /// The first session lost the tie against the second one, and is to end.
    #[display("{_0} loses the tie against {_1}")]
    Beaten(Socket, Socket),
    /// The session is told to end for another reason than a tie.
    #[display("{_0} is told to end")]
    ToldToEnd(Socket),
    /// The handshake took too long, and the session is told to end.
    #[display("{_0} has timed out")]
    TimedOut(Socket),
    /// A subscriber of the node hears of the session's coming.
    #[display("Up of {_0}")]
    Up(Socket),
    /// A subscriber of the node hears of the session's end.
    #[display("Down of {_0}")]
    Down(Socket),
    /// The body is told that its frame is accepted.
    #[display("a frame of {_0} is accepted")]
    Accepted(Socket),
    /// The body is given the peer's next frame.
    #[display("{_0} is given a frame")]
    Delivered(Socket),
    /// The body is told that nothing more comes.
    #[display("{_0} is told: {_1}")]
    Ended(Socket, Ending),
    /// The body has returned without having read to the end.
    #[display("body of {_0} has returned")]
    Left(Socket),
    /// The caller is told whether every frame of the session has arrived: `true` promises it.
    #[display("{_0}: {}", if *_1 { "every frame has arrived" } else { "frames may be lost" })]
    Reported(Socket, bool),
    /// The end is closed.
    #[display("{_0} is closed")]
    Closed(Socket),
    /// The operator of the first node is told that the second one is banned.
    #[display("{_0} has banned {_1}")]
    Banned(NodeId, NodeId),
    /// The shutdown of the node has begun.
    #[display("{_0} shuts down")]
    Stopping(NodeId),
    /// The caller is told that the shutdown of the node is complete.
    #[display("{_0} has shut down")]
    Stopped(NodeId),
    /// The node was killed.
    #[display("{_0} was killed")]
    Crashed(NodeId),
    /// The node runs again.
    #[display("{_0} runs again")]
    Restarted(NodeId),
}

/// Why an action did nothing.
#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such node or connection.
    #[display("there is no such node or connection")]
    Unknown,
    /// The node does not run, or is at another point of its life.
    #[display("the node is at another point of its life")]
    NotRunning,
    /// The end is at another point of its life.
    #[display("the end is at another point of its life")]
    NotNow,
    /// It waits for the other end, or for another session to end.
    #[display("it waits for the other end, or for another session")]
    Waits,
    /// The session is to end.
    #[display("the session is to end")]
    Ending,
    /// Nothing has come, or nothing is to be done.
    #[display("there is nothing to do")]
    Nothing,
    /// The body has nothing more to write.
    #[display("the body has nothing more to write")]
    NoMore,
    /// The node is banned already.
    #[display("the node is banned already")]
    AlreadyBanned,
}
