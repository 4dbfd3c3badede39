//! btcd's tasks, step by step.

mod negotiation;
mod server;
mod session;
mod words;

use core::fmt::{self, Debug, Formatter};

use handfast_spec::lifecycle::{History, Output, Refusal, SELECTOR, SessionId, Subscription};
use handfast_spec::{Machine, Observation, Recorded};
use serde::Serialize;

use self::server::{Manager, Server, Stop};
use self::session::Session;
use super::Historical;
use super::bounds::{Bounds, Part};
use super::switches::{Gate, Relay, Switches};
use super::vocabulary::{Action, Event, Message};
use crate::checker::design::{Design, Flow};

/// btcd's node, as far as the coming and going of its peers is concerned: a few tasks per connection, the server loop,
/// the sync manager, and the channels between them.
///
/// It starts where the connections have been made and the versions exchanged; what is next is the peer's verack.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Btcd {
    switches: Switches,
    bounds: Bounds,
    sessions: [Session; Bounds::MOST_SESSIONS as usize],
    /// `newPeers`, or the one channel of the later designs.
    lifecycle: Queue<(SessionId, Event)>,
    /// `donePeers`; stays empty where there is one channel.
    done_peers: Queue<(SessionId, Event)>,
    server: Server,
    messages: Queue<Message>,
    manager: Manager,
    /// How many blocks wait to be relayed.
    relayed: u8,
    /// How many blocks may still come.
    blocks: u8,
    stop: Stop,
}

/// What a step answers: the outputs it told, or why nothing happened.
type Told = Result<Vec<Output>, Refusal>;

/// What is shown in Stateright's Explorer: what changes, without the switches and the bounds, which do not.
impl Debug for Btcd {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.described().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Btcd {
    /// A node of this design that has just exchanged versions with its peers.
    ///
    /// # Panics
    ///
    /// When the bounds asks for more sessions or more room than fit into a state.
    pub fn new(switches: Switches, bounds: Bounds) -> Self {
        assert!(bounds.fits(), "the bounds is beyond what a state holds");
        Self {
            switches,
            bounds,
            sessions: [Session::new(&switches, &bounds); Bounds::MOST_SESSIONS as usize],
            lifecycle: Queue::default(),
            done_peers: Queue::default(),
            server: Server::Idle,
            messages: Queue::default(),
            manager: Manager::default(),
            relayed: 0,
            blocks: bounds.blocks,
            stop: Stop::No,
        }
    }

    /// The node, with a history in which its sessions are open and the sync manager listens.
    pub fn recorded(switches: Switches, bounds: Bounds) -> Recorded<Self> {
        let mut history = History::default();
        history.subscribers.entry(SELECTOR.index()).subscription = Subscription::On;
        let machine = Self::new(switches, bounds);
        machine.ids().for_each(|session| history.record(&Output::Opened(session)));
        Recorded { machine, history }
    }

    fn ids(&self) -> impl Iterator<Item = SessionId> + use<> {
        (0..u32::from(self.bounds.sessions)).map(SessionId)
    }

    fn live(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().take(usize::from(self.bounds.sessions))
    }

    fn session(&self, session: SessionId) -> Result<&Session, Refusal> {
        self.live().nth(session.index()).ok_or(Refusal::NoSuchSession)
    }

    fn session_mut(&mut self, session: SessionId) -> Result<&mut Session, Refusal> {
        let sessions = usize::from(self.bounds.sessions);
        self.sessions.iter_mut().take(sessions).nth(session.index()).ok_or(Refusal::NoSuchSession)
    }

    /// Whether the gate lets the end of this session through to the sync manager.
    fn gate(&self, session: SessionId) -> Result<bool, Refusal> {
        let session = self.session(session)?;
        Ok(match self.switches.gate {
            Gate::Open => true,
            Gate::VerAck => session.verack,
            Gate::PeerAdded => session.peer_added,
            Gate::Registered => session.told,
        })
    }

    /// Sends to the sync manager, which is waited for while its channel is full and ignored once it is to stop.
    ///
    /// The check of its shutdown flag and the send are one step here, and two in btcd: a sender that looked before the
    /// stop and sends after it is left out.
    fn send_message(&mut self, message: Message) -> Result<(), Refusal> {
        if self.stop.is_manager_stopping() {
            return Ok(());
        }
        self.messages.push(message, self.bounds.messages)
    }

