//! A record of what one end did, in the words of the model, which explains it.

use std::io::{self, Write};

use handfast_spec::log::{Header, LineOf};
use handfast_spec::simopen::{
    self as spec, Action, End, EndpointConfig, Kind, Name, Nonce, Output, Pair, Simopen, Token,
};
use handfast_spec::{Observation, Protocol as _};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};

use super::core::{Decoder, Failure, Message, Negotiation, Protocol, Role, Settled};
use super::driver::{Part, open};
use super::{Direction, Error, Negotiated, Options};
use crate::record::Writer;

/// Negotiates as [`negotiate`](super::negotiate), [`accept`](super::accept) and [`propose`](super::propose) do, and writes
/// what this end did as newline-delimited JSON, which `model explain simopen` reads.
///
/// A log has one run for each negotiation. The other end may say anything: a log is a behaviour of the model
/// if this end kept to its rules, whatever its peer was and whatever lay between. It has numbers in place of the names of
/// protocols; those of this end are in its first line, and every other name is the same number.
///
/// A message is recorded when it is written or read whole; the last one of an agreement or of a tie when the stream was
/// flushed. A stream of which nothing more can be read is one that this end closes.
///
/// Not every negotiation can be recorded. The record ends, with an error that [`finish`](Self::finish) returns, where this
/// end has more than 255 protocols, or declines more proposals than that, or where a peer leaves in the middle of a message
/// after a proposal of it was declined: the model has no words for these. What is negotiated does not change with it.
#[derive(Debug)]
pub struct Recorder<W>(Writer<W>);

impl<W: Write + Send> Recorder<W> {
    /// A recorder that writes to `out`, within the negotiation: give it something that does not block.
    pub fn new(out: W) -> Self {
        Self(Writer::new(out))
    }

    /// As [`negotiate`](super::negotiate), with a record.
    ///
    /// # Errors
    ///
    /// As [`negotiate`](super::negotiate). An error of the record is not among them.
    ///
    /// # Panics
    ///
    /// As [`negotiate`](super::negotiate), and if writing the record panics.
    pub async fn negotiate<Io, P>(&mut self, io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        P: AsRef<str>,
    {
        open(io, Part::Dialer, protocols, options, Some(&mut self.0)).await
    }

    /// As [`accept`](super::accept), with a record.
    ///
    /// # Errors
    ///
    /// As [`accept`](super::accept). An error of the record is not among them.
    pub async fn accept<Io, P>(&mut self, io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        P: AsRef<str>,
    {
        open(io, Part::Listener(Direction::Inbound), protocols, options, Some(&mut self.0)).await
    }

    /// As [`propose`](super::propose), with a record.
    ///
    /// # Errors
    ///
    /// As [`propose`](super::propose). An error of the record is not among them.
    pub async fn propose<Io, P>(&mut self, io: Io, protocols: &[P], options: Options) -> Result<Negotiated<Io>, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
        P: AsRef<str>,
    {
        open(io, Part::Proposer(Direction::Outbound), protocols, options, Some(&mut self.0)).await
    }

    /// Flushes what it wrote to, and gives it back.
    ///
    /// # Errors
    ///
    /// The first error of the record, after which nothing was written.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

/// Where lines go.
pub(super) type Sink<'a> = &'a mut Writer<dyn Write + Send + 'a>;

/// The record of one negotiation. One that is dropped before its end is one that was closed.
pub(super) struct Record<'a> {
    sink: Sink<'a>,
    names: Names,
    said: Decoder,
    heard: Decoder,
    /// Whether a proposal was declined, and another one is waited for.
    has_declined: bool,
    role: Option<Role>,
    /// What happened last, while it is not certain that it counts: it is an agreement or a tie, and not all is flushed.
    held: Vec<Line>,
    is_over: bool,
}

/// How this end was configured.
#[derive(Serialize)]
struct Config<'a> {
    #[serde(flatten)]
    pair: Pair,
    capacity: [u8; 2],
    deafens: bool,
    names: Vec<&'a str>,
}

type Line = LineOf<Simopen>;

/// This end.
const OURS: End = End::Left;
/// The other one.
const THEIRS: End = End::Right;

impl<'a> Record<'a> {
    pub(super) fn begin(
        sink: Sink<'a>,
        part: Part,
        nonce: u64,
        protocols: &[Protocol],
        options: Options,
        negotiation: &Negotiation,
    ) -> Self {
        let kind = match part {
            Part::Dialer => Kind::Simopen,
            Part::Proposer(_) => Kind::Plain,
            Part::Listener(_) => Kind::Listener,
        };
        let names = Names::of(protocols);
        match (&names, u8::try_from(options.proposals)) {
            (Some(names), Ok(patience)) => {
                let ours = EndpointConfig { kind, protocols: names.all() };
                let theirs = EndpointConfig { kind: Kind::Hostile, protocols: Vec::new() };
                let pair = Pair { left: ours, right: theirs, patience, timed: true, ticks: 0 };
                let names = protocols.iter().map(Protocol::name).collect();
                let config = Config { pair, capacity: [1, 1], deafens: true, names };
                sink.write(&Header { protocol: Simopen::NAME, config });
            }
            (None, _) => sink.give_up("more protocols than the model has numbers for"),
            (Some(_), Err(_)) => sink.give_up("more proposals to decline than the model has numbers for"),
        }
        let mut record = Self {
            sink,
            names: names.unwrap_or_default(),
            said: Decoder::new(),
            heard: Decoder::new(),
            has_declined: false,
            role: None,
            held: Vec::new(),
            is_over: false,
        };
        let nonce = Nonce(nonce);
        let told = [Output::Started(OURS, nonce)].into_iter().chain(record.assumed(negotiation)).collect();
        record.told(Action::Start { end: OURS, nonce }, told);
        record
    }

