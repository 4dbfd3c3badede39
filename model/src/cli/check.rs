//! `check`: explores everything and says whether it is as claimed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::checker::catalogue::{Entry, Scope};
use crate::checker::checkpoint::{Checkpoint, Run};
use crate::checker::explore::Observer;
use crate::checker::report::{self, CrossCheck, Page, ProtocolReport, Selection, Status};
use crate::checker::target::Plan;
use crate::documents::DOCUMENTS;
use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::{Error, ScopeArgument, Threads, print, protocol, style};

const EXAMPLES: &str = "\
Examples:
  model check                          everything, mutants included
  model check lifecycle --scope small  one protocol, in seconds
  model check lifecycle/btcd-before    one design
  model check ownership --any-number   for every number of threads
  model check --html report            and as pages, with counterexamples to step through
  model check node --checkpoint FILE   and again, to go on after it was ended
  model check --json | jq .ok          for programs";

/// Explore every state of every protocol; check invariants, goals, witnesses and mutants
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The protocols to check, or single designs of them [default: all protocols]
    #[arg(value_name = "PROTOCOL[/DESIGN]")]
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
    /// Which designs Stateright explores too, to compare its verdicts with ours
    #[arg(long, value_enum, default_value_t)]
    cross_check: CrossCheckArgument,
    /// How much memory the graph of one instance may take, in MiB [default: three quarters of what is free]
    #[arg(long, value_name = "MIB")]
    memory: Option<usize>,
    /// Keep what was explored in this file, to go on from there when the run was ended; it is removed at the end of the run
    ///
    /// It is written between two levels of a search, and takes the place of the last one as a whole. The same command
    /// goes on from it, with the result of a run that was not ended, and any number of threads. What the second engine
    /// was asked and had not answered it is asked again. It belongs to this build of the program.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// How many seconds there are at least between two checkpoints, which take 3% of the time at most; with 0 there is one
    /// after every level, whatever it takes
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "checkpoint")]
    checkpoint_interval: u64,
    /// Show what holds for every number of participants, and nothing else
    #[arg(long, conflicts_with_all = ["scope", "threads", "mutants", "no_mutants", "cross_check", "memory", "checkpoint"])]
    any_number: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Write the report as pages into this directory too, with the counterexamples of the historical designs to step through
    #[arg(long, value_name = "DIR", conflicts_with = "any_number")]
    html: Option<PathBuf>,
}

/// Which designs the second engine explores.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum CrossCheckArgument {
    /// The protocols' own designs, with one of its searches
    #[default]
    Own,
    /// Historical designs and mutants too, with both of its searches
    All,
}

impl From<CrossCheckArgument> for CrossCheck {
    fn from(argument: CrossCheckArgument) -> Self {
        match argument {
            CrossCheckArgument::Own => Self::Own,
            CrossCheckArgument::All => Self::All,
        }
    }
}

pub(super) fn run(arguments: &Arguments, entries: &'static [Entry]) -> Result<u8, Error> {
    let begun = Instant::now();
    let selected = selected(arguments, entries)?;
    if arguments.any_number {
        return super::any_number::run(selected, !arguments.protocols.is_empty(), arguments.json);
    }
    let progress = Progress::new();
    let max_bytes = arguments.memory.map_or_else(free_memory, |mebibytes| mebibytes.saturating_mul(1 << 20));
    let say = |line: &str| progress.say(line);
    let checkpoint = arguments.checkpoint.as_ref().map(|path| checkpoint(arguments, path, &say)).transpose()?;
    let (threads, checkpoint) = (arguments.threads.count(), checkpoint.as_ref());
    let plan = Plan { threads, max_bytes, observer: &progress, checkpoint, ..Plan::DEFAULT };
    let mut reports: Vec<ProtocolReport> = Vec::new();
    let mut printed = Ok(());
    let started = |protocol: &str, design: &str| progress.begin(protocol, design);
    let cross_check = arguments.cross_check.into();
    report::check(selected, arguments.scope.into(), cross_check, &plan, &started, &mut |report| {
        progress.clear();
        if !arguments.json && printed.is_ok() {
            printed = print(&format!("{}\n", report::text(&report, style())));
        }
        reports.push(report);
    });
    printed?;
    if let Some(directory) = &arguments.html {
        let pages = report::pages(&reports, DOCUMENTS, begun.elapsed());
        write_pages(directory, &pages)?;
        if !arguments.json {
            let index = directory.join("index.html");
            print(&format!("{} pages are written, of which the first is {}\n\n", pages.len(), index.display()))?;
        }
    }
    let worst = reports.iter().map(ProtocolReport::status).max().unwrap_or(Status::AsClaimed);
    if worst != Status::Incomplete {
        checkpoint.map_or(Ok(()), Checkpoint::remove)?;
    }
    if arguments.json {
        print(&format!("{}\n", report::json(&reports)))?;
    } else {
        print(&format!("{}\n", report::verdict("check", worst, begun.elapsed(), style())))?;
    }
    Ok(worst.code())
}

