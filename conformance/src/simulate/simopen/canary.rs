//! Drivers with one fault each, which the world must find.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handfast::simopen::{Error, Failure, Negotiated, Role};
use serde::{Deserialize, Serialize};
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::simulate::transport::{End, Link, Socket};

/// A fault of a driver.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// Every third wait for the peer's bytes is one that nothing ends.
    LosesWakeUp,
    /// A flush says that it is done and does nothing.
    ForgetsFlush,
    /// Whatever moves begins the deadline anew.
    RestartsDeadline,
    /// Who has settled takes the other role.
    SwapsRole,
    /// The first byte behind the negotiation is lost.
    EatsSurplus,
    /// A line of the record is left out.
    LiesInRecord,
    /// Who waits wakes itself.
    Spins,
    /// A waker is kept for ever.
    KeepsWakers,
    /// An end gives up long before its time.
    GivesUp,
}

pub(super) const CANARIES: &[Canary] = &[
    Canary::LosesWakeUp,
    Canary::ForgetsFlush,
    Canary::RestartsDeadline,
    Canary::SwapsRole,
    Canary::EatsSurplus,
    Canary::LiesInRecord,
    Canary::Spins,
    Canary::KeepsWakers,
    Canary::GivesUp,
];

/// A stream that a driver is given, with a fault of a driver in how it waits.
pub(super) struct Stream {
    pub(super) socket: Socket,
    pub(super) canary: Option<Canary>,
    pub(super) waits: u32,
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.socket).poll_read(cx, into);
        if read.is_ready() {
            return read;
        }
        self.waits += 1;
        match self.canary {
            Some(Canary::LosesWakeUp) if self.waits.is_multiple_of(3) => {
                return Pin::new(&mut self.socket).poll_read(&mut Context::from_waker(Waker::noop()), into);
            }
            Some(Canary::Spins) => cx.waker().wake_by_ref(),
            Some(Canary::KeepsWakers) => std::mem::forget(cx.waker().clone()),
            _ => {} // the others do not wait wrongly
        }
        Poll::Pending
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

type Outcome = Result<Negotiated<Stream>, Error>;

/// The role that an end is said to have.
pub(super) fn role(canary: Option<Canary>, negotiated: &Negotiated<Stream>) -> Role {
    match canary {
        Some(Canary::SwapsRole) => negotiated.role().opposite(),
        _ => negotiated.role(), // the others tell the truth about it
    }
}

/// How long the driver is told that it has.
pub(super) fn timeout(canary: Option<Canary>, timeout: Duration) -> Duration {
    match canary {
        Some(Canary::RestartsDeadline) => Duration::from_secs(3600),
        Some(Canary::GivesUp) => timeout / 4,
        _ => timeout, // the others have the time that they should
    }
}

/// Negotiates with a deadline that progress begins anew, if that is the fault.
pub(super) async fn negotiate(
    canary: Option<Canary>,
    negotiation: impl Future<Output = Outcome>,
    timeout: Duration,
    (link, end): (&Link, End),
) -> Outcome {
    if canary != Some(Canary::RestartsDeadline) {
        return negotiation.await;
    }
    let mut negotiation = std::pin::pin!(negotiation);
    let (mut until, mut seen) = (Instant::now() + timeout, 0);
    loop {
        let moved = link.look(|state| state.from(end.peer()).read + state.from(end).bytes.len());
        if std::mem::replace(&mut seen, moved) != moved {
            until = Instant::now() + timeout;
        }
        tokio::select! {
            biased;
            negotiated = &mut negotiation => return negotiated,
            () = sleep_until(until.min(Instant::now() + Duration::from_millis(10))) => {}
        }
        if until <= Instant::now() {
            return Err(Failure::Deadline.into());
        }
    }
}
