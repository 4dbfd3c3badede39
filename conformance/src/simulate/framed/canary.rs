//! Drivers with one fault each, which the world must find.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::framed::{Closer, Error, Frame, Outcome, Reader};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use crate::simulate::transport::{End, Link, Socket};

/// A fault of a driver.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// Every third wait of a reader is one that nothing ends.
    LosesWakeUp,
    /// A flush says that it is done and does nothing.
    ForgetsFlush,
    /// Whatever moves begins the deadline of a shutdown anew.
    RestartsDeadline,
    /// Every shutdown is said to be clean.
    AlwaysClean,
    /// One frame in seven is not given.
    SkipsFrames,
    /// A reader that asks again for the reason is told of an end in order.
    ChangesItsMind,
    /// A reader that waits wakes itself.
    Spins,
    /// A waker is kept for ever.
    KeepsWakers,
    /// One frame in seven panics.
    Panics,
    /// A frame is given without its last byte.
    CutsPayloads,
}

pub(super) const CANARIES: &[Canary] = &[
    Canary::LosesWakeUp,
    Canary::ForgetsFlush,
    Canary::RestartsDeadline,
    Canary::AlwaysClean,
    Canary::SkipsFrames,
    Canary::ChangesItsMind,
    Canary::Spins,
    Canary::KeepsWakers,
    Canary::Panics,
    Canary::CutsPayloads,
];

type Read = Result<Option<Frame>, Error>;

/// Reads with a fault, if there is one.
pub(super) struct Reading {
    pub(super) canary: Option<Canary>,
    /// Whether the reader was told of an end before.
    pub(super) has_ended: bool,
    pub(super) waits: u32,
}

impl Reading {
    pub(super) fn poll(&mut self, reader: &mut Reader<Socket>, cx: &mut Context<'_>) -> Poll<Read> {
        let read = reader.poll_read(cx);
        let is_seventh = |frame: &Frame| frame.kind.is_multiple_of(7);
        match (self.canary, read) {
            (Some(Canary::SkipsFrames), Poll::Ready(Ok(Some(frame)))) if is_seventh(&frame) => self.poll(reader, cx),
            (Some(Canary::Panics), Poll::Ready(Ok(Some(frame)))) if is_seventh(&frame) => {
                std::panic::resume_unwind(Box::new("a seventh frame"))
            }
            (Some(Canary::CutsPayloads), Poll::Ready(Ok(Some(mut frame)))) => {
                frame.payload.truncate(frame.payload.len().saturating_sub(1));
                Poll::Ready(Ok(Some(frame)))
            }
            (Some(Canary::ChangesItsMind), Poll::Ready(Err(_))) if self.has_ended => Poll::Ready(Ok(None)),
            (Some(canary), Poll::Pending) => {
                self.waits += 1;
                self.wait_wrongly(canary, reader, cx)
            }
            (_, read) => read,
        }
    }

    fn wait_wrongly(&mut self, canary: Canary, reader: &mut Reader<Socket>, cx: &mut Context<'_>) -> Poll<Read> {
        match canary {
            Canary::LosesWakeUp if self.waits.is_multiple_of(3) => {
                return reader.poll_read(&mut Context::from_waker(Waker::noop()));
            }
            Canary::Spins => cx.waker().wake_by_ref(),
            Canary::KeepsWakers => std::mem::forget(cx.waker().clone()),
            _ => {} // the others do not wait wrongly
        }
        Poll::Pending
    }
}

/// Shuts down with a fault, if there is one.
pub(super) async fn shut_down(
    canary: Option<Canary>,
    closer: &Closer<Socket>,
    deadline: Instant,
    (link, end): (&Link, End),
) -> Outcome {
    match canary {
        Some(Canary::RestartsDeadline) => {
            let far = Instant::now() + Duration::from_secs(3600);
            let time = deadline.saturating_duration_since(Instant::now());
            let (mut until, mut seen) = (deadline, usize::MAX);
            loop {
                let carried = link.look(|state| state.from(end).carried);
                if std::mem::replace(&mut seen, carried) != carried {
                    until = Instant::now() + time;
                }
                tokio::select! {
                    biased;
                    outcome = closer.shutdown(far) => return outcome,
                    () = sleep_until(until.min(Instant::now() + Duration::from_millis(10))) => {}
                }
                if until <= Instant::now() {
                    return closer.shutdown(Instant::now()).await;
                }
            }
        }
        Some(Canary::AlwaysClean) => match closer.shutdown(deadline).await {
            Outcome::PeerGone { .. } | Outcome::DeadlineExceeded { .. } => Outcome::Clean,
            outcome => outcome,
        },
        _ => closer.shutdown(deadline).await, // the others shut down as they should
    }
}
