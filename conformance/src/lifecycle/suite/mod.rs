//! One suite for every implementation of the peer lifecycle: btcd's designs and handfast's node behind one trait.
//!
//! A test of the suite brings about an order of steps and looks at what was told, by the rules of the specification. It
//! needs no name that only exists after a repair, so that it builds for the design before it, and fails there because of
//! the race. The orders are those of the model: [`Scenario`] explores a design with the environment that a test allows,
//! and gives the shortest order that breaks each rule, and all orders that there are. A node that is built of other
//! tasks is put through the same orders, see [`Node::turn`].

mod historical;
mod own;
mod scenario;

use std::collections::BTreeSet;

use handfast_spec::Protocol;
use handfast_spec::lifecycle::{History, Lifecycle, SessionId};
use model::lifecycle::btcd::{Action, Verdict};

pub use historical::Historical;
pub use own::Own;
pub use scenario::{Heard, Predicted, Scenario};

/// A node with tasks that move when a test lets them.
///
/// The first methods are what happens to it from outside; they answer whether it could happen.
pub trait Node {
    /// A connection is made, and versions have been exchanged.
    fn connect(&mut self) -> SessionId;

    /// The peer's verack arrives, and the handshake is complete as far as the peer is concerned.
    fn complete_handshake(&mut self, session: SessionId) -> bool;

    /// The completion is signalled a second time.
    fn complete_again(&mut self, session: SessionId) -> bool;

    /// The peer, or a task of this node, ends the connection.
    fn disconnect(&mut self, session: SessionId) -> bool;

    /// The handshake timer fires.
    fn time_out(&mut self, session: SessionId) -> bool;

    /// From now on the node will not have the peer.
    fn refuse(&mut self, session: SessionId) -> bool;

    /// The node is to stop.
    fn stop(&mut self) -> bool;

    /// A task takes its next step: in a design of btcd this one; elsewhere the next one of the task that does this work
    /// there, the session's own or the subscriber's. Whether a step was taken.
    fn turn(&mut self, step: Action) -> bool;

    /// Some task takes some step, but no timer fires; whether there was one. `draw` gives a number below the one that it
    /// is given, and so says who comes first.
    fn take_any(&mut self, draw: &mut dyn FnMut(usize) -> usize) -> bool;

    /// What was told so far.
    fn history(&self) -> &History;

    /// What there is to see without the history.
    fn observed(&self) -> Observed;
}

/// What there is to see of a node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Observed {
    /// Who is registered.
    pub registered: BTreeSet<SessionId>,
    /// Whom the first subscriber, which synchronises, takes for live.
    pub believed: BTreeSet<SessionId>,
    /// From whom it synchronises.
    pub active: Option<SessionId>,
}

impl Observed {
    /// What there should be to see, by what was told.
    pub fn told(history: &History) -> Self {
        let sessions = || (0..history.sessions.iter().count() as u32).map(SessionId);
        Self {
            registered: sessions().filter(|session| history.sessions.get(session.index()).registered).collect(),
            believed: sessions().filter(|session| history.selector_believes(*session)).collect(),
            active: history.active,
        }
    }
}

/// A node on trial: after each step its history is judged.
pub struct Trial<N> {
    /// The node.
    pub node: N,
    violated: BTreeSet<&'static str>,
}

impl<N: Node> Trial<N> {
    /// Nothing has happened yet.
    pub fn new(node: N) -> Self {
        Self { node, violated: BTreeSet::new() }
    }

    /// Puts the node through an order of steps; the steps that it did not take.
    pub fn follow(&mut self, order: &[Action]) -> Vec<Action> {
        let mut passed_over = Vec::new();
        for &step in order {
            if !self.attempt(step) {
                passed_over.push(step);
            }
            self.judge();
        }
        passed_over
    }

    fn attempt(&mut self, step: Action) -> bool {
        let node = &mut self.node;
        if let Action::Verack(session) = step {
            node.complete_handshake(session)
        } else if let Action::VerackAgain(session) = step {
            node.complete_again(session)
        } else if let Action::Disconnect(session) = step {
            node.disconnect(session)
        } else if let Action::Expire(session) = step {
            node.time_out(session)
        } else if let Action::Screen(session, Verdict::Reject) = step {
            node.refuse(session) && node.turn(step)
        } else if step == Action::Stop {
            node.stop()
        } else {
            node.turn(step)
        }
    }

    /// Lets some task take some step; whether there was one.
    pub fn take_any(&mut self, draw: &mut dyn FnMut(usize) -> usize) -> bool {
        self.node.take_any(draw)
    }

    /// Lets all tasks go on until all wait, then the timers of those who wait for their handshake fire, and so on. Then
    /// nothing more happens by itself, and what was promised must have happened.
    pub fn rest(&mut self) {
        loop {
            self.rest_without_timers();
            let sessions = self.node.history().sessions.iter().enumerate();
            let pending: Vec<usize> =
                sessions.filter(|(_, session)| session.is_pending()).map(|(index, _)| index).collect();
            let mut fired = pending.into_iter().map(|index| self.node.time_out(SessionId(index as u32)));
            if !fired.any(|fired| fired) {
                break;
            }
        }
        self.judge();
        let history = self.node.history();
        let unkept = Lifecycle::GOALS.iter().filter(|goal| (goal.trigger)(history) && !(goal.outcome)(history));
        self.violated.extend(unkept.map(|goal| goal.id));
    }

    /// Lets all tasks go on until all wait.
    pub fn rest_without_timers(&mut self) {
        while self.node.take_any(&mut |_| 0) {
            self.judge();
        }
    }

    /// Looks at what was told so far.
    pub fn judge(&mut self) {
        let history = self.node.history();
        let broken = Lifecycle::INVARIANTS.iter().filter(|rule| !(rule.holds)(history));
        self.violated.extend(broken.map(|rule| rule.id));
    }

    /// The ids of the rules that were violated so far.
    pub fn violated(&self) -> &BTreeSet<&'static str> {
        &self.violated
    }
}
