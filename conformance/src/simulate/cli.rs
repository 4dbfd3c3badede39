//! The command line.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::campaign::{Options, campaign};
use super::framed::Framed;
use super::lifecycle::Lifecycle;
use super::node::Nodes;
use super::oracle::trace;
use super::pool::Pooling;
use super::simopen::Simopen;
use super::{Plan, World};
use clap::Parser;

/// Runs the drivers of handfast, whole, in simulated worlds. Exits with 1 if a rule was broken.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// The protocols; all of them if none is named
    protocols: Vec<String>,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Runs of each protocol
    #[arg(long)]
    runs: Option<u64>,
    /// Minutes for each protocol
    #[arg(long)]
    minutes: Option<u64>,
    /// A fault that the driver is given, which must be found; `list` lists them
    #[arg(long)]
    canary: Option<String>,
    /// Print everything that occurs: for one run
    #[arg(long)]
    trace: bool,
    /// A plan that was saved, in place of seeds
    #[arg(long)]
    plan: Option<PathBuf>,
}

/// Runs of a protocol if neither runs nor minutes are given.
const RUNS: u64 = 2_000;

/// Simulates a protocol as the command line says. Returns whether nothing was found.
type Simulate = fn(&Arguments) -> Result<bool, String>;

/// A protocol, and how it is run.
const PROTOCOLS: [(&str, Simulate); 5] = [
    (Framed::NAME, simulate::<Framed>),
    (Simopen::NAME, simulate::<Simopen>),
    (Lifecycle::NAME, simulate::<Lifecycle>),
    (Pooling::NAME, simulate::<Pooling>),
    (Nodes::NAME, simulate::<Nodes>),
];

/// Runs what the arguments say. The exit status is 0 if no rule was broken, 1 if one was, 2 if the arguments are wrong.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.trace {
        trace();
    }
    let known = |name: &String| PROTOCOLS.iter().any(|(known, _)| known == name);
    if let Some(unknown) = arguments.protocols.iter().find(|name| !known(name)) {
        let names: Vec<&str> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no protocol {unknown:?} here; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let is_meant = |name: &str| arguments.protocols.is_empty() || arguments.protocols.iter().any(|named| named == name);
    let mut is_fine = true;
    for (_, simulate) in PROTOCOLS.iter().filter(|(name, _)| is_meant(name)) {
        match simulate(&arguments) {
            Ok(fine) => is_fine &= fine,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::from(u8::from(!is_fine))
}

fn simulate<W: World>(arguments: &Arguments) -> Result<bool, String> {
    let canary = match arguments.canary.as_deref() {
        None => None,
        Some("list") => {
            W::CANARIES.iter().for_each(|canary| println!("{} {}", W::NAME, word(canary)));
            return Ok(true);
        }
        Some(name) => {
            let found = W::CANARIES.iter().find(|canary| word(canary) == name).copied();
            Some(found.ok_or_else(|| format!("{} has no canary {name:?}; --canary list", W::NAME))?)
        }
    };
    if let Some(path) = &arguments.plan {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let plan: Plan<W> = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let finding = plan.run().finding;
        println!("{}: {}", W::NAME, finding.as_ref().map_or("no rule is broken".to_owned(), ToString::to_string));
        return Ok(finding.is_none());
    }
    let begun = Instant::now();
    let runs = arguments.runs.unwrap_or(if arguments.minutes.is_some() { u64::MAX } else { RUNS });
    let until = arguments.minutes.map(|minutes| begun + Duration::from_secs(60 * minutes));
    let shows = std::io::stderr().is_terminal();
    let summary = campaign::<W>(Options { seed: arguments.seed, runs, until }, canary, |runs| {
        if shows && runs % 100 == 0 {
            eprint!("\r{}: {runs} runs, {:.0} s ", W::NAME, begun.elapsed().as_secs_f64());
        }
    });
    println!("{summary}  in {:.1} s", begun.elapsed().as_secs_f64());
    let Some(failure) = &summary.failure else { return Ok(true) };
    println!("{failure}");
    match failure.save() {
        Ok(path) => println!("the shortest plan again: the same with --plan {}", path.display()),
        Err(error) => println!("the plan cannot be saved: {error}"),
    }
    Ok(false)
}

/// The name of a canary as it stands in a plan.
fn word(canary: &impl serde::Serialize) -> String {
    serde_json::to_value(canary).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
