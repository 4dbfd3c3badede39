//! What an end may do otherwise than handfast's, and the conduct of an end that does some of it.
//! (long because: each way to do it otherwise is read beside the step that it changes)

use core::cmp::Ordering;
use core::fmt::{self, Debug, Formatter};

use handfast_spec::simopen::{Failure, Kind, Name, Nonce, Refusal, Role, Token};
use serde::Serialize;

use crate::simopen::connection::{Channel, Done, InFlight};
use crate::simopen::handfast::{At, Conduct, Stage, State};

/// One way to do it otherwise.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[repr(u8)]
pub enum Flaw {
    /// Nothing is said before the peer's header is heard.
    HeaderFirst,
    /// A dialer does not use the extension.
    NoExtension,
    /// What is pending is written before anything more is read.
    FlushesBeforeReading,
    /// The first write is joined before the peer's offer of the extension is acted on.
    JoinsOnClash,
    /// The first write is joined before a message that has no place there is acted on.
    JoinsOnError,
    /// Any number of messages is skipped until a number comes.
    SkipsAny,
    /// The peer's pipelined proposal is not expected.
    SkipsNothing,
    /// One message is skipped, whatever it is.
    SkipsExactlyOne,
    /// After a tie another number is said, for ever. The model takes the worst one: the same.
    RetriesTies,
    /// The same, three times.
    RetriesThrice,
    /// Who has the equal number takes itself for the responder.
    EqualIsResponder,
    /// The lesser number wins.
    Reversed,
    /// Numbers are compared as signed integers.
    Signed,
    /// Numbers are compared as floating point.
    Floating,
    /// Numbers are compared as the strings that they are on the wire.
    Textual,
    /// The role message is read and not looked at.
    RoleUnchecked,
    /// No role message is said.
    RoleUnsaid,
    /// The role message is said after that of the peer was heard.
    RoleAwaited,
    /// The winner proposes after it has heard the peer's role message.
    ProposesAfterRole,
    /// A dialer proposes after the peer has answered to the extension.
    ProposesAfterAnswer,
    /// What is not a canonical number is taken for the number that is left of it.
    LaxNonce,
    /// Headers may be repeated.
    RepeatedHeaders,
    /// The header may be missing.
    HeaderOptional,
    /// The extension may be offered after it was declined.
    SelectsAfterNa,
    /// The extension may be offered again after the roles were taken.
    RestartsSelection,
    /// A listener accepts the extension as if it were a protocol.
    ListenerAcceptsExtension,
    /// The winner does not propose its first protocol again.
    StartsAtSecond,
    /// The loser answers the pipelined proposal too.
    AnswersSkipped,
    /// The role that is reported is that of a dialer.
    ReportsDirection,
    /// The layer above acts as a client because it dialed.
    UpperByDirection,
    /// With the last message whatever came with it is taken, and dropped.
    OverReads,
    /// The first bytes of the layer above follow the pipelined proposal.
    EarlyPayload,
    /// The extension is offered, and what the peer offers is ignored.
    IgnoresClash,
    /// The extension is called by its first name.
    OldName,
    /// When both offer the extension the connection is closed.
    ClosesOnClash,
    /// When both offer the extension the roles follow from what each end takes for its own and its peer's identity.
    PicksByIdentity,
    /// A writer is left over after a failure and goes on.
    WritesAfterFailure,
    /// After a failure the connection stays open.
    FailsWithoutClosing,
    /// Any number of proposals is declined.
    UnboundedProposals,
    /// That the initiator gave up is reported as an error of the connection.
    EofIsHungUp,
    /// There is no deadline.
    NoDeadline,
    /// A proposal is taken for the acceptance of one's own.
    TakesProposalForEcho,
    /// It is settled as soon as all is heard, although not all is said.
    SettlesUnwritten,
    /// A listener proposes: the role that it was given was lost on the way.
    DialsAsListener,
    /// A dialer listens: the role that it was given was lost on the way.
    ListensAsDialer,
    /// A tie is reported before the number is written.
    TieUnsaid,
    /// What is no name of a protocol is not declined: the negotiation ends.
    HangsUpOnUnknown,
    /// The end of the stream means that nothing is in common, also if nothing was proposed.
    EndIsNothingInCommon,
    /// A write that fails ends the negotiation, whatever was heard.
    WriteFailureIsFinal,
    /// The deadline is set anew whenever something is read or written.
    RestartsDeadline,
    /// The responder reports its first protocol, whatever it accepted.
    ReportsFirst,
    /// What is not supported is accepted.
    AcceptsUnsupported,
    /// The first proposal is declined, also if it is supported.
    DeclinesFirst,
    /// Whatever is not the acceptance of a proposal is taken for its refusal.
    AnyAnswerIsNa,
    /// A dialer sends an urgent byte first, which only a dialer finds in its stream.
    PoisonByte,
    /// The first byte of each end says its role.
    RoleByte,
    /// Whichever role the peer takes is taken for the other one.
    SameRoleAccepted,
}

