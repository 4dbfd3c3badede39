//! The set of model states that can explain what an implementation showed.
//!
//! The judge follows what passes on the wire with every state in which the model's end could be. What the tester does not
//! see, it lets happen in every order: when a message is read, when one is written, when an end settles. What it sees, the
//! bytes, the end of the stream and a silence that lasts, leaves the states that give just that. If none is left, nothing
//! in the model explains it.

use std::collections::{BTreeSet, HashSet};

use handfast_spec::Protocol as _;
use handfast_spec::simopen::{Kind, Name, Output, Role, Simopen, Token};
use model::checker::explain::Explains as _;

use super::message::{Outgoing, decode, encode, report};
use super::tested::{Tested, place, said, settles};
use crate::remote::suite::Unexplained;
use crate::remote::tester::Judges;

/// What the tester and the implementation did, as far as it can be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// The tester has said a message.
    Said(Token),
    /// The tester has sent bytes of the layer above.
    Payload(Vec<u8>),
    /// The tester has ended its direction.
    Finished,
    /// The implementation sent these bytes.
    Got(Vec<u8>),
    /// The implementation closed the connection in order.
    Ended,
    /// It closed the connection with a reset, as a kernel does where something was not read. What it had sent may be lost.
    Reset,
    /// The implementation did nothing for so long that it waits.
    Silence,
}

/// A state that is possible, and what the implementation has sent in it that the tester has not received.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Possible {
    end: Tested,
    expected: Vec<u8>,
    /// Whether the layer above has said its first line.
    reported: bool,
    /// How much of the tester's payload it has sent back.
    echoed: usize,
}

/// The judge of one connection.
#[derive(Debug)]
pub(super) struct Judge {
    kinds: Vec<Kind>,
    protocols: Vec<String>,
    possible: Vec<Possible>,
    events: Vec<Event>,
    /// The number of the implementation, once it has said it.
    nonce: Option<u64>,
    /// What came and is not judged yet: the beginning of what may be the number.
    held: Vec<u8>,
    /// Everything that came.
    heard: Vec<u8>,
    payload: Vec<u8>,
    finished: bool,
}

impl Judge {
    /// A judge of an implementation that is one of these kinds, and has just started.
    pub(super) fn new(kinds: &[Kind], protocols: &[String]) -> Self {
        let mut judge = Self {
            kinds: kinds.to_vec(),
            protocols: protocols.to_vec(),
            possible: Vec::new(),
            events: Vec::new(),
            nonce: None,
            held: Vec::new(),
            heard: Vec::new(),
            payload: Vec::new(),
            finished: false,
        };
        judge.begin();
        judge
    }

    /// Before its number is known an implementation may have any: these decide differently wherever one does.
    fn begin(&mut self) {
        let numbers = self.nonce.map_or_else(|| vec![0, 7, u64::MAX], |nonce| vec![nonce]);
        let ends = self.kinds.iter().flat_map(|kind| {
            let draws = if *kind == Kind::Simopen { &numbers[..] } else { &[0] };
            draws.iter().map(|number| Tested::start(*kind, self.protocols.len(), *number)).collect::<Vec<_>>()
        });
        let ends = ends.map(|end| Possible { end, expected: Vec::new(), reported: false, echoed: 0 });
        self.possible = ends.collect();
        (self.payload, self.finished) = (Vec::new(), false);
        self.close_over();
    }

    pub(super) fn nonce(&self) -> Option<u64> {
        self.nonce
    }

    /// The tester is about to send this.
    pub(super) fn says(&mut self, outgoing: &Outgoing) {
        match outgoing.token {
            Some(token) => self.enter(Event::Said(token)),
            None if outgoing.is_payload => self.enter(Event::Payload(outgoing.bytes.clone())),
            // The model knows whole messages alone.
            None => {}
        }
    }

    /// The tester has ended its direction.
    pub(super) fn finishes(&mut self) {
        self.enter(Event::Finished);
    }

    fn enter(&mut self, event: Event) {
        self.apply(&event);
        self.events.push(event);
    }

    /// Whether what came last may be the number, of which the rest is still to come.
    fn waits_for_number(&self) -> bool {
        let whole = decode(&self.heard, &self.protocols).last().map_or(0, |(end, _)| *end);
        let rest = self.heard.get(whole + 1..).unwrap_or_default();
        let begins = rest.iter().zip(b"select:").all(|(byte, expected)| byte == expected);
        self.kinds.contains(&Kind::Simopen) && self.nonce.is_none() && begins && self.heard.len() > whole
    }

    fn look_for_number(&mut self) {
        let number = decode(&self.heard, &self.protocols).into_iter().find_map(|(_, token)| match token {
            Token::Select(number) => Some(number.0),
            _ => None, // Every other message says nothing of the number.
        });
        if number.is_some() {
            self.nonce = number;
            self.begin();
            for event in std::mem::take(&mut self.events) {
                self.enter(event);
            }
        }
    }

