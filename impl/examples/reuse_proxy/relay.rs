//! The body of an answer, from a backend to a client.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::clock::{Clock, Progress};
use crate::link::Link;
use crate::tally::Open;

/// A response's body, which drives its connection while it is read. When it is dropped, read to its end, the connection
/// is idle.
pub(crate) struct Relay {
    body: Incoming,
    /// A body without a length says that it has ended once, and not when it is asked.
    has_ended: bool,
    /// `None` when it is idle, and while this is dropped.
    link: Option<Link>,
    may_put: bool,
    progress: Progress,
    limit: Duration,
    clock: Rc<Clock>,
    open: Option<Open>,
}

/// Why an answer is not whole. The client's connection is reset.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the backend broke its answer off: {0}")]
    Broken(#[source] hyper::Error),
    #[error("the backend did not go on with its answer in time")]
    Stalled,
}

impl Relay {
    /// Relays a body, for each piece of which the backend has so long. Its connection may be kept if `may_put`.
    pub(crate) fn new(body: Incoming, link: Link, may_put: bool, limit: Duration, clock: &Rc<Clock>) -> Self {
        let progress = Progress::new(link.slot().moved());
        let clock = Rc::clone(clock);
        Self { body, has_ended: false, link: Some(link), may_put, progress, limit, clock, open: None }
    }

    /// Says when the answer is whole, or that it is not.
    pub(crate) fn count(&mut self, open: Open) {
        self.open = Some(open);
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        let Some(link) = &mut this.link else { return Poll::Ready(None) };
        // A backend that always has more would never let the clock be asked below.
        if this.clock.is_over() {
            return Poll::Ready(Some(Err(Cut::Stalled)));
        }
        link.drive(cx);
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                // hyper asks for nothing behind trailers.
                this.has_ended |= frame.as_ref().is_none_or(|frame| frame.as_ref().is_ok_and(Frame::is_trailers));
                Poll::Ready(frame.map(|frame| frame.map_err(Cut::Broken)))
            }
            Poll::Pending => {
                let stalled = this.progress.poll(link.slot().moved(), this.limit, &this.clock, cx);
                stalled.map(|()| Some(Err(Cut::Stalled)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if !self.has_ended && !self.body.is_end_stream() {
            return;
        }
        if let Some(open) = self.open.take() {
            open.answered();
        }
        if let Some(link) = self.link.take().filter(|_| self.may_put) {
            link.put();
        }
    }
}
