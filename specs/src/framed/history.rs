//! What the participants of a connection were told so far.

use enumset::{EnumSet, EnumSetType};
use serde::Serialize;

use super::{End, Ending, Forgery, Given, Half, Item, Moment, Outcome, Output, Part};

/// What was told on one connection.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct History {
    /// Each end, [left](End::Left) first.
    pub ends: [EndRecord; 2],
    /// The last moment that has passed.
    pub now: Option<Moment>,
    /// How many halves a shutdown may keep for the reader.
    pub keeps: u16,
    /// How many halves a shutdown may throw away.
    pub discards: u16,
    /// Whether the kernels tell what was acknowledged.
    pub tells: bool,
    /// What was told that must not be told.
    pub violations: Violations,
}

/// What was told at one end.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub struct EndRecord {
    /// How many frames were accepted.
    pub accepted: u32,
    /// What the end's kernel was handed.
    pub sent: Progress,
    /// What the end was given by its kernel, as far as it kept it.
    pub taken: Progress,
    /// How many frames it was given whole.
    pub whole: u32,
    /// How many frames its application was given.
    pub delivered: u32,
    /// What its application was told of the end of the peer's frames.
    pub reader: ReaderRecord,
    /// The earliest moment until which its shutdown may take.
    pub until: Option<Moment>,
    /// The outcome that the callers of the shutdown were told.
    pub outcome: Option<Outcome>,
    /// How many halves its shutdown has kept since the reader last took or was given something.
    pub kept: u16,
    /// How many halves it threw away.
    pub discarded: u16,
    /// Everything that it sent, and the end of the stream, is in the other kernel.
    pub arrived: bool,
    /// Its kernel was told that the connection is reset.
    pub reset: bool,
    /// Its application dropped the connection without a shutdown.
    pub abandoned: bool,
    /// Its socket is closed.
    pub closed: bool,
    /// A frame was given to its application when its shutdown had begun.
    pub late: bool,
    /// A later call shortened its deadline.
    pub shortened: bool,
    /// Its shutdown is the answer to the peer's marker.
    pub answers: bool,
}

/// A position in a stream of halves.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Between two items.
    #[default]
    Between,
    /// Behind a half of an item that is not its last.
    Within(Half),
    /// Behind the marker.
    Marked,
    /// Behind something that is not allowed.
    Forged(Forgery),
    /// Behind a half that did not belong there.
    Torn,
}

/// What an application was told of the end of the peer's frames.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderRecord {
    /// Nothing yet.
    #[default]
    Waits,
    /// This.
    Reported(Ending),
    /// It wants to hear nothing any more.
    Left,
}

/// Something that was told and must not be.
#[derive(Debug, EnumSetType)]
#[enumset(repr = "u16", serialize_repr = "u16")]
pub enum Violation {
    /// Something was sent behind the marker, or given behind it.
    AfterMarker,
    /// An end was said to be clean, or between two frames, and was not.
    FalseEnding,
    /// The application was given something else than the peer's next frame, or not all that had come whole.
    Misdelivered,
    /// An item was begun within another one.
    Torn,
    /// A shutdown was said to have come to something that it had not come to.
    FalseOutcome,
    /// After the end of a direction something else was said of it.
    Contradicted,
    /// What is not allowed was taken for what is.
    ForgeryAccepted,
    /// A panic, or room made for more than is allowed.
    Overwhelmed,
    /// More was thrown away than allowed.
    DiscardedTooMuch,
    /// Something was thrown away after the shutdown was over.
    DiscardedLate,
    /// Something was taken from the kernel after the deadline.
    TakenLate,
    /// More was kept for the reader than allowed.
    KeptTooMuch,
}

/// The violations that were committed.
pub type Violations = EnumSet<Violation>;

impl History {
    /// Returns the history of a connection. Its shutdowns may keep `keeps` halves for the reader and throw `discards`
    /// away; `tells` is whether its kernels tell what was acknowledged.
    pub fn new(keeps: u16, discards: u16, tells: bool) -> Self {
        Self { keeps, discards, tells, ..Self::default() }
    }