/// The checkpoints of this run. What changes neither states nor verdicts, as threads and memory, is no part of the run.
fn checkpoint<'a>(arguments: &Arguments, path: &Path, say: &'a (dyn Fn(&str) + Sync)) -> Result<Checkpoint<'a>, Error> {
    let mut asked = vec!["check".to_owned()];
    asked.extend(arguments.protocols.iter().cloned());
    asked.push(format!("--scope {}", Scope::from(arguments.scope)));
    asked.extend(arguments.no_mutants.then(|| "--no-mutants".to_owned()));
    if let CrossCheckArgument::All = arguments.cross_check {
        asked.push("--cross-check all".to_owned());
    }
    let unreadable = |source| Error::File { path: "the program itself".to_owned(), source };
    let run = Run::of_this_program(asked.join(" ")).map_err(unreadable)?;
    Ok(Checkpoint::open(path, run, Duration::from_secs(arguments.checkpoint_interval), say)?)
}

/// Writes pages into a directory, which is made if it is not there.
fn write_pages(directory: &Path, pages: &[Page]) -> Result<(), Error> {
    let failed = |path: &Path, source| Error::File { path: path.display().to_string(), source };
    std::fs::create_dir_all(directory).map_err(|source| failed(directory, source))?;
    for page in pages {
        let path = directory.join(&page.name);
        std::fs::write(&path, &page.html).map_err(|source| failed(&path, source))?;
    }
    Ok(())
}

/// What the command line names: protocols, or designs of protocols; everything if it names nothing.
fn selected(arguments: &Arguments, entries: &'static [Entry]) -> Result<Vec<(&'static Entry, Selection)>, Error> {
    let whole = || if arguments.no_mutants { Selection::Own } else { Selection::All };
    let named = |name: &String| match name.split_once('/') {
        None => Ok((protocol(name, entries)?, whole())),
        Some((name, design)) => {
            let entry = protocol(name, entries)?;
            let own = (entry.own)(Scope::Small).name() == design;
            Ok((
                entry,
                if own { Selection::Own } else { Selection::One(Box::new(super::trace::design(entry, design)?)) },
            ))
        }
    };
    if arguments.protocols.is_empty() {
        return Ok(entries.iter().map(|entry| (entry, whole())).collect());
    }
    arguments.protocols.iter().map(named).collect()
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
    /// How many states are still to be expanded.
    remaining: AtomicUsize,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let template = ProgressStyle::with_template("{spinner} {prefix} {msg} [{elapsed}]");
        bar.set_style(template.expect("the template is well formed"));
        Self { bar, begun: Mutex::new(Instant::now()), remaining: AtomicUsize::new(0) }
    }

    fn begin(&self, protocol: &str, design: &str) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.bar.set_prefix(format!("{protocol}: {design}"));
        self.bar.set_message("");
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    /// Says something on standard error, whether or not that is a terminal.
    fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    fn clear(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
        self.bar.reset();
    }
}

impl Observer for Progress {
    fn remaining(&self, states: usize) {
        self.remaining.store(states, Ordering::Relaxed);
    }

    fn progress(&self, states: usize, edges: usize, depth: usize) {
        let seconds = self.begun.lock().unwrap_or_else(PoisonError::into_inner).elapsed().as_secs_f64();
        let rate = HumanCount((states as f64 / seconds.max(0.001)) as u64);
        let [states, edges] = [states, edges].map(|count| HumanCount(count as u64));
        let remaining = HumanCount(self.remaining.load(Ordering::Relaxed) as u64);
        let message = format!("{states} states, {remaining} to expand, {edges} edges, depth {depth}, {rate} states/s");
        self.bar.set_message(message);
    }
}
