//! What must happen, and under which fairness.

use super::{Component, End, Ending, Framed, History, ReaderRecord};
use crate::protocol::Goal;

/// What must happen, and under which fairness it is promised.
pub(super) const GOALS: &[Goal<Framed>] = &[
    Goal {
        id: "FRM-12",
        title: "a shutdown is over when its earliest deadline has passed, whatever anybody does",
        trigger: |history| End::BOTH.iter().any(|&end| is_overdue(history, end)),
        outcome: |history| !End::BOTH.iter().any(|&end| is_overdue(history, end)),
        fair: is_timer,
        assumes: "the timer of each shutdown, and nobody else",
    },
    Goal {
        id: "FRM-13",
        title: "a reader is told of the end when the deadline of its shutdown has passed, the peer has ended, or a reset has come",
        trigger: |history| End::BOTH.iter().any(|&end| is_kept_waiting(history, end)),
        outcome: |history| !End::BOTH.iter().any(|&end| is_kept_waiting(history, end)),
        fair: |component| is_timer(component) || is_reader(component),
        assumes: "every reader, and the timer of each shutdown",
    },
    Goal {
        id: "FRM-14",
        title: "a frame that has come whole is given without waiting for more",
        trigger: |history| End::BOTH.iter().any(|&end| is_withheld(history, end)),
        outcome: |history| !End::BOTH.iter().any(|&end| is_withheld(history, end)),
        fair: is_reader,
        assumes: "every reader, and nobody else",
    },
    Goal {
        id: "FRM-15",
        title: "a shutdown whose peer reads is over without its deadline",
        trigger: |history| End::BOTH.iter().any(|&end| is_served(history, end)),
        outcome: |history| !End::BOTH.iter().any(|&end| is_served(history, end)),
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

fn is_overdue(history: &History, end: End) -> bool {
    history.is_late(end) && history.end(end).outcome.is_none()
}

fn is_kept_waiting(history: &History, end: End) -> bool {
    let own = history.end(end);
    let waits = own.reader == ReaderRecord::Waits && !own.abandoned;
    waits && (history.is_late(end) || own.reset || history.end(end.peer()).arrived)
}

fn is_withheld(history: &History, end: End) -> bool {
    let own = history.end(end);
    own.reader == ReaderRecord::Waits && !own.abandoned && own.delivered < own.whole
}

/// A shutdown of this end goes on, the peer's application reads until the marker, and it can be known that it arrived.
fn is_served(history: &History, end: End) -> bool {
    let (own, peer) = (history.end(end), history.end(end.peer()));
    let reads = match peer.reader {
        ReaderRecord::Waits | ReaderRecord::Reported(Ending::Marker | Ending::ShutDown) => true,
        ReaderRecord::Left => false,
        ReaderRecord::Reported(
            Ending::WithoutMarker | Ending::Truncated | Ending::Reset | Ending::Violation | Ending::Deadline,
        ) => false,
    };
    let goes_on = own.until.is_some() && own.outcome.is_none();
    goes_on && history.tells && reads && !peer.abandoned && !history.is_late(end.peer())
}
