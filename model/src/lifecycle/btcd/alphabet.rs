//! Every step that a node of a given bounds may attempt.

use handfast_spec::lifecycle::SessionId;

use super::bounds::Bounds;
use super::vocabulary::{Action, Event, Message, Ready, Task, Verdict};

/// What may be attempted. Steps of parts that are not looked at are left out: they would be refused in every state.
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
