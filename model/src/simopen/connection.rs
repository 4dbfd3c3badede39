//! The connection: two ends, and what is on its way between them.
//! (long because: both directions and both ends are read together)
//!
//! It is written once for every [`Peer`]: the model's [`Endpoint`], its variants, and the product's negotiation in
//! the crate `conformance`. Ends that keep to no protocol are [`Scripted`].

use core::fmt::{self, Debug, Formatter};
use core::hash::Hash;

use handfast_spec::simopen::{
    Action, End, EndpointConfig, History, Kind, Name, Nonce, Output, Pair, Refusal, Simopen, Token,
};
use handfast_spec::{Machine, Observation, Recorded};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smallvec::SmallVec;

use super::handfast::Endpoint;
use crate::checker::design::{Design, Flow};

/// A connection and its ends, as the header of a log has them too.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// The left end.
    pub left: EndConfig,
    /// The right end.
    pub right: EndConfig,
    /// How many messages fit on the way to the left end, and on the way to the right one. With 0, a message is handed
    /// over when both ends are there.
    pub capacity: [u8; 2],
    /// How many proposals an end declines before it gives up on its peer.
    pub patience: u8,
    /// Whether ends have a deadline.
    pub timed: bool,
    /// How often time passes at an end before its deadline does. With 0, a deadline passes at any moment.
    #[serde(default)]
    pub ticks: u8,
    /// Whether a hostile end may stop taking what is written, while what it said is still on its way.
    #[serde(default)]
    pub deafens: bool,
}

/// One end.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct EndConfig {
    /// What it does with the connection.
    pub kind: Kind,
    /// The protocols that it supports, the preferred one first.
    pub protocols: SmallVec<[Name; 4]>,
}

impl EndConfig {
    /// Returns the configuration of an end.
    pub fn new(kind: Kind, protocols: &[Name]) -> Self {
        Self { kind, protocols: protocols.into() }
    }
}

impl Config {
    /// Returns the configuration of an end.
    pub fn end(&self, end: End) -> &EndConfig {
        match end {
            End::Left => &self.left,
            End::Right => &self.right,
        }
    }

    /// Returns how many messages fit on the way to an end.
    pub fn room(&self, end: End) -> usize {
        usize::from(self.capacity[end.index()])
    }

    /// Returns the ends as the history has them.
    pub fn pair(&self) -> Pair {
        let endpoint = |end: &EndConfig| EndpointConfig { kind: end.kind, protocols: end.protocols.to_vec() };
        let Self { patience, timed, ticks, .. } = *self;
        Pair { left: endpoint(&self.left), right: endpoint(&self.right), patience, timed, ticks }
    }
}

/// A message, and the number of its flight.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct InFlight {
    /// The message.
    pub token: Token,
    /// How many messages, each sent because of the one before it, led to this one.
    pub flight: u8,
}

/// Messages on their way in one direction.
pub type Channel = SmallVec<[InFlight; 4]>;

/// What participants are told in one step.
pub type Outputs = Vec<Output>;

/// Whether something can be done, or why not.
pub type Done = Result<(), Refusal>;

/// What the connection asks of an end.
pub trait Peer {
    /// Returns how far the end is.
    fn standing(&self) -> Standing;

