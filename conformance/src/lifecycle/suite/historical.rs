//! btcd's designs on trial.

use handfast_spec::lifecycle::{Fact, Ledger, Phase, SELECTOR, SessionId, Subscription};
use handfast_spec::{Machine, Observation};
use model::lifecycle::btcd::{Action, Extent, Switches};

use super::{Node, Observed};
use crate::lifecycle::historical::Stepped;

/// A design of btcd's, on tokio.
pub struct Historical {
    machine: Stepped,
    ledger: Ledger,
}

impl Historical {
    /// A node without connections.
    pub fn new(switches: Switches, extent: Extent) -> Self {
        Self::with_room(switches, extent, extent.events.into(), extent.messages.into())
    }

    /// The same with other room in the channels that carry events and in that of the sync manager.
    pub fn with_room(switches: Switches, extent: Extent, events: usize, messages: usize) -> Self {
        let mut ledger = Ledger::default();
        ledger.subscribers.entry(SELECTOR.index()).subscription = Subscription::On;
        let machine = Stepped::with_room(switches, Extent { sessions: 0, ..extent }, events, messages);
        Self { machine, ledger }
    }

    fn tell(&mut self, facts: &[Fact]) {
        facts.iter().for_each(|fact| self.ledger.record(fact));
    }
}

impl Node for Historical {
    fn connect(&mut self) -> SessionId {
        let session = self.machine.connect();
        self.tell(&[Fact::Opened(session)]);
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
        self.ledger.phase == Phase::Open && self.turn(Action::Stop)
    }

    fn turn(&mut self, step: Action) -> bool {
        match self.machine.step(&step) {
            Observation::Refused(_) => false,
            Observation::Told(facts) => {
                self.tell(&facts);
                true
            }
        }
    }

    fn take_any(&mut self, draw: &mut dyn FnMut(usize) -> usize) -> bool {
        match self.machine.take_any(draw) {
            None => false,
            Some((_, facts)) => {
                self.tell(&facts);
                true
            }
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn observed(&self) -> Observed {
        let (believed, active) = self.machine.believed();
        Observed { registered: self.machine.registered(), believed, active }
    }
}