    /// These bytes were written, and the negotiation knows it.
    pub(super) fn wrote(&mut self, mut bytes: &[u8], negotiation: &Negotiation) {
        // They are its own words.
        while let Ok((length, Some(message))) = self.said.decode(bytes) {
            bytes = &bytes[length..];
            let token = self.names.token(&message);
            let mut told = vec![Output::Said(OURS, token)];
            if bytes.is_empty() {
                told.extend(self.ended(negotiation));
            }
            self.told(Action::Write { end: OURS }, told);
            // The peer is taken to read at once, so that there is room for the next one.
            self.told(Action::Read { end: THEIRS }, vec![Output::Heard(THEIRS, token)]);
        }
    }

    /// Hands in what was read, message by message. How much of it was for the negotiation.
    pub(super) fn received(&mut self, bytes: &[u8], negotiation: &mut Negotiation) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && negotiation.wants_input() {
            let (length, token) = match self.heard.decode(&bytes[taken..]) {
                Ok((length, message)) => (length, message.map(|message| self.names.token(&message))),
                Err(_) => (bytes.len() - taken, Some(Token::Garbage)),
            };
            taken += negotiation.received(&bytes[taken..taken + length]);
            if let Some(token) = token {
                self.on_message(token, negotiation);
            }
        }
        taken
    }

    /// The stream takes nothing more, and the negotiation, which had something pending, knows it.
    pub(super) fn write_failed(&mut self, negotiation: &Negotiation) {
        let told = [Output::Broken(OURS)].into_iter().chain(self.ended(negotiation)).collect();
        self.told(Action::Break { end: OURS }, told);
    }

    fn on_message(&mut self, token: Token, negotiation: &Negotiation) {
        self.has_declined = negotiation.has_declined();
        let told: Vec<_> = [Output::Heard(OURS, token)]
            .into_iter()
            .chain(self.assumed(negotiation))
            .chain(self.ended(negotiation))
            .collect();
        self.told(Action::Forge { end: THEIRS, token }, Vec::new());
        self.told(Action::Write { end: THEIRS }, vec![Output::Said(THEIRS, token)]);
        self.told(Action::Read { end: OURS }, told);
    }
}

