//! Many runs, what occurred in them, and the shortest plan that shows a failure.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

use super::oracle::Finding;
use super::{Plan, World};
use crate::failure::minimal;

/// Which runs are made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The first seed.
    pub seed: u64,
    /// How many runs.
    pub runs: u64,
    /// When no further run begins.
    pub until: Option<Instant>,
}

/// What a campaign came to.
#[derive(Debug)]
pub struct Summary<W: World> {
    /// How many runs there were.
    pub runs: u64,
    /// In how many runs each event occurred, and how often in all.
    pub events: BTreeMap<&'static str, (u64, u64)>,
    /// The run that broke a rule.
    pub failure: Option<Failure<W>>,
}

/// A run that broke a rule.
#[derive(Debug)]
pub struct Failure<W: World> {
    /// Its seed.
    pub seed: u64,
    /// What it broke.
    pub finding: Finding,
    /// The shortest plan that was found to break the same rule.
    pub plan: Plan<W>,
    /// How many steps the plan of the seed has.
    pub steps: usize,
}

/// Makes runs until one of them breaks a rule. `each` is called after each run with their number.
pub fn campaign<W: World>(options: Options, canary: Option<W::Canary>, mut each: impl FnMut(u64)) -> Summary<W> {
    let Options { seed, runs, until } = options;
    let mut summary = Summary { runs: 0, events: BTreeMap::new(), failure: None };
    for seed in seed..seed.saturating_add(runs) {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        let plan = Plan::<W>::of(seed, canary);
        let ran = plan.run();
        summary.runs += 1;
        for (event, times) in ran.events {
            let (in_runs, in_all) = summary.events.entry(event).or_default();
            (*in_runs, *in_all) = (*in_runs + 1, *in_all + times);
        }
        each(summary.runs);
        if let Some(finding) = ran.finding {
            summary.failure = Some(Failure::of(seed, finding, plan));
            break;
        }
    }
    summary
}

/// In real time: how long a plan is shortened.
const SHRINKS: Duration = Duration::from_secs(10);

impl<W: World> Failure<W> {
    /// Leaves out every step that can be left out.
    fn of(seed: u64, finding: Finding, plan: Plan<W>) -> Self {
        let steps = plan.steps.len();
        let begun = Instant::now();
        let fails = |steps: &[W::Step]| {
            if begun.elapsed() > SHRINKS {
                return None;
            }
            let shorter = Plan::<W> { steps: steps.to_vec(), ..plan.clone() };
            let found = shorter.run().finding.filter(|found| found.rule == finding.rule);
            found.map(|found| found.steps.min(steps.len()))
        };
        let shortest = Plan { steps: minimal(plan.steps.clone(), fails), ..plan.clone() };
        let finding = shortest.run().finding.unwrap_or(finding);
        Self { seed, finding, plan: shortest, steps }
    }

    /// Writes the plan to a file.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn save(&self) -> io::Result<PathBuf> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let directory = target.join("simulate");
        fs::create_dir_all(&directory)?;
        let path = directory.join(format!("{}-{}.json", W::NAME, self.seed));
        fs::write(&path, serde_json::to_string_pretty(&self.plan)?)?;
        Ok(path)
    }
}

impl<W: World> Display for Failure<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { seed, finding, plan, steps } = self;
        let name = W::NAME;
        writeln!(f, "{name}, seed {seed}: {finding}")?;
        writeln!(f, "shortest plan, {} of {steps} steps, in {:?}:", plan.steps.len(), plan.setup)?;
        plan.steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))?;
        write!(f, "again: cargo run -p conformance --bin simulate -- {name} --seed {seed} --runs 1")
    }
}

impl<W: World> Summary<W> {
    /// Events that must occur and did not.
    pub fn missing(&self) -> Vec<&'static str> {
        W::EVENTS.iter().copied().filter(|event| !self.events.contains_key(event)).collect()
    }
}

impl<W: World> Display for Summary<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { runs, events, .. } = self;
        writeln!(f, "{}: {runs} runs", W::NAME)?;
        let width = events.keys().map(|event| event.len()).max().unwrap_or(0);
        for (event, (in_runs, in_all)) in events {
            let share = 40 * in_runs / runs.max(&1);
            let bar = "#".repeat(usize::try_from(share).unwrap_or(0));
            writeln!(f, "  {event:width$} {in_runs:>8} runs {in_all:>10} times  {bar}")?;
        }
        Ok(())
    }
}