    /// Begins to negotiate.
    fn start(&mut self, turn: &mut Turn<'_>, nonce: Nonce);

    /// Returns whether the writer has a message.
    fn has_next(&self) -> Done;

    /// Takes the next message out of the writer's hands. There is one.
    fn hand_over(&mut self, turn: &mut Turn<'_>) -> InFlight;

    /// Returns whether the end would take a message.
    fn would_read(&self) -> Done;

    /// Takes a message from the channel to this end, which has one.
    fn read(&mut self, turn: &mut Turn<'_>, channel: &mut Channel);

    /// Learns that there will be no more messages.
    fn on_end(&mut self, turn: &mut Turn<'_>);

    /// Learns that nothing more that it says is taken. It has something to say.
    fn write_failed(&mut self, turn: &mut Turn<'_>);

    /// Lets time pass, if some is left before the deadline.
    fn tick(&mut self, turn: &mut Turn<'_>) -> Done;

    /// Lets the deadline pass, if no time is left before it.
    fn expire(&mut self, turn: &mut Turn<'_>) -> Done;

    /// Drops the connection.
    fn close(&mut self);

    /// Returns how far it is, in words. `protocols` are those that it supports.
    fn in_words(&self, _protocols: &[Name]) -> String {
        match self.standing() {
            Standing::Idle => "has not started",
            Standing::Negotiates => "negotiates",
            Standing::Open => "has the connection",
            Standing::Dropped => "has dropped the connection",
        }
        .to_owned()
    }

    /// Returns what it has yet to write, as far as that is known.
    fn pending(&self) -> &[InFlight] {
        &[]
    }
}

/// How far an end is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It has not started.
    Idle,
    /// It negotiates.
    Negotiates,
    /// It no longer negotiates, or never does, and holds the connection.
    Open,
    /// It has dropped the connection.
    Dropped,
}

/// What an end is given when it is its turn.
pub struct Turn<'a> {
    /// Which end it is.
    pub end: End,
    /// The protocols that it supports.
    pub protocols: &'a [Name],
    /// How many proposals it declines.
    pub patience: u8,
    /// How often time passes before its deadline does.
    pub ticks: u8,
    /// Where it puts what participants are told.
    pub outputs: &'a mut Outputs,
}

/// What is at an end of a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Participant<P> {
    /// It keeps to some version of the protocol.
    Honest(P),
    /// It does not.
    Scripted(Scripted),
}

/// A connection with its two ends.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Connection<P = Endpoint> {
    pub(super) config: Config,
    pub(super) left: Participant<P>,
    pub(super) right: Participant<P>,
    pub(super) to_left: Channel,
    pub(super) to_right: Channel,
}

impl Connection {
    /// Returns a connection between handfast's ends, on which nothing has happened.
    pub fn new(config: Config) -> Self {
        Self::between(config, |_, kind| Endpoint::new(kind))
    }
}

impl<P: Peer + 'static> Connection<P> {
    /// Returns a connection on which nothing has happened. `honest` makes its ends that keep to the protocol.
    pub fn between(config: Config, honest: impl Fn(End, Kind) -> P) -> Self {
        let participant = |end| {
            let kind = config.end(end).kind;
            if kind.is_honest() {
                Participant::Honest(honest(end, kind))
            } else {
                Participant::Scripted(Scripted { kind, outbox: None, dropped: false })
            }
        };
        let (left, right) = (participant(End::Left), participant(End::Right));
        Self { config, left, right, to_left: Channel::new(), to_right: Channel::new() }
    }

    /// Adds an empty history.
    pub fn with_history(self) -> Recorded<Self> {
        let history = History::between(self.config.pair());
        Recorded { machine: self, history }
    }

    /// Returns what is at its ends, and what it holds.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn participant(&self, end: End) -> &Participant<P> {
        match end {
            End::Left => &self.left,
            End::Right => &self.right,
        }
    }

    pub(super) fn peer(&self, end: End) -> &dyn Peer {
        match self.participant(end) {
            Participant::Honest(peer) => peer,
            Participant::Scripted(scripted) => scripted,
        }
    }

    /// Returns an end, what it is given for its turn, and what is on its way to it.
    fn at<'a>(&'a mut self, end: End, outputs: &'a mut Outputs) -> (&'a mut dyn Peer, Turn<'a>, &'a mut Channel) {
        let Self { config, left, right, to_left, to_right } = self;
        let (participant, channel) = match end {
            End::Left => (left, to_left),
            End::Right => (right, to_right),
        };
        let peer: &mut dyn Peer = match participant {
            Participant::Honest(peer) => peer,
            Participant::Scripted(scripted) => scripted,
        };
        let Config { patience, ticks, .. } = *config;
        (peer, Turn { end, protocols: &config.end(end).protocols, patience, ticks, outputs }, channel)
    }

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

    fn stands(&self, end: End, standing: Standing) -> bool {
        self.peer(end).standing() == standing
    }

    fn attempt(&mut self, action: Action, outputs: &mut Outputs) -> Done {
        match action {
            Action::Start { end, nonce } => self.start(end, nonce, outputs),
            Action::Write { end } => self.write(end, outputs),
            Action::Read { end } => self.read(end, outputs),
            Action::Break { end } => self.refuse_writes(end, outputs),
            Action::Tick { end } => self.pass(end, outputs, |peer, turn| peer.tick(turn)),
            Action::Expire { end } => self.pass(end, outputs, |peer, turn| peer.expire(turn)),
            Action::Close { end } => self.close(end, outputs),
            Action::Forge { end, token } => self.forge(end, token),
        }?;
        self.sweep();
        Ok(())
    }

