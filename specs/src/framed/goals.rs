//! What must happen, and under which fairness.

use super::{Component, End, Ending, Framed, Ledger, ReaderRecord};
use crate::protocol::Goal;

/// What must happen, and under which fairness it is promised.
pub(super) const GOALS: &[Goal<Framed>] = &[
    Goal {
        id: "FRM-12",
        title: "a shutdown is over when its earliest deadline has passed, whatever anybody does",
        trigger: |ledger| End::BOTH.iter().any(|&end| is_overdue(ledger, end)),
        outcome: |ledger| !End::BOTH.iter().any(|&end| is_overdue(ledger, end)),
        fair: is_timer,
        assumes: "the timer of each shutdown, and nobody else",
    },
    Goal {
        id: "FRM-13",
        title: "a reader is told of the end when the deadline of its shutdown has passed, the peer has ended, or a reset has come",
        trigger: |ledger| End::BOTH.iter().any(|&end| is_kept_waiting(ledger, end)),
        outcome: |ledger| !End::BOTH.iter().any(|&end| is_kept_waiting(ledger, end)),
        fair: |component| is_timer(component) || is_reader(component),
        assumes: "every reader, and the timer of each shutdown",
    },
    Goal {
        id: "FRM-14",
        title: "a frame that has come whole is given without waiting for more",
        trigger: |ledger| End::BOTH.iter().any(|&end| is_withheld(ledger, end)),
        outcome: |ledger| !End::BOTH.iter().any(|&end| is_withheld(ledger, end)),
        fair: is_reader,
        assumes: "every reader, and nobody else",
    },
    Goal {
        id: "FRM-15",
        title: "a shutdown whose peer reads is over without its deadline",
        trigger: |ledger| End::BOTH.iter().any(|&end| is_served(ledger, end)),
        outcome: |ledger| !End::BOTH.iter().any(|&end| is_served(ledger, end)),
        fair: |component| !is_timer(component),
        assumes: "every writer, reader and drain and the network, no timer",
    },
];

fn is_timer(component: &Component) -> bool {
    matches!(component, Component::Timer(_))
}

fn is_reader(component: &Component) -> bool {
    matches!(component, Component::Reader(_))
}

fn is_overdue(ledger: &Ledger, end: End) -> bool {
    ledger.is_late(end) && ledger.end(end).outcome.is_none()
}

fn is_kept_waiting(ledger: &Ledger, end: End) -> bool {
    let own = ledger.end(end);
    let waits = own.reader == ReaderRecord::Waits && !own.abandoned;
    waits && (ledger.is_late(end) || own.reset || ledger.end(end.peer()).arrived)
}

fn is_withheld(ledger: &Ledger, end: End) -> bool {
    let own = ledger.end(end);
    own.reader == ReaderRecord::Waits && !own.abandoned && own.delivered < own.whole
}

/// A shutdown of this end goes on, the peer's application reads until the marker, and it can be known that it arrived.
fn is_served(ledger: &Ledger, end: End) -> bool {
    let (own, peer) = (ledger.end(end), ledger.end(end.peer()));
    let reads = match peer.reader {
        ReaderRecord::Waits | ReaderRecord::Told(Ending::Marker | Ending::ShutDown) => true,
        ReaderRecord::Left => false,
        ReaderRecord::Told(
            Ending::WithoutMarker | Ending::Truncated | Ending::Reset | Ending::Violation | Ending::Deadline,
        ) => false,
    };
    let goes_on = own.until.is_some() && own.outcome.is_none();
    goes_on && ledger.tells && reads && !peer.abandoned && !ledger.is_late(end.peer())
}
