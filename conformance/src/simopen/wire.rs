//! The wire of the model, between two ends of whatever they are made.

use std::collections::VecDeque;

use handfast_spec::Observation;
use handfast_spec::simopen::{Action, End, Kind, Nonce, Output, Refusal, Token};
use model::simopen::Config;

/// One end of a connection.
pub(super) trait Peer {
    fn standing(&self) -> Standing;
    fn start(&mut self, nonce: u64) -> Vec<Output>;
    /// Whether the writer has a message.
    fn has_next(&self) -> Result<(), Refusal>;
    /// Hands a message to the wire; there is one.
    fn hand_over(&mut self) -> (Parcel, Vec<Output>);
    /// Whether anybody would take a message.
    fn would_hear(&self) -> Result<(), Refusal>;
    fn hear(&mut self, parcel: Parcel) -> Vec<Output>;
    fn hear_the_end(&mut self) -> Vec<Output>;
    fn expire(&mut self) -> Vec<Output>;
    fn drop_it(&mut self);
    fn forge(&mut self, token: Token) -> Outcome;
}

/// How far an end is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    Idle,
    Negotiates,
    /// The layer above has the connection.
    Settled,
    /// The connection is dropped at this end.
    Over,
    /// It is hostile, a reflector or silent.
    Aloof,
}

/// A message, and the number of its flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parcel {
    pub(super) token: Token,
    pub(super) hop: u8,
}

pub(super) type Outcome = Result<Vec<Output>, Refusal>;

/// Two ends, and what is on its way between them.
pub(super) struct Wired<P> {
    config: Config,
    ends: [P; 2],
    /// On the way to each end.
    channels: [VecDeque<Parcel>; 2],
}

impl<P: Peer> Wired<P> {
    /// A connection on which nothing has happened.
    pub(super) fn new(config: &Config, player: impl FnMut(End) -> P) -> Self {
        Self { config: config.clone(), ends: End::BOTH.map(player), channels: [VecDeque::new(), VecDeque::new()] }
    }

    pub(super) fn step(&mut self, action: Action) -> Observation<Output, Refusal> {
        match self.take(action) {
            Ok(outputs) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
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

    fn party(&mut self, end: End) -> &mut P {
        &mut self.ends[end.index()]
    }

    fn is_over(&mut self, end: End) -> bool {
        self.party(end).standing() == Standing::Over
    }

    fn start(&mut self, end: End, Nonce(nonce): Nonce) -> Outcome {
        let party = self.party(end);
        match party.standing() {
            Standing::Idle => Ok(party.start(nonce)),
            Standing::Negotiates | Standing::Settled | Standing::Over | Standing::Aloof => Err(Refusal::NothingToStart),
        }
    }

    fn write(&mut self, end: End) -> Outcome {
        self.party(end).has_next()?;
        let peer = end.other();
        let is_gone = self.is_over(peer);
        if !is_gone && self.channels[peer.index()].len() >= self.config.room(peer) {
            return Err(Refusal::NoRoom);
        }
        let (parcel, outputs) = self.party(end).hand_over();
        if !is_gone {
            self.channels[peer.index()].push_back(parcel);
        }
        self.sweep();
        Ok(outputs)
    }

    fn read(&mut self, end: End) -> Outcome {
        self.party(end).would_hear()?;
        let peer = end.other();
        let (parcel, mut outputs) = if let Some(parcel) = self.channels[end.index()].pop_front() {
            (parcel, Vec::new())
        } else if self.config.room(end) == 0 && self.party(peer).has_next().is_ok() {
            self.party(peer).hand_over()
        } else if self.is_over(peer) && self.party(end).standing() == Standing::Negotiates {
            let outputs = self.party(end).hear_the_end();
            self.sweep();
            return Ok(outputs);
        } else {
            return Err(Refusal::NothingToRead);
        };
        outputs.extend(self.party(end).hear(parcel));
        self.sweep();
        Ok(outputs)
    }

    fn expire(&mut self, end: End) -> Outcome {
        let timed = self.config.timed;
        let party = self.party(end);
        match party.standing() {
            Standing::Idle => return Err(Refusal::NotStarted),
            Standing::Negotiates if timed => {}
            Standing::Negotiates | Standing::Settled | Standing::Over | Standing::Aloof => return Err(Refusal::Over),
        }
        let outputs = party.expire();
        self.sweep();
        Ok(outputs)
    }

    fn close(&mut self, end: End) -> Outcome {
        let party = self.party(end);
        match party.standing() {
            Standing::Idle => return Err(Refusal::NotStarted),
            Standing::Over => return Err(Refusal::Over),
            Standing::Negotiates | Standing::Settled | Standing::Aloof => party.drop_it(),
        }
        self.sweep();
        Ok(vec![Output::Closed(end)])
    }

    fn forge(&mut self, end: End, token: Token) -> Outcome {
        if self.config.end(end).kind != Kind::Hostile {
            return Err(Refusal::NotHostile);
        }
        if self.is_over(end) || self.is_over(end.other()) {
            return Err(Refusal::Over);
        }
        self.party(end).forge(token)
    }

    /// Nobody reads any more what is on its way to an end that has dropped the connection.
    fn sweep(&mut self) {
        for end in End::BOTH {
            if self.is_over(end) {
                self.channels[end.index()].clear();
            }
        }
    }
}
