//! The machine: nodes with their registries, and connections with their two ends.

use handfast_spec::lifecycle::{self, Duplicates, Key, Limits, SessionId, SubscriberId};
use handfast_spec::node::{
    Action, ConnectionId, End, Ending, Link, Node as Protocol, NodeId, Output, Refusal, Role, Socket,
};
use handfast_spec::{Machine, Observation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smallvec::SmallVec;

use super::log::Header;
use crate::checker::design::Design;
use crate::in_parts;
use crate::lifecycle::handfast as registry;

/// How every node is configured.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// How many nodes there are.
    pub nodes: u32,
    /// How many frames each body writes at most.
    pub frames: u32,
    /// What becomes of a second session with the same peer.
    pub duplicates: Duplicates,
}

/// handfast's design.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Handfast {
    pub(super) nodes: SmallVec<[Node; 2]>,
    pub(super) connections: SmallVec<[Connection; 2]>,
    pub(super) config: Config,
}

in_parts!(Handfast { nodes: SmallVec<[Node; 2]>, connections: SmallVec<[Connection; 2]> } and { config: Config });

/// A node.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Node {
    pub(super) registry: registry::Handfast,
    /// How many sessions the registry has had.
    pub(super) opened: u32,
    pub(super) phase: Phase,
}

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Running,
    Stopping,
    Stopped,
    Crashed,
}

/// A connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Connection {
    pub(super) link: Link,
    pub(super) ends: [Task; 2],
}

/// The task of a session, and its end of the connection.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Task {
    pub(super) stage: Stage,
    /// Under which id the registry has it, or had it.
    pub(super) session: SessionId,
    /// It was told to end.
    pub(super) ending: bool,
    /// What the negotiation said here, so that the other end could hear it.
    pub(super) role: Option<Role>,
    /// Whether the upgrade said here all that the other end waits for.
    pub(super) proven: bool,
    /// How many frames were accepted.
    pub(super) accepted: u32,
    pub(super) sending: Sending,
    /// How many frames the body was given.
    pub(super) taken: u32,
    pub(super) body: Body,
    /// The kernel was told that the connection is reset: what was sent may not have arrived.
    pub(super) reset: bool,
}

/// How far a session's task is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// There is no connection yet.
    #[default]
    Unopened,
    /// It has a slot and negotiates.
    Negotiating,
    /// Its role is settled and the upgrade goes on.
    Upgrading,
    /// It knows its peer's key and is to be announced.
    Proven,
    /// It must not be announced.
    Rejected,
    /// It is announced and its body runs.
    Up,
    /// Its guard has run.
    Down,
    /// The connection is closed.
    Closed,
}

/// The direction in which an end sends.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sending {
    #[default]
    Open,
    /// The marker was sent.
    Marked,
    /// The outcome of the shutdown is known: whether everything has arrived in the other kernel.
    Over { clean: bool },
}

/// The body of a session.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Body {
    #[default]
    Reads,
    /// It was told that nothing more comes, and has returned.
    Ended(Ending),
    /// It has returned by itself.
    Left,
}

pub(super) type Outputs = Vec<Output>;
pub(super) type Step = Result<(), Refusal>;

/// What the node's application subscribes as. Its number is none that a registry treats apart.
pub(super) const SUBSCRIBER: SubscriberId = SubscriberId(1);

/// The id of a session that no registry has.
pub(super) const NONE: SessionId = SessionId(u32::MAX);

/// The key of a node, which orders nodes as their numbers do.
pub(super) fn key(node: NodeId) -> Key {
    Key(node.0)
}

impl Node {
    pub(super) fn new(node: NodeId, duplicates: Duplicates) -> Self {
        let config = registry::Config { limits: Limits::new(4, 4), capacity: 8, duplicates, local: Some(key(node)) };
        let mut registry = registry::Handfast::new(config);
        let subscribed = registry.step(&lifecycle::Action::Subscribe { subscriber: SUBSCRIBER });
        debug_assert!(!subscribed.is_refused(), "a registry that has just been made has room for a subscriber");
        Self { registry, opened: 0, phase: Phase::Running }
    }
}

impl Handfast {
    /// Nodes that run, and connections between them that may be opened.
    pub fn new(config: Config, links: &[Link]) -> Self {
        let nodes = (0..config.nodes).map(|node| Node::new(NodeId(node), config.duplicates)).collect();
        let connection = |&link: &Link| Connection { link, ends: [Task::default(); 2] };
        Self { nodes, connections: links.iter().map(connection).collect(), config }
    }

