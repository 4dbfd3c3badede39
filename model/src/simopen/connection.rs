//! The machine: two ends, and what is on its way between them.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::simopen::{Action, End, Failure, History, Kind, Nonce, Output, Refusal, Simopen, Token};
use handfast_spec::{Machine, Observation, Recorded};
use serde::Serialize;
use serde_json::Value;
use smallvec::SmallVec;

use super::config::{Config, EndConfig};
use super::endpoint::{At, Endpoint, InFlight, Outputs, Stage};
use super::flaw::{Flaw, Flaws};
use super::log::Header;
use crate::checker::design::Design;
use crate::in_parts;

/// Messages on their way in one direction.
type Channel = SmallVec<[InFlight; 4]>;

pub(super) type Done = Result<(), Refusal>;

/// A connection with its two ends.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Connection {
    pub(super) config: Config,
    pub(super) left: Endpoint,
    pub(super) right: Endpoint,
    pub(super) to_left: Channel,
    pub(super) to_right: Channel,
}

in_parts!(Connection {
    left: Endpoint,
    right: Endpoint,
    to_left: Channel,
    to_right: Channel,
} and {
    config: Config,
});

impl Connection {
    /// A connection on which nothing has happened.
    pub fn new(config: Config) -> Self {
        let party = |end: &EndConfig| {
            let stage = if end.kind.is_honest() { Stage::Idle } else { Stage::Aloof };
            Endpoint { stage, ..Endpoint::default() }
        };
        let (left, right) = (party(&config.left), party(&config.right));
        Self { config, left, right, to_left: Channel::new(), to_right: Channel::new() }
    }

    /// Who is at its ends, and what it holds.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same connection with ends that have these flaws.
    #[must_use]
    pub fn with_flaws(mut self, [left, right]: [Flaws; 2]) -> Self {
        self.config.left.flaws = left;
        self.config.right.flaws = right;
        self
    }

    /// The same with its history.
    pub fn recorded(config: Config) -> Recorded<Self> {
        let history = History::between(config.pair());
        Recorded { machine: Self::new(config), history }
    }

    pub(super) fn party(&self, end: End) -> &Endpoint {
        match end {
            End::Left => &self.left,
            End::Right => &self.right,
        }
    }

    fn party_mut(&mut self, end: End) -> &mut Endpoint {
        match end {
            End::Left => &mut self.left,
            End::Right => &mut self.right,
        }
    }

    fn at<'a>(&'a mut self, end: End, outputs: &'a mut Outputs) -> At<'a> {
        let (party, config) = match end {
            End::Left => (&mut self.left, &self.config.left),
            End::Right => (&mut self.right, &self.config.right),
        };
        At { end, config, patience: self.config.patience, party, outputs }
    }

    /// What is on its way to this end.
    pub(super) fn channel(&self, end: End) -> &Channel {
        match end {
            End::Left => &self.to_left,
            End::Right => &self.to_right,
        }
    }

    fn channel_mut(&mut self, end: End) -> &mut Channel {
        match end {
            End::Left => &mut self.to_left,
            End::Right => &mut self.to_right,
        }
    }

    pub(super) fn kind(&self, end: End) -> Kind {
        self.config.end(end).kind
    }

    pub(super) fn has(&self, end: End, flaw: Flaw) -> bool {
        self.config.end(end).flaws.has(flaw)
    }

    fn attempt(&mut self, action: &Action, outputs: &mut Outputs) -> Done {
        match *action {
            Action::Start { end, nonce } => self.start(end, nonce, outputs),
            Action::Write { end } => self.write(end, outputs),
            Action::Read { end } => self.read(end, outputs),
            Action::Expire { end } => self.expire(end, outputs),
            Action::Close { end } => self.close(end, outputs),
            Action::Forge { end, token } => self.forge(end, token),
        }
    }

    fn start(&mut self, end: End, nonce: Nonce, outputs: &mut Outputs) -> Done {
        if self.party(end).stage != Stage::Idle {
            return Err(Refusal::NothingToStart);
        }
        self.at(end, outputs).start(nonce);
        Ok(())
    }

    fn write(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.has_next(end)?;
        let peer = end.other();
        if self.party(peer).stage == Stage::Over {
            // The peer is gone: what is written is lost, and the writer does not hear of it.
            self.hand_over(end, outputs);
            self.sweep(end);
            return Ok(());
        }
        if self.channel(peer).len() >= self.config.room(peer) {
            return Err(Refusal::NoRoom);
        }
        let parcel = self.hand_over(end, outputs);
        self.channel_mut(peer).push(parcel);
        self.sweep(end);
        Ok(())
    }

