//! What drives a shutdown.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::runtime::time::Instant;
use bytes::{BufMut, BytesMut};

use super::read_side::End;
use super::shared::Shared;
use super::timer::Timer;
use super::wakers::Who;
use crate::framed::core::Duty;
use crate::framed::transport::Transport;
use crate::framed::{Delivery, Error, Outcome};

/// What is read at once when the reader does not read.
const CHUNK: usize = 64 * 1024;

/// No event tells of an acknowledgement, so that the socket is asked again: first after this time, ...
const ASK_FIRST: Duration = Duration::from_millis(1);

/// ... and at the last after this time, each time after twice as long.
const ASK_LAST: Duration = Duration::from_millis(32);

/// What drives a shutdown. Nothing is lost when it is dropped: another one goes on.
pub(super) struct Pump<'c, T: Transport> {
    shared: &'c Shared<T>,
    deadline: Timer,
    ask: Timer,
    /// When the transport is asked next how far everything has come.
    asked_next: Instant,
    patience: Duration,
    silence: Timer,
    /// When a byte of the peer was last read and dropped.
    last_byte: Instant,
    /// What is known of our frames, when only a peer that is still sending is waited for.
    known: Option<Outcome>,
    dropped: BytesMut,
}

/// What reading has come to for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reading {
    /// The peer's bytes have ended, or they are somebody else's, or there were too many.
    Done,
    /// There may be more.
    Waits,
}

impl<'c, T: Transport> Pump<'c, T> {
    pub(super) fn new(shared: &'c Shared<T>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            deadline: Timer::default(),
            ask: Timer::default(),
            asked_next: now,
            patience: ASK_FIRST,
            silence: Timer::default(),
            last_byte: now,
            known: None,
            dropped: BytesMut::new(),
        }
    }

    /// Does what can be done, and returns when the shutdown is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.shared.poll_advance(cx);
        let now = Instant::now();
        let deadline = self.shared.ending().deadline();
        let in_time = deadline.is_some_and(|deadline| now < deadline);
        // Nothing is read for a shutdown that has come to its end, except to let the peer finish.
        let goes_on = match self.shared.ending().duty() {
            Duty::None | Duty::Write | Duty::Close | Duty::Watch => true,
            Duty::Tell(outcome) => outcome.is_clean(),
        };
        let reading = if in_time && goes_on { self.poll_read_ahead(cx) } else { Reading::Done };
        if self.known.is_none() && self.poll_outcome(cx, in_time).is_pending() {
            // The deadline is looked at last: what can be done in time is done.
            ready!(self.deadline.poll_until(deadline, cx));
            let unwritten = self.shared.write().cursor.queued();
            let delivery = self.shared.delivery().unwrap_or(Delivery::Unknown);
            self.shared.ending().expired(unwritten, delivery);
            let duty = self.shared.ending().duty();
            if let Duty::Tell(outcome) = duty {
                self.know(outcome);
            }
        }
        let Some(outcome) = self.known else { return Poll::Pending };
        if in_time && reading == Reading::Waits && outcome.is_clean() {
            ready!(self.poll_linger(cx, deadline));
        }
        self.shared.tell(outcome);
        Poll::Ready(outcome)
    }

    /// Nobody is left to wait for what can no longer come.
    fn know(&mut self, outcome: Outcome) {
        self.known = Some(outcome);
        match outcome {
            Outcome::Clean => {}
            Outcome::Unconfirmed { peer_ended: true } => {}
            Outcome::Unconfirmed { peer_ended: false }
            | Outcome::Unacknowledged { .. }
            | Outcome::DeadlineExceeded { .. }
            | Outcome::PeerGone { .. } => {
                self.shared.break_with(Error::DeadlineExceeded);
            }
        }
    }

    /// Looks how far everything has come.
    fn poll_outcome(&mut self, cx: &mut Context<'_>, in_time: bool) -> Poll<()> {
        loop {
            let duty = self.shared.ending().duty();
            match duty {
                Duty::Tell(outcome) => {
                    self.know(outcome);
                    return Poll::Ready(());
                }
                Duty::None | Duty::Write | Duty::Close => return Poll::Pending,
                Duty::Watch => {}
            }
            let delivery = self.watch();
            let duty = self.shared.ending().duty();
            if matches!(duty, Duty::Tell(_)) {
                continue;
            }
            if !in_time || delivery == Delivery::Unknown {
                return Poll::Pending;
            }
            // Not the moment at which this began: a timer that fires meanwhile would be due again and again.
            let now = Instant::now();
            if self.asked_next <= now {
                self.asked_next = now + self.patience;
                self.patience = (self.patience * 2).min(ASK_LAST);
            }
            ready!(self.ask.poll_until(Some(self.asked_next), cx));
        }
    }

    /// Asks the transport how far everything has come.
    fn watch(&self) -> Delivery {
        let end = self.shared.read().end.clone();
        let delivery = match (self.shared.delivery(), &end) {
            // What has arrived has arrived, also if a reset came behind it.
            (Ok(Delivery::Outstanding(0)), _) => Ok(Delivery::Outstanding(0)),
            (Ok(_), Some(End::Fault(fault))) => Err(self.shared.break_with(Error::Transport(fault.clone()))),
            (delivery, _) => delivery,
        };
        match delivery {
            Ok(delivery) => {
                self.shared.ending().watched(delivery, end.is_some());
                delivery
            }
            Err(_) => {
                let unwritten = self.shared.write().cursor.queued();
                self.shared.ending().broken(unwritten);
                Delivery::Unknown
            }
        }
    }

    /// Waits until the peer has been silent for a while, or its bytes have ended.
    fn poll_linger(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        if self.shared.read().has_reader {
            return Poll::Ready(());
        }
        let silence = self.last_byte + self.shared.config.drain.linger;
        self.silence.poll_until(deadline.map(|deadline| deadline.min(silence)), cx)
    }

    /// Reads what the peer sends, so that it does not get stuck: for the reader, or for nobody.
    fn poll_read_ahead(&mut self, cx: &Context<'_>) -> Reading {
        let drain = &self.shared.config.drain;
        let mut side = self.shared.read();
        side.wakers.register(Who::Pump, cx);
        loop {
            if side.end.is_some() {
                return Reading::Done;
            }
            let left = if side.has_reader {
                drain.keep.saturating_sub(side.ahead.len())
            } else {
                usize::try_from(drain.discard - side.discarded.min(drain.discard)).unwrap_or(usize::MAX)
            };
            if left == 0 {
                return Reading::Done;
            }
            let kept = side.has_reader;
            let mut into = if kept { std::mem::take(&mut side.ahead) } else { std::mem::take(&mut self.dropped) };
            into.reserve(CHUNK.min(left));
            let read = side.poll_read(&mut (&mut into).limit(CHUNK.min(left)));
            if kept {
                side.ahead = into;
            } else {
                into.clear();
                self.dropped = into;
            }
            match read {
                Poll::Ready(Some(bytes)) if kept => {
                    self.shared.life.bytes_came(bytes);
                    side.wakers.wake(Who::Owner);
                }
                Poll::Ready(Some(bytes)) => {
                    side.discarded += bytes as u64;
                    self.last_byte = Instant::now();
                }
                Poll::Ready(None) => side.wakers.wake(Who::Owner),
                Poll::Pending => return Reading::Waits,
            }
        }
    }
}
