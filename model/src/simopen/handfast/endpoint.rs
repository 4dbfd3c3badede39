//! One end: where it is, what it has yet to write, and what the connection sees of it.

use handfast_spec::simopen::{End, Failure, Kind, Name, Nonce, Output, Refusal, Role, Token};
use serde::Serialize;
use smallvec::SmallVec;

use super::conduct::{Conduct, Handfast};
use crate::simopen::connection::{Channel, Done, InFlight, Outputs, Peer, Standing, Turn};
use crate::simopen::log::stage;

/// An end that keeps to the protocol.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Endpoint<C = Handfast> {
    pub(in crate::simopen) state: State,
    conduct: C,
}

/// The state of an end.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct State {
    pub(in crate::simopen) kind: Kind,
    pub(in crate::simopen) stage: Stage,
    pub(in crate::simopen) nonce: Nonce,
    /// What is yet to be written, in order.
    pub(in crate::simopen) outbox: SmallVec<[InFlight; 4]>,
    /// How many flights led to what it heard last.
    pub(in crate::simopen) flight: u8,
    /// Whether nothing more that it says is taken.
    pub(in crate::simopen) broken: bool,
    /// How often time has passed since it started.
    pub(in crate::simopen) ticks: u8,
}

/// Where an end is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Stage {
    /// It has not started.
    Idle,
    /// It waits for the peer's header.
    Header,
    /// A dialer with the extension waits for the answer to it.
    Opening,
    /// It says its number and waits for that of the peer.
    Selecting {
        /// Whether it has skipped a proposal.
        skipped: bool,
    },
    /// It has taken a role and waits for the peer to take the other.
    Confirming(Role),
    /// It waits for the answer to a proposal.
    Proposing {
        /// The index of the protocol.
        index: u8,
    },
    /// It waits for a proposal.
    Serving {
        /// How many it has declined.
        declined: u8,
        /// Whether the extension may still be offered: to a listener, as the first thing after the header.
        fresh: bool,
    },
    /// It has heard a number that equals its own, which is yet to be written.
    Tied,
    /// It has heard all, and has to write yet.
    Finishing {
        /// Its role.
        role: Role,
        /// The protocol.
        protocol: Name,
    },
    /// The layer above has the connection.
    Settled {
        /// In which role it acts.
        role: Role,
        /// Whether it has sent its first bytes.
        sent: bool,
        /// Whether it has received its peer's.
        received: bool,
    },
    /// The connection is dropped at this end.
    Over,
}

impl State {
    /// Returns whether the writer has a message. SIM-15: the layer above has one when its end has settled.
    pub fn has_next(&self) -> Done {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            // Wherever else the end is, what is pending is written.
            _ if !self.outbox.is_empty() => Ok(()),
            Stage::Settled { .. } if self.broken => Err(Refusal::NothingToWrite),
            // The client's upper layer speaks first, as those of TLS and Noise do.
            Stage::Settled { role, sent: false, received } if role == Role::Initiator || received => Ok(()),
            Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. }
            | Stage::Tied
            | Stage::Finishing { .. }
            | Stage::Settled { .. } => Err(Refusal::NothingToWrite),
        }
    }

    /// Returns whether the negotiation, or the layer above it, would take a message. SIM-28: that layer would until it has
    /// its peer's.
    pub fn would_read(&self) -> Done {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Tied | Stage::Finishing { .. } => Err(Refusal::HeardEnough),
            Stage::Settled { received: true, .. } => Err(Refusal::NothingToRead),
            Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. }
            | Stage::Settled { .. } => Ok(()),
        }
    }
}

/// One end at work.
pub struct At<'a> {
    pub(in crate::simopen) end: End,
    pub(in crate::simopen) protocols: &'a [Name],
    pub(in crate::simopen) patience: u8,
    pub(in crate::simopen) state: &'a mut State,
    pub(in crate::simopen) outputs: &'a mut Outputs,
}

impl At<'_> {
    /// Appends a message to what is yet to be written, unless nothing is taken any more.
    pub fn say(&mut self, token: Token) {
        let flight = self.state.flight.saturating_add(1);
        if !self.state.broken {
            self.state.outbox.push(InFlight { token, flight });
        }
    }

    /// SIM-10: a role is taken once.
    pub fn assume(&mut self, role: Role) {
        self.outputs.push(Output::Assumed(self.end, role));
    }

    /// SIM-16: the connection is dropped together with all that was not written. SIM-26: so the peer hears of it.
    pub fn fail(&mut self, failure: Failure) {
        self.outputs.push(Output::Failed(self.end, failure));
        self.state.stage = Stage::Over;
        self.state.outbox.clear();
    }

    /// SIM-17: the layer above acts in the role that was negotiated. That of a lazy dialer has sent already.
    pub fn settle(&mut self, role: Role, protocol: Name) {
        let flights = self.state.flight;
        self.outputs.push(Output::Settled { end: self.end, role, protocol, flights });
        let sent = self.state.kind == Kind::Lazy && self.protocols.last() == Some(&protocol);
        self.state.stage = Stage::Settled { role, sent, received: false };
    }
}

