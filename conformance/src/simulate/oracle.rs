//! What a run is held to, and what occurred in it.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Ran;

/// An operation with a deadline ends by it, whatever progress a peer makes.
pub const DEADLINE: &str = "WORLD-1";
/// At rest a poll without a wake-up changes nothing: no wake-up was lost.
pub const REST: &str = "WORLD-2";
/// What was taken is given back: slots, descriptors, wakers, entries, bytes.
pub const BALANCE: &str = "WORLD-3";
/// What an operation, a metric or a report says is what happened.
pub const TRUTH: &str = "WORLD-4";
/// No user code runs under a lock.
pub const LOCK: &str = "WORLD-5";
/// A poll ends, and tasks do not wake each other for ever at one moment.
pub const TURNS: &str = "WORLD-6";
/// Nothing panics but what was made to.
pub const PANIC: &str = "WORLD-7";
/// What is owed at the end has come: no task waits for what cannot come.
pub const OWED: &str = "WORLD-8";

/// The rules of every world.
pub const RULES: [(&str, &str); 8] = [
    (DEADLINE, "an operation with a deadline ends by it, whatever progress a peer makes"),
    (REST, "at rest a poll without a wake-up changes nothing"),
    (BALANCE, "what was taken is given back"),
    (TRUTH, "what an operation, a metric or a report says is what happened"),
    (LOCK, "no user code runs under a lock"),
    (TURNS, "a poll ends, and tasks do not wake each other for ever at one moment"),
    (PANIC, "nothing panics but what was made to"),
    (OWED, "what is owed at the end has come"),
];

/// A rule that was broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The id of the rule.
    pub rule: &'static str,
    /// What broke it.
    pub what: String,
    /// When, from the beginning of the run.
    pub at: Duration,
    /// After how many steps of the plan, the last one included.
    pub steps: usize,
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rule, what, at, steps } = self;
        write!(f, "{rule} is broken at {at:?}, after step {steps}: {what}")
    }
}

/// Whether everything that occurs is printed.
static TRACES: AtomicBool = AtomicBool::new(false);

/// Prints everything that occurs from now on, in every run.
pub fn trace() {
    TRACES.store(true, Ordering::Relaxed);
}

/// Notes what occurs and the first rule that is broken. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub struct Oracle(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    began: Option<Instant>,
    steps: usize,
    progress: u64,
    /// What changed last.
    last: &'static str,
    /// Calls of transports in the present poll, if it is one of a driver.
    calls: Option<u32>,
    since: Vec<&'static str>,
    finding: Option<Finding>,
    events: BTreeMap<&'static str, u64>,
}

impl Noted {
    fn note(&mut self, what: &'static str) {
        self.last = what;
        self.trace(&what);
    }

    fn trace(&self, what: &dyn Display) {
        if TRACES.load(Ordering::Relaxed) {
            println!("{:>12?} {what}", self.began.map_or(Duration::ZERO, |began| began.elapsed()));
        }
    }
}

impl Oracle {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        // Tasks that are made to panic do not hold it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self) {
        self.noted().began = Some(Instant::now());
    }

    /// Notes that a step of the plan is carried out.
    pub fn step(&self) {
        self.noted().steps += 1;
    }

    /// Prints what happens next, if everything is printed.
    pub(super) fn trace(&self, what: &dyn Display) {
        self.noted().trace(what);
    }

    /// Notes that something occurred. A task that is at rest makes nothing occur.
    pub fn saw(&self, event: &'static str) {
        let mut noted = self.noted();
        noted.progress += 1;
        noted.note(event);
        *noted.events.entry(event).or_default() += 1;
    }

    /// Notes that something changed that is not worth counting.
    pub fn moved(&self, what: &'static str) {
        let mut noted = self.noted();
        noted.progress += 1;
        noted.note(what);
    }

    /// Returns what changed last.
    pub fn last(&self) -> &'static str {
        self.noted().last
    }

    /// Returns a number that is another one after something occurred.
    pub fn progress(&self) -> u64 {
        self.noted().progress
    }

    /// Notes something that what is found from now on may be a consequence of.
    pub fn since(&self, words: &'static str) {
        let mut noted = self.noted();
        if !noted.since.contains(&words) {
            noted.since.push(words);
        }
    }

    /// Begins a poll. If it is one of a driver, its calls of transports are counted.
    pub(super) fn begin_poll(&self, is_counted: bool) {
        self.noted().calls = is_counted.then_some(0);
    }

    /// Counts a call of a transport. Returns how many there were in this poll.
    pub(super) fn call(&self) -> u32 {
        let mut noted = self.noted();
        noted.calls = noted.calls.map(|calls| calls + 1);
        noted.calls.unwrap_or(0)
    }

    /// Notes that a rule was broken. The first one stays: what follows may be a consequence.
    pub fn broken(&self, rule: &'static str, what: impl Display) {
        let mut noted = self.noted();
        let at = noted.began.map_or(Duration::ZERO, |began| began.elapsed());
        let steps = noted.steps;
        let since: String = noted.since.iter().map(|words| format!(" ({words})")).collect();
        noted.finding.get_or_insert_with(|| Finding { rule, what: format!("{what}{since}"), at, steps });
    }

    /// Notes that a rule was broken, unless it holds.
    pub fn holds(&self, holds: bool, rule: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.broken(rule, what());
        }
    }

    /// Whether a rule was broken, so that the run is over.
    pub fn has_found(&self) -> bool {
        self.noted().finding.is_some()
    }

    pub(super) fn ran(&self) -> Ran {
        let noted = self.noted();
        Ran { finding: noted.finding.clone(), events: noted.events.clone() }
    }
}
