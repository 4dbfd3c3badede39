//! The product's [`Negotiation`] as a [`Peer`], with the layer above it.

use std::collections::VecDeque;

use handfast::simopen::core::{Negotiation, Settled};
use handfast_spec::simopen::{Failure, Kind, Nonce, Output, Refusal, Role, Token};
use model::simopen::{Channel, Config, Connection, Done, InFlight, Peer, Standing, Turn};

use super::convert;

/// Two of the product's negotiations on the connection of the model.
pub type CoreMachine = Connection<Negotiating>;

/// Returns a connection between negotiations of the product, on which nothing has happened.
pub fn core_machine(config: &Config) -> CoreMachine {
    Connection::between(config.clone(), |_, kind| Negotiating::new(kind))
}

/// An end that negotiates with the product's core.
pub struct Negotiating {
    kind: Kind,
    stage: Stage,
    /// What is yet to be written.
    outbox: VecDeque<InFlight>,
    /// How many of these are the negotiation's: all but what a lazy dialer adds.
    known: usize,
    /// How many flights led to what it heard last.
    flight: u8,
    role: Option<Role>,
    /// How often time has passed. The negotiation has no clock: its driver does.
    ticks: u8,
    broken: bool,
}

/// How far an end is.
enum Stage {
    Idle,
    Negotiates(Box<Negotiation>),
    /// The layer above has the connection.
    Settled {
        role: Role,
        sent: bool,
        received: bool,
    },
    /// The connection is dropped at this end.
    Over,
}

impl Negotiating {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            stage: Stage::Idle,
            outbox: VecDeque::new(),
            known: 0,
            flight: 0,
            role: None,
            ticks: 0,
            broken: false,
        }
    }

    /// Calls the negotiation, and looks at what it has come to.
    fn call(&mut self, turn: &mut Turn<'_>, call: impl FnOnce(&mut Negotiation)) {
        if let Stage::Negotiates(negotiation) = &mut self.stage {
            call(negotiation);
        }
        self.look(turn);
    }

    /// Looks at what the negotiation has come to since it was last looked at.
    fn look(&mut self, turn: &mut Turn<'_>) {
        let Stage::Negotiates(negotiation) = &self.stage else { return };
        if let (None, Some(role)) = (self.role, negotiation.role()) {
            let role = convert::role(role);
            self.role = Some(role);
            turn.outputs.push(Output::Assumed(turn.end, role));
        }
        let outcome = negotiation.outcome().cloned();
        let said = convert::pending(negotiation.pending());
        if let Some(Err(failure)) = outcome {
            turn.outputs.push(Output::Failed(turn.end, convert::failure(&failure)));
            return self.close();
        }
        let last = turn.protocols.last().copied();
        for &(token, _) in said.iter().skip(self.known) {
            let flight = self.flight.saturating_add(1);
            self.outbox.push_back(InFlight { token, flight });
            if self.kind == Kind::Lazy && last.map(Token::Protocol) == Some(token) {
                self.outbox.push_back(InFlight { token: Token::Payload(Role::Initiator), flight });
            }
        }
        self.known = said.len();
        // A lazy dialer has written all when it has written its bet too.
        if let (Some(Ok(Settled { role, protocol })), true) = (outcome, self.outbox.is_empty()) {
            let (role, protocol) = (convert::role(role), convert::name(&protocol));
            turn.outputs.push(Output::Settled { end: turn.end, role, protocol, flights: self.flight });
            let sent = self.kind == Kind::Lazy && last == Some(protocol);
            self.stage = Stage::Settled { role, sent, received: false };
        }
    }
}

impl Peer for Negotiating {
    fn standing(&self) -> Standing {
        match self.stage {
            Stage::Idle => Standing::Idle,
            Stage::Negotiates(_) => Standing::Negotiates,
            Stage::Settled { .. } => Standing::Open,
            Stage::Over => Standing::Dropped,
        }
    }

