//! What the participants of nodes were told so far.

use enumset::{EnumSet, EnumSetType};
use serde::Serialize;

use super::{ConnectionId, End, Ending, NodeId, Output, Role, Socket};
use crate::Table;
use crate::lifecycle::{Direction, Reason};

/// What was told at some nodes, and on the connections between them.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct History {
    /// Each connection.
    pub connections: Table<ConnectionRecord, 3>,
    /// Each node.
    pub nodes: Table<NodeRecord, 3>,
    /// Whether something else than the protocol ended a session: a body, an operator, a timer, a crash.
    pub disturbed: bool,
    /// What was told that must not be told.
    pub violations: Violations,
}

/// What was told on one connection.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct ConnectionRecord {
    /// Each end, [left](End::Left) first.
    pub ends: [SocketRecord; 2],
}

/// What was told at one end of a connection.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct SocketRecord {
    /// The node, and the one at the other end; known when the end is open.
    pub nodes: [NodeId; 2],
    /// Whether it was dialed here.
    pub direction: Direction,
    /// Whether it is open.
    pub state: State,
    /// What it settled on.
    pub role: Option<Role>,
    /// Whether its session knows its peer's key.
    pub proven: bool,
    /// Whether its session is announced: true between Up and Down.
    pub is_up: bool,
    /// Whether its Up was heard, also if its Down was heard since.
    pub was_up: bool,
    /// Whether its session was told to end, or its body has returned or was told of the peer's end.
    pub ending: bool,
    /// Whether it lost a tie.
    pub beaten: bool,
    /// How many frames were accepted.
    pub accepted: u32,
    /// How many frames its body was given.
    pub delivered: u32,
    /// What its body was told of the end of the peer's frames.
    pub ended: Option<Ending>,
    /// Whether every frame was promised to have arrived, when it was over.
    pub report: Option<bool>,
}

/// Whether an end of a connection is open.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not yet.
    #[default]
    Unopened,
    /// It is.
    Open,
    /// Not any more.
    Closed,
}

/// What was told at one node.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct NodeRecord {
    /// Where it is in its life.
    pub phase: Phase,
    /// Whether it was started again after it was killed.
    pub restarted: bool,
    /// The nodes that it has banned, one bit each. Those beyond the 32nd share their bits.
    pub banned: u32,
}

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It runs.
    #[default]
    Running,
    /// Its shutdown has begun.
    Stopping,
    /// Its shutdown is complete.
    Stopped,
    /// It was killed.
    Crashed,
}

/// Something that was told and must not be.
#[derive(Debug, EnumSetType)]
#[enumset(repr = "u16", serialize_repr = "u16")]
pub enum Violation {
    /// A Down without its Up, or an Up or a Down twice.
    Unpaired,
    /// An Up of a second session with one peer.
    TwoAtOnce,
    /// An Up without a role, or without a key that was proven.
    UpTooEarly,
    /// A tie was decided in which the key of one session was not proven.
    DecidedTooEarly,
    /// The session of a peer that nothing was done about was told to end.
    WrongOneToldToEnd,
    /// A connection was closed twice, or before its Down, or was never open.
    ClosedWrongly,
    /// The end of a shutdown was told before the last Down or before the last connection was closed.
    StoppedTooEarly,
    /// Something was announced after the shutdown.
    UpAfterStop,
}

/// The violations that were committed.
pub type Violations = EnumSet<Violation>;

impl NodeRecord {
    /// Whether the node has banned this one.
    pub fn has_banned(&self, peer: NodeId) -> bool {
        self.banned & bit(peer) != 0
    }
}

fn bit(node: NodeId) -> u32 {
    1 << (node.0 % u32::BITS)
}

impl SocketRecord {
    /// The node at this end.
    pub fn node(&self) -> NodeId {
        self.nodes[0]
    }

    /// The node at the other end.
    pub fn peer(&self) -> NodeId {
        self.nodes[1]
    }
}

impl History {
    /// Whether this was told.
    pub fn has(&self, violation: Violation) -> bool {
        self.violations.contains(violation)
    }

    /// One end of a connection.
    pub fn socket(&self, socket: Socket) -> SocketRecord {
        self.connections.get(socket.connection.index()).ends[socket.end.index()]
    }

    /// Every end that is or was open.
    pub fn sockets(&self) -> impl Iterator<Item = (Socket, &SocketRecord)> + Clone {
        let of = |(index, connection): (usize, _)| {
            let connection: &ConnectionRecord = connection;
            End::BOTH.map(|end| (Socket { connection: ConnectionId(index as u32), end }, &connection.ends[end.index()]))
        };
        self.connections.iter().enumerate().flat_map(of).filter(|(_, record)| record.state != State::Unopened)
    }

    fn socket_mut(&mut self, socket: Socket) -> &mut SocketRecord {
        &mut self.connections.entry(socket.connection.index()).ends[socket.end.index()]
    }

