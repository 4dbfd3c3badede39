//! One end: a driver with the layer above it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use handfast::simopen::{Error, Options};
use handfast_spec::simopen::{End, Failure, Kind, Nonce, Output, Refusal, Role, Token};
use model::simopen::{Config, EndConfig};
use tokio::io::ReadBuf;
use tokio::runtime::Runtime;

use super::stream::Teller;
use super::{Agreed, Chop, Driver, Opening, Stream, TIMEOUT};
use crate::simopen::convert;
use crate::simopen::wire::{Outcome, Parcel, Peer, Standing};

/// Clocks count in these.
const MILLISECOND: Duration = Duration::from_millis(1);

/// A driver, and what it was seen to do.
pub(super) struct Driving {
    end: End,
    config: EndConfig,
    options: Options,
    clock: Rc<Runtime>,
    chop: Chop,
    driver: Driver,
    stage: Stage,
    teller: Teller,
    woken: Arc<Woken>,
    /// What is yet to be written: what the driver offers, and the payload that a lazy dialer adds.
    outbox: VecDeque<Parcel>,
    /// How many flights led to what it heard last.
    hop: u8,
}

enum Stage {
    Idle,
    Negotiates(Opening),
    /// The layer above has the connection.
    Settled {
        role: Role,
        stream: Pin<Box<dyn Stream>>,
        sent: bool,
        received: bool,
    },
    Over,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Driving {
    /// An end that keeps to the protocol.
    pub(super) fn new(end: End, config: &Config, clock: Rc<Runtime>, chop: Chop, driver: Driver) -> Self {
        Self {
            end,
            config: config.end(end).clone(),
            options: Options { timeout: TIMEOUT, proposals: config.patience.into(), nonce: None },
            clock,
            chop,
            driver,
            stage: Stage::Idle,
            teller: Teller::default(),
            woken: Arc::default(),
            outbox: VecDeque::new(),
            hop: 0,
        }
    }
}

impl Driving {
    fn last(&self) -> Option<Token> {
        self.config.protocols.last().copied().map(Token::Protocol)
    }

    /// Polls the driver until it waits, or is done.
    fn run(&mut self, outputs: &mut Vec<Output>) {
        while self.woken.0.swap(false, Ordering::Relaxed) {
            let Stage::Negotiates(opening) = &mut self.stage else { return };
            let waker = Waker::from(Arc::clone(&self.woken));
            let polled = {
                let _clock = self.clock.enter();
                opening.as_mut().poll(&mut Context::from_waker(&waker))
            };
            match polled {
                Poll::Pending => {}
                Poll::Ready(Ok(agreed)) => self.settle(agreed, outputs),
                Poll::Ready(Err(error)) => self.fail(&error, outputs),
            }
        }
    }

    /// Looks at what the driver would write.
    fn look(&mut self) {
        let Stage::Negotiates(_) = self.stage else { return };
        let known = self.outbox.iter().filter(|parcel| !matches!(parcel.token, Token::Payload(_))).count();
        for (token, _) in convert::pending(&self.teller.offered()).into_iter().skip(known) {
            let hop = self.hop.saturating_add(1);
            self.outbox.push_back(Parcel { token, hop });
            if self.config.kind == Kind::Lazy && self.last() == Some(token) {
                // It goes out with the proposal: nothing is flushed before it is written.
                self.outbox.push_back(Parcel { token: Token::Payload(Role::Initiator), hop });
                self.teller.hold_flushes();
            }
        }
    }

    fn settle(&mut self, Agreed { role, protocol, stream }: Agreed, outputs: &mut Vec<Output>) {
        let (role, protocol) = (convert::role(role), convert::number(&protocol));
        outputs.push(Output::Settled { end: self.end, role, protocol, flights: self.hop });
        let sent = self.config.kind == Kind::Lazy && self.last() == Some(Token::Protocol(protocol));
        self.stage = Stage::Settled { role, stream, sent, received: false };
    }

    fn fail(&mut self, error: &Error, outputs: &mut Vec<Output>) {
        let failure = match error {
            Error::Negotiation(failure) => convert::failure(failure),
            // The stream does not fail, and the protocols have names: the model expects nothing that is called so.
            _ => Failure::Malformed,
        };
        outputs.push(Output::Failed(self.end, failure));
        self.drop_it();
    }

    /// Lets a message of the driver's be written. It is said when it is written whole, and no buffer has it.
    fn say(&mut self, token: Token) -> Vec<Output> {
        let bytes = convert::bytes(token);
        let mut after = Vec::new();
        for piece in self.chop.pieces(bytes.len()) {
            self.teller.allow(piece);
            self.run(&mut after);
        }
        let is_said = self.teller.take_written() == bytes && !self.teller.is_stuck();
        self.look();
        is_said.then_some(Output::Said(self.end, token)).into_iter().chain(after).collect()
    }

