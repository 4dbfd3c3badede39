//! The machine: the goroutines of both ends and the TCP between them.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::framed::{Action, End, Ending, FrameId, Framed, Half, Item, Moment, Output, Refusal, Shape};
use handfast_spec::{Machine, Observation};
use serde::Serialize;

use super::super::tcp::{Halves, Kernel, Tcp, Wrote};
use crate::checker::design::{Design, Flow};

/// frameconn, at both ends of a connection.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Zrepl {
    pub(super) sides: [Side; 2],
    pub(super) tcp: Tcp,
    pub(super) now: Option<Moment>,
    pub(super) kernel: Kernel,
    /// How many frames each application writes at most.
    pub(super) frames: [u32; 2],
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Side {
    /// How many writes have returned no error.
    pub(super) accepted: u32,
    /// `shutdown.Begin()` was called.
    pub(super) begun: bool,
    pub(super) write_lock: Lock,
    pub(super) read_lock: Lock,
    pub(super) writer: Writer,
    pub(super) reader: Reader,
    /// `readNext`, where `readNextValid`.
    pub(super) next: Option<Item>,
    /// `nextReadErr`.
    pub(super) next_error: Option<Ending>,
    /// What the read that goes on has got.
    pub(super) got: Halves,
    pub(super) shutdown: Shutdown,
    /// The deadline of the connection, when the idle timeouts are disabled.
    pub(super) deadline: Option<Moment>,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lock {
    #[default]
    Free,
    Taken,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Writer {
    #[default]
    Idle,
    /// W2: it found the connection open, and waits for `writeMtx`.
    Waits(Shape),
    /// W3.
    Writes(Halves),
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reader {
    /// R0 is next.
    #[default]
    Calls,
    /// R1: it found the connection open, and waits for `readMtx`.
    Waits,
    /// R2 to R6.
    Reads,
    /// The layer above takes any error for the last.
    Reported,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shutdown {
    #[default]
    Open,
    /// S3: it waits for `writeMtx`.
    WantsWrite,
    /// S4: it writes the marker.
    Marks(Halves),
    /// S5 is next.
    Marked,
    /// S6: it waits for `readMtx`.
    WantsRead,
    /// S7.
    Drains,
    Done,
}

pub(super) type Outputs = Vec<Output>;
pub(super) type Step = Result<(), Refusal>;

impl Zrepl {
    /// A connection that has just been established.
    pub fn new(kernel: Kernel, frames: [u32; 2]) -> Self {
        Self { sides: Default::default(), tcp: Tcp::new(), now: None, kernel, frames }
    }

    /// How the kernels behave.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// How many frames each application writes at most.
    pub fn frames(&self) -> [u32; 2] {
        self.frames
    }

    pub(super) fn side(&mut self, end: End) -> &mut Side {
        &mut self.sides[end.index()]
    }

    pub(super) fn refuses(&self, action: &Action) -> bool {
        self.clone().take(action, &mut Outputs::new()).is_err()
    }

    fn take(&mut self, action: &Action, outputs: &mut Outputs) -> Step {
        match *action {
            Action::Write { end, shape } => self.write(end, shape),
            Action::DropWrite { end } => self.time_out_write(end, outputs),
            Action::Send { end } => self.send(end, outputs),
            Action::Read { end } => self.read(end, outputs),
            Action::Abandon { end } => self.abandon(end, outputs),
            Action::Shutdown { end, by } => self.shutdown(end, by, outputs),
            Action::Finish { end } => self.finish(end, outputs),
            Action::ReadAhead { end } => self.drain(end, outputs),
            Action::Expire { end } => self.expire(end, outputs),
            Action::Carry { from } => {
                let kernel = self.kernel;
                self.tcp.carry(from, &kernel, outputs)
            }
            Action::Pass { moment } if self.now.is_none_or(|now| now < moment) => {
                self.now = Some(moment);
                outputs.push(Output::Passed(moment));
                Ok(())
            }
            Action::Pass { .. }
            | Action::Forge { .. }
            | Action::DropRead { .. }
            | Action::Leave { .. }
            | Action::Confirm { .. }
            | Action::Close { .. } => Err(Refusal::NotNow),
        }
    }

    /// W1.
    fn write(&mut self, end: End, shape: Shape) -> Step {
        let most = self.frames[end.index()];
        let side = self.side(end);
        if side.begun {
            return Err(Refusal::ShutDown);
        }
        if side.writer != Writer::Idle {
            return Err(Refusal::NoRoom);
        }
        if side.accepted >= most {
            return Err(Refusal::NoMore);
        }
        side.writer = Writer::Waits(shape);
        Ok(())
    }

    /// W2 and W3.
    fn send(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let kernel = self.kernel;
        let side = &mut self.sides[end.index()];
        match &mut side.writer {
            Writer::Idle => Err(Refusal::Nothing),
            Writer::Waits(_) if side.write_lock == Lock::Taken => Err(Refusal::NoRoom),
            Writer::Waits(shape) => {
                let frame = Item::Frame(FrameId(side.accepted), *shape);
                side.write_lock = Lock::Taken;
                side.writer = Writer::Writes(Half::of(frame).collect());
                Ok(())
            }
            Writer::Writes(halves) => {
                let half = halves[0];
                match self.tcp.write(end, half, &kernel) {
                    Wrote::Full => return Err(Refusal::NoRoom),
                    Wrote::Taken => {
                        halves.remove(0);
                        outputs.push(Output::Handed(end, half));
                        if halves.is_empty() {
                            outputs.push(Output::Accepted(end, FrameId(side.accepted)));
                            side.accepted += 1;
                            side.release_writer();
                        }
                    }
                    Wrote::Gone => {
                        side.release_writer();
                        outputs.push(Output::WriteFailed(end));
                    }
                }
                Ok(())
            }
        }
    }

    /// W4: nothing could be written for the idle timeout. The part of the frame that was written stays.
    fn time_out_write(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let side = self.side(end);
        match side.writer {
            Writer::Writes(_) if side.deadline.is_none() => {
                side.release_writer();
                outputs.push(Output::WriteFailed(end));
                Ok(())
            }
            Writer::Idle | Writer::Waits(_) | Writer::Writes(_) => Err(Refusal::Nothing),
        }
    }

    fn abandon(&mut self, end: End, outputs: &mut Outputs) -> Step {
        let kernel = self.kernel;
        let side = self.side(end);
        if side.begun || self.tcp.is_closed(end) {
            return Err(Refusal::NotNow);
        }
        // The process is gone.
        *self.side(end) = Side { begun: true, reader: Reader::Reported, shutdown: Shutdown::Done, ..Side::default() };
        outputs.push(Output::Abandoned(end));
        self.tcp.close(end, &kernel, outputs);
        Ok(())
    }
}

impl Side {
    pub(super) fn release_writer(&mut self) {
        self.writer = Writer::Idle;
        self.write_lock = Lock::Free;
    }
}

/// Names what both systems have by the name that it has here.
fn in_its_words(words: &str) -> String {
    words.replace("the marker", "the shutdown frame")
}

impl Machine for Zrepl {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.take(action, &mut outputs).map(|()| outputs).into()
    }
}

impl Design for Zrepl {
    fn at_rest(&self) -> bool {
        self.sides.iter().all(|side| matches!(side.shutdown, Shutdown::Open | Shutdown::Done))
    }

    fn in_words(&self) -> Vec<String> {
        let ends = End::BOTH.map(|end| self.describe(end));
        ends.into_iter().chain(End::BOTH.map(|end| self.tcp.describe(end))).collect()
    }

    fn waits(&self) -> Vec<String> {
        End::BOTH.into_iter().flat_map(|end| self.waits_of(end)).collect()
    }

    fn lanes(&self) -> Vec<String> {
        super::super::lanes()
    }

    fn flow(&self, action: &Action) -> Flow {
        let is_locking = |end: &End| matches!(self.sides[end.index()].writer, Writer::Idle | Writer::Waits(_));
        let is_sending = |end: &End| matches!(self.sides[end.index()].shutdown, Shutdown::Marks(_) | Shutdown::Marked);
        match action {
            Action::Send { end } if is_locking(end) => Flow::within(end.to_string()),
            Action::Finish { end } if !is_sending(end) => Flow::within(end.to_string()),
            // As between handfast's ends.
            _ => super::super::flow(action),
        }
    }

    fn action_in_words(&self, action: &Action) -> String {
        in_its_words(&self.say(action))
    }

    fn output_in_words(&self, output: &Output) -> String {
        in_its_words(&Self::say_output(output))
    }
}

/// What is shown in Stateright's Explorer.
impl Debug for Zrepl {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.in_words().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