/// How it ends.
impl Record<'_> {
    /// The peer left, and the negotiation knows it.
    pub(super) fn hung_up(&mut self, negotiation: &Negotiation) {
        // The model has no parts of messages: to it this peer has nothing more to propose, and to the negotiation it hung up.
        if self.has_declined && !self.heard.is_between_messages() {
            self.sink.give_up("the peer left in the middle of a message, for which the model has no words");
        }
        let told = self.ended(negotiation).into_iter().collect();
        self.told(Action::Close { end: THEIRS }, vec![Output::Closed(THEIRS)]);
        self.told(Action::Read { end: OURS }, told);
    }

    /// What it came to is flushed, if that was waited for.
    pub(super) fn flushed(&mut self) {
        for line in std::mem::take(&mut self.held) {
            self.sink.write(&line);
            self.is_over = true;
        }
    }

    /// The deadline passed. What was not flushed was not said.
    pub(super) fn expired(&mut self) {
        self.held.clear();
        self.line(Action::Expire { end: OURS }, vec![Output::Failed(OURS, spec::Failure::Deadline)]);
        self.is_over = true;
    }

    /// The role, if it was not known before.
    fn assumed(&mut self, negotiation: &Negotiation) -> Option<Output> {
        let known = std::mem::replace(&mut self.role, negotiation.role());
        self.role.filter(|_| known.is_none()).map(|role| Output::Assumed(OURS, spec_role(role)))
    }

    /// What became of it, if it has ended.
    fn ended(&mut self, negotiation: &Negotiation) -> Option<Output> {
        match negotiation.outcome()? {
            Ok(Settled { role, protocol }) => {
                let (role, protocol) = (spec_role(*role), self.names.number(protocol));
                // How many flights a hostile peer has made is not known.
                Some(Output::Settled { end: OURS, role, protocol, flights: 0 })
            }
            Err(failure) => {
                // A tie is reported when the number is flushed.
                self.is_over = *failure != Failure::Tie;
                Some(Output::Failed(OURS, spec_failure(failure)))
            }
        }
    }

    fn told(&mut self, action: Action, told: Vec<Output>) {
        let is_held =
            |output: &Output| matches!(output, Output::Settled { .. } | Output::Failed(_, spec::Failure::Tie));
        if told.iter().any(is_held) || !self.held.is_empty() {
            self.held.push(Line::observed(action, Observation::Accepted(told)));
        } else {
            self.line(action, told);
        }
    }

    fn line(&mut self, action: Action, told: Vec<Output>) {
        self.sink.write(&Line::observed(action, Observation::Accepted(told)));
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.line(Action::Close { end: OURS }, vec![Output::Closed(OURS)]);
        }
    }
}

/// The numbers of protocols: those that this end supports, by their place, and one for every other.
#[derive(Default)]
struct Names(Vec<Protocol>);

/// Every protocol that this end does not support.
const UNKNOWN: Name = Name(u8::MAX);

impl Names {
    /// None if there are more than there are numbers.
    fn of(protocols: &[Protocol]) -> Option<Self> {
        (protocols.len() <= usize::from(UNKNOWN.0)).then(|| Self(protocols.to_vec()))
    }

    fn number(&self, protocol: &Protocol) -> Name {
        let place = self.0.iter().position(|ours| ours == protocol).and_then(|place| u8::try_from(place).ok());
        place.map_or(UNKNOWN, Name)
    }

    /// Those of this end, in its order.
    fn all(&self) -> Vec<Name> {
        self.0.iter().map(|protocol| self.number(protocol)).collect()
    }

    fn token(&self, message: &Message) -> Token {
        match message {
            Message::Header => Token::Header,
            Message::Extension => Token::Simopen,
            Message::NotAvailable => Token::Na,
            Message::Select(nonce) => Token::Select(Nonce(*nonce)),
            Message::Role(theirs) => Token::Role(spec_role(*theirs)),
            Message::Protocol(protocol) => Token::Protocol(self.number(protocol)),
            Message::Other(text) if text.is_number() => Token::BadSelect,
            Message::Other(_) => Token::Word,
        }
    }
}

fn spec_role(role: Role) -> spec::Role {
    match role {
        Role::Initiator => spec::Role::Initiator,
        Role::Responder => spec::Role::Responder,
    }
}

fn spec_failure(failure: &Failure) -> spec::Failure {
    match failure {
        Failure::Malformed(_) => spec::Failure::Malformed,
        Failure::NotMultistream => spec::Failure::NotMultistream,
        Failure::PlainDialer => spec::Failure::PlainDialer,
        Failure::Unexpected(_) => spec::Failure::Unexpected,
        Failure::BadNonce => spec::Failure::BadNonce,
        Failure::Tie => spec::Failure::Tie,
        Failure::SameRole(_) => spec::Failure::SameRole,
        Failure::TooManyProposals(_) => spec::Failure::TooManyProposals,
        Failure::NothingInCommon => spec::Failure::NothingInCommon,
        Failure::HungUp => spec::Failure::HungUp,
        Failure::Deadline => spec::Failure::Deadline,
    }
}