    /// Whether this was told.
    pub fn has(&self, violation: Violation) -> bool {
        self.violations.contains(violation)
    }

    /// One end.
    pub fn end(&self, end: End) -> &EndRecord {
        &self.ends[end.index()]
    }

    /// Whether the deadline of an end's shutdown has passed.
    pub fn is_late(&self, end: End) -> bool {
        self.end(end).until.is_some_and(|until| self.now.is_some_and(|now| until <= now))
    }

    pub(super) fn record(&mut self, output: &Output) {
        match *output {
            Output::Accepted(end, _) => self.ends[end.index()].accepted += 1,
            Output::Handed(end, half) => self.handed(end, half),
            Output::WriteFailed(_) => {}
            Output::Took(end, half) => self.took(end, half),
            Output::Discarded(end) => self.discarded(end),
            Output::Delivered(end, given) => self.delivered(end, given),
            Output::Ended(end, ending) => self.ended(end, ending),
            Output::Kept(end, half) => self.kept(end, half),
            Output::Left(end) => self.ends[end.index()].reader = ReaderRecord::Left,
            Output::Abandoned(end) => self.ends[end.index()].abandoned = true,
            Output::Begun(end, by) => self.begun(end, by),
            Output::Answers(end, by) => {
                self.begun(end, by);
                self.ends[end.index()].answers = true;
            }
            Output::Over(end, outcome) => self.over(end, outcome),
            Output::Arrived(end) => self.ends[end.index()].arrived = true,
            Output::Reset(end) => self.ends[end.index()].reset = true,
            Output::Closed(end) => self.ends[end.index()].closed = true,
            Output::Passed(moment) => self.now = Some(moment),
            Output::Overcommitted(_) | Output::Panicked(_) => self.violate(Violation::Overwhelmed),
        }
    }

    fn violate(&mut self, violation: Violation) {
        self.violations.insert(violation);
    }

    fn violate_if(&mut self, violates: bool, violation: Violation) {
        if violates {
            self.violate(violation);
        }
    }

    fn handed(&mut self, end: End, half: Half) {
        let before = self.end(end).sent;
        let after = before.behind(half);
        self.ends[end.index()].sent = after;
        self.violate_if(before == Progress::Marked, Violation::AfterMarker);
        self.violate_if(after == Progress::Torn, Violation::Torn);
    }

    fn took(&mut self, end: End, half: Half) {
        self.ends[end.index()].kept = 0;
        self.taken(end, half);
    }

    fn kept(&mut self, end: End, half: Half) {
        let keeps = self.keeps;
        let record = &mut self.ends[end.index()];
        record.kept = record.kept.saturating_add(1);
        let too_much = record.kept > keeps;
        self.violate_if(too_much, Violation::KeptTooMuch);
        self.taken(end, half);
    }

    fn taken(&mut self, end: End, half: Half) {
        self.violate_if(self.is_late(end), Violation::TakenLate);
        let record = &mut self.ends[end.index()];
        record.taken = record.taken.behind(half);
        let is_frame = matches!(half.item, Item::Frame(..));
        if is_frame && record.taken == Progress::Between {
            record.whole += 1;
        }
    }

    fn discarded(&mut self, end: End) {
        let discards = self.discards;
        let record = &mut self.ends[end.index()];
        record.discarded = record.discarded.saturating_add(1);
        let (too_much, is_over) = (record.discarded > discards, record.outcome.is_some());
        self.violate_if(too_much, Violation::DiscardedTooMuch);
        self.violate_if(is_over, Violation::DiscardedLate);
        self.violate_if(self.is_late(end), Violation::TakenLate);
    }

    fn delivered(&mut self, end: End, given: Given) {
        let record = &mut self.ends[end.index()];
        let told = record.reader;
        record.late |= record.until.is_some();
        record.kept = 0;
        match given {
            Given::Frame(frame) => {
                let is_next = frame.0 == record.delivered;
                record.delivered += 1;
                self.violate_if(!is_next, Violation::Misdelivered);
            }
            Given::Reserved => self.violate(Violation::ForgeryAccepted),
            Given::Garbled => self.violate(Violation::Misdelivered),
        }
        match told {
            ReaderRecord::Waits | ReaderRecord::Left => {}
            ReaderRecord::Reported(Ending::Marker) => self.violate(Violation::AfterMarker),
            ReaderRecord::Reported(_) => self.violate(Violation::Contradicted),
        }
    }

