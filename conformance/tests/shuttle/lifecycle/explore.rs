//! Executions under a scheduler, and what is made of their records.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};

use conformance::lifecycle::judge::judge;
use conformance::log::Log;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, MaxSteps, Runner};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::lifecycle::environments::Environment;
use crate::lifecycle::peers::Peers;
use crate::lifecycle::world::World;

/// The seed of the schedules. The environment's `SHUTTLE_RANDOM_SEED` takes its place.
pub(crate) const SEED: u64 = 0x5eed;

/// Changes of priority in an execution under PCT, plus one.
const PCT_DEPTH: usize = 5;

/// How schedules are chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    /// Who is next is drawn at each point.
    Random,
    /// Priorities are drawn, and few changes of them (Burckhardt et al., ASPLOS 2010).
    Pct,
}

impl Choice {
    pub(crate) const ALL: [Self; 2] = [Self::Random, Self::Pct];
}

/// What the executions are to show.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// That each is fine. The first that is not panics, so that shuttle prints its schedule.
    AllAreFine,
    /// What they break: whatever it is, it is counted.
    Count,
}

/// What was explored.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) executions: usize,
    /// Executions that differ in what was recorded.
    pub(crate) records: usize,
    /// Steps in these.
    pub(crate) steps: usize,
    /// In how many of these something was recorded that the environment is there for.
    pub(crate) words: BTreeMap<&'static str, usize>,
    /// Ids of the rules that were broken, and how many executions came before the first that broke each.
    pub(crate) violated: BTreeMap<&'static str, usize>,
    /// How many of the different records the model does not explain.
    pub(crate) unexplained: usize,
    /// A hash of all records in the order of executions.
    pub(crate) digest: u64,
}

#[derive(Default)]
struct Seen {
    records: HashSet<u128>,
    explored: Explored,
}

/// Runs an environment on a fresh node under as many schedules.
pub(crate) fn explore<P: Peers>(
    environment: Environment,
    choice: Choice,
    executions: usize,
    aim: Aim,
    start: impl Fn(&Log) -> P + Send + Sync + 'static,
) -> Explored {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let noted = Arc::clone(&seen);
    let execution = move || {
        let log = Log::default();
        let node = start(&log);
        let faults = shuttle::future::block_on(async {
            let mut world = World::new(node);
            environment.run(&mut world).await;
            world.end().await
        });
        let mut seen = noted.lock().unwrap_or_else(PoisonError::into_inner);
        let complaint = note(&mut seen, environment, &log.take(), faults);
        match (complaint, aim) {
            (Some(complaint), Aim::AllAreFine) => panic!("{environment:?}: {complaint}"),
            (Some(_), Aim::Count) | (None, Aim::AllAreFine | Aim::Count) => {}
        }
    };
    let executed = match (std::env::var("HANDFAST_REPLAY"), aim, choice) {
        (Ok(schedule), Aim::AllAreFine, _) => {
            let schedule: String = schedule.split_whitespace().collect();
            Runner::new(ReplayScheduler::new_from_encoded(&schedule), config()).run(execution)
        }
        (_, _, Choice::Random) => {
            Runner::new(RandomScheduler::new_from_seed(SEED, executions), config()).run(execution)
        }
        (_, _, Choice::Pct) => {
            Runner::new(PctScheduler::new_from_seed(SEED, PCT_DEPTH, executions), config()).run(execution)
        }
    };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    // Shuttle gives up silently what a scheduler stops in the middle.
    assert_eq!(executed, seen.explored.executions, "an execution did not come to its end");
    let records = seen.records.len();
    Explored { records, ..std::mem::take(&mut seen.explored) }
}

pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 0x2_0000;
    config.max_steps = MaxSteps::FailAfter(200_000);
    config.silence_warnings = true;
    config
}

/// Counts an execution, and judges its record if it is a new one: equal records have equal verdicts. What is to be
/// complained of.
fn note(seen: &mut Seen, environment: Environment, log: &[u8], faults: BTreeSet<&'static str>) -> Option<String> {
    let explored = &mut seen.explored;
    explored.executions += 1;
    let mut hasher = SipHasher13::new();
    hasher.write_u64(explored.digest);
    hasher.write(log);
    explored.digest = hasher.finish128().h1;
    let mut hasher = SipHasher13::new();
    hasher.write(log);
    let is_new = seen.records.insert(hasher.finish128().as_u128());
    if !is_new && faults.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(log);
    for word in environment.expected().iter().filter(|word| text.contains(*word)) {
        *explored.words.entry(word).or_default() += 1;
    }
    let mut verdict = judge(log);
    verdict.violated.extend(faults);
    explored.steps += verdict.steps;
    explored.unexplained += usize::from(verdict.rejection.is_some());
    for id in &verdict.violated {
        explored.violated.entry(id).or_insert(explored.executions - 1);
    }
    (!verdict.is_fine()).then(|| format!("{verdict:#?} of\n{text}"))
}
