//! The negotiation of `handfast::simopen` as a machine.
//!
//! Ends that keep to the protocol are the product's [`Negotiation`](handfast::simopen::core::Negotiation); the others do what they are for in the plainest way.
//! Between them is the wire of the model: messages, of which so many fit. [`historical`] has two other implementations.

mod end;
pub mod historical;
mod words;

use std::collections::VecDeque;

use handfast_spec::simopen::{Action, End, Fact, Kind, Nonce, Refusal, Simopen, Token};
use handfast_spec::{Machine, Observation};
use model::simopen::Config;

use end::{Party, Stage};

/// Two ends, and what is on its way between them.
pub struct CoreMachine {
    config: Config,
    ends: [Party; 2],
    /// On the way to each end.
    channels: [VecDeque<Parcel>; 2],
}

/// A message, and the number of its flight.
#[derive(Clone, Copy)]
struct Parcel {
    token: Token,
    hop: u8,
}

type Outcome = Result<Vec<Fact>, Refusal>;

impl CoreMachine {
    /// A connection on which nothing has happened.
    pub fn new(config: &Config) -> Self {
        let ends = End::BOTH.map(|end| Party::new(end, config.end(end), config.patience));
        Self { config: config.clone(), ends, channels: [VecDeque::new(), VecDeque::new()] }
    }

    fn take(&mut self, action: Action) -> Outcome {
        match action {
            Action::Start { end, nonce } => self.start(end, nonce),
            Action::Write { end } => self.write(end),
            Action::Read { end } => self.read(end),
            Action::Expire { end } => self.expire(end),
            Action::Close { end } => self.close(end),
            Action::Forge { end, token } => self.forge(end, token),
        }
    }

    fn party(&mut self, end: End) -> &mut Party {
        &mut self.ends[end.index()]
    }

    fn start(&mut self, end: End, Nonce(nonce): Nonce) -> Outcome {
        let party = self.party(end);
        match party.stage {
            Stage::Idle => Ok(party.start(nonce)),
            Stage::Negotiates(_) | Stage::Settled { .. } | Stage::Over | Stage::Aloof => Err(Refusal::NothingToStart),
        }
    }

    fn write(&mut self, end: End) -> Outcome {
        self.party(end).has_next()?;
        let peer = end.other();
        let is_gone = self.party(peer).is_over();
        if !is_gone && self.channels[peer.index()].len() >= self.config.room(peer) {
            return Err(Refusal::NoRoom);
        }
        let (parcel, facts) = self.party(end).hand_over();
        if !is_gone {
            self.channels[peer.index()].push_back(parcel);
        }
        self.sweep();
        Ok(facts)
    }

    fn read(&mut self, end: End) -> Outcome {
        self.party(end).would_hear()?;
        let peer = end.other();
        let (parcel, mut facts) = if let Some(parcel) = self.channels[end.index()].pop_front() {
            (parcel, Vec::new())
        } else if self.config.room(end) == 0 && self.party(peer).has_next().is_ok() {
            self.party(peer).hand_over()
        } else if self.party(peer).is_over() && self.party(end).is_pending() {
            let facts = self.party(end).hear_the_end();
            self.sweep();
            return Ok(facts);
        } else {
            return Err(Refusal::NothingToRead);
        };
        facts.extend(self.party(end).hear(parcel));
        self.sweep();
        Ok(facts)
    }

    fn expire(&mut self, end: End) -> Outcome {
        let timed = self.config.timed;
        let party = self.party(end);
        match party.stage {
            Stage::Idle => return Err(Refusal::NotStarted),
            Stage::Negotiates(_) if timed => {}
            Stage::Negotiates(_) | Stage::Settled { .. } | Stage::Over | Stage::Aloof => return Err(Refusal::Over),
        }
        let facts = party.expire();
        self.sweep();
        Ok(facts)
    }

    fn close(&mut self, end: End) -> Outcome {
        let party = self.party(end);
        match party.stage {
            Stage::Idle => return Err(Refusal::NotStarted),
            Stage::Over => return Err(Refusal::Over),
            Stage::Negotiates(_) | Stage::Settled { .. } | Stage::Aloof => party.drop_it(),
        }
        self.sweep();
        Ok(vec![Fact::Closed(end)])
    }

    fn forge(&mut self, end: End, token: Token) -> Outcome {
        if self.config.end(end).kind != Kind::Hostile {
            return Err(Refusal::NotHostile);
        }
        if self.party(end).is_over() || self.party(end.other()).is_over() {
            return Err(Refusal::Over);
        }
        self.party(end).forge(token)
    }

    /// Nobody reads any more what is on its way to an end that has dropped the connection.
    fn sweep(&mut self) {
        for end in End::BOTH {
            if self.party(end).is_over() {
                self.channels[end.index()].clear();
            }
        }
    }
}

impl Machine for CoreMachine {
    type Protocol = Simopen;

    fn step(&mut self, action: &Action) -> Observation<Fact, Refusal> {
        match self.take(*action) {
            Ok(facts) => Observation::Told(facts),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}
