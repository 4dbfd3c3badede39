//! What holds in every reachable state, and what must be reachable: one function, one id, one title each.

use super::{End, Ending, History, Outcome, ReaderRecord, Violation};
use crate::protocol::Predicate;

/// The rule that the system rests only where nothing is waited for.
pub const DEADLOCK: (&str, &str) = ("FRM-11", "nobody waits for what cannot come: a state without any step is at rest");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<History>] = &[
    Predicate {
        id: "FRM-1",
        title: "after a clean shutdown the peer that reads to the end is given every accepted frame",
        holds: |history| End::BOTH.iter().all(|&end| is_kept(history, end)),
    },
    Predicate {
        id: "FRM-2",
        title: "nothing follows the marker",
        holds: |history| !history.has(Violation::AfterMarker),
    },
    Predicate {
        id: "FRM-3",
        title: "an end is clean only with the marker, and within a frame it is a truncation",
        holds: |history| !history.has(Violation::FalseEnding),
    },
    Predicate {
        id: "FRM-4",
        title: "what is given is what was written, whole and in order, and all that came whole is given before the end",
        holds: |history| !history.has(Violation::Misdelivered),
    },
    Predicate {
        id: "FRM-5",
        title: "no item is begun within another one: what was begun is finished, or nothing follows",
        holds: |history| !history.has(Violation::Torn),
    },
    Predicate {
        id: "FRM-6",
        title: "a shutdown is said to have come only to what it has come to",
        holds: |history| !history.has(Violation::FalseOutcome),
    },
    Predicate {
        id: "FRM-7",
        title: "after the end of a direction, nothing else is said of it",
        holds: |history| !history.has(Violation::Contradicted),
    },
    Predicate {
        id: "FRM-8",
        title: "no reserved type is given to an application, and a marker with a payload is none",
        holds: |history| !history.has(Violation::ForgeryAccepted),
    },
    Predicate {
        id: "FRM-9",
        title: "no room is made for more than is allowed, and nothing panics",
        holds: |history| !history.has(Violation::Overwhelmed),
    },
    Predicate {
        id: "FRM-10",
        title: "a shutdown throws away no more than it may, and nothing once it is over",
        holds: |history| !history.has(Violation::DiscardedTooMuch),
    },
];

/// What must be reachable.
pub const WITNESSES: &[Predicate<History>] = &[
    Predicate {
        id: "FRM-16",
        title: "both shut down and both are clean",
        holds: |history| history.ends.iter().all(|end| end.outcome == Some(Outcome::Clean)),
    },
    Predicate {
        id: "FRM-17",
        title: "a frame is given to an application whose own shutdown has begun",
        holds: |history| history.ends.iter().any(|end| end.late),
    },
    Predicate {
        id: "FRM-18",
        title: "a shutdown is clean before the peer's application was given everything",
        holds: |history| {
            End::BOTH.iter().any(|&end| {
                let (own, peer) = (history.end(end), history.end(end.peer()));
                own.outcome == Some(Outcome::Clean) && peer.delivered < own.accepted
            })
        },
    },
    Predicate {
        id: "FRM-19",
        title: "what was handed over is not acknowledged in time",
        holds: |l| any(l, Outcome::Unacknowledged),
    },
    Predicate {
        id: "FRM-20",
        title: "not everything is handed over in time",
        holds: |l| any(l, Outcome::DeadlineExceeded),
    },
    Predicate { id: "FRM-21", title: "the peer is gone", holds: |l| any(l, Outcome::PeerGone) },
    Predicate {
        id: "FRM-22",
        title: "the kernel does not tell what has arrived",
        holds: |l| any(l, Outcome::Unconfirmed),
    },
    Predicate { id: "FRM-23", title: "a truncation is told", holds: |history| told(history, Ending::Truncated) },
    Predicate { id: "FRM-24", title: "a violation is told", holds: |history| told(history, Ending::Violation) },
    Predicate {
        id: "FRM-25",
        title: "as much was thrown away as may be",
        holds: |history| history.discards > 0 && history.ends.iter().any(|end| end.discarded == history.discards),
    },
    Predicate {
        id: "FRM-26",
        title: "a second call shortens the deadline",
        holds: |history| history.ends.iter().any(|end| end.shortened),
    },
    Predicate {
        id: "FRM-27",
        title: "an end that is reset is given everything all the same, and told that it is all",
        holds: |history| {
            End::BOTH.iter().any(|&end| {
                let (own, peer) = (history.end(end), history.end(end.peer()));
                let was_told = own.reset && own.reader == ReaderRecord::Reported(Ending::Marker);
                was_told && peer.accepted > 0 && own.delivered == peer.accepted
            })
        },
    },
];

/// FRM-1 of the frames of one end: its peer's application was given them, or will be, or does not want them.
fn is_kept(history: &History, end: End) -> bool {
    let (own, peer) = (history.end(end), history.end(end.peer()));
    if own.outcome != Some(Outcome::Clean) || peer.abandoned {
        return true;
    }
    match peer.reader {
        ReaderRecord::Waits | ReaderRecord::Left => true,
        ReaderRecord::Reported(Ending::Marker) => peer.delivered == own.accepted,
        // Its own deadline, or what this end sent, kept it from reading to the end.
        ReaderRecord::Reported(Ending::Deadline | Ending::Violation) => true,
        ReaderRecord::Reported(Ending::WithoutMarker | Ending::Truncated | Ending::Reset | Ending::ShutDown) => {
            peer.delivered == own.accepted
        }
    }
}

fn any(history: &History, outcome: Outcome) -> bool {
    history.ends.iter().any(|end| end.outcome == Some(outcome))
}

fn told(history: &History, ending: Ending) -> bool {
    history.ends.iter().any(|end| end.reader == ReaderRecord::Reported(ending))
}
