//! How our direction ends.

use super::types::{Delivery, Outcome};

/// The end of the direction in which we send. `T` is a moment.
///
/// Whoever wants it to end says until when; the earliest deadline holds (FRM-12). Then the marker is queued behind everything that
/// was accepted, all of it is written, the direction is closed, and what becomes of it is watched, until something is
/// known for certain or the deadline has passed (FRM-6). The first outcome stays (FRM-7).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Ending<T> {
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

/// What is to be done next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duty {
    /// Nothing: no shutdown has begun.
    None,
    /// Write what is queued.
    Write,
    /// Tell the transport that nothing follows.
    Close,
    /// Watch what becomes of it.
    Watch,
    /// Nothing: this is what is known.
    Tell(Outcome),
}

impl<T: Copy + Ord> Ending<T> {
    /// No shutdown has begun.
    pub fn new() -> Self {
        Self { phase: Phase::Open }
    }

    /// Asks for the end until a deadline. A later call can only shorten it. Whether this is the first.
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

    /// The earliest deadline of all that were given.
    pub fn deadline(&self) -> Option<T> {
        match self.phase {
            Phase::Open => None,
            Phase::Writing(until) | Phase::Written(until) | Phase::Closed(until) | Phase::Over(_, until) => Some(until),
        }
    }

    /// What is to be done next.
    pub fn duty(&self) -> Duty {
        match self.phase {
            Phase::Open => Duty::None,
            Phase::Writing(_) => Duty::Write,
            Phase::Written(_) => Duty::Close,
            Phase::Closed(_) => Duty::Watch,
            Phase::Over(outcome, _) => Duty::Tell(outcome),
        }
    }

    /// The transport has taken everything, the marker included.
    pub fn written(&mut self) {
        if let Phase::Writing(until) = self.phase {
            self.phase = Phase::Written(until);
        }
    }

    /// The transport was told that nothing follows.
    pub fn closed(&mut self) {
        if let Phase::Written(until) = self.phase {
            self.phase = Phase::Closed(until);
        }
    }

    /// The transport says how far everything has come, and whether the peer's bytes have ended. Where the transport knows of
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

    /// Our direction is broken, with so many bytes accepted and not written.
    pub fn broken(&mut self, unwritten: usize) {
        self.over(Outcome::PeerGone { unwritten: unwritten as u64 });
    }

    /// The deadline has passed.
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

impl<T: Copy + Ord> Default for Ending<T> {
    fn default() -> Self {
        Self::new()
    }
}
