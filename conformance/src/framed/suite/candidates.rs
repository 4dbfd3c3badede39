//! Who is put on trial.

use model::framed::Kernel;
use model::framed::handfast::{Config, Flaw};

use super::Candidate;
use crate::framed::historical::Historical;
use crate::framed::{Clocks, DriverMachine};

/// The port of the original.
#[derive(Clone, Copy, Debug)]
pub struct Original;

impl Candidate for Original {
    type Ends = Historical;

    fn establish(&self, kernel: Kernel, frames: [u32; 2]) -> Historical {
        Historical::new(kernel, frames)
    }
}

/// handfast's driver.
#[derive(Clone, Debug, Default)]
pub struct Own {
    clocks: Clocks,
}

impl Candidate for Own {
    type Ends = DriverMachine;

    fn establish(&self, kernel: Kernel, frames: [u32; 2]) -> DriverMachine {
        // As much is thrown away as the rule allows.
        let config = Config { kernel, frames, keep: 2, discard: 2, flaw: Flaw::None };
        DriverMachine::new(&config, &self.clocks)
    }
}