impl Endpoint {
    /// Returns an end of handfast's that has not started.
    pub fn new(kind: Kind) -> Self {
        Self::with_conduct(kind, Handfast)
    }
}

impl<C> Endpoint<C> {
    /// Returns an end that has not started.
    pub fn with_conduct(kind: Kind, conduct: C) -> Self {
        let (nonce, outbox) = (Nonce::default(), SmallVec::new());
        Self { state: State { kind, stage: Stage::Idle, nonce, outbox, flight: 0, broken: false, ticks: 0 }, conduct }
    }

    fn at<'a>(&'a mut self, turn: &'a mut Turn<'_>) -> (&'a mut C, At<'a>) {
        let Turn { end, protocols, patience, ref mut outputs, .. } = *turn;
        (&mut self.conduct, At { end, protocols, patience, state: &mut self.state, outputs })
    }
}

impl<C: Conduct> Peer for Endpoint<C> {
    fn standing(&self) -> Standing {
        match self.state.stage {
            Stage::Idle => Standing::Idle,
            Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. }
            | Stage::Tied
            | Stage::Finishing { .. } => Standing::Negotiates,
            Stage::Settled { .. } => Standing::Open,
            Stage::Over => Standing::Dropped,
        }
    }

    fn start(&mut self, turn: &mut Turn<'_>, nonce: Nonce) {
        turn.outputs.push(Output::Started(turn.end, nonce));
        let (conduct, mut at) = self.at(turn);
        conduct.start(&mut at, nonce);
    }

    fn has_next(&self) -> Done {
        self.conduct.has_next(&self.state)
    }

    fn hand_over(&mut self, turn: &mut Turn<'_>) -> InFlight {
        let State { stage, outbox, flight, .. } = &mut self.state;
        if outbox.is_empty() {
            let Stage::Settled { role, sent, .. } = stage else {
                unreachable!("only an upper layer writes what is not pending")
            };
            *sent = true;
            turn.outputs.push(Output::Sent(turn.end, *role));
            return InFlight { token: Token::Payload(*role), flight: flight.saturating_add(1) };
        }
        let message = outbox.remove(0);
        turn.outputs.push(match message.token {
            Token::Payload(role) => Output::Sent(turn.end, role),
            // Every other message is of the negotiation.
            token => Output::Said(turn.end, token),
        });
        let (conduct, mut at) = self.at(turn);
        conduct.on_written(&mut at);
        message
    }

    fn would_read(&self) -> Done {
        self.conduct.would_read(&self.state)
    }

    fn read(&mut self, turn: &mut Turn<'_>, channel: &mut Channel) {
        if let Stage::Settled { received, .. } = &mut self.state.stage {
            *received = true;
            turn.outputs.push(Output::Received(turn.end, channel.remove(0).token));
            return;
        }
        let (conduct, mut at) = self.at(turn);
        conduct.read(&mut at, channel);
    }

    fn on_end(&mut self, turn: &mut Turn<'_>) {
        let (conduct, mut at) = self.at(turn);
        conduct.on_end(&mut at);
    }

    fn write_failed(&mut self, turn: &mut Turn<'_>) {
        turn.outputs.push(Output::Broken(turn.end));
        let (conduct, mut at) = self.at(turn);
        conduct.on_write_failure(&mut at);
    }

    /// SIM-43: nothing that the end does moves its clock.
    fn tick(&mut self, turn: &mut Turn<'_>) -> Done {
        if self.state.ticks >= turn.ticks {
            return Err(Refusal::Due);
        }
        self.state.ticks += 1;
        turn.outputs.push(Output::Ticked(turn.end));
        Ok(())
    }

    fn expire(&mut self, turn: &mut Turn<'_>) -> Done {
        if self.state.ticks < turn.ticks {
            return Err(Refusal::Early);
        }
        let (conduct, mut at) = self.at(turn);
        conduct.on_deadline(&mut at)
    }

    fn close(&mut self) {
        self.state.stage = Stage::Over;
        self.state.outbox.clear();
    }

    fn in_words(&self, protocols: &[Name]) -> String {
        stage(self.state.stage, protocols)
    }

    fn pending(&self) -> &[InFlight] {
        &self.state.outbox
    }
}
