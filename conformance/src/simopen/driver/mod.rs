//! The drivers of `handfast::simopen` as a machine: [`negotiate`],
//! [`propose`] and [`accept`] on streams that take and give only what
//! they are told to, under clocks that are moved by the test.
//!
//! A message goes over a stream in [pieces](Chop); between two of them the driver is polled until it waits. It is polled only
//! when it was woken. What it has to write is what it offers to the stream; whether it would read is whether it asks.

mod end;
mod stream;
mod wire;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use handfast::simopen::core::{Protocol, Role};
use handfast::simopen::{Error, Options, accept, negotiate, propose};
use handfast_spec::simopen::{Action, Kind, Output, Refusal, Simopen};
use handfast_spec::{Machine, Observation};
use model::simopen::Config;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};

use end::Driving;
pub use stream::Told;
use wire::Wire;

/// A stream on which a protocol was agreed, by either kind of negotiation.
pub struct Agreed {
    /// The role of this end.
    pub role: Role,
    /// The protocol.
    pub protocol: String,
    /// Where that protocol goes on.
    pub stream: Pin<Box<dyn Stream>>,
}

/// What can be read and written.
pub trait Stream: AsyncRead + AsyncWrite {}

impl<Io: AsyncRead + AsyncWrite> Stream for Io {}

/// A negotiation on its way.
pub type Opening = Pin<Box<dyn Future<Output = Result<Agreed, Error>>>>;

/// What negotiates at an end of this kind, which is one that keeps to the protocol.
pub type Driver = fn(Told, Kind, Vec<Protocol>, Options) -> Opening;

/// The drivers of handfast.
pub fn handfasts(io: Told, kind: Kind, protocols: Vec<Protocol>, options: Options) -> Opening {
    Box::pin(async move {
        let agreed = match kind {
            Kind::Simopen => negotiate(io, &protocols, options).await?,
            Kind::Plain | Kind::Lazy => propose(io, &protocols, options).await?,
            Kind::Listener | Kind::Hostile | Kind::Reflector | Kind::Silent => accept(io, &protocols, options).await?,
        };
        Ok(Agreed { role: agreed.role(), protocol: agreed.protocol().to_owned(), stream: Box::pin(agreed) })
    })
}

/// In which pieces a message is let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chop {
    /// In one.
    Whole,
    /// In two.
    Halves,
    /// In single bytes.
    Bytes,
}

impl Chop {
    fn pieces(self, length: usize) -> impl Iterator<Item = usize> {
        let most = match self {
            Self::Whole => length,
            Self::Halves => length.div_ceil(2),
            Self::Bytes => 1,
        };
        (0..length).step_by(most.max(1)).map(move |at| most.min(length - at))
    }
}

/// How long a negotiation may take. No clock moves unless its deadline is to pass.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A clock for each end, which stands still.
#[derive(Clone)]
pub struct Clocks([Rc<Runtime>; 2]);

impl Clocks {
    /// Two clocks.
    ///
    /// # Panics
    ///
    /// If there can be no runtime.
    pub fn stopped() -> Self {
        let runtime = || Builder::new_current_thread().enable_time().start_paused(true).build();
        Self([(); 2].map(|()| Rc::new(runtime().expect("a runtime that does no input or output"))))
    }
}

/// Two ends, and what is on its way between them. An end that keeps to the protocol has a driver.
pub struct DriverMachine(Wire);

impl DriverMachine {
    /// A connection on which nothing has happened.
    pub fn new(config: &Config, clocks: &Clocks, chop: Chop, driver: Driver) -> Self {
        Self(Wire::new(config, |end| {
            let clock = Rc::clone(&clocks.0[end.index()]);
            Box::new(Driving::new(end, config, clock, chop, driver))
        }))
    }

    /// What of an observation is seen of a driver: not when it knew its role, which is its own matter until it settles.
    pub fn sees(observation: Observation<Output, Refusal>) -> Observation<Output, Refusal> {
        match observation {
            Observation::Refused(refusal) => Observation::Refused(refusal),
            Observation::Accepted(mut outputs) => {
                outputs.retain(|output| !matches!(output, Output::Assumed(..)));
                Observation::Accepted(outputs)
            }
        }
    }
}

impl Machine for DriverMachine {
    type Protocol = Simopen;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        Self::sees(self.0.step(*action))
    }
}