    /// How the nodes are configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The connections that may be opened.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        self.connections.iter().map(|connection| connection.link)
    }

    /// What the ends of a connection know of the direction in which they send, when its shutdown is over: whether everything
    /// has arrived in the other kernel.
    pub fn outcomes(&self, connection: usize) -> [Option<bool>; 2] {
        let outcome = |task: Task| match task.sending {
            Sending::Open | Sending::Marked => None,
            Sending::Over { clean } => Some(clean),
        };
        self.connections[connection].ends.map(outcome)
    }

    pub(super) fn link(&self, socket: Socket) -> &Link {
        &self.connections[socket.connection.index()].link
    }

    pub(super) fn task(&self, socket: Socket) -> &Task {
        &self.connections[socket.connection.index()].ends[socket.end.index()]
    }

    pub(super) fn task_mut(&mut self, socket: Socket) -> &mut Task {
        &mut self.connections[socket.connection.index()].ends[socket.end.index()]
    }

    /// The node at an end.
    pub(super) fn home(&self, socket: Socket) -> NodeId {
        self.link(socket).node(socket.end)
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = Socket> + use<> {
        let ids = (0..self.connections.len() as u32).map(ConnectionId);
        ids.flat_map(|connection| End::BOTH.map(|end| Socket { connection, end }))
    }

    /// The end that has the session which a registry has, or had, under an id.
    pub(super) fn holder(&self, node: NodeId, session: SessionId) -> Option<Socket> {
        self.sockets().find(|&socket| {
            let task = self.task(socket);
            self.home(socket) == node && task.stage != Stage::Unopened && task.session == session
        })
    }

    /// The end at the same node that has an announced session with the same peer.
    pub(super) fn rival(&self, socket: Socket) -> Option<Socket> {
        let pair = |socket: Socket| (self.home(socket), self.home(socket.peer()));
        self.sockets()
            .find(|&other| other != socket && pair(other) == pair(socket) && self.task(other).stage == Stage::Up)
    }

    pub(super) fn take(&mut self, action: Action, outputs: &mut Outputs) -> Step {
        self.check(action)?;
        match action {
            Action::Open { socket } => self.open(socket, outputs),
            Action::Settle { socket } => self.settle(socket, outputs),
            Action::Prove { socket } => self.prove(socket, outputs),
            Action::Announce { socket } => self.announce(socket, outputs),
            Action::Write { socket } => self.write(socket, outputs),
            Action::Read { socket } => self.read(socket, outputs),
            Action::Leave { socket } => self.leave(socket, outputs),
            Action::Shutdown { socket } => self.shut_down(socket),
            Action::Confirm { socket } => self.confirm(socket),
            Action::Expire { socket } => self.expire(socket, outputs),
            Action::End { socket } => self.end(socket, outputs),
            Action::Close { socket } => self.close(socket, outputs),
            Action::Ban { node, peer } => self.ban(node, peer, outputs),
            Action::Stop { node } => self.stop(node, outputs),
            Action::Finish { node } => self.finish(node, outputs),
            Action::Crash { node } => self.crash(node, outputs),
            Action::Restart { node } => self.restart(node, outputs),
        }
    }

    /// Whether there is what the action names.
    fn check(&self, action: Action) -> Step {
        let is_node = |node: NodeId| node.index() < self.nodes.len();
        let is_known = match action {
            Action::Open { socket }
            | Action::Settle { socket }
            | Action::Prove { socket }
            | Action::Announce { socket }
            | Action::Write { socket }
            | Action::Read { socket }
            | Action::Leave { socket }
            | Action::Shutdown { socket }
            | Action::Confirm { socket }
            | Action::Expire { socket }
            | Action::End { socket }
            | Action::Close { socket } => socket.connection.index() < self.connections.len(),
            Action::Ban { node, peer } => is_node(node) && is_node(peer),
            Action::Stop { node } | Action::Finish { node } | Action::Crash { node } | Action::Restart { node } => {
                is_node(node)
            }
        };
        if is_known { Ok(()) } else { Err(Refusal::Unknown) }
    }
}

impl Task {
    /// Whether this end of the connection is open.
    pub(super) fn is_open(&self) -> bool {
        match self.stage {
            Stage::Unopened | Stage::Closed => false,
            Stage::Negotiating | Stage::Upgrading | Stage::Proven | Stage::Rejected | Stage::Up | Stage::Down => true,
        }
    }

    /// Whether the marker was sent.
    pub(super) fn has_marked(&self) -> bool {
        match self.sending {
            Sending::Open => false,
            Sending::Marked | Sending::Over { .. } => true,
        }
    }
}

impl Machine for Handfast {
    type Protocol = Protocol;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.take(*action, &mut outputs).map(|()| outputs).into()
    }
}

impl Design for Handfast {
    /// NODE-10: at rest no session begins or ends, no body has anything to read, and no node shuts down.
    fn at_rest(&self) -> bool {
        let task_rests = |socket: Socket| {
            let task = self.task(socket);
            match task.stage {
                Stage::Unopened | Stage::Closed => true,
                Stage::Up => !task.ending && !task.has_marked() && self.next_item(socket).is_none(),
                Stage::Negotiating | Stage::Upgrading | Stage::Proven | Stage::Rejected | Stage::Down => false,
            }
        };
        let node_rests = |node: &Node| node.phase != Phase::Stopping && node.registry.at_rest();
        self.sockets().all(task_rests) && self.nodes.iter().all(node_rests)
    }

    fn header(&self) -> Value {
        serde_json::to_value(Header::of(self)).expect("a header is plain data")
    }

    fn waits(&self) -> Vec<String> {
        self.waits_in(self)
    }
}
