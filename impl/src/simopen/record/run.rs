//! The record of one negotiation: what each step of it is in the words of the model.

use std::io::{self, Write};

use handfast_spec::Observation;
use handfast_spec::simopen::{Action, End, EndpointConfig, Failure, Kind, Nonce, Output, Pair, Refusal, Token};
use serde::Serialize;

use super::convert::{self, Names};
use crate::simopen::Options;
use crate::simopen::core::{Decoder, Negotiation, Protocol, Role, Settled};

/// Where lines go. Nothing is written after the first error: what has a gap cannot be explained.
pub(in crate::simopen) struct Sink<'a> {
    out: &'a mut (dyn Write + Send),
    error: &'a mut Option<io::Error>,
}

/// The record of one negotiation. One that is dropped before its end is one that was closed.
pub(in crate::simopen) struct Record<'a> {
    sink: Sink<'a>,
    names: Names,
    said: Decoder,
    heard: Decoder,
    /// The last message that was heard.
    last: Option<Token>,
    role: Option<Role>,
    /// What happened last, while it is not certain that it counts: everything is agreed, and not all is flushed.
    held: Vec<Line>,
    is_over: bool,
}

#[derive(Serialize)]
struct Header<'a> {
    protocol: &'static str,
    #[serde(flatten)]
    pair: Pair,
    capacity: [u8; 2],
    names: Vec<&'a str>,
}

#[derive(Serialize)]
struct Line {
    action: Action,
    observation: Observation<Output, Refusal>,
}

/// This end.
const OURS: End = End::Left;
/// The other one.
const THEIRS: End = End::Right;

impl<'a> Record<'a> {
    pub(in crate::simopen) fn begin(
        mut sink: Sink<'a>,
        kind: Kind,
        nonce: u64,
        protocols: &[Protocol],
        options: Options,
        negotiation: &Negotiation,
    ) -> Self {
        let names = Names::of(protocols);
        match (&names, u8::try_from(options.proposals)) {
            (Some(names), Ok(patience)) => {
                let ours = EndpointConfig { kind, protocols: names.all() };
                let theirs = EndpointConfig { kind: Kind::Hostile, protocols: Vec::new() };
                let pair = Pair { left: ours, right: theirs, patience, timed: true };
                let names = protocols.iter().map(Protocol::name).collect();
                sink.write(&Header { protocol: "simopen", pair, capacity: [1, 1], names });
            }
            (None, _) => sink.give_up("more protocols than the model has numbers for"),
            (Some(_), Err(_)) => sink.give_up("more proposals to decline than the model has numbers for"),
        }
        let mut record = Self {
            sink,
            names: names.unwrap_or_default(),
            said: Decoder::new(),
            heard: Decoder::new(),
            last: None,
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
    pub(in crate::simopen) fn wrote(&mut self, mut bytes: &[u8], negotiation: &Negotiation) {
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
    pub(in crate::simopen) fn received(&mut self, bytes: &[u8], negotiation: &mut Negotiation) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && negotiation.wants_input() {
            let (length, token) = match self.heard.decode(&bytes[taken..]) {
                Ok((length, message)) => (length, message.map(|message| self.names.token(&message))),
                Err(error) => (bytes.len() - taken, Some(convert::no_message(error))),
            };
            taken += negotiation.received(&bytes[taken..taken + length]);
            if let Some(token) = token {
                self.heard(token, negotiation);
            }
        }
        taken
    }

    fn heard(&mut self, token: Token, negotiation: &Negotiation) {
        self.last = Some(token);
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
    pub(in crate::simopen) fn hung_up(&mut self, negotiation: &Negotiation) {
        let waits_for_proposal = match self.last {
            // It waits for the peer's header, number or role.
            None | Some(Token::Select(_)) => false,
            Some(_) => negotiation.role() == Some(Role::Responder),
        };
        if waits_for_proposal && !self.heard.is_between_messages() {
            self.sink.give_up("the peer left in the middle of a message, for which the model has no words");
        }
        let told = self.ended(negotiation).into_iter().collect();
        self.told(Action::Close { end: THEIRS }, vec![Output::Closed(THEIRS)]);
        self.told(Action::Read { end: OURS }, told);
    }

    /// Everything is agreed and flushed.
    pub(in crate::simopen) fn settled(&mut self) {
        for line in std::mem::take(&mut self.held) {
            self.sink.write(&line);
        }
        self.is_over = true;
    }

    /// The deadline passed. What was not flushed was not said.
    pub(in crate::simopen) fn expired(&mut self) {
        self.held.clear();
        self.line(Action::Expire { end: OURS }, vec![Output::Failed(OURS, Failure::Deadline)]);
        self.is_over = true;
    }

    /// The role, if it was not known before.
    fn assumed(&mut self, negotiation: &Negotiation) -> Option<Output> {
        let known = std::mem::replace(&mut self.role, negotiation.role());
        self.role.filter(|_| known.is_none()).map(|role| Output::Assumed(OURS, convert::role(role)))
    }

    /// What became of it, if it has ended. What was agreed is held until it is settled.
    fn ended(&mut self, negotiation: &Negotiation) -> Option<Output> {
        match negotiation.outcome()? {
            Ok(Settled { role, protocol }) => {
                let (role, protocol) = (convert::role(*role), self.names.number(protocol));
                // Nobody knows how many flights a stranger has made.
                Some(Output::Settled { end: OURS, role, protocol, flights: 0 })
            }
            Err(failure) => {
                self.is_over = true;
                Some(Output::Failed(OURS, convert::failure(failure)))
            }
        }
    }

    fn told(&mut self, action: Action, told: Vec<Output>) {
        let line = Line { action, observation: Observation::Accepted(told) };
        let settles = |line: &Line| match &line.observation {
            Observation::Accepted(told) => told.iter().any(|output| matches!(output, Output::Settled { .. })),
            Observation::Refused(_) => false,
        };
        if settles(&line) || !self.held.is_empty() {
            self.held.push(line);
        } else {
            self.sink.write(&line);
        }
    }

    fn line(&mut self, action: Action, told: Vec<Output>) {
        self.sink.write(&Line { action, observation: Observation::Accepted(told) });
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.line(Action::Close { end: OURS }, vec![Output::Closed(OURS)]);
        }
    }
}

impl<'a> Sink<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), error: &'a mut Option<io::Error>) -> Self {
        Self { out, error }
    }

    fn write(&mut self, line: &impl Serialize) {
        if self.error.is_some() {
            return;
        }
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.out.write_all(&bytes)
        });
        *self.error = written.err();
    }

    fn give_up(&mut self, why: &'static str) {
        self.error.get_or_insert_with(|| io::Error::other(why));
    }
}
