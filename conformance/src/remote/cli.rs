//! The command line.

use std::io::{IsTerminal, stderr};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use super::framed::{Answer, Framed};
use super::lifecycle::{Lifecycle, Network};
use super::report;
use super::simopen::{Role, Simopen};
use super::suite::{CaseResult, Options, Report, Suite, Verdict, judge, run};
use super::target::{Access, Target};
use super::wire::Limits;

/// Exit status for a command line that cannot be carried out.
const USAGE: u8 = 2;
/// Exit status if not every case was run to its end.
const INCOMPLETE: u8 = 3;

const EXIT_STATUS: &str = "\
Exit status: 0 all cases passed, 1 a case failed, 2 usage, 3 incomplete: the budget is over, or there is no connection.";

/// Judges an implementation of a protocol over a socket, by the model.
///
/// What the implementation must offer is in conformance/harness/README.md.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = EXIT_STATUS, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simultaneous open: multistream-select 1.0, with and without its simultaneous-connect extension
    Simopen(SimopenArguments),
    /// Peers' coming and going at a Bitcoin node that accepts connections, as far as it shows on a wire
    Lifecycle(LifecycleArguments),
    /// Framed connections: zrepl's frameconn, and its end without losing a frame
    Framed(FramedArguments),
}

#[derive(Args, Debug)]
struct SimopenArguments {
    /// The part that the implementation plays
    #[arg(long, value_enum)]
    role: Role,
    /// What the implementation supports, the preferred one first
    #[arg(long, value_delimiter = ',', default_values_t = Simopen::default_protocols())]
    protocols: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct FramedArguments {
    /// What the implementation does with frames
    #[arg(long, value_enum, default_value_t = Answer::Echo)]
    answer: Answer,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct LifecycleArguments {
    /// The network of the node
    #[arg(long, value_enum, default_value_t)]
    network: Network,
    /// How many sessions of one address the node is configured to accept; the case that fills it is left out without
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=1000))]
    slots: Option<u16>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Common {
    /// The address at which the implementation listens; with --exec, a port of 0 is one that is free
    #[arg(long, value_name = "ADDR", conflicts_with = "listen")]
    connect: Option<SocketAddr>,
    /// The address that the implementation dials, again and again until all cases are run
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The command that starts the implementation, anew for each case: for `sh`, with {port}, {protocols}, {role} for the
    /// role or the answer, and {dial} for a port that a node is to dial
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Run the cases that have this in their name
    #[arg(long, value_name = "CASE")]
    only: Option<String>,
    /// List the cases and their rules, and run none
    #[arg(long)]
    list: bool,
    /// Chooses how the wires are: pieces, pauses, small buffers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Seconds that all cases may take together
    #[arg(long, value_name = "SECONDS")]
    budget: Option<u64>,
    /// Seconds to wait for something that must come
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
    /// Seconds within which the implementation promises to end whatever its peer does; cases of it are skipped without
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    deadline: Option<u64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Write the results for a CI system
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write each failure into this directory
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Run one case that was saved
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "list"])]
    replay: Option<PathBuf>,
}

/// Why a command line cannot be carried out.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("say where the implementation is: --connect ADDR, or --listen ADDR, or --exec COMMAND")]
    NoTarget,
    #[error("the cases of lifecycle are for a node that accepts connections: say --connect ADDR, or --exec COMMAND")]
    Dials,
    #[error("no case of framed is about a total that the implementation promises: leave --deadline out")]
    NoPromise,
    #[error("{name} cannot be negotiated: name protocols that begin with a slash and are shorter than 1,000 bytes")]
    Name { name: String },
    #[error("{path} cannot be read or written: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} is no saved failure of {protocol}")]
    Replay { path: PathBuf, protocol: &'static str },
    #[error("there is no runtime: {0}")]
    Runtime(#[source] std::io::Error),
}

/// Runs what the arguments say.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Simopen(SimopenArguments { role, protocols, common }) => {
            let is_name = |name: &&String| name.starts_with('/') && name.len() < 1000 && !name.contains('\n');
            match protocols.iter().find(|name| !is_name(name)) {
                Some(name) => Err(Error::Name { name: name.clone() }),
                None => common.carry_out(&Simopen { role, protocols }),
            }
        }
        Command::Lifecycle(LifecycleArguments { common, .. }) if common.listen.is_some() => Err(Error::Dials),
        Command::Lifecycle(LifecycleArguments { network, slots, common }) => {
            common.carry_out(&Lifecycle { network, slots: slots.map(usize::from) })
        }
        Command::Framed(FramedArguments { common, .. }) if common.deadline.is_some() => Err(Error::NoPromise),
        Command::Framed(FramedArguments { answer, common }) => common.carry_out(&Framed { answer }),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(USAGE)
        }
    }
}

