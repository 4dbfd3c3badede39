//! One end: a driver, or a peer that says what it likes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use handfast::simopen::core::{Message, Protocol, Role as CoreRole};
use handfast::simopen::{Error, Failure, Negotiated, Options, Recorder, Role};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::canary::{self, Canary, Stream};
use crate::log::Log;
use crate::simulate::oracle::{OWED, Oracle, TRUTH};
use crate::simulate::transport::{End, Link};

/// What an end is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// It dialed, and has this number.
    Dialer { nonce: u64 },
    /// It accepted.
    Listener,
    /// It knows that it is the initiator.
    Proposer,
    /// It says everything at once, with a payload behind, and closes.
    Lazy,
    /// It says what the steps make it say. It reads, or it does not.
    Script { reads: bool },
}

/// Something that a script says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The header.
    Header,
    /// The extension's name.
    Extension,
    /// Not available.
    NotAvailable,
    /// A number.
    Select(u64),
    /// The role of the initiator.
    Initiator,
    /// The role of the responder.
    Responder,
    /// One of the names.
    Name(usize),
    /// The first bytes of a message.
    Torn,
    /// Bytes that are no message.
    Garbage,
    /// A name without a slash.
    Ls,
}

/// Names that ends speak.
pub(super) const NAMES: [&str; 4] = ["/noise", "/tls/1.0.0", "/a", "/yamux/1.0.0"];

impl Word {
    pub(super) fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let message = match self {
            Self::Header => Message::Header,
            Self::Extension => Message::Extension,
            Self::NotAvailable => Message::NotAvailable,
            Self::Select(number) => Message::Select(number),
            Self::Initiator => Message::Role(CoreRole::Initiator),
            Self::Responder => Message::Role(CoreRole::Responder),
            Self::Name(at) => Message::Protocol(Protocol::new(NAMES[at % NAMES.len()]).expect("it is a name")),
            Self::Torn => return vec![7, b'/'],
            Self::Garbage => return vec![0xFF; 12],
            Self::Ls => return b"\x03ls\n".to_vec(),
        };
        message.encode(&mut bytes);
        bytes
    }
}

/// How an end negotiates. Times are in milliseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Settings {
    pub(super) part: Part,
    pub(super) names: Vec<usize>,
    pub(super) timeout: u64,
    pub(super) proposals: u16,
    pub(super) is_recorded: bool,
}

/// One end.
pub(super) struct Endpoint {
    pub(super) end: End,
    pub(super) link: Link,
    pub(super) oracle: Oracle,
    pub(super) settings: Settings,
    canary: Option<Canary>,
    log: Log,
    pub(super) known: RefCell<Known>,
}

/// What is known of an end.
#[derive(Default)]
pub(super) struct Known {
    pub(super) begun_at: Option<Instant>,
    /// What it settled on, or why it failed.
    pub(super) outcome: Option<Result<(Role, String), String>>,
    /// The stream, for the layer above.
    pub(super) negotiated: Option<Negotiated<Stream>>,
}

/// What the layer above says.
pub(super) fn payload(end: End) -> Vec<u8> {
    (0..100).map(|at| (at as u8) ^ if end == End::Left { 0x13 } else { 0xF1 }).collect()
}

impl Endpoint {
    pub(super) fn new(link: &Link, end: End, oracle: &Oracle, settings: Settings, canary: Option<Canary>) -> Rc<Self> {
        let (link, oracle) = (link.clone(), oracle.clone());
        Rc::new(Self { end, link, oracle, settings, canary, log: Log::default(), known: RefCell::default() })
    }

