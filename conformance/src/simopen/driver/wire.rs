//! The connection of the model, written a second time: what the drivers are walked on.
//!
//! It is kept as a control, and shares with [`model::simopen::Connection`] the interface of an end alone. A mistake in that
//! connection would be on both sides where the negotiation is walked on it; here the two would differ.

use handfast_spec::Observation;
use handfast_spec::simopen::{Action, End, Kind, Nonce, Output, Refusal, Token};
use model::simopen::{Channel, Config, Done, InFlight, Outputs, Peer, Standing, Turn};

/// Two ends, and what is on its way between them.
pub(super) struct Wire {
    config: Config,
    ends: [Box<dyn Peer>; 2],
    /// What hostile ends have made up.
    forged: [Option<Token>; 2],
    /// On the way to each end.
    channels: [Channel; 2],
}

impl Wire {
    /// Returns a connection on which nothing has happened.
    pub(super) fn new(config: &Config, mut driver: impl FnMut(End) -> Box<dyn Peer>) -> Self {
        let end = |end: End| match config.end(end).kind {
            kind if kind.is_honest() => driver(end),
            // Every other kind.
            kind => Box::new(Stranger { kind, repeats: None, is_gone: false }),
        };
        Self { config: config.clone(), ends: End::BOTH.map(end), forged: [None; 2], channels: Default::default() }
    }

