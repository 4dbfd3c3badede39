//! The drivers, whole, in a simulated world.
//!
//! A run is a seed. The seed gives a [`Plan`]: a setup and a list of steps, which can be written to a file, shortened and
//! run again with the same result. The steps are carried out on a `current_thread` runtime with a paused clock: the
//! [`executor`] polls each task when it was woken and at no other time, [transports](transport) hold few bytes, pend,
//! drip, stall and break, the clock jumps, and futures are dropped where they wait.
//!
//! Throughout a run the [oracle](oracle::Oracle) is asked. Rules of a protocol have the ids of its specification;
//! rules of every world have ids of their own, see [`oracle::RULES`]. A [`campaign`] makes many runs, says what occurred
//! in them, and shortens the plan of a run that broke a rule.
//!
//! A check that cannot fail is worthless: every world has [canaries](World::CANARIES), which are drivers with one fault
//! each. A campaign must find each of them within its ordinary number of runs.
//!
//! What is not in it: time is counted in whole milliseconds, a step between two threads does not exist (that is what
//! shuttle and loom are for), and sockets of a kernel are imitated.

pub mod campaign;
pub mod cli;
pub mod executor;
pub mod framed;
pub mod lifecycle;
pub mod lock;
pub mod node;
pub mod oracle;
pub mod pool;
pub mod simopen;
pub mod transport;

use std::fmt::Debug;
use std::future::Future;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use executor::Executor;
use oracle::{Finding, Oracle};

/// The world of one protocol's driver.
pub trait World: Copy + Debug + 'static {
    /// The protocol.
    const NAME: &'static str;
    /// Faults that a driver is given on purpose, each of which must be found.
    const CANARIES: &'static [Self::Canary];
    /// Events that must occur in a campaign, so that no rule holds for want of anything happening.
    const EVENTS: &'static [&'static str];
    /// What stays as it is throughout a run.
    type Setup: Clone + Debug + Serialize + DeserializeOwned;
    /// What is done next.
    type Step: Clone + Debug + Serialize + DeserializeOwned;
    /// A fault of a driver.
    type Canary: Copy + Debug + PartialEq + Serialize + DeserializeOwned + 'static;

    /// Chooses what is done in a run.
    fn plan(random: &mut StdRng) -> (Self::Setup, Vec<Self::Step>);

    /// Carries a plan out. It stops early when the oracle has found something.
    fn run(plan: &Plan<Self>, executor: Executor) -> impl Future<Output = ()>;
}

/// What is done in a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(bound = "")]
pub struct Plan<W: World> {
    /// The choices within the run: who is polled next, how many bytes a call moves.
    pub seed: u64,
    /// A fault that the driver has.
    pub canary: Option<W::Canary>,
    /// What stays as it is.
    pub setup: W::Setup,
    /// What is done, one after the other.
    pub steps: Vec<W::Step>,
}

impl<W: World> Plan<W> {
    /// Returns the plan of a seed.
    pub fn of(seed: u64, canary: Option<W::Canary>) -> Self {
        let (setup, steps) = W::plan(&mut StdRng::seed_from_u64(seed));
        Self { seed, canary, setup, steps }
    }

    /// Carries it out. The same plan always comes to the same.
    ///
    /// # Panics
    ///
    /// If there is no runtime to be had.
    pub fn run(&self) -> Ran {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without IO needs nothing");
        let oracle = Oracle::default();
        runtime.block_on(async {
            oracle.begin();
            let executor = Executor::new(oracle.clone(), StdRng::seed_from_u64(self.seed ^ 0x5EED));
            W::run(self, executor).await;
        });
        oracle.ran()
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The first rule that was broken, if one was.
    pub finding: Option<Finding>,
    /// How often each event occurred.
    pub events: std::collections::BTreeMap<&'static str, u64>,
}

/// Chooses one.
fn one_of<T: Copy>(random: &mut StdRng, of: &[T]) -> T {
    of[random.random_range(0..of.len())]
}

/// Chooses whether to make something.
fn maybe<T>(random: &mut StdRng, one_in: u32, make: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    random.random_ratio(1, one_in).then(|| make(random))
}
