//! One end of a real connection, as its log has it: the design's end, and a peer of which only that is known which came.
//!
//! The log of a real end says what its transport took and gave, and what its callers were told. Nothing is known of the
//! peer and of the network, so that they may do anything at any time, and there are no bounds on queues. The end is the
//! design's, in smaller steps: what breaks a connection, and what its callers are told of that, are two steps here, because
//! other tasks may come between them; and a reader takes what has come, and gives it, in two.
//!
//! | action of the right end | what has happened to the left one |
//! |---|---|
//! | write, forge, shut down | the peer is about to send a frame, a forgery, the marker |
//! | send | the next half of that can be read |
//! | finish | the end of the peer's stream can be read |
//! | abandon | a read fails: the connection was reset |
//! | close | a write fails: the peer is gone |
//!
//! That the network carries from the left end says that its kernel has reported everything acknowledged.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::framed::{
    Action, End, Ending, Forgery, FrameId, Framed, Half, History, Item, Moment, Outcome, Output, ReaderRecord, Refusal,
    Shape,
};
use handfast_spec::{Machine, Observation, Recorded};
use serde::{Deserialize, Serialize};

use super::super::tcp::{Halves, Kernel};
use super::machine::{Config, Handfast, Outputs, Phase, Reading, Side, Step, Writing};
use super::reader::Reads as _;
use crate::checker::design::Design;
use crate::checker::explain::Explains;

/// The end that wrote the log.
const OWN: End = End::Left;

/// How many halves may be kept, and how many thrown away: real ends count bytes.
const MOST: u16 = u16::MAX;

/// How a real end was configured, as the header of its log says it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Header {
    /// The end.
    pub end: EndHeader,
}

/// How a real end was configured.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct EndHeader {
    /// Whether its transport tells what was acknowledged.
    pub tells: bool,
    /// Whether it answers the peer's marker with a shutdown of its own.
    pub answers: bool,
}

/// One end of a real connection.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct OneEnd {
    /// The design, of which the left end is used.
    design: Handfast,
    /// How many frames the peer has begun.
    frames: u32,
    /// What the peer is about to send.
    outbox: Halves,
    /// What can be read.
    inbox: Halves,
    /// What can be read behind that, if the peer's stream has ended.
    end: Option<Ending>,
    /// Whether everything that was sent is acknowledged.
    arrived: bool,
    /// Whether a write fails.
    gone: bool,
}

impl OneEnd {
    fn new(header: EndHeader) -> Self {
        let kernel = Kernel { send: u8::MAX, receive: u8::MAX, purges: false, tells: header.tells };
        let answer = [header.answers.then_some(Moment::Late), None];
        let config = Config { kernel, frames: [u32::MAX; 2], keep: MOST, discard: MOST, answer };
        Self {
            design: Handfast::new(config),
            frames: 0,
            outbox: Halves::new(),
            inbox: Halves::new(),
            end: None,
            arrived: false,
            gone: false,
        }
    }

    fn side(&self) -> &Side {
        self.design.side(OWN)
    }

    fn side_mut(&mut self) -> &mut Side {
        self.design.side_mut(OWN)
    }