    fn start(&mut self, turn: &mut Turn<'_>, nonce: Nonce) {
        let protocols: Vec<_> = turn.protocols.iter().copied().map(convert::protocol).collect();
        let negotiation = match self.kind {
            Kind::Simopen => Negotiation::dial(protocols, nonce.0),
            Kind::Plain | Kind::Lazy => Negotiation::propose(protocols),
            Kind::Listener | Kind::Hostile | Kind::Reflector | Kind::Silent => Negotiation::accept(protocols),
        };
        self.stage = Stage::Negotiates(Box::new(negotiation.with_proposal_limit(turn.patience.into())));
        turn.outputs.push(Output::Started(turn.end, nonce));
        self.look(turn);
    }

    fn has_next(&self) -> Done {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            _ if !self.outbox.is_empty() => Ok(()),
            Stage::Settled { .. } if self.broken => Err(Refusal::NothingToWrite),
            Stage::Settled { role, sent: false, received } if role == Role::Initiator || received => Ok(()),
            Stage::Negotiates(_) | Stage::Settled { .. } => Err(Refusal::NothingToWrite),
        }
    }

    fn hand_over(&mut self, turn: &mut Turn<'_>) -> InFlight {
        if let (Stage::Settled { role, sent, .. }, true) = (&mut self.stage, self.outbox.is_empty()) {
            *sent = true;
            turn.outputs.push(Output::Sent(turn.end, *role));
            return InFlight { token: Token::Payload(*role), flight: self.flight.saturating_add(1) };
        }
        let message = self.outbox.pop_front().expect("only an upper layer writes what is not pending");
        turn.outputs.push(match message.token {
            Token::Payload(role) => Output::Sent(turn.end, role),
            // Every other message is of the negotiation.
            token => Output::Said(turn.end, token),
        });
        // What a lazy dialer adds comes last.
        let is_known = self.known > 0;
        self.known -= usize::from(is_known);
        self.call(turn, |negotiation| {
            if is_known {
                negotiation.written(convert::bytes(message.token).len());
            }
        });
        message
    }

    fn would_read(&self) -> Done {
        match &self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Negotiates(negotiation) if !negotiation.wants_input() => Err(Refusal::HeardEnough),
            Stage::Settled { received: true, .. } => Err(Refusal::NothingToRead),
            Stage::Negotiates(_) | Stage::Settled { .. } => Ok(()),
        }
    }

    fn read(&mut self, turn: &mut Turn<'_>, channel: &mut Channel) {
        let InFlight { token, flight } = channel.remove(0);
        if let Stage::Settled { received, .. } = &mut self.stage {
            *received = true;
            turn.outputs.push(Output::Received(turn.end, token));
            return;
        }
        self.flight = flight;
        turn.outputs.push(Output::Heard(turn.end, token));
        self.call(turn, |negotiation| {
            negotiation.received(&convert::bytes(token));
        });
    }

    fn on_end(&mut self, turn: &mut Turn<'_>) {
        self.call(turn, Negotiation::hung_up);
    }

    fn write_failed(&mut self, turn: &mut Turn<'_>) {
        turn.outputs.push(Output::Broken(turn.end));
        self.outbox.clear();
        (self.known, self.broken) = (0, true);
        self.call(turn, Negotiation::write_failed);
    }

    fn tick(&mut self, turn: &mut Turn<'_>) -> Done {
        if self.ticks == turn.ticks {
            return Err(Refusal::Due);
        }
        self.ticks += 1;
        turn.outputs.push(Output::Ticked(turn.end));
        Ok(())
    }

    fn expire(&mut self, turn: &mut Turn<'_>) -> Done {
        if self.ticks < turn.ticks {
            return Err(Refusal::Early);
        }
        // All is agreed, and a lazy dialer's bet is not written: the negotiation does not know of that, its caller does.
        if let Stage::Negotiates(negotiation) = &self.stage
            && let Some(Ok(_)) = negotiation.outcome()
        {
            turn.outputs.push(Output::Failed(turn.end, Failure::Deadline));
            self.close();
        }
        self.call(turn, Negotiation::deadline_passed);
        Ok(())
    }

    fn close(&mut self) {
        self.stage = Stage::Over;
        self.outbox.clear();
        self.known = 0;
    }
}
