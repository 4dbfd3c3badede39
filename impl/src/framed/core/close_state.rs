//! The closing of our direction.

use super::types::{Delivery, Outcome};

/// The end of the direction in which we send. `T` is a moment.
///
/// Each request to close has a deadline; the earliest holds (FRM-12). The marker is queued behind everything that was
/// accepted, all of it is written, the direction is closed, and the acknowledgement is watched, until the outcome is
/// certain or the deadline has passed (FRM-6). The first outcome stays (FRM-7).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CloseState<T> {
    phase: Phase<T>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Phase<T> {
    Open,
    /// There is something to write, at the latest the marker.
    Writing(T),
    /// The transport has taken the marker.
    Written(T),
    /// The transport was told that nothing follows.
    Closed(T),
    Over(Outcome, T),
}

/// The next step of a shutdown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NextStep {
    /// Nothing: no shutdown has begun.
    None,
    /// Write what is queued.
    Write,
    /// Tell the transport that nothing follows.
    Close,
    /// Watch whether everything arrives.
    Watch,
    /// Nothing: the outcome is known.
    Done(Outcome),
}

impl<T: Copy + Ord> CloseState<T> {
    /// Creates the state of a connection that is not shut down.
    pub fn new() -> Self {
        Self { phase: Phase::Open }
    }

    /// Begins the shutdown. A later call can only shorten the deadline. Returns whether this is the first call.
    pub fn begin(&mut self, deadline: T) -> bool {
        match &mut self.phase {
            Phase::Open => {
                self.phase = Phase::Writing(deadline);
                true
            }
            Phase::Writing(until) | Phase::Written(until) | Phase::Closed(until) | Phase::Over(_, until) => {
                *until = deadline.min(*until);
                false
            }
        }
    }

    /// Returns the earliest of the deadlines that were given.
    pub fn deadline(&self) -> Option<T> {
        match self.phase {
            Phase::Open => None,
            Phase::Writing(until) | Phase::Written(until) | Phase::Closed(until) | Phase::Over(_, until) => Some(until),
        }
    }

    /// Returns the next step.
    pub fn next_step(&self) -> NextStep {
        match self.phase {
            Phase::Open => NextStep::None,
            Phase::Writing(_) => NextStep::Write,
            Phase::Written(_) => NextStep::Close,
            Phase::Closed(_) => NextStep::Watch,
            Phase::Over(outcome, _) => NextStep::Done(outcome),
        }
    }

    /// Notes that the transport has taken everything, the marker included.
    pub fn written(&mut self) {
        if let Phase::Writing(until) = self.phase {
            self.phase = Phase::Written(until);
        }
    }

    /// Notes that the direction is closed.
    pub fn closed(&mut self) {
        if let Phase::Written(until) = self.phase {
            self.phase = Phase::Closed(until);
        }
    }

    /// Notes what the transport knows of delivery, and whether the peer's bytes have ended. Where the transport knows of
    /// delivery, the end of the peer proves nothing: it may have ended its direction with ours half read.
    pub fn watched(&mut self, delivery: Delivery, peer_ended: bool) {
        if let Phase::Closed(_) = self.phase {
            match (delivery, peer_ended) {
                (Delivery::Outstanding(0), _) => self.over(Outcome::Clean),
                (Delivery::Unknown, true) => self.over(Outcome::Unconfirmed { peer_ended: true }),
                (Delivery::Outstanding(_), _) | (Delivery::Unknown, false) => {}
            }
        }
    }

    /// Notes that our direction is broken. `unwritten` is the number of bytes that were accepted and not written.
    pub fn broken(&mut self, unwritten: usize) {
        self.over(Outcome::PeerGone { unwritten: unwritten as u64 });
    }

    /// Notes that the deadline has passed.
    pub fn expired(&mut self, unwritten: usize, delivery: Delivery) {
        match (&self.phase, delivery) {
            (Phase::Open | Phase::Over(..), _) => {}
            (Phase::Writing(_), _) => self.over(Outcome::DeadlineExceeded { unwritten: unwritten as u64 }),
            (Phase::Closed(_), Delivery::Outstanding(0)) => self.over(Outcome::Clean),
            (Phase::Closed(_), Delivery::Outstanding(bytes)) => self.over(Outcome::Unacknowledged { bytes }),
            // The end of the stream is to be counted, and the transport does not know of it.
            (Phase::Written(_), Delivery::Outstanding(bytes)) => {
                self.over(Outcome::Unacknowledged { bytes: bytes.saturating_add(1) });
            }
            (Phase::Written(_) | Phase::Closed(_), Delivery::Unknown) => {
                self.over(Outcome::Unconfirmed { peer_ended: false });
            }
        }
    }

    fn over(&mut self, outcome: Outcome) {
        match self.phase {
            Phase::Open | Phase::Over(..) => {}
            Phase::Writing(until) | Phase::Written(until) | Phase::Closed(until) => {
                self.phase = Phase::Over(outcome, until);
            }
        }
    }
}

impl<T: Copy + Ord> Default for CloseState<T> {
    fn default() -> Self {
        Self::new()
    }
}
