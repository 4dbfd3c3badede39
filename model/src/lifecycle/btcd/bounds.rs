//! How much of the node is looked at, and every step that a node may attempt within that.

use handfast_spec::lifecycle::SessionId;
use serde::Serialize;

use super::vocabulary::{Action, Event, Message, Ready, Task, Verdict};

/// How much is looked at: how many connections, how much room, and which parts of the node around them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Bounds {
    /// Connections, at most [`Bounds::MOST_SESSIONS`].
    pub sessions: u8,
    /// Capacity of each channel that carries *add* or *done*, at most [`Bounds::MOST_ROOM`].
    pub events: u8,
    /// Capacity of the sync manager's channel, at most [`Bounds::MOST_ROOM`].
    pub messages: u8,
    /// Transactions that each peer sends; all are orphans. None: there is no reader.
    pub transactions: u8,
    /// Blocks that reach the sync manager and are relayed by the server loop. None: the server loop asks nothing.
    pub blocks: u8,
    /// The server loop rejects peers (A1 to A5).
    pub rejects: Part,
    /// An operator disconnects peers by `disconnectnode`.
    pub operator: Part,
    /// `OnVerAck` is called a second time.
    pub second_verack: Part,
    /// The connection is handed over after the peer was made, so that a disconnect may come first.
    pub attachment: Part,
    /// The negotiation may panic, and recovers by a disconnect.
    pub panics: Part,
    /// The node is stopped.
    pub shutdown: Part,
}

/// Whether a part of the node is looked at.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Part {
    /// It is not.
    Absent,
    /// It is.
    Present,
}

impl Part {
    /// Whether it is looked at.
    pub fn is_present(self) -> bool {
        match self {
            Self::Absent => false,
            Self::Present => true,
        }
    }
}

impl Bounds {
    /// How many connections fit into a state.
    pub const MOST_SESSIONS: u8 = 2;
    /// How many entries of a channel fit into a state.
    pub const MOST_ROOM: u8 = 4;
    /// One peer, one place in each channel, and nothing else: what the race needs.
    pub const BASE: Self = Self {
        sessions: 1,
        events: 1,
        messages: 1,
        transactions: 0,
        blocks: 0,
        rejects: Part::Absent,
        operator: Part::Absent,
        second_verack: Part::Absent,
        attachment: Part::Absent,
        panics: Part::Absent,
        shutdown: Part::Absent,
    };
    /// As the base, with room for two events and three messages.
    pub const ROOMY: Self = Self { events: 2, messages: 3, ..Self::BASE };
    /// One peer and every part of the node that this model has.
    pub const WIDE: Self = Self {
        transactions: 1,
        blocks: 2,
        rejects: Part::Present,
        operator: Part::Present,
        second_verack: Part::Present,
        attachment: Part::Present,
        panics: Part::Present,
        shutdown: Part::Present,
        ..Self::BASE
    };
    /// Two peers that share the loops and the channels.
    pub const PAIR: Self = Self { sessions: 2, ..Self::BASE };

    /// Whether a state holds this many sessions and this much room.
    pub(super) fn fits(&self) -> bool {
        self.sessions <= Self::MOST_SESSIONS && self.events <= Self::MOST_ROOM && self.messages <= Self::MOST_ROOM
    }

    /// Whether the server loop examines peers before it admits them: to reject some, or to admit none once the node
    /// is to stop.
    pub(super) fn screens(&self) -> bool {
        self.rejects.is_present() || self.shutdown.is_present()
    }
}

/// Returns what may be attempted within bounds. Steps of parts that are not looked at are left out: they would be refused in every state.
pub(super) fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let sessions = || (0..u32::from(bounds.sessions)).map(SessionId);
    let mut actions: Vec<Action> = sessions().flat_map(of_session).collect();
    let parts: [(bool, Steps); 7] = [
        (bounds.attachment.is_present(), |id| vec![Action::Attach(id)]),
        (bounds.second_verack.is_present(), second_verack),
        (bounds.panics.is_present(), |id| vec![Action::Panic(id)]),
        (bounds.transactions > 0, transactions),
        (bounds.operator.is_present(), |id| vec![Action::DisconnectNode(id)]),
        (bounds.screens(), |id| vec![Action::Screen(id, Verdict::Admit), Action::Screen(id, Verdict::Reject)]),
        (bounds.shutdown.is_present(), |id| vec![Action::Sweep(id)]),
    ];
    for (_, of_part) in parts.iter().filter(|(present, _)| *present) {
        actions.extend(sessions().flat_map(of_part));
    }
    if bounds.blocks > 0 {
        actions.extend(sessions().map(Action::Ask));
        actions.extend([Action::Block, Action::Relay, Action::ReceiveRelay]);
        actions.extend([Message::Block, Message::IsCurrent].map(Action::Handle));
    }
    if bounds.shutdown.is_present() {
        actions.extend([Action::Stop, Action::StopServer, Action::StopManager]);
        actions.extend([Action::ManagerEnds, Action::ServerEnds]);
    }
    actions
}

/// The steps of one connection that a part of the node adds.
type Steps = fn(SessionId) -> Vec<Action>;

/// The steps that every connection takes.
fn of_session(id: SessionId) -> Vec<Action> {
    vec![
        Action::Verack(id),
        Action::ReadError(id),
        Action::SetFlag(id),
        Action::OnVerAck(id, Task::Negotiation),
        Action::CloseVerAck(id, Task::Negotiation),
        Action::SendAdd(id, Task::Negotiation),
        Action::SendAdd(id, Task::Watcher),
        Action::Report(id),
        Action::Started(id),
        Action::StartFailed(id),
        Action::Expire(id),
        Action::StartQuits(id),
        Action::Disconnect(id),
        Action::CloseQuit(id, Task::Start),
        Action::CloseQuit(id, Task::Negotiation),
        Action::CloseQuit(id, Task::Reader),
        Action::CloseQuit(id, Task::Server),
        Action::Wake(id, Ready::VerAck),
        Action::Wake(id, Ready::Quit),
        Action::SetAdded(id),
        Action::SendDone(id),
        Action::WatcherGate(id),
        Action::NewPeer(id, Task::Negotiation),
        Action::NewPeer(id, Task::Server),
        Action::DonePeer(id, Task::Watcher),
        Action::DonePeer(id, Task::Server),
        Action::Receive(id, Event::Add),
        Action::Receive(id, Event::Done),
        Action::Guard(id),
        Action::Insert(id),
        Action::Delete(id),
        Action::ServerGate(id),
        Action::Handle(Message::NewPeer(id)),
        Action::Handle(Message::DonePeer(id)),
    ]
}

/// The steps of a second caller of `OnVerAck`.
fn second_verack(id: SessionId) -> Vec<Action> {
    vec![Action::VerackAgain(id), Action::OnVerAck(id, Task::Reader), Action::CloseVerAck(id, Task::Reader)]
}

fn transactions(id: SessionId) -> Vec<Action> {
    vec![
        Action::Transaction(id),
        Action::Queue(id),
        Action::ReaderEnds(id),
        Action::Handle(Message::Transaction(id)),
        Action::Evict(id, Task::Watcher),
        Action::Evict(id, Task::Server),
    ]
}