    fn violate_if(&mut self, violates: bool, violation: Violation) {
        if violates {
            self.violations.insert(violation);
        }
    }

    pub(super) fn record(&mut self, output: &Output) {
        match *output {
            Output::Opened(socket, node, peer, direction) => {
                let record = self.socket_mut(socket);
                (record.nodes, record.direction, record.state) = ([node, peer], direction, State::Open);
            }
            Output::Settled(socket, role) => self.socket_mut(socket).role = Some(role),
            Output::Proven(socket) => self.socket_mut(socket).proven = true,
            Output::Rejected(socket, reason) => {
                self.socket_mut(socket).ending = true;
                self.disturbed |= reason != Reason::Duplicate;
            }
            Output::Beaten(loser, winner) => self.beaten(loser, winner),
            Output::ToldToEnd(socket) => self.told_to_end(socket),
            Output::TimedOut(socket) => {
                self.socket_mut(socket).ending = true;
                self.disturbed = true;
            }
            Output::Up(socket) => self.up(socket),
            Output::Down(socket) => {
                let record = self.socket_mut(socket);
                let was_up = core::mem::take(&mut record.is_up);
                record.ending = true;
                self.violate_if(!was_up, Violation::Unpaired);
            }
            Output::Accepted(socket) => self.socket_mut(socket).accepted += 1,
            Output::Delivered(socket) => self.socket_mut(socket).delivered += 1,
            Output::Ended(socket, ending) => {
                let record = self.socket_mut(socket);
                (record.ended, record.ending) = (Some(ending), true);
                self.disturbed |= ending == Ending::Deadline;
            }
            Output::Left(socket) => {
                self.socket_mut(socket).ending = true;
                self.disturbed = true;
            }
            Output::Reported(socket, is_clean) => self.socket_mut(socket).report = Some(is_clean),
            Output::Closed(socket) => self.closed(socket),
            Output::Banned(node, peer) => {
                self.nodes.entry(node.index()).banned |= bit(peer);
                self.disturbed = true;
            }
            Output::Stopping(node) => {
                self.nodes.entry(node.index()).phase = Phase::Stopping;
                self.disturbed = true;
            }
            Output::Stopped(node) => {
                let is_left = |record: &SocketRecord| record.is_up || record.state == State::Open;
                let is_early = self.sockets().any(|(_, record)| record.node() == node && is_left(record));
                self.nodes.entry(node.index()).phase = Phase::Stopped;
                self.violate_if(is_early, Violation::StoppedTooEarly);
            }
            Output::Crashed(node) => self.crashed(node),
            Output::Restarted(node) => {
                let record = self.nodes.entry(node.index());
                (record.phase, record.restarted) = (Phase::Running, true);
            }
        }
    }

    fn beaten(&mut self, loser: Socket, winner: Socket) {
        let is_early = [loser, winner].into_iter().any(|socket| !self.socket(socket).proven);
        let record = self.socket_mut(loser);
        (record.ending, record.beaten) = (true, true);
        self.violate_if(is_early, Violation::DecidedTooEarly);
    }

    fn told_to_end(&mut self, socket: Socket) {
        let record = self.socket_mut(socket);
        record.ending = true;
        let (node, peer) = (record.node(), record.peer());
        let node = self.nodes.get(node.index());
        let is_meant = node.phase != Phase::Running || node.has_banned(peer);
        self.violate_if(!is_meant, Violation::WrongOneToldToEnd);
    }

    fn up(&mut self, socket: Socket) {
        let record = self.socket(socket);
        let is_other = |other: &SocketRecord| other.is_up && other.nodes == record.nodes;
        let is_second = self.sockets().any(|(other, known)| other != socket && is_other(known));
        self.violate_if(record.was_up, Violation::Unpaired);
        self.violate_if(is_second, Violation::TwoAtOnce);
        self.violate_if(record.role.is_none() || !record.proven, Violation::UpTooEarly);
        self.violate_if(self.nodes.get(record.node().index()).phase == Phase::Stopped, Violation::UpAfterStop);
        let record = self.socket_mut(socket);
        (record.is_up, record.was_up) = (true, true);
    }

    fn closed(&mut self, socket: Socket) {
        let record = self.socket_mut(socket);
        let was = core::mem::replace(&mut record.state, State::Closed);
        let is_wrong = was != State::Open || record.is_up;
        self.violate_if(is_wrong, Violation::ClosedWrongly);
    }

    /// What is told to subscribers of a process that is gone is told to none.
    fn crashed(&mut self, node: NodeId) {
        for connection in self.connections.iter_mut() {
            let is_of_it = |record: &&mut SocketRecord| record.state == State::Open && record.node() == node;
            for record in connection.ends.iter_mut().filter(is_of_it) {
                (record.state, record.is_up) = (State::Closed, false);
            }
        }
        let record = self.nodes.entry(node.index());
        (record.phase, record.banned) = (Phase::Crashed, 0);
        self.disturbed = true;
    }
}