    pub(super) fn step(&mut self, action: Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        let taken = match action {
            Action::Start { end, nonce } => self.start(end, nonce, &mut outputs),
            Action::Write { end } => self.write(end, &mut outputs),
            Action::Read { end } => self.read(end, &mut outputs),
            Action::Break { end } => self.break_off(end, &mut outputs),
            Action::Tick { end } => self.pass(end, &mut outputs, |peer, turn| peer.tick(turn)),
            Action::Expire { end } => self.pass(end, &mut outputs, |peer, turn| peer.expire(turn)),
            Action::Close { end } => self.close(end, &mut outputs),
            Action::Forge { end, token } => self.forge(end, token),
        };
        // Nothing reads any more what is on its way to an end that has dropped the connection.
        for end in End::BOTH {
            if self.is_gone(end) {
                self.channels[end.index()].clear();
            }
        }
        match taken {
            Ok(()) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }

    fn standing(&self, end: End) -> Standing {
        self.ends[end.index()].standing()
    }

    fn is_gone(&self, end: End) -> bool {
        self.standing(end) == Standing::Dropped
    }

    /// Calls an end, which is given what is on its way to it.
    fn call<T>(
        &mut self,
        end: End,
        outputs: &mut Outputs,
        call: impl FnOnce(&mut dyn Peer, &mut Turn<'_>, &mut Channel) -> T,
    ) -> T {
        let Config { patience, ticks, .. } = self.config;
        let mut turn = Turn { end, protocols: &self.config.end(end).protocols, patience, ticks, outputs };
        call(self.ends[end.index()].as_mut(), &mut turn, &mut self.channels[end.index()])
    }

    fn start(&mut self, end: End, nonce: Nonce, outputs: &mut Outputs) -> Done {
        match self.standing(end) {
            Standing::Idle => {
                self.call(end, outputs, |peer, turn, _| peer.start(turn, nonce));
                Ok(())
            }
            Standing::Negotiates | Standing::Open | Standing::Dropped => Err(Refusal::NothingToStart),
        }
    }

    fn has_next(&self, end: End) -> Done {
        match self.forged[end.index()] {
            Some(_) => Ok(()),
            None => self.ends[end.index()].has_next(),
        }
    }

    fn hand_over(&mut self, end: End, outputs: &mut Outputs) -> InFlight {
        match self.forged[end.index()].take() {
            Some(token) => {
                outputs.push(Output::Said(end, token));
                InFlight { token, flight: 0 }
            }
            None => self.call(end, outputs, |peer, turn, _| peer.hand_over(turn)),
        }
    }

    fn write(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.has_next(end)?;
        let reader = end.peer();
        let is_gone = self.is_gone(reader);
        if !is_gone && self.channels[reader.index()].len() >= self.config.room(reader) {
            return Err(Refusal::NoRoom);
        }
        let message = self.hand_over(end, outputs);
        if !is_gone {
            self.channels[reader.index()].push(message);
        }
        Ok(())
    }

    fn read(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.ends[end.index()].would_read()?;
        let writer = end.peer();
        if self.channels[end.index()].is_empty() {
            if self.config.room(end) == 0 && self.has_next(writer).is_ok() {
                let message = self.hand_over(writer, outputs);
                self.channels[end.index()].push(message);
            } else if self.is_gone(writer) && self.standing(end) == Standing::Negotiates {
                self.call(end, outputs, |peer, turn, _| peer.on_end(turn));
                return Ok(());
            } else {
                return Err(Refusal::NothingToRead);
            }
        }
        self.call(end, outputs, |peer, turn, channel| peer.read(turn, channel));
        Ok(())
    }

    /// An end that has something to say, and that no end which is to read it hears any more, learns of it.
    fn break_off(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.has_next(end)?;
        let is_hostile = self.config.end(end.peer()).kind == Kind::Hostile;
        let is_deaf = self.is_gone(end.peer()) || is_hostile && self.config.deafens;
        if !is_deaf || self.standing(end) != Standing::Negotiates {
            return Err(Refusal::Whole);
        }
        self.call(end, outputs, |peer, turn, _| peer.write_failed(turn));
        Ok(())
    }

    fn pass(
        &mut self,
        end: End,
        outputs: &mut Outputs,
        pass: impl FnOnce(&mut dyn Peer, &mut Turn<'_>) -> Done,
    ) -> Done {
        match self.standing(end) {
            Standing::Idle => Err(Refusal::NotStarted),
            Standing::Negotiates if self.config.timed => self.call(end, outputs, |peer, turn, _| pass(peer, turn)),
            Standing::Negotiates | Standing::Open | Standing::Dropped => Err(Refusal::Over),
        }
    }

    fn close(&mut self, end: End, outputs: &mut Outputs) -> Done {
        match self.standing(end) {
            Standing::Idle => return Err(Refusal::NotStarted),
            Standing::Dropped => return Err(Refusal::Over),
            Standing::Negotiates | Standing::Open => {}
        }
        self.ends[end.index()].close();
        self.forged[end.index()] = None;
        outputs.push(Output::Closed(end));
        Ok(())
    }

    fn forge(&mut self, end: End, token: Token) -> Done {
        if self.config.end(end).kind != Kind::Hostile {
            return Err(Refusal::NotHostile);
        }
        if self.is_gone(end) || self.is_gone(end.peer()) {
            return Err(Refusal::Over);
        }
        let forged = &mut self.forged[end.index()];
        if forged.is_some() {
            return Err(Refusal::NoRoom);
        }
        *forged = Some(token);
        Ok(())
    }
}

/// An end that keeps to no protocol.
struct Stranger {
    kind: Kind,
    /// What a reflector has heard and not said.
    repeats: Option<InFlight>,
    is_gone: bool,
}

impl Peer for Stranger {
    fn standing(&self) -> Standing {
        if self.is_gone { Standing::Dropped } else { Standing::Open }
    }

    fn start(&mut self, _: &mut Turn<'_>, _: Nonce) {}

    fn has_next(&self) -> Done {
        match self.repeats {
            Some(_) => Ok(()),
            None if self.is_gone => Err(Refusal::Over),
            None => Err(Refusal::NothingToWrite),
        }
    }

    fn hand_over(&mut self, turn: &mut Turn<'_>) -> InFlight {
        let message = self.repeats.take().expect("it has something to repeat");
        turn.outputs.push(Output::Said(turn.end, message.token));
        message
    }

    fn would_read(&self) -> Done {
        if self.is_gone {
            Err(Refusal::Over)
        } else if self.kind == Kind::Silent || self.repeats.is_some() {
            Err(Refusal::NothingToRead)
        } else {
            Ok(())
        }
    }

    fn read(&mut self, turn: &mut Turn<'_>, channel: &mut Channel) {
        let InFlight { token, flight } = channel.remove(0);
        turn.outputs.push(Output::Heard(turn.end, token));
        if self.kind == Kind::Reflector {
            self.repeats = Some(InFlight { token, flight: flight.saturating_add(1) });
        }
    }

    fn on_end(&mut self, _: &mut Turn<'_>) {}

    fn write_failed(&mut self, _: &mut Turn<'_>) {}

    fn tick(&mut self, _: &mut Turn<'_>) -> Done {
        Err(Refusal::Over)
    }

    fn expire(&mut self, _: &mut Turn<'_>) -> Done {
        Err(Refusal::Over)
    }

    fn close(&mut self) {
        (self.repeats, self.is_gone) = (None, true);
    }
}
