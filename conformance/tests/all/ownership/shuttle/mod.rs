//! The table under shuttle, on more threads than loom can take: schedules that are drawn at random, and by priorities that
//! change now and then (PCT). Threads open, take over, enter, join, leave and delete under few numbers, as they draw it. A
//! callback notices if another one is there, and the log of every execution is a behaviour of the model.
//!
//! What a thread does is drawn from the seed and the number of the execution, which a failure prints. Not explored: orderings of
//! memory weaker than sequential consistency, which are loom's.

mod actors;

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use conformance::ownership::families::Shuttle;
use conformance::ownership::record::family::{Checker, Torn};
use conformance::ownership::record::{Line, Scribe, explained, is_accepted};
use handfast_spec::Observation;
use handfast_spec::ownership::Output;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

use actors::{Callers, execute};

const SEED: u64 = 0x5eed;

/// Executions for each number of threads and each scheduler.
const EXECUTIONS: usize = 1_000;

/// Changes of priority in an execution under PCT, plus one.
const PCT_DEPTH: usize = 4;

/// What executions came to.
#[derive(Debug, Default)]
struct Explored {
    executions: u64,
    distinct: HashSet<u64>,
    lines: usize,
    /// What was observed, by its name, and how often.
    observed: BTreeMap<String, usize>,
    refused: usize,
    kept: Vec<(Arc<Scribe>, Vec<Line>)>,
}

/// Whether the first log that is no behaviour of the model ends the exploration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Aim {
    AllAreAccepted,
    Count,
}

fn explore<A: Checker>(scheduler: impl Scheduler + 'static, threads: u16, callers: Callers, aim: Aim) -> Explored {
    let explored = Arc::new(Mutex::new(Explored::default()));
    let ours = Arc::clone(&explored);
    let executions = Arc::new(AtomicU64::new(0));
    let mut config = Config::new();
    config.failure_persistence = if aim == Aim::Count { FailurePersistence::None } else { FailurePersistence::Print };
    config.silence_warnings = true;
    let run = move || {
        let execution = executions.fetch_add(1, Ordering::Relaxed);
        let (scribe, log) = execute::<A>(threads, callers, SEED, execution);
        let written = scribe.written(&log);
        let accepted = is_accepted(&written);
        let told = || format!("seed {SEED:#x}, execution {execution}: {:#?}\n{written}", explained(&written).rejection);
        assert!(accepted || aim == Aim::Count, "{}", told());
        let mut explored = ours.lock().unwrap_or_else(PoisonError::into_inner);
        explored.note(&scribe, log, accepted, &written);
    };
    // What is broken may break an assertion as well, and is counted by its logs.
    let finished = catch_unwind(AssertUnwindSafe(|| Runner::new(scheduler, config).run(run)));
    let mut explored = explored.lock().unwrap_or_else(PoisonError::into_inner);
    match finished {
        Ok(_) => {}
        Err(_) if aim == Aim::Count => explored.refused += 1,
        Err(panic) => std::panic::resume_unwind(panic),
    }
    std::mem::take(&mut *explored)
}

impl Explored {
    fn note(&mut self, scribe: &Arc<Scribe>, log: Vec<Line>, accepted: bool, written: &str) {
        self.executions += 1;
        self.lines += log.len();
        self.refused += usize::from(!accepted);
        self.distinct.insert(hash(written));
        for line in &log {
            *self.observed.entry(name(line)).or_default() += 1;
        }
        if self.kept.len() < 20 {
            self.kept.push((Arc::clone(scribe), log));
        }
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// An action, and why it was refused, if it was.
fn name(line: &Line) -> String {
    let action = format!("{:?}", line.action);
    let action = action.split(' ').next().unwrap_or_default();
    match &line.observation {
        Some(Observation::Refused(refusal)) => format!("{action}: {refusal:?}"),
        Some(Observation::Accepted(outputs)) => match outputs.first() {
            Some(Output::TurnedAway(_, _, away)) => format!("{action}: {away:?}"),
            // Whatever else is told, the action was taken.
            _ => action.to_owned(),
        },
        None => action.to_owned(),
    }
}

/// What must have happened, or nothing was shown.
const SEEN: [&str; 17] = [
    "Open",
    "Claim",
    "Insert",
    "Enter",
    "Enter: Gone",
    "Enter: Closing",
    "Enter: NotOwner",
    "Takeover",
    "Takeover: Busy",
    "Takeover: Gone",
    "Takeover: Closing",
    "Takeover: Shared",
    "Join",
    "Leave",
    "Delete",
    "DeleteInside",
    "Close",
];

fn is_explored(threads: u16) {
    let random = explore::<Shuttle>(
        RandomScheduler::new_from_seed(SEED, EXECUTIONS),
        threads,
        Callers::Careful,
        Aim::AllAreAccepted,
    );
    let pct = explore::<Shuttle>(
        PctScheduler::new_from_seed(SEED, PCT_DEPTH, EXECUTIONS),
        threads,
        Callers::Careful,
        Aim::AllAreAccepted,
    );
    for (name, Explored { executions, distinct, lines, observed, refused, .. }) in [("random", random), ("PCT", pct)] {
        let distinct = distinct.len();
        println!(
            "{threads} threads, seed {SEED:#x}, {name}: {executions} logs, {distinct} of them distinct, {lines} lines, \
             all accepted: {observed:?}"
        );
        assert_eq!((executions as usize, refused), (EXECUTIONS, 0));
        for seen in SEEN {
            assert!(observed.contains_key(seen), "{name}: never {seen}");
        }
    }
}

#[test]
fn four_threads() {
    is_explored(4);
}

#[test]
fn six_threads() {
    is_explored(6);
}

#[test]
fn eight_threads() {
    is_explored(8);
}

/// A check that cannot fail is worthless: of logs with one line left out, nine in ten at least are no behaviours of the
/// model.
#[test]
fn a_log_that_was_tampered_with_is_refused() {
    let explored =
        explore::<Shuttle>(RandomScheduler::new_from_seed(SEED, 5), 4, Callers::Careful, Aim::AllAreAccepted);
    let (mut tried, mut refused) = (0, 0);
    for (scribe, log) in &explored.kept {
        for which in 0..log.len() / 2 {
            let mut shorter = log.clone();
            // A refusal that is left out changes nothing.
            if matches!(shorter.remove(which).observation, Some(Observation::Refused(_))) {
                continue;
            }
            tried += 1;
            refused += usize::from(!is_accepted(&scribe.written(&shorter)));
        }
    }
    println!("seed {SEED:#x}: {refused} of {tried} logs with a line left out are refused");
    assert!(refused * 100 >= tried * 90, "the model accepts too much");
}

/// A table whose changes are no read-modify-writes is told from the model.
#[test]
fn a_table_with_torn_words_is_refused() {
    let explored =
        explore::<Torn<Shuttle>>(RandomScheduler::new_from_seed(SEED, EXECUTIONS), 4, Callers::Careful, Aim::Count);
    println!("torn, seed {SEED:#x}: refused after {} executions that were accepted", explored.executions);
    assert!(explored.refused > 0, "nothing noticed");
}

/// So is a caller who goes on with what is not its own.
#[test]
fn a_careless_caller_is_refused() {
    let explored =
        explore::<Shuttle>(RandomScheduler::new_from_seed(SEED, EXECUTIONS / 4), 4, Callers::Careless, Aim::Count);
    let Explored { executions, refused, .. } = explored;
    println!("careless, seed {SEED:#x}: {refused} of {executions} logs refused");
    assert!(refused > 0, "nothing noticed");
}
