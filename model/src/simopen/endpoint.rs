//! One end: where it is, what it has yet to write, and what it does with what it hears.

use handfast_spec::simopen::{End, Failure, Kind, Name, Nonce, Output, Role, Token};
use serde::Serialize;
use smallvec::SmallVec;

use super::config::EndConfig;
use super::flaw::{Flaw, Flaws};

/// What an end is told in one step.
pub(super) type Outputs = Vec<Output>;

/// One end.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Endpoint {
    pub(super) stage: Stage,
    pub(super) nonce: Nonce,
    /// What is yet to be written, in order.
    pub(super) outbox: SmallVec<[InFlight; 4]>,
    /// How many flights led to what it heard last.
    pub(super) flight: u8,
    /// How often it has begun again: only mutants do.
    pub(super) rounds: u8,
}

/// A message, and the number of its flight.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub(super) struct InFlight {
    pub(super) token: Token,
    pub(super) flight: u8,
}

/// Where an end is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) enum Stage {
    /// It has not started.
    #[default]
    Idle,
    /// It waits for the peer's header.
    Header,
    /// A dialer with the extension waits for the answer to it.
    Opening,
    /// It has said its number and waits for that of the peer.
    Selecting {
        /// How many messages it has skipped.
        skipped: u8,
        /// The proposal among them, which only a mutant looks at.
        proposal: Option<Name>,
    },
    /// It has taken a role and waits for the peer to take the other.
    Confirming(Role),
    /// It waits for the answer to the proposal with this index.
    Proposing { index: u8 },
    /// It waits for a proposal.
    Serving {
        /// How many it has declined.
        declined: u8,
        /// Whether the extension may still be offered: to a listener, as the first thing after the header.
        fresh: bool,
    },
    /// It has heard all, and has to write yet.
    Finishing { role: Role, protocol: Name },
    /// The layer above has the connection.
    Settled {
        /// In which role it acts.
        acts: Role,
        /// Whether it has sent its first bytes.
        sent: bool,
        /// Whether it has received its peer's.
        received: bool,
    },
    /// A mutant holds a message until its writes are done.
    Joining(Token),
    /// A mutant has failed and left the connection open.
    Mute,
    /// The connection is dropped at this end.
    Over,
    /// The end is hostile, a reflector or silent.
    Aloof,
}

/// Up to where the flights of a mutant are counted: some never end.
const MOST_FLIGHTS: u8 = 12;

/// One end at work.
pub(super) struct At<'a> {
    pub(super) end: End,
    pub(super) config: &'a EndConfig,
    pub(super) patience: u8,
    pub(super) party: &'a mut Endpoint,
    pub(super) outputs: &'a mut Outputs,
}

impl At<'_> {
    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.config.flaws.has(flaw)
    }

    /// How the end behaves, which is not what it is for if its role was lost on the way.
    pub(super) fn behaves(&self) -> Kind {
        match self.config.kind {
            Kind::Simopen if self.has(Flaw::NoExtension) => Kind::Plain,
            Kind::Listener if self.has(Flaw::DialsAsListener) => Kind::Plain,
            Kind::Plain if self.has(Flaw::ListensAsDialer) => Kind::Listener,
            // As what it is for.
            kind => kind,
        }
    }

    pub(super) fn start(&mut self, nonce: Nonce) {
        self.party.stage = Stage::Header;
        self.outputs.push(Output::Started(self.end, nonce));
        self.say(Token::Header);
        match self.behaves() {
            Kind::Simopen => {
                self.party.nonce = nonce;
                self.say(self.extension());
                if !self.has(Flaw::ProposesAfterAnswer) {
                    self.propose(0);
                }
                if self.has(Flaw::EarlyPayload) {
                    self.say(Token::Payload(Role::Initiator));
                }
            }
            Kind::Plain | Kind::Lazy => {
                self.assume(Role::Initiator);
                self.propose(0);
            }
            Kind::Listener => self.assume(Role::Responder),
            Kind::Hostile | Kind::Reflector | Kind::Silent => unreachable!("they have nothing to start"),
        }
    }

    pub(super) fn extension(&self) -> Token {
        if self.has(Flaw::OldName) { Token::Iamclient } else { Token::Simopen }
    }

    pub(super) fn say(&mut self, token: Token) {
        let most = if self.config.flaws == Flaws::NONE { u8::MAX } else { MOST_FLIGHTS };
        let flight = self.party.flight.saturating_add(1).min(most);
        self.party.outbox.push(InFlight { token, flight });
    }

    pub(super) fn propose(&mut self, index: u8) {
        let protocols = &self.config.protocols;
        let name = protocols[usize::from(index)];
        let is_last = usize::from(index) + 1 == protocols.len();
        self.say(Token::Protocol(name));
        if self.config.kind == Kind::Lazy && is_last {
            self.say(Token::Payload(Role::Initiator));
        }
    }

    /// SIM-10: a role is taken once.
    pub(super) fn assume(&mut self, role: Role) {
        self.outputs.push(Output::Assumed(self.end, role));
    }

    /// SIM-16: the connection is dropped together with all that was not written. SIM-26: so the peer hears of it.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.outputs.push(Output::Failed(self.end, failure));
        self.party.stage = if self.has(Flaw::FailsWithoutClosing) { Stage::Mute } else { Stage::Over };
        if !self.has(Flaw::WritesAfterFailure) {
            self.party.outbox.clear();
        }
    }

    /// SIM-12: it is settled when all is said.
    pub(super) fn finish(&mut self, role: Role, protocol: Name) {
        if !self.party.outbox.is_empty() && !self.has(Flaw::SettlesUnwritten) {
            self.party.stage = Stage::Finishing { role, protocol };
            return;
        }
        let reported = if self.has(Flaw::ReportsDirection) { Role::Initiator } else { role };
        let flights = self.party.flight;
        self.outputs.push(Output::Settled { end: self.end, role: reported, protocol, flights });
        // SIM-17: the layer above is told its role, and looks at nothing else. A lazy dialer's has sent already.
        let acts = if self.has(Flaw::UpperByDirection) { Role::Initiator } else { reported };
        let bet = self.config.kind == Kind::Lazy && self.config.protocols.last() == Some(&protocol);
        let sent = bet || self.has(Flaw::EarlyPayload);
        self.party.stage = Stage::Settled { acts, sent, received: false };
    }

    /// The writer has handed over a message.
    pub(super) fn wrote(&mut self) {
        if !self.party.outbox.is_empty() {
            return;
        }
        match self.party.stage {
            Stage::Finishing { role, protocol } => self.finish(role, protocol),
            Stage::Joining(token) => {
                self.party.stage = Stage::Opening;
                self.judge(token);
            }
            Stage::Idle
            | Stage::Header
            | Stage::Opening
            | Stage::Selecting { .. }
            | Stage::Confirming(_)
            | Stage::Proposing { .. }
            | Stage::Serving { .. }
            | Stage::Settled { .. }
            | Stage::Mute
            | Stage::Over
            | Stage::Aloof => {}
        }
    }

    /// There will be no more messages.
    pub(super) fn hear_the_end(&mut self) {
        // Who proposes goes when it has nothing more to propose: SIM-22.
        let gave_up = matches!(self.party.stage, Stage::Serving { .. }) && !self.has(Flaw::EofIsHungUp);
        self.fail(if gave_up { Failure::NothingInCommon } else { Failure::HungUp });
    }
}