    /// Takes the next message out of the writer's hands. There is one.
    fn hand_over(&mut self, end: End, outputs: &mut Outputs) -> InFlight {
        let party = self.party_mut(end);
        if party.outbox.is_empty() {
            let flight = party.flight.saturating_add(1);
            let Stage::Settled { acts, sent, .. } = &mut party.stage else {
                unreachable!("only an upper layer writes what is not pending")
            };
            *sent = true;
            outputs.push(Output::Sent(end, *acts));
            return InFlight { token: Token::Payload(*acts), flight };
        }
        let parcel = party.outbox.remove(0);
        outputs.push(match parcel.token {
            Token::Payload(role) if self.kind(end).is_honest() => Output::Sent(end, role),
            // Every other message is of the negotiation.
            token => Output::Said(end, token),
        });
        self.at(end, outputs).wrote();
        parcel
    }

    fn read(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.would_hear(end)?;
        let peer = end.other();
        let parcel = if !self.channel(end).is_empty() {
            self.channel_mut(end).remove(0)
        } else if self.config.room(end) == 0 && self.has_next(peer).is_ok() {
            self.hand_over(peer, outputs)
        } else if self.party(peer).stage == Stage::Over && self.is_pending(end) {
            self.at(end, outputs).hear_the_end();
            self.sweep(end);
            return Ok(());
        } else {
            return Err(Refusal::NothingToRead);
        };
        self.take(end, parcel, outputs);
        Ok(())
    }

    fn take(&mut self, end: End, InFlight { token, flight }: InFlight, outputs: &mut Outputs) {
        let (kind, overreads) = (self.kind(end), self.has(end, Flaw::OverReads));
        let party = self.party_mut(end);
        match &mut party.stage {
            // SIM-14: what follows the negotiation is left to the layer above, to the byte.
            Stage::Settled { received, .. } => {
                *received = true;
                outputs.push(Output::Received(end, token));
            }
            Stage::Aloof => {
                outputs.push(Output::Heard(end, token));
                if kind == Kind::Reflector {
                    party.outbox.push(InFlight { token, flight: flight.saturating_add(1) });
                }
            }
            Stage::Idle
            | Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. }
            | Stage::Finishing { .. }
            | Stage::Joining(_)
            | Stage::Mute
            | Stage::Over => {
                party.flight = flight;
                self.at(end, outputs).hear(token);
                let heard_all = matches!(self.party(end).stage, Stage::Settled { .. } | Stage::Finishing { .. });
                if overreads && heard_all {
                    self.channel_mut(end).clear();
                }
            }
        }
        self.sweep(end);
        self.sweep(end.other());
    }

    /// Nobody reads any more what is on its way to an end that has dropped the connection.
    fn sweep(&mut self, end: End) {
        if self.party(end).stage == Stage::Over {
            self.channel_mut(end).clear();
        }
    }

    /// SIM-27: a deadline does not ask what its end waits for.
    fn expire(&mut self, end: End, outputs: &mut Outputs) -> Done {
        match self.party(end).stage {
            Stage::Idle => return Err(Refusal::NotStarted),
            // A deadline is for what waits.
            _ if !self.is_pending(end) || !self.config.timed || self.has(end, Flaw::NoDeadline) => {
                return Err(Refusal::Over);
            }
            _ => {} // It waits, for whatever it may be.
        }
        self.at(end, outputs).fail(Failure::Deadline);
        self.sweep(end);
        Ok(())
    }

    fn close(&mut self, end: End, outputs: &mut Outputs) -> Done {
        match self.party(end).stage {
            Stage::Idle => return Err(Refusal::NotStarted),
            Stage::Over => return Err(Refusal::Over),
            _ => {} // It may be dropped anywhere else.
        }
        outputs.push(Output::Closed(end));
        let party = self.party_mut(end);
        party.stage = Stage::Over;
        party.outbox.clear();
        self.sweep(end);
        Ok(())
    }

    fn forge(&mut self, end: End, token: Token) -> Done {
        if self.kind(end) != Kind::Hostile {
            return Err(Refusal::NotHostile);
        }
        if self.party(end).stage == Stage::Over || self.party(end.other()).stage == Stage::Over {
            return Err(Refusal::Over);
        }
        let party = self.party_mut(end);
        if !party.outbox.is_empty() {
            return Err(Refusal::NoRoom);
        }
        party.outbox.push(InFlight { token, flight: 0 });
        Ok(())
    }
}

impl Machine for Connection {
    type Protocol = Simopen;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Outputs::new();
        match self.attempt(action, &mut outputs) {
            Ok(()) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}

impl Design for Connection {
    /// SIM-23: nobody who keeps to the protocol waits.
    fn at_rest(&self) -> bool {
        !End::BOTH.into_iter().any(|end| self.is_pending(end))
    }

    fn header(&self) -> Value {
        serde_json::to_value(Header::of(&self.config)).expect("a header is plain data")
    }
}

/// What is shown in Stateright's Explorer.
impl Debug for Connection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for end in End::BOTH {
            let EndConfig { kind, protocols, flaws, .. } = self.config.end(end);
            writeln!(f, "{end}: {kind} with {protocols:?}, {flaws:?}, {:?}", self.party(end))?;
            writeln!(f, "to {end}: {:?} of {}", self.channel(end), self.config.room(end))?;
        }
        Ok(())
    }
}
