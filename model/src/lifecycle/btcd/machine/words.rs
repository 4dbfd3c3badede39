//! The steps and the state in btcd's words: its tasks, and its channels by name.

use handfast_spec::lifecycle::{Refusal, SessionId};

use super::server::Server;
use super::session::{Ending, Negotiation, Reader, Session, Socket, Start, Watcher};
use super::{Btcd, Queue};
use crate::checker::design::{ENVIRONMENT, Flow};
use crate::lifecycle::btcd::bounds::alphabet;
use crate::lifecycle::btcd::switches::Channels;
use crate::lifecycle::btcd::vocabulary::{Action, Event, Message, Task};

const SERVER: &str = "server loop";
const MANAGER: &str = "sync manager";
const MESSAGES: &str = "msgChan";
const RELAY: &str = "relayInv";

impl Btcd {
    /// The channel of an event.
    fn channel(&self, event: Event) -> &'static str {
        match (self.switches.channels, event) {
            (Channels::One, _) => "peerLifecycle",
            (Channels::Two, Event::Add) => "newPeers",
            (Channels::Two, Event::Done) => "donePeers",
        }
    }

    pub(super) fn drawn_lanes(&self) -> Vec<String> {
        let tasks = [Task::Start, Task::Negotiation, Task::Reader, Task::Watcher];
        let tasks = self.ids().flat_map(|id| tasks.map(|task| task.of(&id)));
        let rest = [self.channel(Event::Add), self.channel(Event::Done), SERVER, RELAY, MESSAGES, MANAGER];
        let mut lanes: Vec<String> = tasks.chain(rest.map(str::to_owned)).collect();
        lanes.dedup();
        [ENVIRONMENT.to_owned()].into_iter().chain(lanes).collect()
    }

    pub(super) fn drawn(&self, action: Action) -> Flow {
        match action {
            Action::SendAdd(id, by) => Flow::send(by.of(&id), self.channel(Event::Add)),
            Action::SendDone(id) => Flow::send(Task::Watcher.of(&id), self.channel(Event::Done)),
            Action::Receive(_, event) => Flow::receive(self.channel(event), SERVER),
            Action::NewPeer(id, by) | Action::DonePeer(id, by) => Flow::send(by.of(&id), MESSAGES),
            Action::Queue(id) => Flow::send(Task::Reader.of(&id), MESSAGES),
            Action::Ask(_) => Flow::send(SERVER, MESSAGES),
            Action::Block => Flow::send(ENVIRONMENT, MESSAGES),
            Action::Handle(_) => Flow::receive(MESSAGES, MANAGER),
            Action::Relay => Flow::send(MANAGER, RELAY),
            Action::ReceiveRelay => Flow::receive(RELAY, SERVER),
            Action::Report(id) => Flow::send(Task::Negotiation.of(&id), Task::Start.of(&id)),
            Action::OnVerAck(id, by)
            | Action::CloseVerAck(id, by)
            | Action::CloseQuit(id, by)
            | Action::Evict(id, by) => Flow::within(by.of(&id)),
            Action::Verack(id) | Action::Panic(id) | Action::ReadError(id) | Action::SetFlag(id) => {
                Flow::within(Task::Negotiation.of(&id))
            }
            Action::VerackAgain(id) | Action::Transaction(id) | Action::ReaderEnds(id) => {
                Flow::within(Task::Reader.of(&id))
            }
            Action::Attach(id)
            | Action::Started(id)
            | Action::StartFailed(id)
            | Action::Expire(id)
            | Action::StartQuits(id) => Flow::within(Task::Start.of(&id)),
            Action::Wake(id, _) | Action::SetAdded(id) | Action::WatcherGate(id) => Flow::within(Task::Watcher.of(&id)),
            Action::Disconnect(_) | Action::Stop => Flow::within(ENVIRONMENT),
            Action::Guard(_)
            | Action::Screen(..)
            | Action::Insert(_)
            | Action::Delete(_)
            | Action::ServerGate(_)
            | Action::DisconnectNode(_)
            | Action::StopServer
            | Action::Sweep(_)
            | Action::StopManager
            | Action::ServerEnds => Flow::within(SERVER),
            Action::ManagerEnds => Flow::within(MANAGER),
        }
    }

    /// A step, with the channel that it uses.
    pub(super) fn say(&self, action: Action) -> String {
        match action {
            Action::SendAdd(id, by) => format!("{}: {} <- add", by.of(&id), self.channel(Event::Add)),
            Action::SendDone(id) => format!("{}: {} <- done", Task::Watcher.of(&id), self.channel(Event::Done)),
            Action::Receive(id, event) => format!("{SERVER}: receives {event} of {id} from {}", self.channel(event)),
            Action::NewPeer(id, by) => format!("{}: {MESSAGES} <- NewPeer of {id}", by.of(&id)),
            Action::DonePeer(id, by) => format!("{}: {MESSAGES} <- DonePeer of {id}", by.of(&id)),
            Action::Queue(id) => format!("{}: {MESSAGES} <- transaction", Task::Reader.of(&id)),
            Action::Ask(id) => format!("{SERVER}: {MESSAGES} <- IsCurrent, on behalf of {id}"),
            Action::Relay => format!("{MANAGER}: {RELAY} <- block"),
            // The others use no channel between tasks.
            _ => action.to_string(),
        }
    }

    /// What there is, a line for each task and channel.
    pub(super) fn described(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.ids().zip(self.live()).flat_map(|(id, session)| described(id, session)).collect();
        lines.push(format!("{SERVER}: {}", placed(self.server)));
        lines.push(format!("{MANAGER}: {}", self.manager.in_words()));
        let event = |&(id, event): &(SessionId, Event)| format!("{event} of {id}");
        lines.push(format!("{}: {}", self.channel(Event::Add), list(&self.lifecycle, event)));
        if self.switches.channels == Channels::Two {
            lines.push(format!("{}: {}", self.channel(Event::Done), list(&self.done_peers, event)));
        }
        lines.push(format!("{MESSAGES}: {}", list(&self.messages, Message::to_string)));
        if self.bounds.blocks > 0 {
            lines.push(format!("{RELAY}: {}", if self.relayed == 0 { "empty" } else { "a block" }));
        }
        lines
    }

    /// Who waits: senders on a full channel, and tasks that wait for others.
    pub(super) fn waiting(&self) -> Vec<String> {
        let mut waits = Vec::new();
        for (id, session) in self.ids().zip(self.live()) {
            let mut add = |task: Task, what: &str| waits.push(format!("{}: waits {what}", task.of(&id)));
            if session.start == Start::Waiting {
                add(Task::Start, "for negotiateErr, quit or its timer");
            }
            if session.negotiation == Negotiation::Reading {
                add(Task::Negotiation, "for the verack");
            }
            match session.watcher {
                Watcher::Selecting => add(Task::Watcher, "for verAckCh or quit"),
                Watcher::Waiting => add(Task::Watcher, "for quit"),
                // It is in the middle of a step.
                _ => {}
            }
            if session.reader == Reader::Waiting {
                add(Task::Reader, "until the sync manager has handled its transaction");
            }
        }
        let is_full = |action: &Action| self.clone().attempt(action) == Err(Refusal::NoRoom);
        for action in alphabet(&self.bounds).into_iter().filter(is_full) {
            let Flow { actor, message } = self.drawn(action);
            let channel = message.map_or("a channel".to_owned(), |[_, to]| to);
            waits.push(format!("{actor}: waits for room in {channel}"));
        }
        match self.server {
            Server::AwaitingAnswer => waits.push(format!("{SERVER}: waits for the answer to IsCurrent")),
            Server::AwaitingManager => waits.push(format!("{SERVER}: waits for the end of the sync manager")),
            // It waits for nothing, or for room.
            _ => {}
        }
        waits.dedup();
        waits
    }
}

