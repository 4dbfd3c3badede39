//! The negotiation of `handfast::simopen` as a machine, and its driver as another.
//!
//! Ends that keep to the protocol are the product's [`Negotiation`](handfast::simopen::core::Negotiation), or what [drives](driver) it; the others do what they are for in the plainest way.
//! Between them is the wire of the model: messages, of which so many fit. [`historical`] has two other implementations.

mod convert;
pub mod driver;
mod end;
pub mod historical;
mod wire;

use handfast_spec::simopen::{Action, Output, Refusal, Simopen};
use handfast_spec::{Machine, Observation};
use model::simopen::Config;

use end::Endpoint;
use wire::Wired;

/// Two negotiations, and what is on its way between them.
pub struct CoreMachine(Wired<Endpoint>);

impl CoreMachine {
    /// A connection on which nothing has happened.
    pub fn new(config: &Config) -> Self {
        Self(Wired::new(config, |end| Endpoint::new(end, config.end(end), config.patience)))
    }
}

impl Machine for CoreMachine {
    type Protocol = Simopen;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        self.0.step(*action)
    }
}
