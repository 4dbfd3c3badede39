//! The pool: workers, idle connections, their watchers, and users' code that panics and calls back.
//!
//! The workers are threads. One of them does something at a time, and the others wait: a run is a list of steps, each of
//! which ends when all workers have come to rest. What two workers do at once is for shuttle and loom. The clock of each
//! worker is paused and moved by the steps, in seconds: the workers' clocks differ by what it took to start them, so
//! that moments are compared with some seconds between.

mod checks;
mod connection;
mod run;

use std::time::Duration;

use handfast::pool::{Config, Limits};
use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::executor::Executor;
use super::{Plan, World, maybe, one_of};
use run::Run;

/// The world of the pool.
#[derive(Clone, Copy, Debug)]
pub struct Pooling;

/// A fault of a driver.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// What a poller reports wakes no task.
    LosesReports,
    /// A connection that was put is forgotten.
    ForgetsConnections,
    /// One idle connection too many is told of.
    Miscounts,
    /// The age of a connection begins anew when it is put.
    MakesYounger,
    /// The kernel is not asked though it should be.
    DoesNotProbe,
    /// One take in three gives nothing.
    Misses,
    /// One future more than there was is said to have ended.
    MiscountsEnds,
}

const CANARIES: &[Canary] = &[
    Canary::LosesReports,
    Canary::ForgetsConnections,
    Canary::Miscounts,
    Canary::MakesYounger,
    Canary::DoesNotProbe,
    Canary::Misses,
    Canary::MiscountsEnds,
];

/// What stays as it is throughout a run. Times are in seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Setup {
    workers: u16,
    per_key: usize,
    total: usize,
    idle: u64,
    age: u64,
    probe: bool,
}

/// What is done next.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names say it.
pub enum Step {
    /// A new connection is put. With `tired` the worker's budget of the poll is spent before.
    Put {
        worker: usize,
        key: u32,
        tired: bool,
        hash_panics: bool,
    },
    Take {
        worker: usize,
        key: u32,
    },
    /// One that was taken is put again, or dropped.
    Return {
        held: usize,
        worker: usize,
    },
    Drop {
        held: usize,
    },
    /// The server closes a connection or sends something, of which the poller tells at once or not.
    Disturb {
        connection: usize,
        sends: bool,
        is_reported: bool,
    },
    Report {
        connection: usize,
    },
    /// A connection cannot be moved to another worker.
    Fix {
        connection: usize,
    },
    /// A future that lasts until the worker is told to stop, and then ends, panics or goes on.
    Spawn {
        worker: usize,
        end: Ending,
    },
    /// A closure given to a worker panics before there is a future.
    PanicAtOnce {
        worker: usize,
    },
    Pass {
        time: u64,
    },
}

/// How a future comes to its end.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// When the worker is told to stop.
    InOrder,
    /// It panics then.
    Panics,
    /// It panics at once.
    PanicsNow,
    /// Never.
    Never,
}

impl Setup {
    fn config(&self, canary: Option<Canary>) -> Config {
        let limits = Limits::new(self.per_key, self.total)
            .with_idle(Duration::from_secs(self.idle))
            .with_age(Duration::from_secs(self.age));
        let probe = self.probe && canary != Some(Canary::DoesNotProbe);
        Config::default().with_limits(limits).with_probe(probe).with_descriptors(4_096).with_spread(0)
    }
}

fn step(random: &mut StdRng) -> Step {
    let (worker, key) = (random.random_range(0..3), random.random_range(0..4));
    let (held, connection) = (random.random_range(0..6), random.random_range(0..10));
    match random.random_range(0..100) {
        0..30 => Step::Put { worker, key, tired: random.random_ratio(1, 8), hash_panics: random.random_ratio(1, 60) },
        30..52 => Step::Take { worker, key },
        52..64 => Step::Return { held, worker },
        64..68 => Step::Drop { held },
        68..77 => Step::Disturb { connection, sends: random.random(), is_reported: random.random_ratio(3, 4) },
        77..80 => Step::Report { connection },
        80..82 => Step::Fix { connection },
        82..86 => {
            let end =
                one_of(random, &[Ending::InOrder, Ending::InOrder, Ending::Panics, Ending::PanicsNow, Ending::Never]);
            Step::Spawn { worker, end }
        }
        86 if random.random_ratio(1, 4) => Step::PanicAtOnce { worker },
        _ => Step::Pass { time: one_of(random, &[1, 7, 20, 60]) },
    }
}

impl World for Pooling {
    const NAME: &'static str = "pool";
    const CANARIES: &'static [Canary] = CANARIES;
    const EVENTS: &'static [&'static str] = &[
        "a connection is put",
        "a connection is given back",
        "a connection is taken",
        "a connection is taken over",
        "nothing is taken",
        "a connection is closed while it is idle",
        "a connection expires",
        "a connection is evicted",
        "a connection cannot be moved",
        "a future panics",
        "a hash panics",
        "a closure panics",
        "workers stop",
        "a future is dropped by a stop",
    ];
    type Setup = Setup;
    type Step = Step;
    type Canary = Canary;

    fn plan(random: &mut StdRng) -> (Setup, Vec<Step>) {
        let setup = Setup {
            workers: random.random_range(1..=3),
            per_key: random.random_range(0..5),
            total: random.random_range(0..8),
            idle: one_of(random, &[15, 100, 10_000]),
            age: one_of(random, &[40, 10_000]),
            probe: random.random_ratio(3, 4),
        };
        let setup = if maybe(random, 2, |_| ()).is_some() { Setup { per_key: 4, total: 7, ..setup } } else { setup };
        let steps = random.random_range(5..40);
        (setup, (0..steps).map(|_| step(random)).collect())
    }

    async fn run(plan: &Plan<Self>, executor: Executor) {
        let oracle = executor.oracle().clone();
        let mut run = Run::new(plan, &oracle);
        for step in &plan.steps {
            oracle.step();
            run.step(step);
            run.come_to_rest();
            run.check();
            if oracle.has_found() {
                break;
            }
        }
        oracle.step();
        run.stop();
    }
}
