//! What is owed at an end, or lost there, as conditions that hold together.

use super::{End, Ending, History, Outcome, Progress, ReaderRecord};

/// One of the conditions under which something is owed, or lost, at an end.
#[derive(Clone, Copy, Debug)]
pub struct Conjunct {
    /// The condition in words.
    pub says: &'static str,
    /// Whether it holds of this end.
    pub holds: fn(&History, End) -> bool,
}

const fn when(says: &'static str, holds: fn(&History, End) -> bool) -> Conjunct {
    Conjunct { says, holds }
}

/// Whether all of these hold of one of the ends.
pub fn any_end(history: &History, conjuncts: &[Conjunct]) -> bool {
    End::BOTH.iter().any(|&end| conjuncts.iter().all(|conjunct| (conjunct.holds)(history, end)))
}

/// FRM-1: frames of the end were lost, and it was told that it ended cleanly.
pub const LOST: &[Conjunct] = &[
    when("the shutdown was clean", |history, end| history.end(end).outcome == Some(Outcome::Clean)),
    when("the peer's application has not dropped the connection", peer_is_there),
    when(
        "the peer's reader was told of an end that it did not choose, and that this end did not cause",
        |history, end| {
            match history.end(end.peer()).reader {
                ReaderRecord::Waits | ReaderRecord::Left => false,
                // What this end sent kept it from reading to the end.
                ReaderRecord::Reported(Ending::Violation) => false,
                ReaderRecord::Reported(
                    Ending::Marker
                    | Ending::WithoutMarker
                    | Ending::Truncated
                    | Ending::Reset
                    | Ending::Deadline
                    | Ending::ShutDown,
                ) => true,
            }
        },
    ),
    // Behind its own deadline nothing is read (FRM-29), and what it is told is what was known first (FRM-7).
    PEER_HAS_TIME,
    when("it was given something else than all that was accepted", |history, end| {
        history.end(end.peer()).delivered != history.end(end).accepted
    }),
];

/// FRM-12: the end of a shutdown.
pub const OVERDUE: &[Conjunct] = &[when("the deadline has passed", History::is_late), GOES_ON];

/// FRM-13: the end of the peer's frames.
pub const KEPT_WAITING: &[Conjunct] = &[
    READER_WAITS,
    IS_THERE,
    when("the deadline has passed, the peer has ended, or a reset has come", |history, end| {
        let own = history.end(end);
        // A reader that answers waits for the peer to read.
        let has_ended = history.end(end.peer()).arrived && !own.answers;
        history.is_late(end) || own.reset || has_ended
    }),
];

/// FRM-14: a frame.
pub const WITHHELD: &[Conjunct] = &[
    READER_WAITS,
    IS_THERE,
    when("a frame has come whole that it was not given", |history, end| {
        history.end(end).delivered < history.end(end).whole
    }),
];

/// FRM-15: the end of a shutdown of which the peer reads.
pub const SERVED: &[Conjunct] = &[
    when("a shutdown has begun", |history, end| history.end(end).until.is_some()),
    GOES_ON,
    when("the kernels tell what has arrived", |history, _| history.tells),
    PEER_READS,
    when("the peer's application has not dropped the connection", peer_is_there),
    PEER_HAS_TIME,
];

/// FRM-28: an answer to the peer's marker.
pub const OWES_ANSWER: &[Conjunct] = &[
    when("the peer's marker has begun a shutdown", |history, end| history.end(end).answers),
    GOES_ON,
    when("the marker was not handed over", |history, end| history.end(end).sent != Progress::Marked),
    when("the application has not dropped its reader", |history, end| history.end(end).reader != ReaderRecord::Left),
    PEER_READS,
    PEER_HAS_TIME,
];

const GOES_ON: Conjunct = when("no outcome was told", |history, end| history.end(end).outcome.is_none());

const READER_WAITS: Conjunct =
    when("the reader was told of no end", |history, end| history.end(end).reader == ReaderRecord::Waits);

const IS_THERE: Conjunct =
    when("the application has not dropped the connection", |history, end| !history.end(end).abandoned);

const PEER_READS: Conjunct =
    when("the peer's application reads until the marker", |history, end| match history.end(end.peer()).reader {
        ReaderRecord::Waits | ReaderRecord::Reported(Ending::Marker | Ending::ShutDown) => true,
        ReaderRecord::Left => false,
        ReaderRecord::Reported(
            Ending::WithoutMarker | Ending::Truncated | Ending::Reset | Ending::Violation | Ending::Deadline,
        ) => false,
    });

const PEER_HAS_TIME: Conjunct =
    when("no deadline of the peer's has passed", |history, end| !history.is_late(end.peer()));

fn peer_is_there(history: &History, end: End) -> bool {
    !history.end(end.peer()).abandoned
}
