//! What an end makes of what it hears.

use core::cmp::Ordering;

use handfast_spec::simopen::{Failure, Kind, Name, Nonce, Output, Role, Token};

use super::endpoint::{At, Stage};
use super::flaw::Flaw;

impl At<'_> {
    pub(super) fn hear(&mut self, token: Token) {
        self.outputs.push(Output::Heard(self.end, token));
        let clash = token == self.extension();
        let holds =
            if clash { self.has(Flaw::JoinsOnClash) } else { self.has(Flaw::JoinsOnError) && token != Token::Na };
        if self.party.stage == Stage::Opening && holds && !self.party.outbox.is_empty() {
            self.party.stage = Stage::Joining(token);
            return;
        }
        self.judge(token);
    }

    pub(super) fn judge(&mut self, token: Token) {
        // SIM-18: no message has such a frame.
        if token == Token::Garbage {
            return self.fail(Failure::Malformed);
        }
        let again = token == self.extension();
        match self.party.stage {
            Stage::Header => self.hear_header(token),
            Stage::Opening => self.hear_answer_to_extension(token),
            Stage::Selecting { skipped, proposal } => self.hear_number(token, skipped, proposal),
            Stage::Confirming(_) | Stage::Proposing { .. } | Stage::Serving { .. }
                if again && self.has(Flaw::RestartsSelection) && self.party.rounds > 0 =>
            {
                self.select();
            }
            Stage::Confirming(role) => self.hear_role(token, role),
            Stage::Proposing { index } => self.hear_answer(token, index),
            Stage::Serving { declined, fresh } => self.hear_proposal(token, declined, fresh),
            Stage::Idle
            | Stage::Finishing { .. }
            | Stage::Settled { .. }
            | Stage::Joining(_)
            | Stage::Mute
            | Stage::Over
            | Stage::Aloof => unreachable!("nothing is heard there"),
        }
    }

    fn hear_header(&mut self, token: Token) {
        let is_missing = token != Token::Header;
        if is_missing && !self.has(Flaw::HeaderOptional) {
            return self.fail(Failure::NotMultistream);
        }
        self.party.stage = match self.behaves() {
            Kind::Simopen => Stage::Opening,
            Kind::Listener => Stage::Serving { declined: 0, fresh: true },
            Kind::Plain | Kind::Lazy => Stage::Proposing { index: 0 },
            Kind::Hostile | Kind::Reflector | Kind::Silent => Stage::Aloof,
        };
        if is_missing {
            self.judge(token);
        }
    }

    fn hear_answer_to_extension(&mut self, token: Token) {
        match token {
            Token::Header if self.has(Flaw::RepeatedHeaders) => {}
            Token::Na => {
                self.assume(Role::Initiator);
                self.party.stage = Stage::Proposing { index: 0 };
                if self.has(Flaw::ProposesAfterAnswer) {
                    self.propose(0);
                }
            }
            // Whatever the extension is called.
            token if token == self.extension() => self.hear_clash(),
            Token::Protocol(name) if self.has(Flaw::TakesProposalForEcho) && name == self.config.protocols[0] => {
                self.finish(Role::Initiator, name);
            }
            // SIM-7: the peer dialed too, and will not decide who is who.
            Token::Protocol(_) => self.fail(Failure::PlainDialer),
            Token::Header
            | Token::Simopen
            | Token::Iamclient
            | Token::Select(_)
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.fail(Failure::Unexpected),
        }
    }

    /// Both offer the extension.
    fn hear_clash(&mut self) {
        if self.has(Flaw::IgnoresClash) {
            return;
        }
        if self.has(Flaw::ClosesOnClash) {
            return self.fail(Failure::Unexpected);
        }
        if self.has(Flaw::PicksByIdentity) {
            self.party.stage = Stage::Selecting { skipped: 0, proposal: None };
            return;
        }
        self.select();
    }

    fn select(&mut self) {
        self.party.rounds = self.party.rounds.saturating_add(1).min(4);
        self.say(Token::Select(self.party.nonce));
        self.party.stage = Stage::Selecting { skipped: 0, proposal: None };
    }

    fn hear_number(&mut self, token: Token, skipped: u8, proposal: Option<Name>) {
        if self.has(Flaw::SkipsExactlyOne) && skipped == 0 {
            self.party.stage = Stage::Selecting { skipped: 1, proposal: None };
            return;
        }
        let most = if self.has(Flaw::SkipsNothing) { 0 } else { 1 };
        match token {
            Token::Select(theirs) => self.decide(theirs, proposal),
            Token::BadSelect if self.has(Flaw::LaxNonce) => self.decide(Nonce(0), proposal),
            Token::BadSelect => self.fail(Failure::BadNonce),
            Token::Protocol(_) if self.has(Flaw::PicksByIdentity) => self.pick(),
            Token::Protocol(name) if skipped < most || self.has(Flaw::SkipsAny) => {
                self.party.stage = Stage::Selecting { skipped: 1, proposal: Some(name) };
            }
            Token::Header
            | Token::Simopen
            | Token::Iamclient
            | Token::Na
            | Token::Protocol(_)
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.fail(Failure::Unexpected),
        }
    }

    /// What each end takes for the two identities decides, and nothing is said about it.
    fn pick(&mut self) {
        let wins = self.party.nonce > self.config.presumed;
        self.assume(if wins { Role::Initiator } else { Role::Responder });
        self.party.stage = Stage::Serving { declined: 0, fresh: false };
        if wins {
            self.party.stage = Stage::Proposing { index: 0 };
            self.propose(0);
        }
    }

    /// SIM-5: the greater number wins. SIM-6: equal numbers settle nothing.
    fn decide(&mut self, theirs: Nonce, proposal: Option<Name>) {
        let role = match self.compare(theirs) {
            Ordering::Less => Role::Responder,
            Ordering::Greater => Role::Initiator,
            Ordering::Equal if self.has(Flaw::EqualIsResponder) => Role::Responder,
            Ordering::Equal
                if self.has(Flaw::RetriesTies) || self.has(Flaw::RetriesThrice) && self.party.rounds <= 3 =>
            {
                return self.select();
            }
            // SIM-21: and nothing more is said.
            Ordering::Equal => return self.fail(Failure::Tie),
        };
        self.take(role);
        if let (Some(name), Role::Responder, true) = (proposal, role, self.has(Flaw::AnswersSkipped)) {
            let supported = self.config.protocols.contains(&name);
            self.say(if supported { Token::Protocol(name) } else { Token::Na });
        }
    }

    fn compare(&self, theirs: Nonce) -> Ordering {
        let (ours, theirs) = (self.party.nonce.0, theirs.0);
        if self.has(Flaw::Reversed) {
            theirs.cmp(&ours)
        } else if self.has(Flaw::Signed) {
            ours.cast_signed().cmp(&theirs.cast_signed())
        } else if self.has(Flaw::Floating) {
            (ours as f64).total_cmp(&(theirs as f64))
        } else if self.has(Flaw::Textual) {
            ours.to_string().cmp(&theirs.to_string())
        } else {
            ours.cmp(&theirs)
        }
    }

    /// SIM-20: the winner says its role and its first proposal together.
    fn take(&mut self, role: Role) {
        self.assume(role);
        if !self.has(Flaw::RoleUnsaid) && !self.has(Flaw::RoleAwaited) {
            self.say(Token::Role(role));
        }
        if role == Role::Initiator && !self.has(Flaw::ProposesAfterRole) {
            self.propose(self.first());
        }
        self.party.stage = Stage::Confirming(role);
    }

    /// The proposal that the winner begins with: it was ignored when it was pipelined, and counts now.
    fn first(&self) -> u8 {
        u8::from(self.has(Flaw::StartsAtSecond) && self.config.protocols.len() > 1)
    }

    /// SIM-1, SIM-2: the peer must take the other role.
    fn hear_role(&mut self, token: Token, role: Role) {
        match token {
            // A mutant takes anything for it.
            token if token == Token::Role(role.opposite()) || self.has(Flaw::RoleUnchecked) => {
                if self.has(Flaw::RoleAwaited) {
                    self.say(Token::Role(role));
                }
                if role == Role::Initiator && self.has(Flaw::ProposesAfterRole) {
                    self.propose(self.first());
                }
                self.party.stage = match role {
                    Role::Initiator => Stage::Proposing { index: self.first() },
                    Role::Responder => Stage::Serving { declined: 0, fresh: false },
                };
            }
            Token::Role(_) => self.fail(Failure::SameRole),
            Token::Header
            | Token::Simopen
            | Token::Iamclient
            | Token::Na
            | Token::Protocol(_)
            | Token::Select(_)
            | Token::BadSelect
            | Token::Garbage
            | Token::Payload(_) => self.fail(Failure::Unexpected),
        }
    }

    /// SIM-4: proposals are made in order. SIM-11: an answer is the last proof.
    fn hear_answer(&mut self, token: Token, index: u8) {
        match token {
            Token::Protocol(name) if name == self.config.protocols[usize::from(index)] => {
                self.finish(Role::Initiator, name);
            }
            Token::Na if usize::from(index) + 1 == self.config.protocols.len() => self.fail(Failure::NothingInCommon),
            Token::Na => {
                self.party.stage = Stage::Proposing { index: index + 1 };
                self.propose(index + 1);
            }
            Token::Header if index == 0 && self.has(Flaw::RepeatedHeaders) => {}
            Token::Simopen if self.has(Flaw::SelectsAfterNa) && self.config.kind == Kind::Simopen => self.select(),
            Token::Header
            | Token::Simopen
            | Token::Iamclient
            | Token::Protocol(_)
            | Token::Select(_)
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.fail(Failure::Unexpected),
        }
    }

    /// SIM-3: what is accepted is supported. SIM-8, SIM-9: and not everything is answered.
    fn hear_proposal(&mut self, token: Token, declined: u8, fresh: bool) {
        match token {
            Token::Protocol(name) if self.config.protocols.contains(&name) => {
                self.say(token);
                self.finish(Role::Responder, name);
            }
            Token::Protocol(_) if declined == self.patience && !self.has(Flaw::UnboundedProposals) => {
                self.fail(Failure::TooManyProposals);
            }
            Token::Protocol(_) => {
                self.say(Token::Na);
                let declined = declined.saturating_add(1).min(self.patience);
                self.party.stage = Stage::Serving { declined, fresh: false };
            }
            Token::Simopen if fresh && self.has(Flaw::ListenerAcceptsExtension) => {
                self.say(token);
                self.finish(Role::Responder, NO_PROTOCOL);
            }
            Token::Simopen if fresh => {
                self.say(Token::Na);
                self.party.stage = Stage::Serving { declined, fresh: false };
            }
            Token::Header if fresh && self.has(Flaw::RepeatedHeaders) => {}
            Token::Header
            | Token::Simopen
            | Token::Iamclient
            | Token::Na
            | Token::Select(_)
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.fail(Failure::Unexpected),
        }
    }
}

/// What a listener that accepts the extension as a protocol takes for the protocol.
const NO_PROTOCOL: Name = Name(u8::MAX);
