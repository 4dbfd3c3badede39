//! The end of our direction.

use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::runtime::select;
use crate::runtime::time::Instant;

use super::pump::Pump;
use super::shared::Shared;
use super::wakers::Who;
use crate::framed::Outcome;
use crate::framed::core::Duty;
use crate::framed::transport::Transport;

/// A handle that can shut a connection down, from any task. Clones are for the same connection, which is not closed as long
/// as one of them is there.
pub struct Closer<T: Transport> {
    shared: Arc<Shared<T>>,
}

impl<T: Transport> Closer<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Ends the direction in which we send, and says what is known of our frames (FRM-1, FRM-6).
    ///
    /// From the first call on no frame is accepted. What was accepted is written, then the marker; our direction is closed;
    /// and then the acknowledgement of all of it is waited for. It returns when that is there, when the connection breaks,
    /// or at the deadline. All the while the peer's bytes are read, because a peer that is stuck writing does not read:
    ///
    /// - If there is a [`Reader`](super::Reader), up to [`Drain::keep`](super::Drain::keep) bytes are kept for it, and the
    ///   rest is left to it. It goes on giving frames, also after this has returned, until the peer's marker or the
    ///   deadline.
    /// - Otherwise up to [`Drain::discard`](super::Drain::discard) bytes are dropped, and after the acknowledgement those of
    ///   a peer that is still sending, see [`Drain::linger`](super::Drain::linger).
    ///
    /// Any number of calls may run at once and one after the other: they all get the same outcome, by the earliest deadline
    /// that one of them was given. A deadline in the past gives the transport what it takes at once.
    ///
    /// Cancel safe: a call that is dropped has begun the shutdown, and the next one goes on with it. Without a next one what
    /// remains is not done, and the reader still ends at the deadline.
    ///
    /// The transport is closed when both halves and all closers are dropped; after [`Outcome::Clean`] that can do no harm to
    /// frames of ours.
    pub async fn shutdown(&self, deadline: Instant) -> Outcome {
        self.shared.begin_shutdown(deadline);
        let mut known = self.shared.outcome.subscribe();
        let _work = select! {
            biased;
            told = known.wait_for(Option::is_some) => match told.ok().and_then(|told| *told) {
                Some(outcome) => return outcome,
                // The sender is in what we share.
                None => unreachable!("whoever tells of the outcome lives as long as we do"),
            },
            work = self.shared.pump.lock() => work,
        };
        let mut pump = Pump::new(&self.shared);
        poll_fn(|cx| pump.poll(cx)).await
    }

    /// What is known of our frames, if a shutdown has come to its end.
    pub fn outcome(&self) -> Option<Outcome> {
        *self.shared.outcome.borrow()
    }
}

impl<T: Transport> Clone for Closer<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Transport> Debug for Closer<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer").field("outcome", &self.outcome()).finish_non_exhaustive()
    }
}

impl<T: Transport> Shared<T> {
    /// Does what a shutdown has to do and the transport can do at once. Whoever drives the shutdown is to be woken if more
    /// can be done; see [`Wakers`](super::wakers::Wakers).
    pub(super) fn advance(&self) {
        loop {
            let duty = self.ending().duty();
            let done = match duty {
                Duty::None | Duty::Watch | Duty::Tell(_) => return,
                Duty::Write => self.write().poll_queue(&self.life),
                Duty::Close => self.write().poll_close(),
            };
            match self.settle(done) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if duty == Duty::Write => self.ending().written(),
                Poll::Ready(Ok(())) => self.ending().closed(),
                Poll::Ready(Err(_)) => {
                    let unwritten = self.write().cursor.queued();
                    self.ending().broken(unwritten);
                }
            }
        }
    }

    /// As [`advance`](Self::advance), for whoever drives the shutdown.
    pub(super) fn poll_advance(&self, cx: &Context<'_>) {
        self.write().wakers.register(Who::Pump, cx);
        self.advance();
    }
}
