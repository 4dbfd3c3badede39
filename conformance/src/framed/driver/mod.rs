//! The driver of `handfast::framed` on tokio as a machine: two ends over a [wire](super::wire) that delivers when told.
//!
//! Each action of the protocol is one call of the application, one move of the clock, or one call of the kernel that the
//! wire lets happen; every task that was woken by it is polled, and no other. What the wire does not let happen waits, as it
//! does with a kernel that has no room or nothing to read. So each end is brought through its steps one by one, by the
//! same calls that users make.

mod end;

use std::time::Duration;

use handfast_spec::framed::{Action, End, Framed, Moment, Output, Refusal};
use handfast_spec::{Machine, Observation};
use model::framed::handfast::Config;
use tokio::time::Instant;

use super::wire::Wire;
use crate::paused::Clocks;
use end::{At, Driver};

/// A deadline by the clock that the driver was built on. On shuttle what calls this is built, and other machines run.
#[cfg(not(handfast_shuttle))]
pub(super) fn deadline(moment: Instant) -> Instant {
    moment
}

#[cfg(handfast_shuttle)]
pub(super) fn deadline(moment: Instant) -> handfast::environment::Instant {
    handfast::environment::Instant::now() + moment.saturating_duration_since(Instant::now())
}

/// Longer than between two questions what has arrived.
const UNTIL_ASKED: Duration = Duration::from_millis(40);

/// Two drivers and the wire between them.
pub struct DriverMachine {
    wire: Wire,
    ends: [Option<Driver>; 2],
    now: Option<Moment>,
    clocks: Clocks,
    config: Config,
}

impl DriverMachine {
    /// A connection that has just been established.
    pub fn new(config: &Config, clocks: &Clocks) -> Self {
        let wire = Wire::new(config.kernel);
        let ends = End::BOTH.map(|end| Some(Driver::new(wire.socket(end), end, config, clocks.now(end))));
        Self { wire, ends, now: None, clocks: clocks.clone(), config: *config }
    }

    fn take(&mut self, action: Action) -> Result<Vec<Output>, Refusal> {
        let mut outputs = Vec::new();
        match action {
            Action::Carry { from } => self.wire.carry(from)?,
            Action::Pass { moment } => {
                let is_next = self.now < Some(moment) && (moment == Moment::Soon || self.now.is_some());
                if !is_next {
                    return Err(Refusal::NotNow);
                }
                self.now = Some(moment);
                outputs.push(Output::Passed(moment));
            }
            Action::Abandon { end } => {
                if self.driver(end)?.until.is_some() {
                    return Err(Refusal::NotNow);
                }
                outputs.push(Output::Abandoned(end));
                self.ends[end.index()] = None;
            }
            Action::Close { end } => {
                let driver = self.driver(end)?;
                let nobody_reads = driver.has_ended || driver.reader.is_none();
                if driver.closer.outcome().is_none() || !nobody_reads {
                    return Err(Refusal::NotNow);
                }
                self.ends[end.index()] = None;
            }
            Action::Write { end, .. }
            | Action::Forge { end, .. }
            | Action::DropWrite { end }
            | Action::Send { end }
            | Action::Read { end }
            | Action::DropRead { end }
            | Action::Leave { end }
            | Action::Shutdown { end, .. }
            | Action::ReadAhead { end }
            | Action::Finish { end }
            | Action::Confirm { end }
            | Action::Expire { end } => return self.go(end, action),
        }
        outputs.append(&mut self.wire.told());
        Ok(outputs)
    }

    fn driver(&mut self, end: End) -> Result<&mut Driver, Refusal> {
        if self.wire.is_closed(end) {
            Err(Refusal::Closed)
        } else {
            self.ends[end.index()].as_mut().ok_or(Refusal::Closed)
        }
    }

    /// Lets one end take a step, and returns what was told there.
    fn go(&mut self, end: End, action: Action) -> Result<Vec<Output>, Refusal> {
        let clocks = self.clocks.clone();
        let (wire, now, most) = (self.wire.clone(), self.now, self.config.frames[end.index()]);
        let driver = self.driver(end)?;
        if let Action::Expire { .. } = action {
            // With the clock where it will be, and not in the middle of what the end's clock does.
            driver.expire(end, &wire, &clocks, now)?;
        }
        if let Action::Confirm { .. } = action {
            clocks.advance(end, UNTIL_ASKED);
        }
        let _entered = clocks.enter(end);
        let mut at = At { end, wire: &wire, outputs: Vec::new() };
        driver.call(&mut at, action, most)?;
        driver.settle(&mut at, matches!(action, Action::Read { .. }));
        let was_done = wire.revoke();
        let mut outputs = wire.told();
        let told_nothing = outputs.is_empty() && at.outputs.is_empty();
        outputs.append(&mut at.outputs);
        let happened = match action {
            Action::Send { .. } | Action::ReadAhead { .. } | Action::Finish { .. } | Action::Confirm { .. } => was_done,
            Action::Read { .. } => !told_nothing,
            // The application's calls, and the clock's.
            _ => true,
        };
        if happened { Ok(outputs) } else { Err(Refusal::Nothing) }
    }
}

impl Machine for DriverMachine {
    type Protocol = Framed;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        self.take(*action).into()
    }
}

/// Timers are dropped where their clock is.
impl Drop for DriverMachine {
    fn drop(&mut self) {
        for end in End::BOTH {
            let _entered = self.clocks.enter(end);
            self.ends[end.index()] = None;
        }
    }
}