fn list<T: Copy>(queue: &Queue<T>, word: impl Fn(&T) -> String) -> String {
    let entries: Vec<String> = queue.0.iter().flatten().map(word).collect();
    if entries.is_empty() { "empty".to_owned() } else { entries.join(", ") }
}

/// One connection, a line for its flags and one for each task that lives.
fn described(id: SessionId, session: &Session) -> Vec<String> {
    let mut flags = vec![match session.socket {
        Socket::Unattached => "not connected yet",
        Socket::Open => "connected",
        Socket::Closed => "closed",
    }];
    flags.extend(match session.ending {
        Ending::No => None,
        Ending::Begun(_) => Some("disconnect = 1"),
        Ending::QuitClosed => Some("quit closed"),
    });
    let known = [
        (session.verack, "verAckReceived"),
        (session.signalled, "verAckCh closed"),
        (session.peer_added, "peerAdded"),
        (session.in_map, "in the server's map"),
    ];
    flags.extend(known.iter().filter(|(is, _)| *is).map(|(_, flag)| *flag));
    vec![
        format!("{id}: {}", flags.join(", ")),
        format!("{}: {}", Task::Start.of(&id), spelled(session.start)),
        format!("{}: {}", Task::Negotiation.of(&id), spelled(session.negotiation)),
        format!("{}: {}", Task::Watcher.of(&id), spelled(session.watcher)),
    ]
}

/// Where the server loop is.
fn placed(server: Server) -> String {
    match server {
        Server::Idle => "at its select".to_owned(),
        Server::AtGuard(id) => format!("has received add of {id}"),
        Server::Screening(id) => format!("examines {id}"),
        Server::Disconnecting(id) => format!("disconnects {id}"),
        Server::Inserting(id) => format!("is to insert {id} into its map"),
        Server::TellingNew(id) => format!("is to send NewPeer of {id}"),
        Server::Asking(id) => format!("is to ask IsCurrent on behalf of {id}"),
        Server::AwaitingAnswer => "awaits the answer to IsCurrent".to_owned(),
        Server::Deleting(id) => format!("has received done of {id}"),
        Server::AtGate(id) => format!("is to look whether DonePeer of {id} is due"),
        Server::TellingDone(id) => format!("is to send DonePeer of {id}"),
        Server::Evicting(id) => format!("is to evict the orphans of {id}"),
        Server::Sweeping(id) => format!("stops, {id} is next"),
        Server::Swept => "stops, every peer is disconnected".to_owned(),
        Server::AwaitingManager => "stops, and awaits the end of the sync manager".to_owned(),
        Server::Over => "has ended".to_owned(),
    }
}

/// The place of a task, which is named as its step is.
fn spelled(place: impl core::fmt::Debug) -> String {
    let name = format!("{place:?}");
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && words.ends_with(char::is_lowercase) {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