    fn ended(&mut self, end: End, ending: Ending) {
        let record = &mut self.ends[end.index()];
        let (told, taken) = (record.reader, record.taken);
        let withheld = told == ReaderRecord::Waits && record.delivered < record.whole;
        match told {
            ReaderRecord::Waits => {
                record.reader = ReaderRecord::Reported(ending);
                record.kept = 0;
            }
            ReaderRecord::Reported(_) | ReaderRecord::Left => {}
        }
        let contradicts = told != ReaderRecord::Waits && told != ReaderRecord::Reported(ending);
        self.violate_if(contradicts, Violation::Contradicted);
        self.violate_if(withheld, Violation::Misdelivered);
        let is_forged = taken == Progress::Forged(Forgery::LoadedMarker);
        self.violate_if(is_forged && ending == Ending::Marker, Violation::ForgeryAccepted);
        let is_false = match ending {
            Ending::Marker => taken != Progress::Marked && !is_forged,
            Ending::WithoutMarker => matches!(taken, Progress::Within(_)),
            Ending::Truncated | Ending::Reset | Ending::Violation | Ending::Deadline | Ending::ShutDown => false,
        };
        self.violate_if(is_false, Violation::FalseEnding);
    }

    fn begun(&mut self, end: End, by: Moment) {
        let record = &mut self.ends[end.index()];
        record.shortened |= record.until.is_some_and(|until| by < until);
        record.until = Some(record.until.map_or(by, |until| until.min(by)));
    }

    fn over(&mut self, end: End, outcome: Outcome) {
        let late = self.is_late(end);
        let record = &mut self.ends[end.index()];
        let before = *record.outcome.get_or_insert(outcome);
        let marked = record.sent == Progress::Marked;
        let is_true = match outcome {
            // Nothing is promised to who does not keep to the protocol.
            _ if matches!(record.sent, Progress::Forged(_)) => true,
            Outcome::Clean => marked && record.arrived,
            Outcome::Unconfirmed => marked,
            Outcome::Unacknowledged => marked && late,
            Outcome::DeadlineExceeded => !marked && late,
            Outcome::PeerGone => record.reset,
            // It says nothing, so that it is not wrong.
            Outcome::Failed => true,
        };
        self.violate_if(!is_true, Violation::FalseOutcome);
        self.violate_if(before != outcome, Violation::Contradicted);
    }
}

impl Progress {
    fn behind(self, half: Half) -> Self {
        let Half { item, part } = half;
        let belongs = match self {
            Self::Between => part == Part::Head,
            Self::Within(before) => {
                before.item == item && Half::of(item).skip_while(|it| *it != before).nth(1) == Some(half)
            }
            Self::Marked | Self::Forged(_) | Self::Torn => false,
        };
        let is_last = Half::of(item).last() == Some(half);
        match (self, item) {
            // What comes behind the marker is told apart from what tears an item.
            (Self::Marked, _) => Self::Marked,
            (Self::Forged(forgery), _) => Self::Forged(forgery),
            (Self::Between | Self::Within(_) | Self::Torn, _) if !belongs => Self::Torn,
            (Self::Between | Self::Within(_) | Self::Torn, _) if !is_last => Self::Within(half),
            (Self::Between | Self::Within(_) | Self::Torn, Item::Frame(..)) => Self::Between,
            (Self::Between | Self::Within(_) | Self::Torn, Item::Marker) => Self::Marked,
            (Self::Between | Self::Within(_) | Self::Torn, Item::Forged(Forgery::Reserved)) => Self::Between,
            (Self::Between | Self::Within(_) | Self::Torn, Item::Forged(forgery)) => Self::Forged(forgery),
        }
    }
}