    fn observe(&mut self, event: Event) -> Result<(), Unexplained> {
        let before = self.possible.clone();
        self.apply(&event);
        if self.possible.is_empty() {
            return Err(self.unexplained(&before, &event));
        }
        self.events.push(event);
        Ok(())
    }

    fn apply(&mut self, event: &Event) {
        let mut possible = std::mem::take(&mut self.possible);
        match event {
            Event::Said(token) => possible.iter_mut().for_each(|one| one.end.hears(*token)),
            Event::Payload(bytes) => self.payload.extend_from_slice(bytes),
            Event::Finished => {
                self.finished = true;
                possible.iter_mut().for_each(|one| one.end.peer_ends());
            }
            Event::Got(bytes) => possible.retain_mut(|one| {
                let is_expected = one.expected.starts_with(bytes);
                one.expected.drain(..if is_expected { bytes.len() } else { 0 });
                is_expected
            }),
            // SIM-6: what an end that closes in order has said arrives.
            Event::Ended => possible.retain(|one| self.may_close(one) && one.expected.is_empty()),
            Event::Reset => possible.retain(|one| self.may_close(one)),
            Event::Silence => possible.retain(|one| self.rests(one)),
        }
        self.possible = possible;
        self.close_over();
    }

    /// Adds every state that is reached without the tester seeing anything.
    fn close_over(&mut self) {
        let mut seen: HashSet<Possible> = self.possible.drain(..).collect();
        let mut open: Vec<Possible> = seen.iter().cloned().collect();
        while let Some(one) = open.pop() {
            for next in self.steps(&one) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        self.possible = seen.into_iter().collect();
    }

    /// What a state may become without the tester.
    fn steps(&self, one: &Possible) -> Vec<Possible> {
        let mut found = Vec::new();
        let mut next = one.clone();
        if next.end.read() {
            found.push(next);
            next = one.clone();
        }
        if let Some(token) = next.end.write() {
            next.reported |= matches!(token, Token::Payload(_));
            next.expected.extend(self.bytes(token));
            found.push(next);
            next = one.clone();
        }
        if let Some((role, Name(index))) = one.end.settled() {
            if !one.reported {
                next.expected.extend(report(role, &self.protocols[usize::from(index)]));
                next.reported = true;
                found.push(next);
            } else if one.echoed < self.payload.len() {
                next.expected.extend(&self.payload[one.echoed..]);
                next.echoed = self.payload.len();
                found.push(next);
            }
        }
        found
    }

    fn bytes(&self, token: Token) -> Vec<u8> {
        match token {
            // A lazy dialer sends its payload for the last of its protocols.
            Token::Payload(role) => report(role, self.protocols.last().expect("a dialer has protocols")),
            token => encode(token, &self.protocols).expect("an end that keeps to the protocol says messages"),
        }
    }

    fn may_close(&self, one: &Possible) -> bool {
        let is_done = self.finished && one.reported && one.echoed == self.payload.len();
        one.end.has_failed() || one.end.may_give_up() || one.end.has_settled() && is_done
    }

    /// Whether the implementation waits for the tester, and nothing that it sent is on its way.
    fn rests(&self, one: &Possible) -> bool {
        let must_close = one.end.has_failed() || one.end.has_settled() && self.finished;
        one.expected.is_empty() && !must_close && self.steps(one).is_empty()
    }

    /// Where the end is that waits for the tester; or where it is in any case.
    pub(super) fn place(&self) -> Option<&'static str> {
        let place = |one: &Possible| place(one.end.stage());
        let places: BTreeSet<&str> = self.possible.iter().map(place).collect();
        let waits = self.possible.iter().find(|one| self.rests(one)).map(place);
        waits.or_else(|| places.first().copied().filter(|_| places.len() == 1))
    }
}

impl Judges for Judge {
    fn hears(&mut self, bytes: &[u8]) -> Result<(), Unexplained> {
        self.heard.extend_from_slice(bytes);
        self.held.extend_from_slice(bytes);
        if self.kinds.contains(&Kind::Simopen) && self.nonce.is_none() {
            self.look_for_number();
            if self.possible.is_empty() {
                let why = "with the number that it says it would not have done what it did before".to_owned();
                return Err(Unexplained { rules: ["SIM-5".to_owned()].into(), why });
            }
        }
        let bytes = if self.waits_for_number() {
            let whole = decode(&self.heard, &self.protocols).last().map_or(0, |(end, _)| *end);
            let judged = self.heard.len() - self.held.len();
            self.held.drain(..whole.saturating_sub(judged)).collect()
        } else {
            std::mem::take(&mut self.held)
        };
        if bytes.is_empty() { Ok(()) } else { self.observe(Event::Got(bytes)) }
    }

