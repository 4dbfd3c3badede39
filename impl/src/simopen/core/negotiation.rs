//! One end's negotiation, as far as it is.

use std::sync::Arc;

use super::{Decoder, Failure, Message, Protocol, Role};

/// What was agreed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Settled {
    /// This end's role.
    pub role: Role,
    /// The protocol.
    pub protocol: Protocol,
}

/// One end of a negotiation.
///
/// Reading and writing go on side by side and never wait for each other: its driver writes what is
/// [pending](Self::pending) as far as the connection takes it, and hands in what the connection gives, until there is
/// an [outcome](Self::outcome). It begins with something pending.
///
/// ```
/// use handfast::simopen::core::{Negotiation, Protocol, Role};
///
/// let protocols = [Protocol::new("/noise")?];
/// let mut ends = [Negotiation::dial(protocols.clone(), 7), Negotiation::dial(protocols, 9)];
/// while ends.iter().any(|end| end.outcome().is_none()) {
///     for (from, to) in [(0, 1), (1, 0)] {
///         let bytes = ends[from].pending().to_vec();
///         ends[from].written(bytes.len());
///         ends[to].received(&bytes);
///     }
/// }
/// let role = |end: &Negotiation| end.outcome().and_then(|outcome| outcome.as_ref().ok()).map(|settled| settled.role);
/// assert_eq!(ends.each_ref().map(role), [Some(Role::Responder), Some(Role::Initiator)]);
/// # Ok::<(), handfast::simopen::core::NameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Negotiation {
    protocols: Arc<[Protocol]>,
    state: State,
    decoder: Decoder,
    output: Vec<u8>,
    written: usize,
    /// Whether the stream takes nothing more.
    is_broken: bool,
    role: Option<Role>,
    /// Whether the role was decided by the numbers of both ends.
    both_dialed: bool,
    limit: u16,
    outcome: Option<Result<Settled, Failure>>,
}

/// What is waited for.
#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    /// The peer's header.
    Header(Next),
    /// Whether the peer dialed too. This end's number, if it did.
    First(u64),
    /// The peer's number; the proposal that may come before it has come or not.
    Nonce { ours: u64, skipped: bool },
    /// The peer's role.
    Role(Role),
    /// The answer to the proposal with this index.
    Answer(usize),
    /// A proposal.
    Proposal(Answering),
    /// Nothing more: what becomes of it is known, and what this end says is yet to be written.
    Heard(Verdict),
    /// Nothing more: it has failed.
    Failed,
}

/// What the messages of the peer come to.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Verdict {
    /// This end has this role, and this protocol is agreed on.
    Agreed(Role, Protocol),
    /// The peer's number equals this end's.
    Tie,
}

/// What comes after the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Dialer(u64),
    Proposer,
    Listener,
}

/// How many proposals a responder declines before it is too many.
const PROPOSALS: u16 = 32;

/// Room for a first flight with a name of usual length, so that it is put together without moving.
const FIRST_FLIGHT: usize = 64;

impl Negotiation {
    /// Begins as an end that dialed, and that may meet one that dialed too. `nonce` decides in that case: draw it at
    /// random for each connection, from a source that a peer cannot guess.
    ///
    /// With no protocols the negotiation has failed at once.
    pub fn dial(protocols: impl Into<Arc<[Protocol]>>, nonce: u64) -> Self {
        Self::begin(protocols.into(), None, Next::Dialer(nonce), &[Message::Header, Message::Extension])
    }

    /// Begins as an end that knows that it is the initiator: on a connection with settled roles, such as the one that
    /// the security protocol has made, or the one that a peer was told to accept.
    ///
    /// If the other end believes the same, both may believe that they succeeded: this is for where that cannot be.
    pub fn propose(protocols: impl Into<Arc<[Protocol]>>) -> Self {
        Self::begin(protocols.into(), Some(Role::Initiator), Next::Proposer, &[Message::Header])
    }