/// Some of them.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Flaws(u64);

impl Flaws {
    /// None.
    pub const NONE: Self = Self(0);

    /// These.
    pub const fn of(flaws: &[Flaw]) -> Self {
        let mut set = 0;
        let mut index = 0;
        while index < flaws.len() {
            set |= 1 << flaws[index] as u8;
            index += 1;
        }
        Self(set)
    }

    /// Whether this is one of them.
    pub fn has(self, flaw: Flaw) -> bool {
        self.0 & (1 << flaw as u8) != 0
    }
}

impl Debug for Flaws {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "flaws {:#x}", self.0)
    }
}

/// The conduct of an end with flaws.
///
/// It replaces what a flaw changes, which is mostly what becomes of a message that is heard at some stage. Everything
/// else is handfast's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Varied {
    flaws: Flaws,
    /// What it takes for its peer's identity, in designs that compare identities.
    presumed: Nonce,
    /// How often it has said its number, up to 4.
    rounds: u8,
    /// A message that is acted on when the first write is joined.
    held: Option<Token>,
    /// The proposal that was skipped, where it is to be answered.
    skipped: Option<Name>,
    /// Whether the peer's first byte says that it dialed too.
    clashes: bool,
}

/// Up to where flights are counted: some designs never end.
const MOST_FLIGHTS: u8 = 12;

/// How much may be pending before an end stops reading. handfast's never has more; what designs have that never end is
/// bounded here.
const MOST_PENDING: usize = 6;

/// What a listener that accepts the extension as a protocol takes for the protocol.
const NO_PROTOCOL: Name = Name(u8::MAX);

/// Where an end is that has failed and left the connection open: nothing reads or writes there any more, as after a
/// layer above that has done all that it does.
const HALF_OPEN: Stage = Stage::Settled { role: Role::Initiator, sent: true, received: true };

impl Varied {
    pub(super) fn new(flaws: Flaws, presumed: Nonce) -> Self {
        Self { flaws, presumed, rounds: 0, held: None, skipped: None, clashes: false }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaws.has(flaw)
    }

    /// Returns whether it has the first name for the extension.
    fn renames(&self, at: &At<'_>) -> bool {
        at.state.kind == Kind::Simopen && self.has(Flaw::OldName)
    }

    /// Says a message as it is.
    fn put(&self, at: &mut At<'_>, token: Token) {
        at.say(token);
        if let (Some(message), true) = (at.state.outbox.last_mut(), self.flaws != Flaws::NONE) {
            message.flight = message.flight.min(MOST_FLIGHTS);
        }
    }

