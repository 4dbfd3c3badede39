//! The node with tasks that take a step when they are told to.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use handfast_spec::lifecycle::{Component, Output, Refusal, SessionId};
use handfast_spec::{Machine, Observation, Protocol};
use model::lifecycle::btcd::{Action, Adder, Bounds, Historical, Switches, Verdict};

use super::node::{Inboxes, Node, Pace, Peer, Room, locked};
use super::server::{Manager, Server};
use super::session::{call_again, end, negotiate, start, watch};

/// The node with tasks that take a step when they are told to, in the words of its model.
pub struct Stepped {
    node: Arc<Node>,
    peers: Vec<Arc<Peer>>,
    tasks: Vec<Running>,
    /// The sessions that had their handshake reported a second time.
    called_again: BTreeSet<SessionId>,
    stops: bool,
}

/// A task: one of a connection, or a loop.
struct Running {
    of: Option<SessionId>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

impl Running {
    /// Polls it; whether it goes on. It is polled when its step is due, so that no task has to wake it.
    fn poll(&mut self) -> bool {
        self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }
}

impl Stepped {
    /// A node with so many connections, as the bounds has them, with as much room. See
    /// [`is_implemented`](super::is_implemented) for the parts of an bounds that are there.
    pub fn new(switches: Switches, bounds: Bounds) -> Self {
        Self::with_room(switches, bounds, bounds.events.into(), bounds.messages.into())
    }

    /// The same with other room in its channels, which may be more than fits into a state of a model.
    pub fn with_room(switches: Switches, bounds: Bounds, events: usize, messages: usize) -> Self {
        let screens = bounds.rejects.is_present() || bounds.shutdown.is_present();
        let room = Room { events, messages, screens, rejects: bounds.rejects };
        let (node, inboxes) = Node::new(switches, room, Pace::stepped(), 1);
        let node = Arc::new(node);
        let Inboxes { lifecycle, done_peers, subscribers } = inboxes;
        let server = Server { node: Arc::clone(&node), lifecycle, done_peers, is_draining: false };
        let mut tasks = vec![Running { of: None, future: Box::pin(server.run()) }];
        for messages in subscribers {
            let manager = Manager { node: Arc::clone(&node), messages };
            tasks.push(Running { of: None, future: Box::pin(manager.run()) });
        }
        let stops = bounds.shutdown.is_present();
        let mut stepped = Self { node, peers: Vec::new(), tasks, called_again: BTreeSet::new(), stops };
        for _ in 0..bounds.sessions {
            stepped.connect();
        }
        stepped
    }

    /// A connection is made; versions have been exchanged.
    pub fn connect(&mut self) -> SessionId {
        let id = SessionId(u32::try_from(self.peers.len()).expect("tests have few connections"));
        let peer = Arc::new(Peer::new(id));
        self.node.enter(&peer);
        let (node, of_peer) = (|| Arc::clone(&self.node), || Arc::clone(&peer));
        let futures: [Pin<Box<dyn Future<Output = ()>>>; 3] = [
            Box::pin(start(node(), of_peer())),
            Box::pin(negotiate(node(), of_peer())),
            Box::pin(watch(node(), of_peer())),
        ];
        self.tasks.extend(futures.map(|future| Running { of: Some(id), future }));
        self.peers.push(peer);
        id
    }

    /// Lets some task take some step, but no timer fire; the step and what was told. `draw` chooses a number below the
    /// one that it is given: which task and which of its steps are tried first.
    pub fn take_any(&mut self, draw: &mut dyn FnMut(usize) -> usize) -> Option<(Action, Vec<Output>)> {
        let tasks = self.tasks.len();
        let first = draw(tasks);
        for index in (0..tasks).map(|index| (first + index) % tasks) {
            let steps = self.awaited_by(index);
            let start = if steps.is_empty() { 0 } else { draw(steps.len()) };
            for turn in 0..steps.len() {
                let step = steps[(start + turn) % steps.len()];
                if self.turn(step, index..index + 1) {
                    return Some((step, self.node.pace.told()));
                }
            }
        }
        None
    }

    /// The steps that a task waits for, in order.
    fn awaited_by(&mut self, index: usize) -> Vec<Action> {
        let _ = self.node.pace.asked_for();
        self.node.pace.give(None);
        self.tasks[index].poll();
        let steps = self.node.pace.asked_for().into_iter();
        steps.filter(|step| !matches!(step, Action::Expire(_))).collect()
    }