    pub(super) fn is_driver(&self) -> bool {
        matches!(self.settings.part, Part::Dialer { .. } | Part::Listener | Part::Proposer)
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.settings.names.iter().map(|at| NAMES[*at % NAMES.len()]).collect()
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.settings.timeout)
    }

    /// Negotiates, and compares what it comes to with what can be.
    pub(super) async fn negotiate(&self, peer: &Self) {
        let stream = Stream { socket: self.socket(), canary: self.canary, waits: 0 };
        let nonce = if let Part::Dialer { nonce } = self.settings.part { Some(nonce) } else { None };
        let timeout = canary::timeout(self.canary, self.timeout());
        let options =
            Options::default().with_timeout(timeout).with_proposals(self.settings.proposals).with_nonce(nonce);
        let names = self.names();
        let mut recorder = Recorder::new(self.log.clone());
        let is_recorded = self.settings.is_recorded;
        let negotiation = async {
            match (self.settings.part, is_recorded) {
                (Part::Dialer { .. }, true) => recorder.negotiate(stream, &names, options).await,
                (Part::Dialer { .. }, false) => handfast::simopen::negotiate(stream, &names, options).await,
                (Part::Listener, true) => recorder.accept(stream, &names, options).await,
                (Part::Listener, false) => handfast::simopen::accept(stream, &names, options).await,
                (Part::Proposer | Part::Lazy | Part::Script { .. }, true) => {
                    recorder.propose(stream, &names, options).await
                }
                (Part::Proposer | Part::Lazy | Part::Script { .. }, false) => {
                    handfast::simopen::propose(stream, &names, options).await
                }
            }
        };
        let outcome = canary::negotiate(self.canary, negotiation, self.timeout(), (&self.link, self.end)).await;
        match outcome {
            Ok(negotiated) => self.settled(peer, negotiated),
            Err(error) => self.failed(peer, &error),
        }
    }

    fn socket(&self) -> crate::simulate::transport::Socket {
        let socket = self.link.socket(self.end);
        if self.canary == Some(Canary::ForgetsFlush) { socket.that_forgets_flush() } else { socket }
    }

    /// Returns what was recorded.
    pub(super) fn take_log(&self) -> Vec<u8> {
        let log = self.log.take();
        if self.canary != Some(Canary::LiesInRecord) {
            return log;
        }
        let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
        let left_out = 1 + lines.len() / 3;
        lines.iter().enumerate().filter(|(at, _)| *at != left_out).flat_map(|(_, line)| line.to_vec()).collect()
    }

    fn settled(&self, peer: &Self, negotiated: Negotiated<Stream>) {
        self.oracle.saw("settled");
        let (role, protocol) = (canary::role(self.canary, &negotiated), negotiated.protocol().to_owned());
        self.oracle.holds(self.names().contains(&protocol.as_str()), "SIM-3", || {
            format!("{:?} settled on {protocol}, which it does not speak", self.end)
        });
        let is_known = match self.settings.part {
            Part::Dialer { .. } => true,
            Part::Listener => role == Role::Responder,
            Part::Proposer | Part::Lazy | Part::Script { .. } => role == Role::Initiator,
        };
        self.oracle
            .holds(is_known, "SIM-12", || format!("{:?} is {:?} and takes {role:?}", self.end, self.settings.part));
        // SIM-45: where nothing more is taken, what was heard settles.
        let kept_back = self.link.look(|state| if state.is_reset() { 0 } else { state.from(self.end).unflushed() });
        self.oracle.holds(kept_back == 0, TRUTH, || format!("{:?} settled with {kept_back} bytes unflushed", self.end));
        let mut known = self.known.borrow_mut();
        known.outcome = Some(Ok((role, protocol)));
        known.negotiated = Some(negotiated);
        drop(known);
        self.check_pair(peer);
    }

    fn failed(&self, peer: &Self, error: &Error) {
        self.oracle.saw(match error {
            Error::Negotiation(failure) => failure_name(failure),
            Error::Io(_) => "failed: the connection",
            _ => "failed: the names", // what the caller named
        });
        self.known.borrow_mut().outcome = Some(Err(error.to_string()));
        if let Error::Negotiation(Failure::Deadline) = error {
            let had = self.known.borrow().begun_at.map_or(Duration::ZERO, |begun_at| begun_at.elapsed());
            self.oracle.holds(had >= self.timeout(), TRUTH, || {
                format!("{:?} failed for its deadline after {had:?} of {:?}", self.end, self.timeout())
            });
            let (unread, is_sure) = self.link.look(|state| {
                let sent = state.from(self.end.peer());
                (sent.carried - sent.read, !sent.pends_at_will() && !state.is_broken())
            });
            self.oracle.holds(unread == 0 || !is_sure, TRUTH, || {
                format!("{:?} failed for its deadline, with {unread} bytes to read", self.end)
            });
        }
        if let Error::Negotiation(Failure::Tie) = error {
            let nonce = |end: &Self| if let Part::Dialer { nonce } = end.settings.part { Some(nonce) } else { None };
            let is_tie = nonce(self) == nonce(peer) || !peer.is_driver();
            self.oracle.holds(is_tie, "SIM-6", || format!("{:?} tells of a tie, and there is none", self.end));
        }
        self.check_lazy(peer, error);
    }

    /// What was heard settles, also if nothing can be written any more.
    fn check_lazy(&self, peer: &Self, error: &Error) {
        if peer.settings.part != Part::Lazy || self.settings.part != Part::Listener || !matches!(error, Error::Io(_)) {
            return;
        }
        let all = lazy_words(&peer.settings).len();
        let came = self.link.look(|state| state.from(peer.end).carried);
        let speaks = peer.names().first().is_some_and(|name| self.names().contains(name));
        self.oracle.holds(came < all || !speaks, OWED, || {
            format!("a lazy dialer said everything before it closed, and {:?} failed: {error}", self.end)
        });
    }

    /// What two ends settled on.
    fn check_pair(&self, peer: &Self) {
        let (own, their) = (self.known.borrow(), peer.known.borrow());
        let (Some(Ok((role, protocol))), Some(Ok((their_role, theirs)))) = (&own.outcome, &their.outcome) else {
            return;
        };
        // Two that propose may both believe that they are the initiator, which is why they are not to meet.
        if (self.settings.part, peer.settings.part) == (Part::Proposer, Part::Proposer) {
            return;
        }
        self.oracle.saw("both settled");
        let agree = role.opposite() == *their_role && protocol == theirs;
        self.oracle.holds(agree, "SIM-1", || format!("{role:?} of {protocol} and {their_role:?} of {theirs}"));
        let (initiator, responder) = if *role == Role::Initiator { (self, peer) } else { (peer, self) };
        let first = initiator.names().into_iter().find(|name| responder.names().contains(name));
        self.oracle.holds(first == Some(protocol.as_str()), "SIM-4", || format!("{protocol}, and {first:?} is common"));
        if let (Part::Dialer { nonce: winner }, Part::Dialer { nonce: other }) =
            (initiator.settings.part, responder.settings.part)
        {
            let rule = if winner == other { "SIM-6" } else { "SIM-5" };
            self.oracle.holds(winner > other, rule, || format!("the initiator drew {winner}, the responder {other}"));
        }
    }

    /// Says everything at once and closes.
    pub(super) async fn say_everything(&self) {
        let mut socket = self.link.socket(self.end);
        let mut words = lazy_words(&self.settings);
        words.extend(payload(self.end));
        if socket.write_all(&words).await.is_ok() && socket.flush().await.is_ok() {
            self.oracle.saw("a lazy dialer closes");
        }
    }

    /// Reads what comes, of a connection on which steps say something, until it is dropped.
    pub(super) async fn listen(&self, reads: bool) {
        let mut socket = self.link.socket(self.end);
        let mut bytes = [0; 64];
        while reads && matches!(socket.read(&mut bytes).await, Ok(read) if read > 0) {}
        std::future::pending().await
    }

    /// The layer above: says something and reads what the peer's layer says.
    pub(super) async fn go_on(&self, peer_says: Option<Vec<u8>>) {
        let Some(mut negotiated) = self.known.borrow_mut().negotiated.take() else { return };
        if self.canary == Some(Canary::EatsSurplus) {
            let _ = negotiated.read_u8().await;
        }
        let ours = payload(self.end);
        let (mut read, mut write) = tokio::io::split(negotiated);
        let writing = async {
            let _ = write.write_all(&ours).await;
            let _ = write.flush().await;
        };
        let reading = async {
            let Some(expected) = peer_says else { return };
            let (mut bytes, mut came) = ([0; 32], 0);
            while came < expected.len() {
                let Ok(length @ 1..) = read.read(&mut bytes).await else { return };
                let is_it = expected.get(came..came + length) == Some(&bytes[..length]);
                self.oracle.holds(is_it, "SIM-14", || {
                    format!("{:?}'s layer above read something else than the peer's said", self.end)
                });
                came += length;
            }
            self.oracle.saw("the layer above reads");
        };
        tokio::join!(writing, reading);
    }
}

/// What a lazy dialer says before its payload.
fn lazy_words(settings: &Settings) -> Vec<u8> {
    let name = settings.names.first().copied().unwrap_or(0);
    [Word::Header.bytes(), Word::Name(name).bytes()].concat()
}

fn failure_name(failure: &Failure) -> &'static str {
    match failure {
        Failure::Malformed(_) => "failed: malformed",
        Failure::NotMultistream => "failed: not multistream",
        Failure::PlainDialer => "failed: plain dialer",
        Failure::Unexpected(_) => "failed: unexpected",
        Failure::Tie => "failed: tie",
        Failure::SameRole(_) => "failed: same role",
        Failure::TooManyProposals(_) => "failed: too many proposals",
        Failure::NothingInCommon => "failed: nothing in common",
        Failure::HungUp => "failed: hung up",
        Failure::Deadline => "failed: deadline",
        _ => "failed: another way", // that there was not when this was written
    }
}
