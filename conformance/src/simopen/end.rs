//! One end: the product's negotiation with the layer above it, or somebody who keeps to no protocol.

use std::collections::VecDeque;

use handfast::simopen::core::{Negotiation, Settled};
use handfast_spec::simopen::{End, Kind, Output, Refusal, Role, Token};
use model::simopen::EndConfig;

use super::convert;
use super::wire::{Outcome, Parcel, Peer, Standing};

/// One end.
pub(super) struct Endpoint {
    end: End,
    config: EndConfig,
    patience: u8,
    stage: Stage,
    /// What is yet to be written.
    outbox: VecDeque<Parcel>,
    /// How many of these are the negotiation's: all but what a lazy dialer adds.
    known: usize,
    /// How many flights led to what it heard last.
    hop: u8,
    role: Option<Role>,
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
    /// It is hostile, a reflector or silent.
    Aloof,
}

impl Endpoint {
    pub(super) fn new(end: End, config: &EndConfig, patience: u8) -> Self {
        let stage = if config.kind.is_honest() { Stage::Idle } else { Stage::Aloof };
        let (config, outbox) = (config.clone(), VecDeque::new());
        Self { end, config, patience, stage, outbox, known: 0, hop: 0, role: None }
    }

    fn negotiate(&mut self, call: fn(&mut Negotiation)) -> Vec<Output> {
        let mut outputs = Vec::new();
        if let Stage::Negotiates(negotiation) = &mut self.stage {
            call(negotiation);
            self.told(&mut outputs);
        }
        outputs
    }

    /// What the negotiation has come to since it was last looked at.
    fn told(&mut self, outputs: &mut Vec<Output>) {
        let Stage::Negotiates(negotiation) = &self.stage else { return };
        if let (None, Some(role)) = (self.role, negotiation.role()) {
            let role = convert::role(role);
            self.role = Some(role);
            outputs.push(Output::Assumed(self.end, role));
        }
        let outcome = negotiation.outcome().cloned();
        let said = convert::pending(negotiation.pending());
        if let Some(Err(failure)) = outcome {
            outputs.push(Output::Failed(self.end, convert::failure(&failure)));
            return self.drop_it();
        }
        let last = self.config.protocols.last().copied();
        for &(token, _) in said.iter().skip(self.known) {
            let hop = self.hop.saturating_add(1);
            self.outbox.push_back(Parcel { token, hop });
            if self.config.kind == Kind::Lazy && last.map(Token::Protocol) == Some(token) {
                self.outbox.push_back(Parcel { token: Token::Payload(Role::Initiator), hop });
            }
        }
        self.known = said.len();
        // A lazy dialer has written all when it has written its bet too.
        if let (Some(Ok(Settled { role, protocol })), true) = (outcome, self.outbox.is_empty()) {
            let (role, protocol) = (convert::role(role), convert::name(&protocol));
            outputs.push(Output::Settled { end: self.end, role, protocol, flights: self.hop });
            let sent = self.config.kind == Kind::Lazy && last == Some(protocol);
            self.stage = Stage::Settled { role, sent, received: false };
        }
    }
}

impl Peer for Endpoint {
    fn standing(&self) -> Standing {
        match self.stage {
            Stage::Idle => Standing::Idle,
            Stage::Negotiates(_) => Standing::Negotiates,
            Stage::Settled { .. } => Standing::Settled,
            Stage::Over => Standing::Over,
            Stage::Aloof => Standing::Aloof,
        }
    }

    fn start(&mut self, nonce: u64) -> Vec<Output> {
        let protocols: Vec<_> = self.config.protocols.iter().copied().map(convert::protocol).collect();
        let negotiation = match self.config.kind {
            Kind::Simopen => Negotiation::dial(protocols, nonce),
            Kind::Plain | Kind::Lazy => Negotiation::propose(protocols),
            Kind::Listener | Kind::Hostile | Kind::Reflector | Kind::Silent => Negotiation::accept(protocols),
        };
        self.stage = Stage::Negotiates(Box::new(negotiation.with_proposal_limit(self.patience.into())));
        let mut outputs = vec![Output::Started(self.end, handfast_spec::simopen::Nonce(nonce))];
        self.told(&mut outputs);
        outputs
    }

