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
use model::simopen::{Channel, Config, Done, EndConfig, InFlight, Outputs, Peer, Standing, Turn};
use tokio::io::ReadBuf;
use tokio::runtime::Runtime;

use super::stream::Teller;
use super::{Agreed, Chop, Driver, Opening, Stream, TIMEOUT};
use crate::simopen::convert;

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
    outbox: VecDeque<InFlight>,
    /// How many flights led to what it heard last.
    flight: u8,
    /// How often time has passed since it started.
    ticks: u8,
    broken: bool,
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
            options: Options::default().with_timeout(TIMEOUT).with_proposals(config.patience.into()).with_nonce(None),
            clock,
            chop,
            driver,
            stage: Stage::Idle,
            teller: Teller::default(),
            woken: Arc::default(),
            outbox: VecDeque::new(),
            flight: 0,
            ticks: 0,
            broken: false,
        }
    }

    fn last(&self) -> Option<Token> {
        self.config.protocols.last().copied().map(Token::Protocol)
    }

    /// Polls the driver until it waits, or is done.
    fn run(&mut self, outputs: &mut Outputs) {
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
        let known = self.outbox.iter().filter(|message| !matches!(message.token, Token::Payload(_))).count();
        for (token, _) in convert::pending(&self.teller.offered()).into_iter().skip(known) {
            let flight = self.flight.saturating_add(1);
            self.outbox.push_back(InFlight { token, flight });
            if self.config.kind == Kind::Lazy && self.last() == Some(token) {
                // It goes out with the proposal: nothing is flushed before it is written.
                self.outbox.push_back(InFlight { token: Token::Payload(Role::Initiator), flight });
                self.teller.hold_flushes();
            }
        }
    }

    fn settle(&mut self, Agreed { role, protocol, stream }: Agreed, outputs: &mut Outputs) {
        let (role, protocol) = (convert::role(role), convert::number(&protocol));
        outputs.push(Output::Settled { end: self.end, role, protocol, flights: self.flight });
        let sent = self.config.kind == Kind::Lazy && self.last() == Some(Token::Protocol(protocol));
        self.stage = Stage::Settled { role, stream, sent, received: false };
    }

    fn fail(&mut self, error: &Error, outputs: &mut Outputs) {
        let failure = match error {
            Error::Negotiation(failure) => convert::failure(failure),
            // The stream does not fail, and the protocols have names: the model expects nothing that is called so.
            _ => Failure::Malformed,
        };
        outputs.push(Output::Failed(self.end, failure));
        self.close();
    }

    /// Lets a message of the driver's be written. It is said when it is written whole, and no buffer has it.
    fn say(&mut self, token: Token, outputs: &mut Outputs) {
        let bytes = convert::bytes(token);
        let mut after = Vec::new();
        for piece in self.chop.pieces(bytes.len()) {
            self.teller.allow(piece);
            self.run(&mut after);
        }
        let is_said = self.teller.take_written() == bytes && !self.teller.is_stuck();
        self.look();
        outputs.extend(is_said.then_some(Output::Said(self.end, token)).into_iter().chain(after));
    }

    /// The lazy dialer's payload is written, behind the driver's back; what it wrote before is flushed with it.
    fn bet(&mut self, role: Role, outputs: &mut Outputs) {
        outputs.push(Output::Sent(self.end, role));
        self.teller.let_flush();
        self.run(outputs);
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
            Stage::Settled { .. } => Standing::Open,
            Stage::Over => Standing::Dropped,
        }
    }

    fn start(&mut self, turn: &mut Turn<'_>, nonce: Nonce) {
        let protocols = self.config.protocols.iter().copied().map(convert::protocol).collect();
        let options = self.options.with_nonce(Some(nonce.0));
        self.stage = Stage::Negotiates((self.driver)(self.teller.stream(), self.config.kind, protocols, options));
        self.woken.0.store(true, Ordering::Relaxed);
        turn.outputs.push(Output::Started(self.end, nonce));
        self.run(turn.outputs);
        self.look();
    }

    fn has_next(&self) -> Done {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Negotiates(_) if !self.outbox.is_empty() => Ok(()),
            Stage::Settled { .. } if self.broken => Err(Refusal::NothingToWrite),
            Stage::Settled { role, sent: false, received, .. } if role == Role::Initiator || received => Ok(()),
            Stage::Negotiates(_) | Stage::Settled { .. } => Err(Refusal::NothingToWrite),
        }
    }

    fn hand_over(&mut self, turn: &mut Turn<'_>) -> InFlight {
        let flight = self.flight.saturating_add(1);
        let Some(message) = self.outbox.pop_front() else {
            let Some((role, output)) = self.write_above() else { return InFlight { token: Token::Garbage, flight } };
            turn.outputs.push(output);
            return InFlight { token: Token::Payload(role), flight };
        };
        match message.token {
            Token::Payload(role) => self.bet(role, turn.outputs),
            // Every other message is of the negotiation.
            token => self.say(token, turn.outputs),
        }
        message
    }

    fn would_read(&self) -> Done {
        match self.stage {
            Stage::Idle => Err(Refusal::NotStarted),
            Stage::Over => Err(Refusal::Over),
            Stage::Negotiates(_) if !self.teller.asks() => Err(Refusal::HeardEnough),
            Stage::Settled { received: true, .. } => Err(Refusal::NothingToRead),
            Stage::Negotiates(_) | Stage::Settled { .. } => Ok(()),
        }
    }

    fn read(&mut self, turn: &mut Turn<'_>, channel: &mut Channel) {
        let InFlight { token, flight } = channel.remove(0);
        let Stage::Negotiates(_) = self.stage else { return turn.outputs.extend(self.read_above(token)) };
        self.flight = flight;
        let bytes = convert::bytes(token);
        let (mut after, mut at) = (Vec::new(), 0);
        for piece in self.chop.pieces(bytes.len()) {
            self.teller.give(&bytes[at..at + piece]);
            at += piece;
            self.run(&mut after);
        }
        self.look();
        let is_heard = !self.teller.is_unread();
        turn.outputs.extend(is_heard.then_some(Output::Heard(self.end, token)).into_iter().chain(after));
    }

    fn on_end(&mut self, turn: &mut Turn<'_>) {
        self.teller.end();
        self.run(turn.outputs);
    }

    fn write_failed(&mut self, turn: &mut Turn<'_>) {
        turn.outputs.push(Output::Broken(self.end));
        self.outbox.clear();
        self.broken = true;
        self.teller.refuse();
        self.run(turn.outputs);
        self.look();
    }

    fn tick(&mut self, turn: &mut Turn<'_>) -> Done {
        if self.ticks == turn.ticks {
            return Err(Refusal::Due);
        }
        self.ticks += 1;
        turn.outputs.push(Output::Ticked(self.end));
        self.clock.block_on(tokio::time::advance(TIMEOUT / (u32::from(turn.ticks) + 1)));
        self.run(turn.outputs);
        Ok(())
    }

    /// What is left of the time passes, and no more.
    fn expire(&mut self, turn: &mut Turn<'_>) -> Done {
        if self.ticks < turn.ticks {
            return Err(Refusal::Early);
        }
        let passed = TIMEOUT / (u32::from(turn.ticks) + 1) * turn.ticks.into();
        self.clock.block_on(tokio::time::advance(TIMEOUT - passed + MILLISECOND));
        self.run(turn.outputs);
        Ok(())
    }

    /// Dropping what was given the stream closes it.
    fn close(&mut self) {
        self.stage = Stage::Over;
        self.outbox.clear();
        assert!(self.teller.is_closed(), "something still has the connection of {}", self.end);
    }
}
