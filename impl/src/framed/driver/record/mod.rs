//! A record of what one end did, in the words of the model, which explains it.

mod queue;
mod splitter;

use std::fmt::{self, Debug, Formatter};
use std::io::{self, Write};
use std::sync::PoisonError;

use handfast_spec::framed::{
    Action, End, Ending, FrameId, Framed, Given, Half, Item, Moment, Outcome, Output, Part, Shape,
};
use handfast_spec::log::{Header, LineOf};
use handfast_spec::{Observation, Protocol as _};
use serde::Serialize;

use self::queue::Queue;
use self::splitter::{Piece, Splitter};
use super::config::Config;
use super::reader::End as PeerEnd;
use crate::framed::{Delivery, Error};
use crate::record::Writer;
use crate::runtime::sync::{Mutex, MutexGuard};
use crate::runtime::time::Instant;

/// Where lines go.
pub(super) type Out = Box<dyn Write + Send>;

/// Writes each step as a line of the log that `model explain framed` reads.
///
/// A step is entered under the lock under which it is taken, so that the order of lines is the order of steps. Lines are
/// written by [`write_out`](Self::write_out), under no lock, because what writes them is foreign code.
pub(super) struct Record(Mutex<Steps>);

/// This end.
const OURS: End = End::Left;
/// The other one.
const THEIRS: End = End::Right;

/// The log's first line.
#[derive(Serialize)]
struct Configured {
    end: EndConfig,
}

#[derive(Serialize)]
struct EndConfig {
    tells: bool,
    answers: bool,
}

type Line = LineOf<Framed>;

/// What was recorded so far.
struct Steps {
    queue: Queue,
    tells: bool,
    /// What the transport took, and what it gave.
    sent: Splitter,
    came: Splitter,
    accepted: u32,
    /// The last half of the marker, which the transport may hold back until it is flushed.
    marker: Option<Half>,
    given: u32,
    /// How many halves a shutdown has dropped.
    dropped: u16,
    closing: Option<Closing>,
    /// The last moment that has passed.
    passed: Option<Moment>,
    has_finished: bool,
    has_outcome: bool,
    has_expired: bool,
    /// Whether the end of the peer's bytes was seen, and whether that was a fault.
    peer_ended: bool,
    was_reset: bool,
    write_failed: bool,
    reader: ReaderState,
}

/// A shutdown that has begun: the moment that stands for its deadline, and the deadline.
#[derive(Clone, Copy)]
struct Closing {
    by: Moment,
    deadline: Instant,
}

/// Who has read something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ReadBy {
    Reader,
    /// The shutdown, which keeps it for the reader.
    Kept,
    /// The shutdown, which drops it.
    Dropped,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ReaderState {
    Reads,
    /// It has met the end of what it reads, and is about to be told. What follows is of no account.
    AtEnd,
    /// It was told of the end.
    Told,
    /// It was dropped before that.
    Left,
}

impl Record {
    pub(super) fn begin(out: Out, config: &Config, delivery: &io::Result<Delivery>) -> Self {
        let tells = !matches!(delivery, Ok(Delivery::Unknown));
        let mut out = Writer::new(out);
        let end = EndConfig { tells, answers: config.answer.is_some() };
        out.write(&Header { protocol: Framed::NAME, config: Configured { end } });
        let splitter = || Splitter::new(config.max_frame, config.heartbeat.is_some());
        Self(Mutex::new(Steps {
            queue: Queue::new(out),
            tells,
            sent: splitter(),
            came: splitter(),
            accepted: 0,
            marker: None,
            given: 0,
            dropped: 0,
            closing: None,
            passed: None,
            has_finished: false,
            has_outcome: false,
            has_expired: false,
            peer_ended: false,
            was_reset: false,
            write_failed: false,
            reader: ReaderState::Reads,
        }))
    }