    /// The lazy dialer's payload is written, behind the driver's back; what it wrote before is flushed with it.
    fn bet(&mut self, role: Role) -> Vec<Output> {
        let mut outputs = vec![Output::Sent(self.end, role)];
        self.teller.let_flush();
        self.run(&mut outputs);
        outputs
    }
}

/// What the layer above does.
impl Driving {
    fn write_above(&mut self) -> Option<(Role, Output)> {
        let Stage::Settled { role, stream, sent, .. } = &mut self.stage else { return None };
        *sent = true;
        let bytes = convert::bytes(Token::Payload(*role));
        let mut context = Context::from_waker(Waker::noop());
        let mut at = 0;
        for piece in self.chop.pieces(bytes.len()) {
            self.teller.allow(piece);
            if let Poll::Ready(Ok(written)) = stream.as_mut().poll_write(&mut context, &bytes[at..]) {
                at += written;
            }
        }
        let is_flushed = stream.as_mut().poll_flush(&mut context).is_ready();
        let role = *role;
        (self.teller.take_written() == bytes && is_flushed).then_some((role, Output::Sent(self.end, role)))
    }

    fn read_above(&mut self, token: Token) -> Option<Output> {
        let Stage::Settled { stream, received, .. } = &mut self.stage else { return None };
        *received = true;
        let bytes = convert::bytes(token);
        let mut context = Context::from_waker(Waker::noop());
        let (mut heard, mut at) = (Vec::new(), 0);
        for piece in self.chop.pieces(bytes.len()) {
            self.teller.give(&bytes[at..at + piece]);
            at += piece;
            let mut room = [0; 64];
            let mut buffer = ReadBuf::new(&mut room);
            if let Poll::Ready(Ok(())) = stream.as_mut().poll_read(&mut context, &mut buffer) {
                heard.extend_from_slice(buffer.filled());
            }
        }
        (heard == bytes).then_some(Output::Received(self.end, token))
    }
}

impl Peer for Driving {
    fn standing(&self) -> Standing {
        match self.stage {
            Stage::Idle => Standing::Idle,
            Stage::Negotiates(_) => Standing::Negotiates,
            Stage::Settled { .. } => Standing::Settled,
            Stage::Over => Standing::Over,
        }
    }

    fn start(&mut self, nonce: u64) -> Vec<Output> {
        let protocols = self.config.protocols.iter().copied().map(convert::protocol).collect();
        let options = Options { nonce: Some(nonce), ..self.options };
        self.stage = Stage::Negotiates((self.driver)(self.teller.stream(), self.config.kind, protocols, options));
        self.woken.0.store(true, Ordering::Relaxed);
        let mut outputs = vec![Output::Started(self.end, Nonce(nonce))];
        self.run(&mut outputs);
        self.look();
        outputs
    }

    fn has_next(&self) -> Result<(), Refusal> {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Negotiates(_) if !self.outbox.is_empty() => Ok(()),
            Stage::Settled { role, sent: false, received, .. } if role == Role::Initiator || received => Ok(()),
            Stage::Negotiates(_) | Stage::Settled { .. } => Err(Refusal::NothingToWrite),
        }
    }

    fn hand_over(&mut self) -> (Parcel, Vec<Output>) {
        let hop = self.hop.saturating_add(1);
        match self.outbox.pop_front() {
            Some(Parcel { token: Token::Payload(role), hop }) => {
                (Parcel { token: Token::Payload(role), hop }, self.bet(role))
            }
            Some(parcel) => (parcel, self.say(parcel.token)),
            None => match self.write_above() {
                Some((role, output)) => (Parcel { token: Token::Payload(role), hop }, vec![output]),
                None => (Parcel { token: Token::Garbage, hop }, Vec::new()),
            },
        }
    }

    fn would_hear(&self) -> Result<(), Refusal> {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Negotiates(_) if !self.teller.asks() => Err(Refusal::HeardEnough),
            Stage::Settled { received: true, .. } => Err(Refusal::NothingToRead),
            Stage::Negotiates(_) | Stage::Settled { .. } => Ok(()),
        }
    }

    fn hear(&mut self, Parcel { token, hop }: Parcel) -> Vec<Output> {
        let Stage::Negotiates(_) = self.stage else { return self.read_above(token).into_iter().collect() };
        self.hop = hop;
        let bytes = convert::bytes(token);
        let (mut after, mut at) = (Vec::new(), 0);
        for piece in self.chop.pieces(bytes.len()) {
            self.teller.give(&bytes[at..at + piece]);
            at += piece;
            self.run(&mut after);
        }
        self.look();
        let is_heard = !self.teller.is_unread();
        is_heard.then_some(Output::Heard(self.end, token)).into_iter().chain(after).collect()
    }

    fn hear_the_end(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.teller.end();
        self.run(&mut outputs);
        outputs
    }

    fn expire(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.clock.block_on(tokio::time::advance(TIMEOUT + MILLISECOND));
        self.run(&mut outputs);
        outputs
    }

    /// Dropping what was given the stream closes it.
    fn drop_it(&mut self) {
        self.stage = Stage::Over;
        self.outbox.clear();
        assert!(self.teller.is_closed(), "somebody has the connection of {} still", self.end);
    }

    fn forge(&mut self, _: Token) -> Outcome {
        Err(Refusal::NotHostile)
    }
}
