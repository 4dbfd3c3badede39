//! An end that has a driver, or one that needs none.

use std::rc::Rc;

use handfast_spec::simopen::{End, Output, Refusal, Token};
use model::simopen::Config;
use tokio::runtime::Runtime;

use super::end::Driving;
use super::{Chop, Driver};
use crate::simopen::end::Endpoint;
use crate::simopen::wire::{Outcome, Parcel, Peer, Standing};

/// One end.
pub(super) enum Driven {
    /// It keeps to the protocol.
    Driver(Box<Driving>),
    /// It is hostile, a reflector or silent.
    Stranger(Endpoint),
}

impl Driven {
    pub(super) fn new(end: End, config: &Config, clock: Rc<Runtime>, chop: Chop, driver: Driver) -> Self {
        let ours = config.end(end);
        if ours.kind.is_honest() {
            Self::Driver(Box::new(Driving::new(end, config, clock, chop, driver)))
        } else {
            Self::Stranger(Endpoint::new(end, ours, config.patience))
        }
    }

    fn player(&self) -> &dyn Peer {
        match self {
            Self::Driver(driver) => driver.as_ref(),
            Self::Stranger(party) => party,
        }
    }

    fn player_mut(&mut self) -> &mut dyn Peer {
        match self {
            Self::Driver(driver) => driver.as_mut(),
            Self::Stranger(party) => party,
        }
    }
}

impl Peer for Driven {
    fn standing(&self) -> Standing {
        self.player().standing()
    }

    fn start(&mut self, nonce: u64) -> Vec<Output> {
        self.player_mut().start(nonce)
    }

    fn has_next(&self) -> Result<(), Refusal> {
        self.player().has_next()
    }

    fn hand_over(&mut self) -> (Parcel, Vec<Output>) {
        self.player_mut().hand_over()
    }

    fn would_hear(&self) -> Result<(), Refusal> {
        self.player().would_hear()
    }

    fn hear(&mut self, parcel: Parcel) -> Vec<Output> {
        self.player_mut().hear(parcel)
    }

    fn hear_the_end(&mut self) -> Vec<Output> {
        self.player_mut().hear_the_end()
    }

    fn expire(&mut self) -> Vec<Output> {
        self.player_mut().expire()
    }

    fn drop_it(&mut self) {
        self.player_mut().drop_it();
    }

    fn forge(&mut self, token: Token) -> Outcome {
        self.player_mut().forge(token)
    }
}