    fn ends(&mut self, in_order: bool) -> Result<(), Unexplained> {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.observe(Event::Got(held))?;
        }
        self.observe(if in_order { Event::Ended } else { Event::Reset })
    }

    fn is_silent(&mut self) -> Result<(), Unexplained> {
        self.observe(Event::Silence)
    }

    fn must_act(&self) -> bool {
        !self.possible.iter().any(|one| self.rests(one))
    }

    fn may_act(&self) -> bool {
        self.possible.iter().any(|one| !self.rests(one))
    }

    fn may_have_failed(&self) -> bool {
        self.possible.iter().any(|one| one.end.has_failed())
    }
}

/// What is said of an event that nothing explains.
impl Judge {
    fn unexplained(&self, before: &[Possible], event: &Event) -> Unexplained {
        let (shown, rules) = match event {
            Event::Got(bytes) => self.unexplained_bytes(before, bytes),
            Event::Ended => ("the connection was closed".to_owned(), BTreeSet::new()),
            Event::Reset => ("the connection was reset".to_owned(), BTreeSet::new()),
            Event::Silence => {
                let must_close = before.iter().any(|one| one.end.has_failed());
                ("nothing came".to_owned(), [if must_close { "SIM-26" } else { "SIM-24" }.to_owned()].into())
            }
            Event::Said(_) | Event::Payload(_) | Event::Finished => unreachable!("the tester explains itself"),
        };
        let instead: BTreeSet<String> =
            before.iter().filter(|one| self.is_furthest(one)).map(|one| self.words(one)).collect();
        let instead: Vec<String> = instead.into_iter().collect();
        Unexplained { rules, why: format!("{shown}; the model has: {}", instead.join(" | or: ")) }
    }

    /// Whether nothing more happens in a state without the tester: the others are on their way there.
    fn is_furthest(&self, one: &Possible) -> bool {
        self.steps(one).is_empty()
    }

    fn words(&self, one: &Possible) -> String {
        let state = one.end.0.machine.summary().join(", ");
        let state = if state.is_empty() { "the end has not started".to_owned() } else { state };
        if one.expected.is_empty() {
            return state;
        }
        format!("{state}, after it has sent \"{}\"", one.expected[..one.expected.len().min(80)].escape_ascii())
    }

    /// The message in which the bytes leave every state, and the invariants that it breaks in all of them.
    fn unexplained_bytes(&self, before: &[Possible], bytes: &[u8]) -> (String, BTreeSet<String>) {
        let common = |one: &Possible| one.expected.iter().zip(bytes).take_while(|(left, right)| left == right).count();
        let agreed = before.iter().map(common).max().unwrap_or(0);
        let begin = self.heard.len() - self.held.len() - bytes.len();
        let at = begin + agreed;
        let messages = decode(&self.heard, &self.protocols);
        let from = messages.iter().map(|(end, _)| *end).filter(|end| *end <= at).max().unwrap_or(0);
        let rest = &self.heard[from..];
        let output = self
            .settlement(rest)
            .map(|(role, name)| settles(role, name))
            .or_else(|| messages.iter().find(|(end, _)| *end > at).map(|(_, token)| said(*token)));
        let shown = match &output {
            Some(output) => format!("{output} (\"{}\")", rest[..rest.len().min(80)].escape_ascii()),
            None => format!("\"{}\"", rest[..rest.len().min(80)].escape_ascii()),
        };
        let closest: Vec<&Possible> = before.iter().filter(|one| common(one) == agreed).collect();
        // Those that are on their way to another one say less of what is wrong.
        let furthest: Vec<&Possible> = closest.iter().copied().filter(|one| self.is_furthest(one)).collect();
        let meant = if furthest.is_empty() { closest } else { furthest };
        let is_message = matches!(output, Some(Output::Said(..)) | None);
        if is_message && meant.iter().all(|one| one.end.has_settled() && one.reported) {
            // These are no messages any more, but what the layer above sends back.
            return (shown, ["SIM-28".to_owned()].into());
        }
        let broken = meant.into_iter().map(|one| {
            let mut history = one.end.0.history.clone();
            output.iter().for_each(|output| history.record(output));
            let broken = Simopen::INVARIANTS.iter().filter(|rule| !(rule.holds)(&history));
            broken.map(|rule| rule.id.to_owned()).collect::<BTreeSet<_>>()
        });
        let rules = broken.reduce(|one, other| &one & &other).unwrap_or_default();
        (shown, rules)
    }

    /// What the first line of the layer above says, if this is one.
    fn settlement(&self, bytes: &[u8]) -> Option<(Role, Name)> {
        let line = bytes.split(|byte| *byte == b'\n').next()?;
        let (role, protocol) = str::from_utf8(line).ok()?.split_once(' ')?;
        let role = [Role::Initiator, Role::Responder].into_iter().find(|known| known.to_string() == role)?;
        let index = self.protocols.iter().position(|name| name == protocol)?;
        Some((role, super::message::name(index)))
    }
}