    /// Whom the server loop has in its map.
    pub fn registered(&self) -> BTreeSet<SessionId> {
        locked(&self.node.map, |map| map.clone())
    }

    /// Whom the sync manager takes for live, and its sync peer.
    pub fn believed(&self) -> (BTreeSet<SessionId>, Option<SessionId>) {
        locked(&self.node.manager, |manager| manager.clone())
    }

    /// Whether the flag is set that ends the connection.
    pub fn is_connected(&self, session: SessionId) -> bool {
        self.peers.get(session.index()).is_some_and(|peer| peer.is_connected())
    }

    /// Decides whether the server loop will have the peer when it looks.
    pub fn judge(&self, session: SessionId, is_banned: bool) {
        self.node.judge(session, is_banned);
    }

    /// Gives a step its turn, among the tasks with these numbers; whether it was taken.
    fn turn(&mut self, step: Action, among: std::ops::Range<usize>) -> bool {
        let of = session_of(step);
        self.node.pace.give(Some(step));
        for index in among {
            let task = &mut self.tasks[index];
            if of.is_some() && task.of.is_some() && task.of != of {
                continue;
            }
            let goes_on = task.poll();
            let taken = self.node.pace.give(Some(step));
            if taken {
                self.node.pace.give(None);
                if !goes_on {
                    self.tasks.remove(index);
                }
                return true;
            }
        }
        self.node.pace.give(None);
        false
    }

    fn run(&mut self, of: SessionId, future: impl Future<Output = ()> + 'static) {
        let mut task = Running { of: Some(of), future: Box::pin(future) };
        if task.poll() {
            self.tasks.push(task);
        }
    }

    /// What happens to the node from outside, before the step is taken; an error if it cannot happen.
    fn happen(&mut self, step: Action) -> Result<Happened, Refusal> {
        let (node, rejects) = (Arc::clone(&self.node), self.node.room.rejects.is_present());
        let peer = || session_of(step).and_then(|id| self.peers.get(id.index()).cloned());
        if let Action::Verack(_) = step {
            peer().ok_or(Refusal::NoSuchSession)?.verack.set(());
        } else if let Action::Screen(id, verdict) = step {
            self.judge(id, rejects && verdict == Verdict::Reject);
        } else if let Action::Disconnect(id) = step {
            let peer = peer().filter(|peer| peer.is_connected()).ok_or(Refusal::Ending)?;
            self.run(id, end(node, peer));
            return Ok(Happened::Wholly);
        } else if let Action::VerackAgain(id) = step {
            let can = |peer: &Arc<Peer>| peer.verack_received.is_set() && node.switches.adder != Adder::Negotiation;
            let peer = peer().filter(can).ok_or(Refusal::NotNow)?;
            if !self.called_again.insert(id) {
                return Err(Refusal::NotNow);
            }
            self.run(id, call_again(node, peer));
            return Ok(Happened::Wholly);
        } else if step == Action::Stop {
            if !self.stops || !self.node.stopping.set(()) {
                return Err(Refusal::AlreadyClosing);
            }
            self.node.pace.tell(Output::ShutdownBegun);
            return Ok(Happened::Wholly);
        }
        Ok(Happened::TaskIsNext)
    }
}

/// Whether something from outside is all there is to a step.
#[derive(Eq, PartialEq)]
enum Happened {
    Wholly,
    TaskIsNext,
}

/// The implementation says that it refuses, not why: a task that waits does not know for what else it might have waited.
impl Machine for Stepped {
    type Protocol = Historical;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let happened = match self.happen(*action) {
            Ok(happened) => happened,
            Err(refusal) => return Observation::Refused(refusal),
        };
        if happened == Happened::TaskIsNext && !self.turn(*action, 0..self.tasks.len()) {
            if let Action::Screen(id, _) = action {
                self.judge(*id, false);
            }
            return Observation::Refused(Refusal::NotNow);
        }
        Observation::Accepted(self.node.pace.told())
    }
}

/// The connection that a step is about.
fn session_of(step: Action) -> Option<SessionId> {
    if let Action::Verack(id) | Action::VerackAgain(id) | Action::Disconnect(id) = step {
        return Some(id);
    }
    match Historical::component(&step)? {
        Component::Session(session)
        | Component::Timer(session)
        | Component::Handshake(session)
        | Component::Watcher(session)
        | Component::Reader(session) => Some(session),
        Component::Subscriber(_) | Component::Patience(_) | Component::Shutdown | Component::Registry => None,
    }
}