    /// Begins as an end that accepted the connection, or knows that it is the responder.
    pub fn accept(protocols: impl Into<Arc<[Protocol]>>) -> Self {
        Self::begin(protocols.into(), Some(Role::Responder), Next::Listener, &[Message::Header])
    }

    /// Sets how many proposals are declined at most; 32 unless it is set. (SIM-9)
    #[must_use]
    pub fn with_proposal_limit(mut self, limit: u16) -> Self {
        self.limit = limit;
        self
    }

    fn begin(protocols: Arc<[Protocol]>, role: Option<Role>, next: Next, first: &[Message]) -> Self {
        let mut begun = Self {
            protocols,
            state: State::Header(next),
            decoder: Decoder::new(),
            output: Vec::with_capacity(FIRST_FLIGHT),
            written: 0,
            is_broken: false,
            role,
            both_dialed: false,
            limit: PROPOSALS,
            outcome: None,
        };
        first.iter().for_each(|message| message.encode(&mut begun.output));
        match next {
            Next::Dialer(_) | Next::Proposer => begun.propose_nth(0),
            Next::Listener => {}
        }
        begun
    }

    /// Returns what is to be written.
    pub fn pending(&self) -> &[u8] {
        &self.output[self.written..]
    }

    /// Notes that `bytes` bytes of what is pending were written. SIM-12: with the last of it, an agreement is settled.
    ///
    /// # Panics
    ///
    /// If less was pending.
    pub fn written(&mut self, bytes: usize) {
        assert!(bytes <= self.pending().len(), "more was written than was pending");
        self.written += bytes;
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        self.settle();
    }

    /// Notes that the stream takes nothing more: nothing is pending from now on. What was heard counts, and so does
    /// what is still to be read, as from a peer that said all and left. (SIM-45)
    pub fn write_failed(&mut self) {
        self.is_broken = true;
        self.output.clear();
        self.written = 0;
        self.settle();
    }

    /// Takes what was read. Returns how many bytes of it were for the negotiation: the rest belongs to the protocol
    /// that was agreed on. (SIM-14)
    pub fn received(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && self.wants_input() {
            match self.decoder.decode(&bytes[taken..]) {
                Ok((length, message)) => {
                    taken += length;
                    if let Some(message) = message {
                        self.on_message(message);
                    }
                }
                Err(error) => self.fail(Failure::Malformed(error)),
            }
        }
        self.settle();
        taken
    }

    /// Whether there is more to be heard. While there is not, the connection is not to be read: what comes is not for the
    /// negotiation.
    pub fn wants_input(&self) -> bool {
        match self.state {
            State::Heard(_) | State::Failed => false,
            State::Header(_)
            | State::First(_)
            | State::Nonce { .. }
            | State::Role(_)
            | State::Answer(_)
            | State::Proposal(_) => self.outcome.is_none(),
        }
    }

    /// Notes that the peer will send nothing more.
    pub fn hung_up(&mut self) {
        let failure = match &self.state {
            State::Heard(_) | State::Failed => return,
            // SIM-44: a peer that proposed in vain and leaves has nothing more to propose.
            State::Proposal(_) if self.has_declined() && self.decoder.is_between_messages() => Failure::NothingInCommon,
            State::Header(_)
            | State::First(_)
            | State::Nonce { .. }
            | State::Role(_)
            | State::Answer(_)
            | State::Proposal(_) => Failure::HungUp,
        };
        self.fail(failure);
    }

    /// Notes that the deadline has passed.
    pub fn deadline_passed(&mut self) {
        self.fail(Failure::Deadline);
    }

    /// Returns how it ended, if it did.
    pub fn outcome(&self) -> Option<&Result<Settled, Failure>> {
        self.outcome.as_ref()
    }

    /// Returns this end's role, once that is known: it does not change. (SIM-10)
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// Whether the peer dialed too, so that the numbers of both decided the role. Both ends say the same when they have
    /// settled.
    pub fn both_dialed(&self) -> bool {
        self.both_dialed
    }