    fn start(&mut self, end: End, nonce: Nonce, outputs: &mut Outputs) -> Done {
        if !self.stands(end, Standing::Idle) {
            return Err(Refusal::NothingToStart);
        }
        let (peer, mut turn, _) = self.at(end, outputs);
        peer.start(&mut turn, nonce);
        Ok(())
    }

    fn write(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.peer(end).has_next()?;
        let reader = end.peer();
        let is_gone = self.stands(reader, Standing::Dropped);
        if !is_gone && self.channel(reader).len() >= self.config.room(reader) {
            return Err(Refusal::NoRoom);
        }
        let message = self.hand_over(end, outputs);
        // What is written to an end that is gone is lost. Its kernel says so later, if at all: see `refuse_writes`.
        if !is_gone {
            self.channel_mut(reader).push(message);
        }
        Ok(())
    }

    /// The connection takes nothing more from an end that has something to say. An end that keeps to the protocol reads
    /// as long as it holds the connection.
    fn refuse_writes(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.peer(end).has_next()?;
        let is_deaf = self.config.deafens && self.config.end(end.peer()).kind == Kind::Hostile;
        let reads = !self.stands(end.peer(), Standing::Dropped) && !is_deaf;
        if reads || !self.stands(end, Standing::Negotiates) {
            return Err(Refusal::Whole);
        }
        let (peer, mut turn, _) = self.at(end, outputs);
        peer.write_failed(&mut turn);
        Ok(())
    }

    fn hand_over(&mut self, end: End, outputs: &mut Outputs) -> InFlight {
        let (peer, mut turn, _) = self.at(end, outputs);
        peer.hand_over(&mut turn)
    }

    fn read(&mut self, end: End, outputs: &mut Outputs) -> Done {
        self.peer(end).would_read()?;
        let writer = end.peer();
        if self.channel(end).is_empty() {
            if self.config.room(end) == 0 && self.peer(writer).has_next().is_ok() {
                let message = self.hand_over(writer, outputs);
                self.channel_mut(end).push(message);
            } else if self.stands(writer, Standing::Dropped) && self.stands(end, Standing::Negotiates) {
                let (peer, mut turn, _) = self.at(end, outputs);
                peer.on_end(&mut turn);
                return Ok(());
            } else {
                return Err(Refusal::NothingToRead);
            }
        }
        let (peer, mut turn, channel) = self.at(end, outputs);
        peer.read(&mut turn, channel);
        Ok(())
    }

