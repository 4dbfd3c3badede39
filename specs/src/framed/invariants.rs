//! What holds in every reachable state, and what must be reachable: one function, one id, one title each.

use super::conjuncts::{LOST, any_end};
use super::{End, EndRecord, Ending, History, Outcome, Progress, ReaderRecord, Violation};
use crate::protocol::Predicate;

/// The rule that the system rests only where nothing is waited for.
pub const DEADLOCK: (&str, &str) =
    ("FRM-11", "nothing waits for what cannot come: a state without any step is at rest");

/// What holds in every reachable state.
pub const INVARIANTS: &[Predicate<History>] = &[
    Predicate {
        id: "FRM-1",
        title: "after a clean shutdown the peer that reads to the end is given every accepted frame",
        holds: |history| !any_end(history, LOST),
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
        holds: |history| !history.has(Violation::DiscardedTooMuch) && !history.has(Violation::DiscardedLate),
    },
    Predicate {
        id: "FRM-29",
        title: "a deadline is a total: behind it nothing is taken from the peer, whatever it sends",
        holds: |history| !history.has(Violation::TakenLate),
    },
    Predicate {
        id: "FRM-30",
        title: "a shutdown keeps no more for the reader than it may",
        holds: |history| !history.has(Violation::KeptTooMuch),
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
    Predicate {
        id: "FRM-31",
        title: "an answer to the peer's marker is handed over, and the reader is told of the marker",
        holds: |history| {
            let is_handed_over = |end: &EndRecord| end.answers && end.sent == Progress::Marked;
            history.ends.iter().any(|end| is_handed_over(end) && end.reader == ReaderRecord::Reported(Ending::Marker))
        },
    },
    Predicate {
        id: "FRM-32",
        title: "as much is kept for the reader as may be",
        holds: |history| history.keeps > 0 && history.ends.iter().any(|end| end.kept == history.keeps),
    },
];

fn any(history: &History, outcome: Outcome) -> bool {
    history.ends.iter().any(|end| end.outcome == Some(outcome))
}

fn told(history: &History, ending: Ending) -> bool {
    history.ends.iter().any(|end| end.reader == ReaderRecord::Reported(ending))
}