    /// Enters steps. Their lock is the last that is taken.
    pub(super) fn steps(&self) -> Entering<'_> {
        // Code under this lock does not panic, so a poisoned lock still guards a consistent state.
        Entering(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The connection is closed: both halves of its transport are dropped.
impl Drop for Record {
    fn drop(&mut self) {
        self.steps().closed();
        // There is no one to tell.
        let _ = self.flush();
    }
}

impl Debug for Record {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").finish_non_exhaustive()
    }
}

/// Steps that are entered one after the other, with no other between them.
pub(super) struct Entering<'r>(MutexGuard<'r, Steps>);

/// What is written, and the end of that.
impl Entering<'_> {
    pub(super) fn accepted(&mut self, length: usize) {
        let steps = &mut *self.0;
        let frame = FrameId(steps.accepted);
        steps.accepted = steps.next(steps.accepted);
        steps.told(Action::Write { end: OURS, shape: shape(length) }, [Output::Accepted(OURS, frame)]);
    }

    /// The transport took these bytes, in pieces.
    pub(super) fn handed<'b>(&mut self, pieces: impl Iterator<Item = &'b [u8]>, bytes: usize) {
        let mut left = bytes;
        for piece in pieces {
            let mut taken = &piece[..left.min(piece.len())];
            left -= taken.len();
            while let Some(piece) = self.0.sent.next(&mut taken) {
                self.0.sent(piece);
            }
            if left == 0 {
                break;
            }
        }
    }

    /// A shutdown knows that the transport has all of it, the marker included, and holds nothing back.
    pub(super) fn written(&mut self) {
        if let Some(half) = self.0.marker.take() {
            self.0.told(Action::Send { end: OURS }, [Output::Handed(OURS, half)]);
        }
    }

    /// Our direction is closed.
    pub(super) fn finished(&mut self) {
        if !std::mem::replace(&mut self.0.has_finished, true) {
            self.0.told(Action::Finish { end: OURS }, []);
        }
    }

    /// The transport has said this of what it took, and that was the end of a shutdown.
    pub(super) fn ended_by(&mut self, delivery: Delivery) {
        let tells = delivery != Delivery::Unknown;
        if tells != self.0.tells {
            self.0.give_up(
                "the transport knows of delivery at some times and not at others, for which the model has no words",
            );
        } else if delivery == Delivery::Outstanding(0) {
            self.0.told(Action::Carry { from: OURS }, [Output::Arrived(OURS)]);
        }
    }

    /// Nothing is written any more, for this reason; at the end of a shutdown because that is over.
    pub(super) fn write_failed(&mut self, error: &Error) {
        let is_deadline = matches!(error, Error::DeadlineExceeded);
        if !is_deadline && !std::mem::replace(&mut self.0.write_failed, true) {
            let is_first = !self.0.was_reset;
            self.0.told(Action::Close { end: THEIRS }, is_first.then_some(Output::Reset(OURS)));
            self.0.told(Action::Send { end: OURS }, [Output::WriteFailed(OURS)]);
        }
    }

    /// A shutdown is asked for. The model has two moments: the deadline of the first call, and any earlier one.
    pub(super) fn begun(&mut self, deadline: Instant, answers: bool) {
        let steps = &mut *self.0;
        let by = match &mut steps.closing {
            None => Moment::Late,
            Some(closing) if closing.deadline <= deadline => return,
            Some(closing) if closing.by == Moment::Soon => {
                closing.deadline = deadline;
                return;
            }
            Some(_) => Moment::Soon,
        };
        let is_first = steps.closing.is_none();
        steps.closing = Some(Closing { by, deadline });
        if answers && is_first {
            steps.told(Action::Read { end: OURS }, [Output::Answers(OURS, by)]);
        } else {
            steps.told(Action::Shutdown { end: OURS, by }, [Output::Begun(OURS, by)]);
        }
    }

    /// The deadline of a shutdown has passed.
    pub(super) fn passed(&mut self) {
        let Some(Closing { by, .. }) = self.0.closing else { return };
        for moment in [Moment::Soon, Moment::Late] {
            if moment <= by && self.0.passed < Some(moment) {
                self.0.passed = Some(moment);
                self.0.told(Action::Pass { moment }, [Output::Passed(moment)]);
            }
        }
    }

    /// The callers of a shutdown are told this.
    pub(super) fn over(&mut self, outcome: crate::framed::Outcome) {
        use crate::framed::Outcome as Told;
        self.0.has_outcome = true;
        let (outcome, by_deadline) = match outcome {
            Told::Clean => (Outcome::Clean, false),
            Told::PeerGone { .. } => (Outcome::PeerGone, false),
            Told::Unconfirmed { peer_ended } => (Outcome::Unconfirmed, !peer_ended),
            Told::Unacknowledged { .. } => (Outcome::Unacknowledged, true),
            Told::DeadlineExceeded { .. } => (Outcome::DeadlineExceeded, true),
        };
        self.0.has_expired |= by_deadline;
        let action = if by_deadline { Action::Expire { end: OURS } } else { Action::Confirm { end: OURS } };
        self.0.told(action, [Output::Over(OURS, outcome)]);
    }

    /// The reader has met the deadline of a shutdown, which is over.
    pub(super) fn reader_expired(&mut self) {
        if self.0.has_outcome && !std::mem::replace(&mut self.0.has_expired, true) {
            self.0.told(Action::Expire { end: OURS }, []);
        }
    }

    /// The transport is closed. The model has no words for one that is dropped within its shutdown.
    fn closed(&mut self) {
        match (self.0.closing, self.0.has_outcome) {
            (Some(_), true) => self.0.told(Action::Close { end: OURS }, [Output::Closed(OURS)]),
            (Some(_), false) => {}
            (None, _) => self.0.told(Action::Abandon { end: OURS }, [Output::Abandoned(OURS), Output::Closed(OURS)]),
        }
    }
}

