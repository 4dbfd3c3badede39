//! The machine: two ends and the TCP between them.

use handfast_spec::framed::{Action, End, Ending, Framed, Moment, Outcome, Output, Refusal};
use handfast_spec::{Machine, Observation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::tcp::{Halves, Kernel, Tcp};
use super::reader::Reads;
use crate::checker::design::{Design, Flow};
use crate::checker::explain::Explains;
use crate::framed;
use crate::in_parts;

/// How a connection is configured; a log has it in its header.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Config {
    /// How the kernels behave.
    pub kernel: Kernel,
    /// How many frames each application writes at most.
    pub frames: [u32; 2],
    /// How many halves are read ahead and kept for the reader.
    pub keep: u16,
    /// How many halves are read and thrown away during a shutdown.
    pub discard: u16,
    /// Until when an end may answer the peer's marker with a shutdown of its own, if it does.
    #[serde(default)]
    pub answer: [Option<Moment>; 2],
}

/// handfast's design.
#[derive(Clone, Eq, Hash, PartialEq, Serialize)]
pub struct Handfast {
    pub(super) left: Side,
    pub(super) right: Side,
    pub(super) tcp: Tcp,
    pub(super) now: Option<Moment>,
    pub(super) config: Config,
}

in_parts!(Handfast { left: Side, right: Side, tcp: Tcp } and { now: Option<Moment>, config: Config });

/// One end.
#[derive(Debug, Default, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Side {
    /// How many frames were accepted.
    pub(super) accepted: u32,
    /// What was accepted and not handed over.
    pub(super) queue: Halves,
    pub(super) writing: Writing,
    pub(super) phase: Phase,
    pub(super) reading: Reading,
    /// What was read and not given.
    pub(super) held: Halves,
    /// How many halves were thrown away.
    pub(super) discarded: u16,
    /// The kernel has said that nothing more comes.
    pub(super) ended: bool,
    /// Why the connection has ended, as it was told first.
    pub(super) fate: Option<Ending>,
}

