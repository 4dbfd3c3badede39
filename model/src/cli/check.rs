//! `check`: explores everything and says whether it is as claimed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::checker::catalogue::Entry;
use crate::checker::explore::Observer;
use crate::checker::report::{self, ProtocolReport, Status};
use crate::checker::target::Plan;
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::{Error, ScopeArgument, Threads, print, protocol, style};

const EXAMPLES: &str = "\
Examples:
  model check                          everything, mutants included
  model check lifecycle --scope small  one protocol, in seconds
  model check --json | jq .ok          for programs";

/// Explore every state of every protocol; check invariants, goals, witnesses and mutants
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The protocols to check [default: all]
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    /// How much to explore of the protocols' own designs; mutants have their own scope
    #[arg(long, value_enum, default_value_t)]
    scope: ScopeArgument,
    #[command(flatten)]
    threads: Threads,
    /// Check the historical designs and the mutants too (the default)
    #[arg(long, overrides_with = "no_mutants")]
    mutants: bool,
    /// Check the protocols' own designs only
    #[arg(long)]
    no_mutants: bool,
    /// How much memory the graph of one instance may take, in MiB [default: three quarters of what is free]
    #[arg(long, value_name = "MIB")]
    memory: Option<usize>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, entries: &'static [Entry]) -> Result<u8, Error> {
    let named = arguments.protocols.iter().map(|name| protocol(name, entries)).collect::<Result<Vec<_>, _>>()?;
    let entries: Vec<&'static Entry> = if named.is_empty() { entries.iter().collect() } else { named };
    let progress = Progress::new();
    let max_bytes = arguments.memory.map_or_else(free_memory, |mebibytes| mebibytes.saturating_mul(1 << 20));
    let plan = Plan { threads: arguments.threads.count(), max_bytes, observer: &progress };
    let with_variants = arguments.mutants || !arguments.no_mutants;
    let mut reports: Vec<ProtocolReport> = Vec::new();
    for entry in entries {
        let started = |design: &str| progress.begin(entry.name, design);
        let report = report::check(entry, arguments.scope.into(), with_variants, &plan, &started);
        progress.clear();
        if !arguments.json {
            let gap = if reports.is_empty() { "" } else { "\n" };
            print(&format!("{gap}{}", report::text(&report, style())))?;
        }
        reports.push(report);
    }
    if arguments.json {
        print(&format!("{}\n", report::json(&reports)))?;
    }
    let worst = reports.iter().map(ProtocolReport::status).max().unwrap_or(Status::AsClaimed);
    Ok(worst.code())
}

/// Three quarters of the memory that is free, as far as the system says.
fn free_memory() -> usize {
    let available = || {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()
    };
    const FALLBACK_KIB: usize = 4 << 20;
    available().unwrap_or(FALLBACK_KIB) / 4 * 3 * 1024
}

/// A line on standard error that says how far it is, where that is a terminal.
struct Progress {
    bar: ProgressBar,
    begun: Mutex<Instant>,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let template = ProgressStyle::with_template("{spinner} {prefix} {msg} [{elapsed}]");
        bar.set_style(template.expect("the template is well formed"));
        Self { bar, begun: Mutex::new(Instant::now()) }
    }

    fn begin(&self, protocol: &str, design: &str) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.bar.set_prefix(format!("{protocol}: {design}"));
        self.bar.set_message("");
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    fn clear(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
        self.bar.reset();
    }
}

impl Observer for Progress {
    fn progress(&self, states: usize, edges: usize, depth: usize) {
        let seconds = self.begun.lock().unwrap_or_else(PoisonError::into_inner).elapsed().as_secs_f64();
        let rate = HumanCount((states as f64 / seconds.max(0.001)) as u64);
        let (states, edges) = (HumanCount(states as u64), HumanCount(edges as u64));
        self.bar.set_message(format!("{states} states, {edges} edges, depth {depth}, {rate} states/s"));
    }
}