    /// Acts on a message, by the name that handfast's ends have for it.
    fn act(&mut self, at: &mut At<'_>, token: Token) {
        use Stage::{Confirming, Header, Opening, Proposing, Selecting, Serving};
        match (at.state.stage, token) {
            (_, Token::Garbage) => self.handle(at, token),
            (Header, token) if self.has(Flaw::RoleByte) => self.act_on_first(at, token),
            (Header, token) if token != Token::Header && self.has(Flaw::HeaderOptional) => {
                self.handle(at, Token::Header);
                self.act(at, token);
            }
            (Opening | Proposing { index: 0 } | Serving { fresh: true, .. }, Token::Header)
                if self.has(Flaw::RepeatedHeaders) => {}
            (Opening, Token::Na) if self.has(Flaw::ProposesAfterAnswer) => {
                self.handle(at, token);
                self.propose(at, 0);
            }
            (Opening, Token::Simopen) if self.has(Flaw::IgnoresClash) => {}
            (Opening, Token::Simopen) if self.has(Flaw::ClosesOnClash) => self.fail(at, Failure::Unexpected),
            (Opening, Token::Simopen) if self.has(Flaw::PicksByIdentity) => {
                at.state.stage = Selecting { skipped: false };
            }
            (Opening, Token::Protocol(name)) if self.has(Flaw::TakesProposalForEcho) && name == at.protocols[0] => {
                self.finish(at, Role::Initiator, name);
            }
            (Proposing { index }, token)
                if self.has(Flaw::AnyAnswerIsNa) && token != Token::Protocol(at.protocols[usize::from(index)]) =>
            {
                self.handle(at, Token::Na);
            }
            (Selecting { skipped: false }, _) if self.has(Flaw::SkipsExactlyOne) => {
                at.state.stage = Selecting { skipped: true };
            }
            (Selecting { .. }, _) => self.act_on_number(at, token),
            (Confirming(_) | Proposing { .. } | Serving { .. }, Token::Simopen)
                if self.has(Flaw::RestartsSelection) && self.rounds > 0 =>
            {
                self.select(at);
            }
            (Confirming(role), Token::Role(_)) if self.has(Flaw::SameRoleAccepted) => self.confirm(at, role),
            (Confirming(role), token) if self.has(Flaw::RoleUnchecked) || token == Token::Role(role.opposite()) => {
                self.confirm(at, role);
            }
            (Proposing { .. }, Token::Simopen) if self.has(Flaw::SelectsAfterNa) && at.state.kind == Kind::Simopen => {
                self.select(at);
            }
            (Serving { declined, .. }, Token::Protocol(name))
                if self.has(Flaw::UnboundedProposals) && declined == at.patience && !at.protocols.contains(&name) =>
            {
                self.say(at, Token::Na);
                at.state.stage = Serving { declined, fresh: false };
            }
            (Serving { declined, fresh }, token) => self.act_on_proposal(at, token, declined, fresh),
            // As handfast's.
            _ => self.handle(at, token),
        }
    }

    /// Acts on what comes where a proposal is expected.
    fn act_on_proposal(&mut self, at: &mut At<'_>, token: Token, declined: u8, fresh: bool) {
        match token {
            Token::Simopen if fresh && self.has(Flaw::ListenerAcceptsExtension) => {
                self.say(at, token);
                self.finish(at, Role::Responder, NO_PROTOCOL);
            }
            Token::Simopen if fresh => self.handle(at, token),
            Token::Protocol(name) if self.has(Flaw::AcceptsUnsupported) => {
                self.say(at, token);
                self.finish(at, Role::Responder, name);
            }
            Token::Protocol(_) if self.has(Flaw::DeclinesFirst) && declined == 0 => self.decline(at, declined),
            Token::Protocol(_) => self.handle(at, token),
            // Everything else is no name of a protocol.
            _ if self.has(Flaw::HangsUpOnUnknown) => self.fail(at, Failure::Unexpected),
            // As handfast's.
            _ => self.handle(at, token),
        }
    }

    /// Acts on the peer's first byte, for which the model has the word of a role, and on the header that follows it.
    fn act_on_first(&mut self, at: &mut At<'_>, token: Token) {
        match token {
            Token::Role(role) => self.clashes = role == Role::Initiator,
            Token::Header if at.state.kind == Kind::Simopen && self.clashes => {
                at.state.stage = Stage::Selecting { skipped: false };
            }
            Token::Header if at.state.kind == Kind::Simopen => {
                at.assume(Role::Initiator);
                at.state.stage = Stage::Proposing { index: 0 };
            }
            // As handfast's.
            _ => self.handle(at, token),
        }
    }

    /// Acts on what comes where the peer's number is expected.
    fn act_on_number(&mut self, at: &mut At<'_>, token: Token) {
        match token {
            Token::Select(theirs) => self.weigh(at, theirs),
            Token::BadSelect if self.has(Flaw::LaxNonce) => self.weigh(at, Nonce(0)),
            Token::Protocol(_) if self.has(Flaw::PicksByIdentity) => self.pick(at),
            Token::Protocol(_) if self.has(Flaw::SkipsNothing) => self.fail(at, Failure::Unexpected),
            Token::Protocol(name) => {
                if self.has(Flaw::SkipsAny) {
                    at.state.stage = Stage::Selecting { skipped: false };
                }
                self.skipped = self.has(Flaw::AnswersSkipped).then_some(name);
                self.handle(at, token);
            }
            Token::Header
            | Token::Simopen
            | Token::Word
            | Token::Na
            | Token::BadSelect
            | Token::Role(_)
            | Token::Garbage
            | Token::Payload(_) => self.handle(at, token),
        }
    }