    /// SIM-27: a clock does not ask what its end waits for.
    fn pass(
        &mut self,
        end: End,
        outputs: &mut Outputs,
        pass: impl FnOnce(&mut dyn Peer, &mut Turn<'_>) -> Done,
    ) -> Done {
        match self.peer(end).standing() {
            Standing::Idle => Err(Refusal::NotStarted),
            Standing::Negotiates if self.config.timed => {
                let (peer, mut turn, _) = self.at(end, outputs);
                pass(peer, &mut turn)
            }
            Standing::Negotiates | Standing::Open | Standing::Dropped => Err(Refusal::Over),
        }
    }

    fn close(&mut self, end: End, outputs: &mut Outputs) -> Done {
        match self.peer(end).standing() {
            Standing::Idle => return Err(Refusal::NotStarted),
            Standing::Dropped => return Err(Refusal::Over),
            Standing::Negotiates | Standing::Open => {}
        }
        outputs.push(Output::Closed(end));
        self.at(end, outputs).0.close();
        Ok(())
    }

    fn forge(&mut self, end: End, token: Token) -> Done {
        let is_gone = self.stands(end.peer(), Standing::Dropped);
        let participant = match end {
            End::Left => &mut self.left,
            End::Right => &mut self.right,
        };
        match participant {
            Participant::Scripted(Scripted { kind: Kind::Hostile, dropped: true, .. }) => Err(Refusal::Over),
            Participant::Scripted(Scripted { kind: Kind::Hostile, .. }) if is_gone => Err(Refusal::Over),
            Participant::Scripted(Scripted { kind: Kind::Hostile, outbox: Some(_), .. }) => Err(Refusal::NoRoom),
            Participant::Scripted(Scripted { kind: Kind::Hostile, outbox, .. }) => {
                *outbox = Some(InFlight { token, flight: 0 });
                Ok(())
            }
            Participant::Honest(_) | Participant::Scripted(_) => Err(Refusal::NotHostile),
        }
    }

    /// Clears the channels to ends that have dropped the connection: nothing reads them any more.
    fn sweep(&mut self) {
        for end in End::BOTH {
            if self.stands(end, Standing::Dropped) {
                self.channel_mut(end).clear();
            }
        }
    }
}

impl<P: Peer + 'static> Machine for Connection<P> {
    type Protocol = Simopen;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Outputs::new();
        match self.attempt(*action, &mut outputs) {
            Ok(()) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}

impl<P> Design for Connection<P>
where
    P: Peer + Clone + Debug + Eq + Hash + Serialize + Send + Sync + 'static,
{
    /// SIM-23: no end that keeps to the protocol waits.
    fn at_rest(&self) -> bool {
        !End::BOTH.into_iter().any(|end| self.stands(end, Standing::Negotiates))
    }

    fn header(&self) -> Value {
        serde_json::to_value(&self.config).expect("a configuration is plain data")
    }

    fn in_words(&self) -> Vec<String> {
        self.described()
    }

    fn waits(&self) -> Vec<String> {
        self.waiting()
    }

    fn lanes(&self) -> Vec<String> {
        Self::drawn_lanes()
    }

    fn flow(&self, action: &Action) -> Flow {
        self.drawn(*action)
    }
}

/// What is shown in Stateright's Explorer.
impl<P: Peer + 'static> Debug for Connection<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.described().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// An end that keeps to no protocol: it is hostile, a reflector or silent.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Scripted {
    kind: Kind,
    /// What it has made up, or is to repeat.
    outbox: Option<InFlight>,
    /// Whether it has dropped the connection.
    dropped: bool,
}

impl Peer for Scripted {
    fn pending(&self) -> &[InFlight] {
        self.outbox.as_slice()
    }

    fn standing(&self) -> Standing {
        if self.dropped { Standing::Dropped } else { Standing::Open }
    }

    fn start(&mut self, _: &mut Turn<'_>, _: Nonce) {
        unreachable!("it has nothing to start")
    }

    fn has_next(&self) -> Done {
        match self.outbox {
            Some(_) => Ok(()),
            None if self.dropped => Err(Refusal::Over),
            None => Err(Refusal::NothingToWrite),
        }
    }

    fn hand_over(&mut self, turn: &mut Turn<'_>) -> InFlight {
        let message = self.outbox.take().expect("it has a message");
        turn.outputs.push(Output::Said(turn.end, message.token));
        message
    }

    fn would_read(&self) -> Done {
        let would = match self.kind {
            Kind::Hostile => true,
            Kind::Reflector => self.outbox.is_none(),
            Kind::Silent | Kind::Simopen | Kind::Plain | Kind::Lazy | Kind::Listener => false,
        };
        if self.dropped {
            Err(Refusal::Over)
        } else if would {
            Ok(())
        } else {
            Err(Refusal::NothingToRead)
        }
    }

    fn read(&mut self, turn: &mut Turn<'_>, channel: &mut Channel) {
        let InFlight { token, flight } = channel.remove(0);
        turn.outputs.push(Output::Heard(turn.end, token));
        if self.kind == Kind::Reflector {
            self.outbox = Some(InFlight { token, flight: flight.saturating_add(1) });
        }
    }

    fn on_end(&mut self, _: &mut Turn<'_>) {
        unreachable!("it does not negotiate")
    }

    fn write_failed(&mut self, _: &mut Turn<'_>) {
        unreachable!("it does not negotiate")
    }

    fn tick(&mut self, _: &mut Turn<'_>) -> Done {
        unreachable!("it does not negotiate")
    }

    fn expire(&mut self, _: &mut Turn<'_>) -> Done {
        unreachable!("it does not negotiate")
    }

    fn close(&mut self) {
        (self.outbox, self.dropped) = (None, true);
    }
}