    fn take(&mut self, action: Action, outputs: &mut Outputs) -> Step {
        match action {
            Action::Write { end: OWN, shape } => self.write(shape, outputs),
            Action::Send { end: OWN } => self.send(outputs),
            Action::Read { end: OWN } => self.read(outputs),
            Action::Shutdown { end: OWN, by } => self.shutdown(by, outputs),
            Action::ReadAhead { end: OWN } => self.read_ahead(outputs),
            Action::Confirm { end: OWN } => self.confirm(outputs),
            Action::Expire { end: OWN } => self.expire(outputs),
            Action::Carry { from: OWN } => self.acknowledged(outputs),
            Action::DropWrite { end: OWN }
            | Action::DropRead { end: OWN }
            | Action::Leave { end: OWN }
            | Action::Abandon { end: OWN }
            | Action::Finish { end: OWN }
            | Action::Close { end: OWN }
            | Action::Pass { .. } => self.design.take(action, outputs),
            Action::Write { shape, .. } => self.peer_writes(shape),
            Action::Forge { end: End::Right, forgery } => self.peer_begins(Item::Forged(forgery)),
            Action::Shutdown { .. } => self.peer_begins(Item::Marker),
            Action::Send { .. } => self.peer_sends(),
            Action::Finish { .. } => self.peer_ends(Ending::WithoutMarker, Some(Output::Arrived(OWN.peer())), outputs),
            Action::Abandon { .. } => {
                let is_first = !self.gone;
                self.peer_ends(Ending::Reset, is_first.then_some(Output::Reset(OWN)), outputs)
            }
            Action::Close { .. } => self.peer_goes(outputs),
            Action::Forge { .. }
            | Action::DropWrite { .. }
            | Action::Read { .. }
            | Action::DropRead { .. }
            | Action::Leave { .. }
            | Action::ReadAhead { .. }
            | Action::Confirm { .. }
            | Action::Expire { .. }
            | Action::Carry { .. } => Err(Refusal::NoMore),
        }
    }
}

/// What is written, and the end of that.
impl OneEnd {
    /// A real end accepts frames while others are queued.
    fn write(&mut self, shape: Shape, outputs: &mut Outputs) -> Step {
        let mut queue = core::mem::take(&mut self.side_mut().queue);
        let written = self.design.write(OWN, shape, outputs);
        let side = self.side_mut();
        queue.append(&mut side.queue);
        side.queue = queue;
        written
    }

    fn send(&mut self, outputs: &mut Outputs) -> Step {
        let gone = self.gone;
        let side = self.side_mut();
        if side.writing == Writing::Broken {
            return Err(Refusal::Broken);
        }
        if gone {
            // FRM-7: that is why the connection has ended. What was not handed over stays queued, because it is what the
            // outcome is about.
            side.writing = Writing::Broken;
            self.design.latch(OWN, Ending::Reset);
            outputs.push(Output::WriteFailed(OWN));
            return Ok(());
        }
        if side.queue.is_empty() {
            return Err(Refusal::Nothing);
        }
        outputs.push(Output::Handed(OWN, side.queue.remove(0)));
        Ok(())
    }

    fn shutdown(&mut self, by: Moment, outputs: &mut Outputs) -> Step {
        if self.side().phase != Phase::Open {
            return self.design.shutdown(OWN, by, outputs);
        }
        outputs.push(Output::Begun(OWN, by));
        self.begin(by);
        Ok(())
    }

    /// The marker goes behind everything that was accepted, also where nothing can be sent any more: callers are told that
    /// in a step of its own.
    fn begin(&mut self, by: Moment) {
        let side = self.side_mut();
        side.phase = Phase::Writing(by);
        side.queue.extend(Half::of(Item::Marker));
    }

    /// The kernel has reported that everything was acknowledged.
    fn acknowledged(&mut self, outputs: &mut Outputs) -> Step {
        let tells = self.design.config().kernel.tells;
        match self.side().phase {
            Phase::Closed(_) if tells && !self.arrived => {
                self.arrived = true;
                outputs.push(Output::Arrived(OWN));
                Ok(())
            }
            Phase::Open | Phase::Writing(_) | Phase::Closed(_) | Phase::Over(_) | Phase::Abandoned => {
                Err(Refusal::NotNow)
            }
        }
    }

    /// FRM-6: what is known before the deadline.
    fn confirm(&mut self, outputs: &mut Outputs) -> Step {
        let side = self.side();
        let closed = matches!(side.phase, Phase::Closed(_));
        let has_ended = side.ended && self.end == Some(Ending::WithoutMarker);
        let outcome = if self.arrived {
            Outcome::Clean
        } else if closed && has_ended && !self.design.config().kernel.tells {
            Outcome::Unconfirmed
        } else if side.writing == Writing::Broken {
            Outcome::PeerGone
        } else {
            return Err(Refusal::NotNow);
        };
        if side.phase.until().is_none() {
            return Err(Refusal::NotNow);
        }
        self.design.over(OWN, outcome, outputs);
        Ok(())
    }