    /// Compares the peer's number, and may take a tie for something else.
    fn weigh(&mut self, at: &mut At<'_>, theirs: Nonce) {
        let is_tie = self.compare(at.state.nonce, theirs) == Ordering::Equal;
        let again = self.has(Flaw::RetriesTies) || self.has(Flaw::RetriesThrice) && self.rounds <= 3;
        let skipped = self.skipped.take();
        if is_tie && self.has(Flaw::EqualIsResponder) {
            self.take(at, Role::Responder);
        } else if is_tie && again {
            self.select(at);
        } else {
            self.decide(at, theirs);
        }
        if let (Stage::Confirming(Role::Responder), Some(name)) = (at.state.stage, skipped) {
            let supported = at.protocols.contains(&name);
            self.say(at, if supported { Token::Protocol(name) } else { Token::Na });
        }
    }

    /// Lets what it takes for the two identities decide, and says nothing about it.
    fn pick(&mut self, at: &mut At<'_>) {
        let wins = at.state.nonce > self.presumed;
        at.assume(if wins { Role::Initiator } else { Role::Responder });
        at.state.stage = Stage::Serving { declined: 0, fresh: false };
        if wins {
            at.state.stage = Stage::Proposing { index: 0 };
            self.propose(at, 0);
        }
    }

    /// Takes it that the peer has taken the other role.
    fn confirm(&mut self, at: &mut At<'_>, role: Role) {
        if self.has(Flaw::RoleAwaited) {
            self.put(at, Token::Role(role));
        }
        self.handle(at, Token::Role(role.opposite()));
        if role == Role::Initiator {
            let first = self.first(at);
            at.state.stage = Stage::Proposing { index: first };
            if self.has(Flaw::ProposesAfterRole) {
                self.propose(at, first);
            }
        }
    }

    /// Returns the index of the proposal that a winner begins with.
    fn first(&self, at: &At<'_>) -> u8 {
        u8::from(self.has(Flaw::StartsAtSecond) && at.protocols.len() > 1)
    }
}

impl Conduct for Varied {
    fn read(&mut self, at: &mut At<'_>, channel: &mut Channel) {
        let message: InFlight = channel.remove(0);
        // The kernel takes an urgent byte out of the stream, unless it was asked to leave it there.
        if message.token == Token::Garbage && at.state.kind == Kind::Listener && self.has(Flaw::PoisonByte) {
            return;
        }
        if self.has(Flaw::RestartsDeadline) {
            at.state.ticks = 0;
        }
        self.receive(at, message);
        let has_heard_all = matches!(at.state.stage, Stage::Settled { .. } | Stage::Finishing { .. });
        if has_heard_all && self.has(Flaw::OverReads) {
            channel.clear();
        }
    }

    fn on_message(&mut self, at: &mut At<'_>, token: Token) {
        let token = match token {
            Token::Simopen if self.renames(at) => Token::Word,
            Token::Word if self.renames(at) => Token::Simopen,
            // Everything else has one name.
            token => token,
        };
        let clash = token == Token::Simopen;
        let joins = if clash { Flaw::JoinsOnClash } else { Flaw::JoinsOnError };
        if at.state.stage == Stage::Opening && self.has(joins) && token != Token::Na && !at.state.outbox.is_empty() {
            self.held = Some(token);
        } else {
            self.act(at, token);
        }
    }

    fn say(&mut self, at: &mut At<'_>, token: Token) {
        let is_dialer = at.state.kind == Kind::Simopen;
        match (at.state.stage, token) {
            (_, Token::Simopen) if self.renames(at) => self.put(at, Token::Word),
            (_, Token::Simopen) if is_dialer && self.has(Flaw::RoleByte) => {}
            (_, Token::Header) if self.has(Flaw::RoleByte) => {
                self.put(at, Token::Role(if is_dialer { Role::Initiator } else { Role::Responder }));
                self.put(at, token);
            }
            (_, Token::Header) if at.state.kind == Kind::Plain && self.has(Flaw::PoisonByte) => {
                self.put(at, Token::Garbage);
                self.put(at, token);
            }
            (_, Token::Select(_)) => {
                self.rounds = self.rounds.saturating_add(1).min(4);
                self.put(at, token);
            }
            (_, Token::Role(_)) if self.has(Flaw::RoleUnsaid) || self.has(Flaw::RoleAwaited) => {}
            (Stage::Header, Token::Protocol(_)) if is_dialer && self.has(Flaw::ProposesAfterAnswer) => {}
            (Stage::Header, Token::Protocol(_)) if is_dialer && self.has(Flaw::EarlyPayload) => {
                self.put(at, token);
                self.put(at, Token::Payload(Role::Initiator));
            }
            (Stage::Selecting { .. }, Token::Protocol(_)) if self.has(Flaw::ProposesAfterRole) => {}
            (Stage::Selecting { .. }, Token::Protocol(_)) => {
                let first = at.protocols[usize::from(self.first(at))];
                self.put(at, Token::Protocol(first));
            }
            // As handfast's.
            _ => self.put(at, token),
        }
    }

