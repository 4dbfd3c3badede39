//! What an end does when it starts, reads, has written, and when its deadline passes.

use core::cmp::Ordering;

use handfast_spec::simopen::{Failure, Kind, Name, Nonce, Output, Role, Token};
use serde::Serialize;

use super::endpoint::{At, Stage, State};
use crate::simopen::connection::{Channel, Done, InFlight};

/// The conduct of an end. What is written here is handfast's; [variants](crate::simopen::Varied) replace some of it.
pub trait Conduct {
    /// Begins to negotiate. SIM-19: a dialer says header, extension and its first proposal without waiting for anything.
    fn start(&mut self, at: &mut At<'_>, nonce: Nonce) {
        at.state.stage = Stage::Header;
        self.say(at, Token::Header);
        match at.state.kind {
            Kind::Simopen => {
                at.state.nonce = nonce;
                self.say(at, Token::Simopen);
                self.propose(at, 0);
            }
            Kind::Plain | Kind::Lazy => {
                at.assume(Role::Initiator);
                self.propose(at, 0);
            }
            Kind::Listener => at.assume(Role::Responder),
            Kind::Hostile | Kind::Reflector | Kind::Silent => unreachable!("they have nothing to start"),
        }
    }

    /// SIM-14: one message is taken, and what follows is left in the channel.
    fn read(&mut self, at: &mut At<'_>, channel: &mut Channel) {
        self.receive(at, channel.remove(0));
    }

    /// Takes note of a message, and acts on it.
    fn receive(&mut self, at: &mut At<'_>, InFlight { token, flight }: InFlight) {
        at.state.flight = flight;
        at.outputs.push(Output::Heard(at.end, token));
        self.on_message(at, token);
    }

    /// Acts on a message.
    fn on_message(&mut self, at: &mut At<'_>, token: Token) {
        self.handle(at, token);
    }

    /// Acts on a message as handfast's end does.
    fn handle(&mut self, at: &mut At<'_>, token: Token) {
        // SIM-18: these bytes are no frame.
        if token == Token::Garbage {
            return self.fail(at, Failure::Malformed);
        }
        match at.state.stage {
            Stage::Header => self.on_header(at, token),
            Stage::Opening => self.on_answer_to_extension(at, token),
            Stage::Selecting { skipped } => self.on_number(at, token, skipped),
            Stage::Confirming(role) => self.on_role(at, token, role),
            Stage::Proposing { index } => self.on_answer(at, token, index),
            Stage::Serving { declined, fresh } => self.on_proposal(at, token, declined, fresh),
            Stage::Idle | Stage::Tied | Stage::Finishing { .. } | Stage::Settled { .. } | Stage::Over => {
                unreachable!("nothing is heard there")
            }
        }
    }

    /// Acts on the peer's first message, which must be the header.
    fn on_header(&mut self, at: &mut At<'_>, token: Token) {
        if token != Token::Header {
            return self.fail(at, Failure::NotMultistream);
        }
        at.state.stage = match at.state.kind {
            Kind::Simopen => Stage::Opening,
            Kind::Plain | Kind::Lazy => Stage::Proposing { index: 0 },
            Kind::Listener => Stage::Serving { declined: 0, fresh: true },
            Kind::Hostile | Kind::Reflector | Kind::Silent => unreachable!("they do not negotiate"),
        };
    }

    /// Acts on the answer to the extension: the peer listens, dialed with it too, or dialed without it. SIM-29: a listener
    /// that declines it answers the proposal next.
    fn on_answer_to_extension(&mut self, at: &mut At<'_>, token: Token) {
        match token {
            Token::Na => {
                at.assume(Role::Initiator);
                at.state.stage = Stage::Proposing { index: 0 };
            }
            Token::Simopen => self.select(at),
            // SIM-7: the peer dialed too, and will not decide which end is which.
            Token::Protocol(_) => self.fail(at, Failure::PlainDialer),
            Token::Header
            | Token::Word
            | Token::Select(_)
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.fail(at, Failure::Unexpected),
        }
    }

    /// Says its number, and waits for that of the peer.
    fn select(&mut self, at: &mut At<'_>) {
        let nonce = at.state.nonce;
        self.say(at, Token::Select(nonce));
        at.state.stage = Stage::Selecting { skipped: false };
    }

    /// Acts on the peer's number. SIM-25: the proposal that its peer pipelined may come before it.
    fn on_number(&mut self, at: &mut At<'_>, token: Token, skipped: bool) {
        match token {
            Token::Select(theirs) => self.decide(at, theirs),
            Token::BadSelect => self.fail(at, Failure::BadNonce),
            Token::Protocol(_) if !skipped => at.state.stage = Stage::Selecting { skipped: true },
            Token::Header
            | Token::Simopen
            | Token::Word
            | Token::Na
            | Token::Protocol(_)
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.fail(at, Failure::Unexpected),
        }
    }

    /// SIM-5: the greater number wins. SIM-6: equal numbers settle nothing. SIM-21: the own number is the last word.
    fn decide(&mut self, at: &mut At<'_>, theirs: Nonce) {
        match self.compare(at.state.nonce, theirs) {
            Ordering::Less => self.take(at, Role::Responder),
            Ordering::Equal => self.tie(at),
            Ordering::Greater => self.take(at, Role::Initiator),
        }
    }

    /// SIM-6: the peer is to hear this end's number, so that it knows of the tie too. SIM-13: a reflection repeats it.
    fn tie(&mut self, at: &mut At<'_>) {
        at.state.stage = Stage::Tied;
        self.on_written(at);
    }

    /// Compares this end's number with that of the peer.
    fn compare(&self, ours: Nonce, theirs: Nonce) -> Ordering {
        ours.cmp(&theirs)
    }

