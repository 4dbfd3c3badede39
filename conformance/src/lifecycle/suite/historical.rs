//! btcd's designs on trial.

use handfast_spec::lifecycle::{History, Output, Phase, SELECTOR, SessionId, Subscription};
use handfast_spec::{Machine, Observation};
use model::lifecycle::btcd::{Action, Bounds, Switches};

use super::{Node, Observed};
use crate::lifecycle::historical::Stepped;

/// A design of btcd's, on tokio.
pub struct Historical {
    machine: Stepped,
    history: History,
}

impl Historical {
    /// A node without connections.
    pub fn new(switches: Switches, bounds: Bounds) -> Self {
        Self::with_room(switches, bounds, bounds.events.into(), bounds.messages.into())
    }

    /// The same with other room in the channels that carry events and in that of the sync manager.
    pub fn with_room(switches: Switches, bounds: Bounds, events: usize, messages: usize) -> Self {
        let mut history = History::default();
        history.subscribers.entry(SELECTOR.index()).subscription = Subscription::On;
        let machine = Stepped::with_room(switches, Bounds { sessions: 0, ..bounds }, events, messages);
        Self { machine, history }
    }

    fn tell(&mut self, outputs: &[Output]) {
        outputs.iter().for_each(|output| self.history.record(output));
    }
}

impl Node for Historical {
    fn connect(&mut self) -> SessionId {
        let session = self.machine.connect();
        self.tell(&[Output::Opened(session)]);
        session
    }

    fn complete_handshake(&mut self, session: SessionId) -> bool {
        self.turn(Action::Verack(session))
    }

    fn complete_again(&mut self, session: SessionId) -> bool {
        self.turn(Action::VerackAgain(session))
    }

    fn disconnect(&mut self, session: SessionId) -> bool {
        self.turn(Action::Disconnect(session))
    }

    fn time_out(&mut self, session: SessionId) -> bool {
        self.turn(Action::Expire(session))
    }

    fn refuse(&mut self, session: SessionId) -> bool {
        self.machine.judge(session, true);
        true
    }

    fn stop(&mut self) -> bool {
        self.history.phase == Phase::Open && self.turn(Action::Stop)
    }

    fn turn(&mut self, step: Action) -> bool {
        match self.machine.step(&step) {
            Observation::Refused(_) => false,
            Observation::Accepted(outputs) => {
                self.tell(&outputs);
                true
            }
        }
    }

    fn take_any(&mut self, draw: &mut dyn FnMut(usize) -> usize) -> bool {
        match self.machine.take_any(draw) {
            None => false,
            Some((_, outputs)) => {
                self.tell(&outputs);
                true
            }
        }
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn observed(&self) -> Observed {
        let (believed, active) = self.machine.believed();
        Observed { registered: self.machine.registered(), believed, active }
    }
}
