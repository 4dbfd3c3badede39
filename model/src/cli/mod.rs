//! The command line: checks protocols, shows their behaviours, and explains logs.
//!
//! It is told which protocols there are, so that a protocol outside of this crate has it too: `examples/ticket_lock.rs`.

mod any_number;
mod check;
mod explain;
mod explore;
mod list;
mod trace;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::checker::catalogue::{Entry, Scope};
use crate::checker::report::Style;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Exit status for a command line that cannot be carried out.
const USAGE: u8 = 2;

const EXIT_STATUS: &str = "\
Exit status: 0 complete and as claimed, 1 violated (or a mutant is not as listed, or a log is rejected), 2 usage,
3 incomplete, 4 the engines disagree.";

/// Checks protocols exhaustively, shows their behaviours, and explains logs of real runs.
#[derive(Parser)]
#[command(name = "model", version, after_help = EXIT_STATUS, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Arguments),
    List(list::Arguments),
    Explore(explore::Arguments),
    Trace(trace::Arguments),
    Explain(explain::Arguments),
}

/// How much to explore.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ScopeArgument {
    /// Seconds; conformance tests walk every edge of it
    Small,
    /// What the documents claim
    #[default]
    Default,
    /// As far as memory goes, unattended
    Large,
}

impl From<ScopeArgument> for Scope {
    fn from(argument: ScopeArgument) -> Self {
        match argument {
            ScopeArgument::Small => Self::Small,
            ScopeArgument::Default => Self::Default,
            ScopeArgument::Large => Self::Large,
        }
    }
}

/// How many threads explore.
#[derive(Args, Clone, Copy, Debug)]
struct Threads {
    /// How many threads explore, at most one for each core; the result does not depend on it [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl Threads {
    fn count(self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or(cores, |threads| cores.min(threads.into()))
    }
}

/// Carries out the command in `arguments`, of which the first is the name of the program, on these protocols.
pub fn main(entries: &'static [Entry], arguments: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    let outcome = match Arguments::parse_from(arguments).command {
        Command::Check(arguments) => check::run(&arguments, entries),
        Command::List(arguments) => list::run(&arguments, entries),
        Command::Explore(arguments) => explore::run(&arguments, entries),
        Command::Trace(arguments) => trace::run(&arguments, entries),
        Command::Explain(arguments) => explain::run(&arguments, entries),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(USAGE)
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no protocol {name:?}; there is {known}")]
    NoProtocol { name: String, known: String },
    #[error("{protocol} has no design {name:?}{}; `model list --mutants` shows all", hint(.near))]
    NoDesign { protocol: &'static str, name: String, near: Option<&'static str> },
    #[error("{0}")]
    Other(String),
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error(transparent)]
    Checkpoint(#[from] crate::checker::checkpoint::CheckpointError),
    #[error(transparent)]
    Log(#[from] crate::checker::explain::LogError),
    #[error("standard output: {0}")]
    Output(io::Error),
}

fn hint(near: &Option<&'static str>) -> String {
    near.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

fn protocol(name: &str, entries: &'static [Entry]) -> Result<&'static Entry, Error> {
    let known = || entries.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
    let found = entries.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| Error::NoProtocol { name: name.to_owned(), known: known() })
}

/// Colours where a person looks at a terminal and has not asked for none.
fn style() -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !refused { Style::Coloured } else { Style::Plain }
}

/// Prints. A reader that has gone away, as `head` does, is no error.
fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Error::Output),
    }
}