    /// SIM-20: the winner says its role and its first proposal together. That was ignored when it was pipelined, and
    /// counts now.
    fn take(&mut self, at: &mut At<'_>, role: Role) {
        at.assume(role);
        self.say(at, Token::Role(role));
        if role == Role::Initiator {
            self.propose(at, 0);
        }
        at.state.stage = Stage::Confirming(role);
    }

    /// SIM-1, SIM-2: the peer must take the other role.
    fn on_role(&mut self, at: &mut At<'_>, token: Token, role: Role) {
        match token {
            Token::Role(theirs) if theirs == role => self.fail(at, Failure::SameRole),
            Token::Role(_) => {
                at.state.stage = match role {
                    Role::Initiator => Stage::Proposing { index: 0 },
                    Role::Responder => Stage::Serving { declined: 0, fresh: false },
                };
            }
            Token::Header
            | Token::Simopen
            | Token::Word
            | Token::Na
            | Token::Protocol(_)
            | Token::Select(_)
            | Token::BadSelect
            | Token::Garbage
            | Token::Payload(_) => self.fail(at, Failure::Unexpected),
        }
    }

    /// Proposes the protocol with an index. A lazy dialer sends the payload of its last one with it.
    fn propose(&mut self, at: &mut At<'_>, index: u8) {
        let protocols = at.protocols;
        self.say(at, Token::Protocol(protocols[usize::from(index)]));
        if at.state.kind == Kind::Lazy && usize::from(index) + 1 == protocols.len() {
            self.say(at, Token::Payload(Role::Initiator));
        }
    }

    /// SIM-4: proposals are made in order. SIM-11: an answer is the last proof.
    fn on_answer(&mut self, at: &mut At<'_>, token: Token, index: u8) {
        match token {
            Token::Protocol(name) if name == at.protocols[usize::from(index)] => {
                self.finish(at, Role::Initiator, name);
            }
            Token::Na if usize::from(index) + 1 == at.protocols.len() => self.fail(at, Failure::NothingInCommon),
            Token::Na => {
                at.state.stage = Stage::Proposing { index: index + 1 };
                self.propose(at, index + 1);
            }
            Token::Header
            | Token::Simopen
            | Token::Word
            | Token::Protocol(_)
            | Token::Select(_)
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.fail(at, Failure::Unexpected),
        }
    }

    /// SIM-3: what is accepted is supported. SIM-42: everything else is declined, as go-multistream does. SIM-8, SIM-9:
    /// and not everything is answered.
    fn on_proposal(&mut self, at: &mut At<'_>, token: Token, declined: u8, fresh: bool) {
        match token {
            Token::Protocol(name) if at.protocols.contains(&name) => {
                self.say(at, token);
                self.finish(at, Role::Responder, name);
            }
            Token::Simopen if fresh => {
                self.say(at, Token::Na);
                at.state.stage = Stage::Serving { declined, fresh: false };
            }
            Token::Header
            | Token::Simopen
            | Token::Word
            | Token::Na
            | Token::Protocol(_)
            | Token::Select(_)
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.decline(at, declined),
        }
    }

    /// Declines something, unless that was too often.
    fn decline(&mut self, at: &mut At<'_>, declined: u8) {
        if declined == at.patience {
            return self.fail(at, Failure::TooManyProposals);
        }
        self.say(at, Token::Na);
        at.state.stage = Stage::Serving { declined: declined + 1, fresh: false };
    }

    /// SIM-12: it is settled when all is said.
    fn finish(&mut self, at: &mut At<'_>, role: Role, protocol: Name) {
        at.state.stage = Stage::Finishing { role, protocol };
        self.on_written(at);
    }

    /// Goes on when the connection has taken a message.
    fn on_written(&mut self, at: &mut At<'_>) {
        match (at.state.stage, at.state.outbox.is_empty()) {
            (Stage::Finishing { role, protocol }, true) => self.settle(at, role, protocol),
            (Stage::Tied, true) => self.fail(at, Failure::Tie),
            // It goes on when it hears something.
            _ => {}
        }
    }

    /// SIM-45: what was heard decides, and what is still on its way. SIM-46: a peer that said all and closed is heard.
    fn on_write_failure(&mut self, at: &mut At<'_>) {
        at.state.broken = true;
        at.state.outbox.clear();
        self.on_written(at);
    }

    /// SIM-22: an initiator goes when it has nothing more to propose. SIM-44: it has proposed something before.
    fn on_end(&mut self, at: &mut At<'_>) {
        let gave_up = matches!(at.state.stage, Stage::Serving { declined: 1.., .. });
        self.fail(at, if gave_up { Failure::NothingInCommon } else { Failure::HungUp });
    }

    /// Gives up at the deadline.
    fn on_deadline(&mut self, at: &mut At<'_>) -> Done {
        self.fail(at, Failure::Deadline);
        Ok(())
    }

    /// Says a message.
    fn say(&mut self, at: &mut At<'_>, token: Token) {
        at.say(token);
    }

    /// Fails.
    fn fail(&mut self, at: &mut At<'_>, failure: Failure) {
        at.fail(failure);
    }

    /// Reports role and protocol, and leaves the connection to the layer above.
    fn settle(&mut self, at: &mut At<'_>, role: Role, protocol: Name) {
        at.settle(role, protocol);
    }

    /// Returns whether the writer has a message and may part with it.
    fn has_next(&self, state: &State) -> Done {
        state.has_next()
    }

    /// Returns whether the reader would take a message. SIM-23, SIM-24: it never waits for the
    /// writer.
    fn would_read(&self, state: &State) -> Done {
        state.would_read()
    }
}

/// The conduct of handfast's own ends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Handfast;

impl Conduct for Handfast {}