    fn expire(&mut self, outputs: &mut Outputs) -> Step {
        let outcome = match (self.side().queue.is_empty(), self.design.config().kernel.tells) {
            (false, _) => Outcome::DeadlineExceeded,
            (true, true) if self.arrived => Outcome::Clean,
            (true, true) => Outcome::Unacknowledged,
            (true, false) => Outcome::Unconfirmed,
        };
        self.design.expire_with(OWN, outcome, outputs)
    }
}

/// What is read.
impl OneEnd {
    /// What can be read is taken first, then what was taken is given, then the end is told.
    fn read(&mut self, outputs: &mut Outputs) -> Step {
        let reading = self.side().reading;
        match reading {
            Reading::Waits if self.is_readable() => {
                // FRM-29: nothing is taken after the deadline.
                if self.design.is_late(OWN) {
                    return Err(Refusal::NotNow);
                }
                if let Some(half) = self.next_half() {
                    self.side_mut().held.push(half);
                    outputs.push(Output::Took(OWN, half));
                }
            }
            Reading::Waits | Reading::Fails(_) => return self.give(reading, outputs),
            Reading::Answers if matches!(self.side().phase, Phase::Writing(_)) => return Err(Refusal::NotNow),
            Reading::Answers => self.design.report(OWN, Ending::Marker, outputs),
            Reading::Reported => return Err(Refusal::Ended),
            Reading::Left => return Err(Refusal::Gone),
        }
        Ok(())
    }

    fn give(&mut self, reading: Reading, outputs: &mut Outputs) -> Step {
        let answer = self.design.config().answer[OWN.index()];
        let is_marked = self.side().held.first().is_some_and(|half| half.item == Item::Marker);
        if let (Some(by), Phase::Open, true) = (answer, self.side().phase, is_marked) {
            // FRM-28. The steps in which the answer is handed over are those of any shutdown.
            outputs.push(Output::Answers(OWN, by));
            self.begin(by);
            let side = self.side_mut();
            side.held.clear();
            side.reading = Reading::Answers;
        } else if !self.design.give_next(OWN, outputs) {
            let Reading::Fails(ending) = reading else { return Err(Refusal::Nothing) };
            self.design.report(OWN, ending, outputs);
        }
        Ok(())
    }

    /// FRM-29, FRM-30: what a shutdown reads for the reader, or throws away, while it goes on.
    fn read_ahead(&mut self, outputs: &mut Outputs) -> Step {
        if self.side().phase.until().is_none() || self.design.is_late(OWN) {
            return Err(Refusal::NotNow);
        }
        let keeps = match self.side().reading {
            Reading::Waits => true,
            Reading::Answers | Reading::Reported | Reading::Left => false,
            Reading::Fails(_) => return Err(Refusal::Nothing),
        };
        if !self.is_readable() {
            return Err(Refusal::Nothing);
        }
        if !keeps && self.side().discarded == MOST {
            return Err(Refusal::Enough);
        }
        match self.next_half() {
            Some(half) if keeps => {
                self.side_mut().held.push(half);
                outputs.push(Output::Kept(OWN, half));
            }
            Some(_) => {
                self.side_mut().discarded += 1;
                outputs.push(Output::Discarded(OWN));
            }
            None => {}
        }
        Ok(())
    }

    fn is_readable(&self) -> bool {
        !self.inbox.is_empty() || self.end.is_some() && !self.side().ended
    }

    /// Takes what can be read. None is the end, of which the reader is told in a step of its own.
    fn next_half(&mut self) -> Option<Half> {
        if !self.inbox.is_empty() {
            return Some(self.inbox.remove(0));
        }
        let is_reset = self.end == Some(Ending::Reset);
        let ending = self.design.ending_of(OWN, is_reset);
        self.side_mut().ended = true;
        self.design.stop_reading(OWN, ending);
        None
    }
}

/// What the peer and the network do.
impl OneEnd {
    fn peer_writes(&mut self, shape: Shape) -> Step {
        let frame = FrameId(self.frames);
        self.frames += 1;
        self.peer_begins(Item::Frame(frame, shape))
    }