    /// Whether this end waits for another proposal than one that it declined.
    pub(in crate::simopen) fn has_declined(&self) -> bool {
        matches!(&self.state, State::Proposal(answering) if answering.has_declined())
    }

    fn say(&mut self, message: &Message) {
        if !self.is_broken {
            message.encode(&mut self.output);
        }
    }

    /// Nothing more is written after a failure. (SIM-16)
    fn fail(&mut self, failure: Failure) {
        if self.outcome.is_none() {
            self.outcome = Some(Err(failure));
            self.state = State::Failed;
            self.output.clear();
            self.written = 0;
        }
    }

    /// SIM-12: an agreement is settled when all is said. SIM-6, SIM-21: and so is a tie.
    fn settle(&mut self) {
        let State::Heard(verdict) = &self.state else { return };
        if self.outcome.is_some() || !self.output.is_empty() {
            return;
        }
        match verdict {
            Verdict::Agreed(role, protocol) => {
                self.outcome = Some(Ok(Settled { role: *role, protocol: protocol.clone() }));
            }
            Verdict::Tie => self.fail(Failure::Tie),
        }
    }

    fn propose_nth(&mut self, index: usize) {
        match self.protocols.get(index).cloned() {
            Some(protocol) => self.say(&Message::Protocol(protocol)),
            None => self.fail(Failure::NothingInCommon),
        }
    }

    fn on_message(&mut self, message: Message) {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Header(next) => self.on_header(next, &message),
            State::First(nonce) => self.on_answer_to_extension(nonce, message),
            State::Nonce { ours, skipped } => self.on_number(ours, skipped, message),
            State::Role(ours) => self.on_role(ours, message),
            State::Answer(index) => self.on_answer(index, message),
            State::Proposal(answering) => self.on_proposal(answering, message),
            // Nothing is heard then.
            done @ (State::Heard(_) | State::Failed) => self.state = done,
        }
    }

    /// SIM-11: each state is left with the message that it asks for.
    fn on_header(&mut self, next: Next, message: &Message) {
        if *message != Message::Header {
            return self.fail(Failure::NotMultistream);
        }
        self.state = match next {
            Next::Dialer(nonce) => State::First(nonce),
            Next::Proposer => State::Answer(0),
            Next::Listener => State::Proposal(Answering::listener(self.limit)),
        };
    }

    /// SIM-7: a peer that proposes dialed without the extension. SIM-19, SIM-29: a peer that declines the extension accepted
    /// the connection, and the next thing that it says answers the proposal that went with it.
    fn on_answer_to_extension(&mut self, nonce: u64, message: Message) {
        match message {
            Message::NotAvailable => {
                self.role = Some(Role::Initiator);
                self.state = State::Answer(0);
            }
            Message::Extension => {
                self.say(&Message::Select(nonce));
                self.state = State::Nonce { ours: nonce, skipped: false };
            }
            Message::Protocol(_) => self.fail(Failure::PlainDialer),
            Message::Header | Message::Select(_) | Message::Role(_) | Message::Other(_) => {
                self.fail(Failure::Unexpected(Box::new(message)));
            }
        }
    }

    /// SIM-5: the greater number is the initiator's. SIM-20: the winner proposes together with its role, which the other
    /// end reads one after the other all the same. SIM-8, SIM-25: one proposal that was pipelined is skipped.
    fn on_number(&mut self, ours: u64, skipped: bool, message: Message) {
        let theirs = match message {
            Message::Select(theirs) => theirs,
            Message::Protocol(_) if !skipped => {
                self.state = State::Nonce { ours, skipped: true };
                return;
            }
            Message::Other(text) if text.is_number() => return self.fail(Failure::BadNonce),
            Message::Protocol(_)
            | Message::Header
            | Message::Extension
            | Message::NotAvailable
            | Message::Role(_)
            | Message::Other(_) => {
                return self.fail(Failure::Unexpected(Box::new(message)));
            }
        };
        let role = match ours.cmp(&theirs) {
            std::cmp::Ordering::Equal => {
                self.state = State::Heard(Verdict::Tie);
                return;
            }
            std::cmp::Ordering::Greater => Role::Initiator,
            std::cmp::Ordering::Less => Role::Responder,
        };
        self.role = Some(role);
        self.both_dialed = true;
        self.state = State::Role(role);
        self.say(&Message::Role(role));
        if role == Role::Initiator {
            self.propose_nth(0);
        }
    }

    /// SIM-1, SIM-2: an end goes on when it has heard that the other one takes the other role.
    fn on_role(&mut self, ours: Role, message: Message) {
        match message {
            Message::Role(theirs) if theirs == ours => self.fail(Failure::SameRole(theirs)),
            Message::Role(Role::Responder) => self.state = State::Answer(0),
            Message::Role(Role::Initiator) => self.state = State::Proposal(Answering::responder(self.limit)),
            Message::Header
            | Message::Extension
            | Message::NotAvailable
            | Message::Select(_)
            | Message::Protocol(_)
            | Message::Other(_) => self.fail(Failure::Unexpected(Box::new(message))),
        }
    }

    /// SIM-4: names are proposed in order. SIM-11: nothing but the last one is an acceptance.
    fn on_answer(&mut self, index: usize, message: Message) {
        match message {
            Message::Protocol(protocol) if self.protocols.get(index) == Some(&protocol) => {
                self.state = State::Heard(Verdict::Agreed(Role::Initiator, protocol));
            }
            Message::NotAvailable => {
                self.state = State::Answer(index + 1);
                self.propose_nth(index + 1);
            }
            Message::Protocol(_)
            | Message::Header
            | Message::Extension
            | Message::Select(_)
            | Message::Role(_)
            | Message::Other(_) => self.fail(Failure::Unexpected(Box::new(message))),
        }
    }

    /// SIM-3, SIM-4: the first proposal that is ours too.
    fn on_proposal(&mut self, mut answering: Answering, message: Message) {
        match answering.answer(&self.protocols, message) {
            Ok(Reply::Accept(protocol)) => {
                self.say(&Message::Protocol(protocol.clone()));
                self.state = State::Heard(Verdict::Agreed(Role::Responder, protocol));
            }
            Ok(Reply::Decline) => {
                self.say(&Message::NotAvailable);
                self.state = State::Proposal(answering);
            }
            Err(failure) => self.fail(failure),
        }
    }
}

