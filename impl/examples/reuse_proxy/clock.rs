//! Deadlines of one client's connection.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// All deadlines of a connection, on one timer.
///
/// A deadline moves with each request and each piece of a body. The timer does not: it fires when the earliest deadline
/// would have been due, and is set again. So a request costs no operation on the runtime's timers.
pub(crate) struct Clock {
    timer: RefCell<Pin<Box<Sleep>>>,
    exchange_ends: Cell<Instant>,
}

/// How long nothing has moved.
pub(crate) struct Progress {
    moved: u64,
    since: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { timer: RefCell::new(Box::pin(sleep_until(now))), exchange_ends: Cell::new(now) }
    }

    /// Begins an exchange. No deadline is later than its end.
    pub(crate) fn begin(&self, exchange: Duration) {
        self.exchange_ends.set(Instant::now() + exchange);
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.exchange_ends.get()
    }

    /// Polls whether a deadline has passed. Until then `cx` is woken, now and then too early.
    pub(crate) fn poll(&self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = deadline.min(self.exchange_ends.get());
        let mut timer = self.timer.borrow_mut();
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl Progress {
    /// Begins now, with so many bytes moved already.
    pub(crate) fn new(moved: u64) -> Self {
        Self { moved, since: Instant::now() }
    }

    /// Polls whether nothing has moved for so long, by a count of bytes that have.
    pub(crate) fn poll(&mut self, moved: u64, limit: Duration, clock: &Clock, cx: &mut Context<'_>) -> Poll<()> {
        if moved != self.moved {
            *self = Self::new(moved);
        }
        clock.poll(self.since + limit, cx)
    }
}