    fn peer_begins(&mut self, item: Item) -> Step {
        if self.end.is_some() {
            return Err(Refusal::Closed);
        }
        self.outbox.extend(Half::of(item));
        Ok(())
    }

    fn peer_sends(&mut self) -> Step {
        if self.outbox.is_empty() || self.end.is_some() {
            return Err(Refusal::Nothing);
        }
        self.inbox.push(self.outbox.remove(0));
        Ok(())
    }

    /// `told` is what the peer's end is to the history. A peer that was given up because it was silent may end after all; the
    /// reader has been told by then.
    fn peer_ends(&mut self, ending: Ending, told: Option<Output>, outputs: &mut Outputs) -> Step {
        let was_given_up = self.gone && self.end == Some(Ending::Reset) && self.side().reading == Reading::Reported;
        if self.end.is_some() && !(was_given_up && ending == Ending::WithoutMarker) {
            return Err(Refusal::Closed);
        }
        self.end = Some(ending);
        self.side_mut().ended = false;
        outputs.extend(told);
        Ok(())
    }

    fn peer_goes(&mut self, outputs: &mut Outputs) -> Step {
        if self.gone {
            return Err(Refusal::Closed);
        }
        self.gone = true;
        if self.end != Some(Ending::Reset) {
            outputs.push(Output::Reset(OWN));
        }
        Ok(())
    }
}

impl Machine for OneEnd {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.take(*action, &mut outputs).map(|()| outputs).into()
    }
}

impl Design for OneEnd {
    fn at_rest(&self) -> bool {
        !self.is_readable() && self.side().phase.until().is_none()
    }

    fn in_words(&self) -> Vec<String> {
        self.summary()
    }
}

impl Explains for OneEnd {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let machine = Self::new(header.end);
        let mut history = History::new(MOST, MOST, header.end.tells);
        // Nothing is known of the peer's reader, so that nothing is owed to it.
        history.ends[OWN.peer().index()].reader = ReaderRecord::Left;
        vec![Recorded { machine, history }]
    }

    fn attempts(&self) -> Vec<Action> {
        let (end, peer) = (OWN, OWN.peer());
        let shapes = [Shape::Full, Shape::Empty];
        let moments = [Moment::Soon, Moment::Late];
        let forgeries = [Forgery::Reserved, Forgery::TooLong, Forgery::LoadedMarker];
        let steps = [
            Action::Send { end },
            Action::Read { end },
            Action::Leave { end },
            Action::Abandon { end },
            Action::ReadAhead { end },
            Action::Finish { end },
            Action::Confirm { end },
            Action::Expire { end },
            Action::Close { end },
            Action::Carry { from: end },
            Action::Shutdown { end: peer, by: Moment::Late },
            Action::Send { end: peer },
            Action::Finish { end: peer },
            Action::Abandon { end: peer },
            Action::Close { end: peer },
        ];
        let written = End::BOTH.into_iter().flat_map(|end| shapes.map(|shape| Action::Write { end, shape }));
        let forged = forgeries.map(|forgery| Action::Forge { end: peer, forgery });
        let begun = moments.map(|by| Action::Shutdown { end, by });
        let passed = moments.map(|moment| Action::Pass { moment });
        written.chain(forged).chain(begun).chain(passed).chain(steps).collect()
    }

    fn summary(&self) -> Vec<String> {
        let mut lines = vec![self.design.summary_of(OWN)];
        let (outbox, inbox) = (self.outbox.len(), self.inbox.len());
        lines.push(format!("of its peer: {outbox} halves to come, {inbox} to be read"));
        lines.extend(self.end.map(|ending| format!("behind that, {ending}")));
        lines.extend(self.arrived.then(|| "everything that it sent was acknowledged".to_owned()));
        lines.extend(self.gone.then(|| "its writes fail".to_owned()));
        lines.extend(self.design.now.map(|moment| format!("{moment} has passed")));
        lines
    }
}

impl Debug for OneEnd {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.summary().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
