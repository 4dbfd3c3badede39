//! The end that is judged, as the model has it, and the application above it that the harness is.

use handfast_spec::framed::{Action, End, Ending, FrameId, Given, Half, Item, Moment, Output, Part, Shape};
use handfast_spec::{Observation, Recorded};
use model::checker::explain::Explains as _;
use model::framed::handfast::{EndHeader, Header, OneEnd};

use super::message::{Frame, header, numbered};
use super::{Answer, FRAMES};

/// The end that is judged.
const OURS: End = End::Left;
/// The tester.
const TESTER: End = End::Right;

/// An end in the model with its application, and what it has sent that the tester has not received.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Tested {
    pub(super) end: Recorded<OneEnd>,
    answer: Answer,
    pub(super) expected: Vec<u8>,
    /// How many frames the application was given.
    given: u32,
    /// How many of its frames were accepted.
    written: u32,
    /// What the application was told of the end.
    pub(super) ended: Option<Ending>,
    pub(super) closing: Closing,
}

/// How far the end of the direction is in which the implementation sends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Closing {
    /// Its frames go on.
    Open,
    /// Its marker is behind them.
    Begun,
    /// Its direction ends behind the marker.
    Finished,
    /// The application has dropped the connection, because of what it was told.
    Dropped,
}

impl Tested {
    pub(super) fn start(answer: Answer) -> Self {
        let header = Header { end: EndHeader { tells: true, answers: false } };
        let end = OneEnd::starts(&header).pop().expect("every end can be so configured");
        Self { end, answer, expected: Vec::new(), given: 0, written: 0, ended: None, closing: Closing::Open }
    }

    fn step(&mut self, action: Action) -> Option<Vec<Output>> {
        match self.end.step(&action) {
            Observation::Accepted(outputs) => Some(outputs),
            Observation::Refused(_) => None,
        }
    }

    /// The tester begins an item.
    pub(super) fn begins(&mut self, item: Item) {
        let action = match item {
            Item::Frame(_, shape) => Action::Write { end: TESTER, shape },
            Item::Marker => Action::Shutdown { end: TESTER, by: Moment::Late },
            Item::Forged(forgery) => Action::Forge { end: TESTER, forgery },
        };
        let _begun = self.step(action);
    }

    /// The tester has sent the next half of it.
    pub(super) fn sent(&mut self) {
        let _sent = self.step(Action::Send { end: TESTER });
    }

    /// The tester has ended its direction.
    pub(super) fn peer_ends(&mut self) {
        let _ended = self.step(Action::Finish { end: TESTER });
    }

    /// What the end, or its application, may do without the tester seeing it. `frames` are those that the tester has sent.
    ///
    /// What is read up to the next frame is one step, and so is what is handed over: between these nothing is seen.
    pub(super) fn steps(&self, frames: &[Frame]) -> Vec<Self> {
        let mut found = Vec::new();
        let mut take = |action: Action| {
            let mut next = self.clone();
            let mut is_taken = false;
            while let Some(outputs) = next.step(action) {
                is_taken = true;
                let goes_on = outputs.iter().all(|output| matches!(output, Output::Took(..) | Output::Handed(..)));
                outputs.into_iter().for_each(|output| next.note(output, frames));
                if !goes_on {
                    break;
                }
            }
            if is_taken {
                found.push(next);
            }
        };
        if self.ended.is_none() {
            take(Action::Read { end: OURS });
        }
        if let Some(frame) = self.next_frame(frames) {
            let shape = if frame.payload.is_empty() { Shape::Empty } else { Shape::Full };
            take(Action::Write { end: OURS, shape });
        }
        take(Action::Send { end: OURS });
        if self.closing == Closing::Open && self.shuts_down() {
            take(Action::Shutdown { end: OURS, by: Moment::Late });
        }
        let has_failed = self.ended.is_some_and(|ending| ending != Ending::Marker);
        if self.closing == Closing::Open && has_failed {
            take(Action::Abandon { end: OURS });
        }
        if self.closing == Closing::Begun {
            let mut next = self.clone();
            if next.step(Action::Finish { end: OURS }).is_some() {
                next.closing = Closing::Finished;
                found.push(next);
            }
        }
        found
    }

    /// Whether the application has nothing more to write, and asks for the end.
    fn shuts_down(&self) -> bool {
        match self.answer {
            Answer::Echo => self.ended == Some(Ending::Marker) && self.written == self.given,
            Answer::Sink => self.ended == Some(Ending::Marker),
            Answer::Source => self.written == FRAMES,
        }
    }

    fn next_frame(&self, frames: &[Frame]) -> Option<Frame> {
        match self.answer {
            Answer::Echo if self.written < self.given => frames.get(self.written as usize).cloned(),
            Answer::Source if self.written < FRAMES => Some(numbered(self.written)),
            Answer::Echo | Answer::Sink | Answer::Source => None,
        }
    }

    fn note(&mut self, output: Output, frames: &[Frame]) {
        match output {
            Output::Accepted(OURS, FrameId(number)) => self.written = number + 1,
            Output::Handed(OURS, half) => self.expected.extend(self.bytes(half, frames)),
            Output::Delivered(OURS, Given::Frame(_)) => self.given += 1,
            Output::Ended(OURS, ending) => self.ended = Some(ending),
            Output::Begun(OURS, _) => self.closing = Closing::Begun,
            Output::Abandoned(OURS) => self.closing = Closing::Dropped,
            // What else is told is not seen on the wire.
            _ => {}
        }
    }

    fn bytes(&self, half: Half, frames: &[Frame]) -> Vec<u8> {
        let frame = match half.item {
            Item::Frame(FrameId(number), _) if self.answer == Answer::Source => numbered(number),
            Item::Frame(FrameId(number), _) => frames[number as usize].clone(),
            Item::Marker => Frame::marker(),
            Item::Forged(_) => unreachable!("an end that keeps to the protocol forges nothing"),
        };
        let middle = frame.payload.len() / 2;
        match half.part {
            Part::Head => header(&frame)[..4].to_vec(),
            Part::HeadRest => header(&frame)[4..].to_vec(),
            Part::Body => frame.payload[..middle].to_vec(),
            Part::BodyRest => frame.payload[middle..].to_vec(),
        }
    }

    /// Whether the connection may be closed here.
    pub(super) fn may_close(&self) -> bool {
        match self.closing {
            // What was being handed over is dropped, wherever it was.
            Closing::Dropped => true,
            Closing::Finished => self.expected.is_empty(),
            Closing::Open | Closing::Begun => false,
        }
    }

    /// Whether it waits for the tester, and nothing that it sent is on its way.
    pub(super) fn rests(&self, frames: &[Frame], has_ended: bool) -> bool {
        let must_end = !has_ended && matches!(self.closing, Closing::Finished | Closing::Dropped);
        self.expected.is_empty() && !must_end && self.steps(frames).is_empty()
    }

    /// Where it is, in a word that is the same for all that react alike.
    pub(super) fn place(&self, is_partial: bool) -> &'static str {
        match (self.ended, is_partial) {
            (None, false) => "between",
            (None, true) => "within",
            (Some(Ending::Marker), _) => "behind-marker",
            (Some(_), _) => "over",
        }
    }
}
