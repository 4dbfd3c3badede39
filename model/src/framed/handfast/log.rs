//! Logs of real runs.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::Recorded;
use handfast_spec::framed::{Action, End, Forgery, History, Moment, Shape};
use serde::{Deserialize, Serialize};

use super::super::tcp::Kernel;
use super::machine::{Phase, Reading, Writing};
use super::{Config, Flaw, Handfast};
use crate::checker::explain::Explains;

/// How a connection was configured, as the header of its log says.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Header {
    /// How the kernels behave.
    pub kernel: Kernel,
    /// How many frames each application writes at most, the left one's first.
    pub frames: [u32; 2],
    /// How many halves are read ahead and kept for the reader.
    pub keep: u16,
    /// How many halves are read and thrown away during a shutdown.
    pub discard: u16,
}

impl Header {
    pub(super) fn of(machine: &Handfast) -> Self {
        let Config { kernel, frames, keep, discard, flaw: _ } = machine.config;
        Self { kernel, frames, keep, discard }
    }
}

impl Explains for Handfast {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let Header { kernel, frames, keep, discard } = *header;
        let config = Config { kernel, frames, keep, discard, flaw: Flaw::None };
        if kernel.send == 0 || kernel.receive == 0 {
            return Vec::new();
        }
        vec![Recorded { machine: Self::new(config), history: History::new(discard, kernel.tells) }]
    }

    fn attempts(&self) -> Vec<Action> {
        let mut attempts = Vec::new();
        for end in End::BOTH {
            attempts.extend([Shape::Full, Shape::Empty].map(|shape| Action::Write { end, shape }));
            let forgeries = [Forgery::Reserved, Forgery::TooLong, Forgery::LoadedMarker];
            attempts.extend(forgeries.map(|forgery| Action::Forge { end, forgery }));
            attempts.extend([
                Action::DropWrite { end },
                Action::Send { end },
                Action::Read { end },
                Action::DropRead { end },
                Action::Leave { end },
                Action::Abandon { end },
                Action::Shutdown { end, by: Moment::Soon },
                Action::Shutdown { end, by: Moment::Late },
                Action::ReadAhead { end },
                Action::Finish { end },
                Action::Confirm { end },
                Action::Expire { end },
                Action::Close { end },
                Action::Carry { from: end },
            ]);
        }
        attempts.extend([Moment::Soon, Moment::Late].map(|moment| Action::Pass { moment }));
        attempts
    }

    fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for end in End::BOTH {
            let side = self.side(end);
            let phase = match side.phase {
                Phase::Open => "is open".to_owned(),
                Phase::Writing(by) => format!("writes until its marker, by {by}"),
                Phase::Closed(by) => format!("waits for what it sent to arrive, by {by}"),
                Phase::Over(_) => "has shut down".to_owned(),
                Phase::Abandoned => "was dropped".to_owned(),
            };
            let broken = match side.writing {
                Writing::Sound => "",
                Writing::Refusing => ", accepts nothing",
                Writing::Broken => ", can send nothing",
            };
            let reading = match side.reading {
                Reading::Waits => String::new(),
                Reading::Fails(ending) => format!(", then its reader is told: {ending}"),
                Reading::Told => ", its reader has ended".to_owned(),
                Reading::Left => ", nobody reads".to_owned(),
            };
            let closed = if self.tcp.is_closed(end) { ", its socket is closed" } else { "" };
            let (queued, held) = (side.queue.len(), side.held.len());
            lines.push(format!("{end} {phase}{broken}{closed}; {queued} queued, {held} held{reading}"));
        }
        lines.extend(End::BOTH.map(|end| self.tcp.describe(end)));
        lines.extend(self.now.map(|moment| format!("{moment} has passed")));
        lines
    }
}

/// What is shown in Stateright's Explorer: the state in words.
impl Debug for Handfast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.config)?;
        self.summary().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