    fn attempt(&mut self, action: &Action) -> Told {
        match *action {
            Action::Attach(session) => self.attach(session),
            Action::Verack(session) => self.read_verack(session),
            Action::VerackAgain(session) => self.read_verack_again(session),
            Action::Panic(session) => self.panic(session),
            Action::ReadError(session) => self.read_error(session),
            Action::SetFlag(session) => self.set_flag(session),
            Action::OnVerAck(session, by) => self.on_verack(session, by),
            Action::CloseVerAck(session, by) => self.close_verack(session, by),
            Action::SendAdd(session, by) => self.send_add(session, by),
            Action::Report(session) => self.report(session),
            Action::Started(session) => self.started(session),
            Action::StartFailed(session) => self.start_failed(session),
            Action::Expire(session) => self.expire(session),
            Action::StartQuits(session) => self.start_quits(session),
            Action::Disconnect(session) => self.disconnected(session),
            Action::CloseQuit(session, by) => self.close_quit(session, by),
            Action::Wake(session, on) => self.wake(session, on),
            Action::SetAdded(session) => self.set_added(session),
            Action::SendDone(session) => self.send_done(session),
            Action::WatcherGate(session) => self.watcher_gate(session),
            Action::NewPeer(session, by) => self.new_peer(session, by),
            Action::DonePeer(session, by) => self.done_peer(session, by),
            Action::Evict(session, by) => self.evict(session, by),
            Action::Transaction(session) => self.transaction(session),
            Action::Queue(session) => self.queue(session),
            Action::ReaderEnds(session) => self.reader_ends(session),
            Action::Receive(session, event) => self.receive(session, event),
            Action::Guard(session) => self.guard(session),
            Action::Screen(session, verdict) => self.screen(session, verdict),
            Action::Insert(session) => self.insert(session),
            Action::Ask(session) => self.ask(session),
            Action::Delete(session) => self.delete(session),
            Action::ServerGate(session) => self.server_gate(session),
            Action::DisconnectNode(session) => self.disconnect_node(session),
            Action::ReceiveRelay => self.receive_relay(),
            Action::Block => self.block(),
            Action::Handle(message) => self.handle(message),
            Action::Relay => self.relay(),
            Action::Stop => self.stop(),
            Action::StopServer => self.stop_server(),
            Action::Sweep(session) => self.sweep(session),
            Action::StopManager => self.stop_manager(),
            Action::ManagerEnds => self.manager_ends(),
            Action::ServerEnds => self.server_ends(),
        }
    }
}

impl Machine for Btcd {
    type Protocol = Historical;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        match self.attempt(action) {
            Ok(outputs) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}

impl Design for Btcd {
    /// Every task has ended or waits for a participant outside: the peer, the operator, the next connection.
    fn at_rest(&self) -> bool {
        self.live().all(Session::is_at_rest) && self.server.is_at_rest() && self.manager.is_at_rest()
    }

    fn in_words(&self) -> Vec<String> {
        self.described()
    }

    fn waits(&self) -> Vec<String> {
        self.waiting()
    }

    fn lanes(&self) -> Vec<String> {
        self.drawn_lanes()
    }

    fn flow(&self, action: &Action) -> Flow {
        self.drawn(*action)
    }

    fn action_in_words(&self, action: &Action) -> String {
        self.say(*action)
    }
}

/// Nothing happens unless the condition holds.
fn only_if(condition: bool, refusal: Refusal) -> Result<(), Refusal> {
    if condition { Ok(()) } else { Err(refusal) }
}

/// A channel, first in, first out, that fits into a state.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
struct Queue<T>([Option<T>; Bounds::MOST_ROOM as usize]);

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self([const { None }; Bounds::MOST_ROOM as usize])
    }
}

impl<T: Copy + Eq> Queue<T> {
    /// Sends; refused while `room` entries wait.
    fn push(&mut self, entry: T, room: u8) -> Result<(), Refusal> {
        let free = self.0.iter_mut().take(usize::from(room)).find(|place| place.is_none());
        *free.ok_or(Refusal::NoRoom)? = Some(entry);
        Ok(())
    }

    /// Receives; refused unless `entry` is next.
    fn pop(&mut self, entry: T) -> Result<(), Refusal> {
        if self.0[0] != Some(entry) {
            return Err(Refusal::Empty);
        }
        self.0[0] = None;
        self.0.rotate_left(1);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// Receives everything and throws it away.
    fn clear(&mut self) {
        *self = Self::default();
    }
}