/// A responder that waits for a proposal.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Answering {
    /// Nothing was proposed yet, so that a dialer may ask whether this end dialed too.
    may_be_asked: bool,
    /// How many proposals may still be declined.
    declines: u16,
    limit: u16,
}

enum Reply {
    Accept(Protocol),
    Decline,
}

impl Answering {
    /// Of a connection that was accepted.
    fn listener(limit: u16) -> Self {
        Self { may_be_asked: true, declines: limit, limit }
    }

    /// Of a connection where both ends dialed.
    fn responder(limit: u16) -> Self {
        Self { may_be_asked: false, declines: limit, limit }
    }

    /// Whether a proposal was declined. The extension is none.
    fn has_declined(&self) -> bool {
        self.declines < self.limit
    }

    /// SIM-9: one reply to each message, and no more than so many that decline. SIM-42: what is not supported is declined,
    /// whatever it is, as go-multistream does.
    fn answer(&mut self, ours: &[Protocol], message: Message) -> Result<Reply, Failure> {
        let asked = std::mem::replace(&mut self.may_be_asked, false);
        match message {
            Message::Extension if asked => Ok(Reply::Decline),
            Message::Protocol(protocol) if ours.contains(&protocol) => Ok(Reply::Accept(protocol)),
            Message::Header
            | Message::Extension
            | Message::NotAvailable
            | Message::Select(_)
            | Message::Role(_)
            | Message::Protocol(_)
            | Message::Other(_) => {
                self.declines = self.declines.checked_sub(1).ok_or(Failure::TooManyProposals(self.limit))?;
                Ok(Reply::Decline)
            }
        }
    }
}