impl Common {
    fn carry_out<S: Suite>(&self, suite: &S) -> Result<u8, Error> {
        if self.list {
            for case in suite.cases(self.seed) {
                println!("{:32}  {}", S::outline(&case).name, S::outline(&case).rules.join(" "));
            }
            return Ok(0);
        }
        let access = self.access()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let report = match &self.replay {
            Some(path) => runtime.block_on(self.replay(suite, path, &access))?,
            None => {
                let options = Options {
                    seed: self.seed,
                    budget: self.budget.map(Duration::from_secs),
                    only: self.only.clone(),
                    limits: self.limits(),
                };
                runtime.block_on(run(suite, &access, &options, progress))
            }
        };
        self.publish::<S>(&report)?;
        Ok(match (report.passes(), report.is_complete()) {
            (false, _) => 1,
            (true, false) => INCOMPLETE,
            (true, true) => 0,
        })
    }

    fn limits(&self) -> Limits {
        let deadline = self.deadline.map(Duration::from_secs);
        Limits { silence: Duration::from_secs(self.wait), deadline, ..Limits::default() }
    }

    fn access(&self) -> Result<Access, Error> {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let target = match (self.connect, self.listen, &self.exec) {
            (Some(address), _, _) => Target::Connect(address),
            (None, Some(address), _) => Target::Listen(address),
            (None, None, Some(_)) => Target::Connect(local),
            (None, None, None) => return Err(Error::NoTarget),
        };
        Ok(Access { target, exec: self.exec.clone(), limit: Duration::from_secs(self.wait.max(20)) })
    }

    async fn replay<S: Suite>(&self, suite: &S, path: &Path, access: &Access) -> Result<Report<S::Case>, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let case = (value["protocol"] == S::NAME).then(|| serde_json::from_value(value["case"].clone()).ok()).flatten();
        let case: S::Case = case.ok_or_else(|| Error::Replay { path: path.to_owned(), protocol: S::NAME })?;
        let ran = judge::<S>(&case, access, self.limits()).await;
        let result = CaseResult { case, verdict: ran.verdict, passed: ran.passed };
        Ok(Report { results: vec![result], seen: ran.seen, showable: suite.showable(), left: 0 })
    }

    fn publish<S: Suite>(&self, report: &Report<S::Case>) -> Result<(), Error> {
        let write = |path: &Path, text: String| {
            std::fs::write(path, text).map_err(|source| Error::File { path: path.to_owned(), source })
        };
        if self.json {
            println!("{}", report::json::<S>(report));
        } else {
            print!("{}", report::text::<S>(report));
        }
        if let Some(path) = &self.junit {
            write(path, report::junit::<S>(report))?;
        }
        let Some(directory) = &self.save else { return Ok(()) };
        std::fs::create_dir_all(directory).map_err(|source| Error::File { path: directory.clone(), source })?;
        for result in &report.results {
            if matches!(result.verdict, Verdict::Failed { .. }) {
                let name = S::outline(&result.case).name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
                write(
                    &directory.join(format!("{}-{name}.json", S::NAME)),
                    format!("{:#}\n", report::saved::<S>(result)),
                )?;
            }
        }
        Ok(())
    }
}

/// Says on a terminal which case runs.
fn progress(number: usize, of: usize, name: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{number} of {of}: {name}");
        if number == of {
            eprint!("\r\x1b[K");
        }
    }
}
