//! Logs of real runs.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::Recorded;
use handfast_spec::framed::{Action, End, History, Shape};

use super::bounds::{BOTH, HOSTILE, TWICE, alphabet};
use super::machine::{Phase, Reading, Writing};
use super::{Bounds, Config, Handfast};
use crate::checker::explain::Explains;

/// Everything that there is to attempt.
const ANY: Bounds = Bounds {
    shapes: &[Shape::Full, Shape::Empty],
    shutdowns: [TWICE, TWICE],
    leaves: &End::BOTH,
    abandons: &End::BOTH,
    forgeries: [HOSTILE.forgeries[1]; 2],
    moments: TWICE,
    ..BOTH
};

impl Explains for Handfast {
    type Header = Config;

    fn starts(header: &Config) -> Vec<Recorded<Self>> {
        let Config { kernel, keep, discard, .. } = *header;
        if kernel.send == 0 || kernel.receive == 0 {
            return Vec::new();
        }
        vec![Recorded { machine: Self::new(*header), history: History::new(keep, discard, kernel.tells) }]
    }

    fn attempts(&self) -> Vec<Action> {
        alphabet(&ANY)
    }

    fn summary(&self) -> Vec<String> {
        let mut lines: Vec<_> = End::BOTH.into_iter().map(|end| self.summary_of(end)).collect();
        lines.extend(End::BOTH.map(|end| self.tcp.describe(end)));
        lines.extend(self.now.map(|moment| format!("{moment} has passed")));
        lines
    }
}

impl Handfast {
    /// One end in words.
    pub(super) fn summary_of(&self, end: End) -> String {
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
            Reading::Answers => ", its reader answers the marker".to_owned(),
            Reading::Reported => ", its reader has ended".to_owned(),
            Reading::Left => ", nobody reads".to_owned(),
        };
        let closed = if self.tcp.is_closed(end) { ", its socket is closed" } else { "" };
        let (queued, held) = (side.queue.len(), side.held.len());
        format!("{end} {phase}{broken}{closed}; {queued} queued, {held} held{reading}")
    }
}

/// What is shown in Stateright's Explorer: the state in words.
impl Debug for Handfast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.config)?;
        self.summary().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