/// What is read.
impl Entering<'_> {
    /// The transport gave these bytes.
    pub(super) fn came(&mut self, bytes: &[u8], by: ReadBy) {
        if matches!(self.0.reader, ReaderState::Reads | ReaderState::Left) {
            let mut bytes = bytes;
            while let Some(piece) = self.0.came.next(&mut bytes) {
                self.0.came(piece, by);
            }
        }
    }

    /// The transport gives nothing more: not in order, if it does not say so.
    pub(super) fn peer_ended(&mut self, end: Option<&PeerEnd>, by: ReadBy) {
        let steps = &mut *self.0;
        if let (ReaderState::Reads, Some(item)) = (steps.reader, steps.came.torn()) {
            steps.came(Piece::Begins(item), by);
            steps.came(Piece::Half(Half { item, part: Part::Head }), by);
        }
        steps.peer_ended = true;
        if steps.was_reset && !matches!(end, Some(PeerEnd::InOrder)) {
            // It was given up before, because it was silent.
            return;
        }
        if let Some(PeerEnd::InOrder) = end {
            steps.told(Action::Finish { end: THEIRS }, [Output::Arrived(THEIRS)]);
        } else {
            steps.was_reset = true;
            let is_first = !steps.write_failed;
            steps.told(Action::Abandon { end: THEIRS }, is_first.then_some(Output::Reset(OURS)));
        }
        steps.told(reads(by), []);
    }

    pub(super) fn given(&mut self) {
        let steps = &mut *self.0;
        let frame = FrameId(steps.given);
        steps.given = steps.next(steps.given);
        steps.told(Action::Read { end: OURS }, [Output::Delivered(OURS, Given::Frame(frame))]);
    }

    /// The reader has met the end of what it reads: what the shutdown reads from now on is not for it.
    pub(super) fn at_end(&mut self) {
        if self.0.reader == ReaderState::Reads {
            self.0.reader = ReaderState::AtEnd;
        }
    }

    /// The reader is told of the peer's marker.
    pub(super) fn marker(&mut self) {
        self.ended(Ending::Marker);
    }

    /// The reader is told of this error, which has ended the connection.
    pub(super) fn failed(&mut self, error: &Error) {
        let ending = match error {
            Error::Violation(_) => Ending::Violation,
            Error::Truncated { .. } => Ending::Truncated,
            Error::EndedWithoutMarker => Ending::WithoutMarker,
            Error::Transport(_) | Error::Unresponsive { .. } => Ending::Reset,
            Error::DeadlineExceeded => Ending::Deadline,
            Error::FrameTooLong { .. } | Error::KindReserved { .. } | Error::ShutDown | Error::Unclean(_) => {
                return self.0.give_up("a reader was told what no reader is told");
            }
        };
        // To the model a peer that is silent for too long has gone. The reader gives it up also where a write has failed
        // before, and is then told of that.
        let is_news = matches!(self.0.reader, ReaderState::Reads | ReaderState::AtEnd);
        if is_news && matches!(error, Error::Unresponsive { .. } | Error::Transport(_)) {
            if self.0.closing.is_some_and(|closing| self.0.passed >= Some(closing.by)) {
                self.reader_expired();
            } else if !self.0.peer_ended {
                self.peer_ended(None, ReadBy::Reader);
            }
        }
        self.ended(ending);
    }

    fn ended(&mut self, ending: Ending) {
        if let ReaderState::Reads | ReaderState::AtEnd = self.0.reader {
            self.0.reader = ReaderState::Told;
            self.0.told(Action::Read { end: OURS }, [Output::Ended(OURS, ending)]);
        }
    }

    /// The reader is dropped.
    pub(super) fn left(&mut self) {
        if let ReaderState::Reads | ReaderState::AtEnd = self.0.reader {
            self.0.reader = ReaderState::Left;
            self.0.told(Action::Leave { end: OURS }, [Output::Left(OURS)]);
        }
    }
}