    fn has_next(&self) -> Result<(), Refusal> {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            _ if !self.outbox.is_empty() => Ok(()),
            Stage::Settled { role, sent: false, received } if role == Role::Initiator || received => Ok(()),
            Stage::Negotiates(_) | Stage::Settled { .. } | Stage::Aloof => Err(Refusal::NothingToWrite),
        }
    }

    fn hand_over(&mut self) -> (Parcel, Vec<Output>) {
        let Some(parcel) = self.outbox.pop_front() else {
            let role = match &mut self.stage {
                Stage::Settled { role, sent, .. } => {
                    *sent = true;
                    *role
                }
                Stage::Idle | Stage::Negotiates(_) | Stage::Over | Stage::Aloof => {
                    unreachable!("only an upper layer writes what is not pending")
                }
            };
            let parcel = Parcel { token: Token::Payload(role), hop: self.hop.saturating_add(1) };
            return (parcel, vec![Output::Sent(self.end, role)]);
        };
        let is_honest = self.config.kind.is_honest();
        let mut outputs = vec![match parcel.token {
            Token::Payload(role) if is_honest => Output::Sent(self.end, role),
            Token::Payload(_)
            | Token::Header
            | Token::Simopen
            | Token::Iamclient
            | Token::Na
            | Token::Protocol(_)
            | Token::Select(_)
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage => Output::Said(self.end, parcel.token),
        }];
        if let Stage::Negotiates(negotiation) = &mut self.stage {
            if self.known > 0 {
                negotiation.written(convert::bytes(parcel.token).len());
                self.known -= 1;
            }
            self.told(&mut outputs);
        }
        (parcel, outputs)
    }

    fn would_hear(&self) -> Result<(), Refusal> {
        match &self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Negotiates(negotiation) if !negotiation.wants_input() => Err(Refusal::HeardEnough),
            Stage::Settled { received: true, .. } => Err(Refusal::NothingToRead),
            Stage::Aloof => match self.config.kind {
                Kind::Silent => Err(Refusal::NothingToRead),
                Kind::Reflector if !self.outbox.is_empty() => Err(Refusal::Waits),
                Kind::Reflector | Kind::Hostile => Ok(()),
                Kind::Simopen | Kind::Plain | Kind::Lazy | Kind::Listener => Err(Refusal::NotStarted),
            },
            Stage::Negotiates(_) | Stage::Settled { .. } => Ok(()),
        }
    }

    fn hear(&mut self, Parcel { token, hop }: Parcel) -> Vec<Output> {
        match &mut self.stage {
            Stage::Settled { received, .. } => {
                *received = true;
                vec![Output::Received(self.end, token)]
            }
            Stage::Aloof => {
                if self.config.kind == Kind::Reflector {
                    self.outbox.push_back(Parcel { token, hop: hop.saturating_add(1) });
                }
                vec![Output::Heard(self.end, token)]
            }
            Stage::Negotiates(negotiation) => {
                self.hop = hop;
                negotiation.received(&convert::bytes(token));
                let mut outputs = vec![Output::Heard(self.end, token)];
                self.told(&mut outputs);
                outputs
            }
            Stage::Idle | Stage::Over => Vec::new(),
        }
    }

    fn hear_the_end(&mut self) -> Vec<Output> {
        self.negotiate(Negotiation::hung_up)
    }

    fn expire(&mut self) -> Vec<Output> {
        self.negotiate(Negotiation::deadline_passed)
    }

    fn drop_it(&mut self) {
        self.stage = Stage::Over;
        self.outbox.clear();
        self.known = 0;
    }

    fn forge(&mut self, token: Token) -> Outcome {
        if !self.outbox.is_empty() {
            return Err(Refusal::NoRoom);
        }
        self.outbox.push_back(Parcel { token, hop: 0 });
        Ok(Vec::new())
    }
}