    fn compare(&self, ours: Nonce, theirs: Nonce) -> Ordering {
        let (ours, theirs) = (ours.0, theirs.0);
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

    fn tie(&mut self, at: &mut At<'_>) {
        at.state.stage = Stage::Tied;
        if self.has(Flaw::TieUnsaid) {
            return self.fail(at, Failure::Tie);
        }
        self.on_written(at);
    }

    fn on_written(&mut self, at: &mut At<'_>) {
        let has_written = at.state.outbox.is_empty();
        if self.has(Flaw::RestartsDeadline) {
            at.state.ticks = 0;
        }
        match at.state.stage {
            Stage::Tied if has_written => self.fail(at, Failure::Tie),
            Stage::Finishing { role, protocol } if has_written || self.has(Flaw::SettlesUnwritten) => {
                self.settle(at, role, protocol);
            }
            Stage::Opening if has_written => {
                if let Some(token) = self.held.take() {
                    self.act(at, token);
                }
            }
            // It goes on when something is heard.
            _ => {}
        }
    }

    fn on_write_failure(&mut self, at: &mut At<'_>) {
        at.state.broken = true;
        at.state.outbox.clear();
        if self.has(Flaw::WriteFailureIsFinal) {
            return self.fail(at, Failure::HungUp);
        }
        self.on_written(at);
    }

    fn on_end(&mut self, at: &mut At<'_>) {
        let gave_up = match at.state.stage {
            Stage::Serving { declined: 1.., .. } => !self.has(Flaw::EofIsHungUp),
            Stage::Serving { .. } => self.has(Flaw::EndIsNothingInCommon),
            // It waits for something else.
            _ => false,
        };
        self.fail(at, if gave_up { Failure::NothingInCommon } else { Failure::HungUp });
    }

    fn on_deadline(&mut self, at: &mut At<'_>) -> Done {
        if self.has(Flaw::NoDeadline) {
            return Err(Refusal::Over);
        }
        self.fail(at, Failure::Deadline);
        Ok(())
    }

    fn fail(&mut self, at: &mut At<'_>, failure: Failure) {
        let unwritten = core::mem::take(&mut at.state.outbox);
        at.fail(failure);
        if self.has(Flaw::WritesAfterFailure) {
            at.state.outbox = unwritten;
        }
        if self.has(Flaw::FailsWithoutClosing) {
            at.state.stage = HALF_OPEN;
        }
    }

    fn settle(&mut self, at: &mut At<'_>, role: Role, protocol: Name) {
        let reports_first = role == Role::Responder && self.has(Flaw::ReportsFirst);
        let protocol = if reports_first { at.protocols[0] } else { protocol };
        at.settle(if self.has(Flaw::ReportsDirection) { Role::Initiator } else { role }, protocol);
        if let Stage::Settled { role, sent, .. } = &mut at.state.stage {
            *sent |= self.has(Flaw::EarlyPayload);
            if self.has(Flaw::UpperByDirection) {
                *role = Role::Initiator;
            }
        }
    }

    fn has_next(&self, state: &State) -> Done {
        match state.stage {
            Stage::Header if self.has(Flaw::HeaderFirst) => Err(Refusal::NothingToWrite),
            Stage::Over if !state.outbox.is_empty() => Ok(()),
            // As handfast's.
            _ => state.has_next(),
        }
    }

    fn would_read(&self, state: &State) -> Done {
        state.would_read()?;
        let pending = state.outbox.len();
        let waits = match state.stage {
            Stage::Settled { .. } => false,
            Stage::Opening if self.held.is_some() => true,
            // What negotiates.
            _ => {
                pending > 0 && self.has(Flaw::FlushesBeforeReading)
                    || pending > MOST_PENDING && self.flaws != Flaws::NONE
            }
        };
        if waits { Err(Refusal::NothingToRead) } else { Ok(()) }
    }
}