impl Steps {
    fn told(&mut self, action: Action, outputs: impl IntoIterator<Item = Output>) {
        self.queue.push(Line::observed(action, Observation::Accepted(outputs.into_iter().collect())));
    }

    /// Ends the record, because the model has no words for what follows.
    fn give_up(&mut self, why: &'static str) {
        self.queue.give_up(why);
    }

    /// The number after this one.
    fn next(&mut self, number: u32) -> u32 {
        number.checked_add(1).unwrap_or_else(|| {
            self.give_up(TOO_MANY);
            number
        })
    }

    fn sent(&mut self, piece: Piece) {
        match piece {
            // It was entered when it was accepted.
            Piece::Begins(_) => {}
            Piece::Half(half @ Half { item: Item::Marker, part: Part::HeadRest }) => self.marker = Some(half),
            Piece::Half(half) => self.told(Action::Send { end: OURS }, [Output::Handed(OURS, half)]),
        }
    }

    fn came(&mut self, piece: Piece, by: ReadBy) {
        let half = match piece {
            Piece::Half(half) => half,
            Piece::Begins(item) => {
                let action = match item {
                    Item::Frame(FrameId(u32::MAX), _) => return self.give_up(TOO_MANY),
                    Item::Frame(_, shape) => Action::Write { end: THEIRS, shape },
                    Item::Marker => Action::Shutdown { end: THEIRS, by: Moment::Late },
                    Item::Forged(forgery) => Action::Forge { end: THEIRS, forgery },
                };
                return self.told(action, []);
            }
        };
        let output = match by {
            ReadBy::Reader => Output::Took(OURS, half),
            ReadBy::Kept => Output::Kept(OURS, half),
            ReadBy::Dropped => Output::Discarded(OURS),
        };
        if by == ReadBy::Dropped {
            match self.dropped.checked_add(1) {
                Some(dropped) => self.dropped = dropped,
                None => return self.give_up("a shutdown has dropped more than the model has numbers for"),
            }
        }
        self.told(Action::Send { end: THEIRS }, []);
        self.told(reads(by), [output]);
    }
}

const TOO_MANY: &str = "more frames than the model has numbers for";

fn reads(by: ReadBy) -> Action {
    match by {
        ReadBy::Reader => Action::Read { end: OURS },
        ReadBy::Kept | ReadBy::Dropped => Action::ReadAhead { end: OURS },
    }
}

/// What a frame with a payload of so many bytes is to the model.
fn shape(length: usize) -> Shape {
    if length == 0 { Shape::Empty } else { Shape::Full }
}