/// What would be derived, except that the halves are copied in one piece.
impl Clone for Side {
    fn clone(&self) -> Self {
        let Self { accepted, ref queue, writing, phase, reading, ref held, discarded, ended, fate } = *self;
        let copy = |halves: &Halves| Halves::from_slice(halves);
        let (queue, held) = (copy(queue), copy(held));
        Self { accepted, queue, writing, phase, reading, held, discarded, ended, fate }
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Writing {
    #[default]
    Sound,
    /// Frames are refused because of what the reader was told of the peer; what was accepted is still sent.
    Refusing,
    /// The kernel says that the connection is gone: no byte follows.
    Broken,
}

/// The end of the direction in which this end sends.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    #[default]
    Open,
    /// The marker is queued, or handed over.
    Writing(Moment),
    /// The kernel was told that nothing follows.
    Closed(Moment),
    /// The outcome was told.
    Over(Moment),
    /// There was no shutdown, and there will be none.
    Abandoned,
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reading {
    #[default]
    Waits,
    /// This is told when what is held was given.
    Fails(Ending),
    /// The peer's marker was read. It is told when the answer to it was handed over.
    Answers,
    /// The application was told that nothing more comes.
    Reported,
    /// There is no reader.
    Left,
}

pub(super) type Outputs = Vec<Output>;
pub(super) type Step = Result<(), Refusal>;

impl Handfast {
    /// A connection that has just been established.
    pub fn new(config: Config) -> Self {
        Self { left: Side::default(), right: Side::default(), tcp: Tcp::new(), now: None, config }
    }

    /// How the connection is configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn side(&self, end: End) -> &Side {
        match end {
            End::Left => &self.left,
            End::Right => &self.right,
        }
    }

    pub(super) fn side_mut(&mut self, end: End) -> &mut Side {
        match end {
            End::Left => &mut self.left,
            End::Right => &mut self.right,
        }
    }

    /// The end, if its socket is open.
    pub(super) fn open(&self, end: End) -> Result<End, Refusal> {
        if self.tcp.is_closed(end) { Err(Refusal::Closed) } else { Ok(end) }
    }

    pub(super) fn take(&mut self, action: Action, outputs: &mut Outputs) -> Step {
        match action {
            Action::Write { end, shape } => self.write(self.open(end)?, shape, outputs),
            Action::Forge { end, forgery } => self.forge(self.open(end)?, forgery),
            Action::DropWrite { end } => self.drop_write(self.open(end)?),
            Action::Send { end } => self.send(self.open(end)?, outputs),
            Action::Read { end } => self.read(self.open(end)?, outputs),
            Action::DropRead { end } => self.drop_read(self.open(end)?),
            Action::Leave { end } => self.leave(self.open(end)?, outputs),
            Action::Abandon { end } => self.abandon(self.open(end)?, outputs),
            Action::Shutdown { end, by } => self.shutdown(end, by, outputs),
            Action::ReadAhead { end } => self.read_ahead(self.open(end)?, outputs),
            Action::Finish { end } => self.finish(self.open(end)?),
            Action::Confirm { end } => self.confirm(self.open(end)?, outputs),
            Action::Expire { end } => self.expire(self.open(end)?, outputs),
            Action::Close { end } => self.close(self.open(end)?, outputs),
            Action::Carry { from } => {
                let kernel = self.config.kernel;
                self.tcp.carry(from, &kernel, outputs)
            }
            Action::Pass { moment } => self.pass(moment, outputs),
        }
    }

    fn pass(&mut self, moment: Moment, outputs: &mut Outputs) -> Step {
        let is_next = match moment {
            Moment::Soon => self.now.is_none(),
            Moment::Late => self.now == Some(Moment::Soon),
        };
        if !is_next {
            return Err(Refusal::NotNow);
        }
        self.now = Some(moment);
        outputs.push(Output::Passed(moment));
        Ok(())
    }

    /// Whether the deadline of an end's shutdown has passed.
    pub(super) fn is_late(&self, end: End) -> bool {
        self.side(end).phase.deadline().is_some_and(|by| self.now.is_some_and(|now| by <= now))
    }

    /// Ends a shutdown, and tells its callers the outcome. No byte follows.
    pub(super) fn over(&mut self, end: End, outcome: Outcome, outputs: &mut Outputs) {
        let side = self.side_mut(end);
        let Some(by) = side.phase.until() else { return };
        side.phase = Phase::Over(by);
        side.queue.clear();
        outputs.push(Output::Over(end, outcome));
    }
}

impl Phase {
    /// The deadline of the shutdown, also when it is over: the reader has it too.
    pub(super) fn deadline(self) -> Option<Moment> {
        match self {
            Self::Writing(by) | Self::Closed(by) | Self::Over(by) => Some(by),
            Self::Open | Self::Abandoned => None,
        }
    }

    /// Until when the shutdown may take, while it goes on.
    pub(super) fn until(self) -> Option<Moment> {
        match self {
            Self::Writing(by) | Self::Closed(by) => Some(by),
            Self::Open | Self::Over(_) | Self::Abandoned => None,
        }
    }
}

impl Machine for Handfast {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        let mut outputs = Vec::new();
        self.take(*action, &mut outputs).map(|()| outputs).into()
    }
}

impl Design for Handfast {
    /// FRM-11: at rest no shutdown goes on, nothing is on its way, and no reader waits for a peer that has ended.
    fn at_rest(&self) -> bool {
        End::BOTH.iter().all(|&end| {
            let side = self.side(end);
            let reads = match side.reading {
                Reading::Waits => self.tcp.is_readable(end),
                Reading::Fails(_) | Reading::Answers => true,
                Reading::Reported | Reading::Left => false,
            };
            self.tcp.is_closed(end) || (side.phase.until().is_none() && !reads && side.queue.is_empty())
        })
    }

    fn header(&self) -> Value {
        serde_json::to_value(self.config).expect("a header is plain data")
    }

    fn in_words(&self) -> Vec<String> {
        Explains::summary(self)
    }

    fn waits(&self) -> Vec<String> {
        self.waits_in(self)
    }

    fn lanes(&self) -> Vec<String> {
        framed::lanes()
    }

    fn flow(&self, action: &Action) -> Flow {
        framed::flow(action)
    }
}
