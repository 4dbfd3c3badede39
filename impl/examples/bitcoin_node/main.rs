//! A Bitcoin node as far as its peers' coming and going: it shakes hands, answers pings, and knows no blocks. With
//! `--follow` it asks one peer at a time for the headers of its chain, the one that a selector picks.
//!
//! ```text
//! cargo run -p handfast --example bitcoin_node -- --listen 127.0.0.1:18444
//! cargo run -p handfast --example bitcoin_node -- --connect localhost
//! ```
//!
//! Each line of the standard output is a peer that came or went, with its time and session; with `--verbose` the standard
//! error says why handshakes failed. Lines that are not read in time are lost and counted: the node waits for no output.
//! Nor does it wait for the file of `--record`: a record whose file is too slow ends, and the node says so then and when it ends.
//! SIGUSR1 prints who is there, who is banned and what was counted. SIGINT, SIGTERM and SIGHUP end the node within the time
//! of `--grace` and a few seconds, whatever takes no output; a second one ends it at once, with status 1.
//!
//! Other nodes find it with `bitcoind -regtest -connect=127.0.0.1:18444` or `btcd --simnet --connect=127.0.0.1:18444`.
//! It is written for those two from what they send and expect; what it was run with, in both directions, is bcoin 1.0.2, a
//! full node too, and python-bitcoinlib (`tests/tests/all/bitcoin/interop.rs`).
//!
//! What it does with unusual messages is what Bitcoin Core does, of which each row of `tests/tests/all/bitcoin/cases.rs` is
//! a test. Two differ: a verack before a version, and a version that is cut off, end the connection at once.
#![allow(unreachable_pub)] // `peer` is also part of a library, for tests: ../lib.rs

#[path = "../console.rs"]
mod console;
mod options;
mod peer;
mod record;
mod redial;
mod report;
#[path = "../signals.rs"]
mod signals;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use console::Console;
use options::Options;
use peer::follow::Follower;
use peer::{Local, Peers};
use record::Recording;
use redial::Dialer;
use report::Reporter;
use signals::Signals;

/// How long the end may take beyond the time that sessions have.
const LAST: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let options = Options::parse();
    let (errors, last_error) = Console::start(io::stderr(), report::time);
    let (out, last_line) = Console::start(io::stdout(), report::time);
    let level = if options.verbose { tracing::Level::DEBUG } else { tracing::Level::WARN };
    let logged = errors.clone();
    tracing_subscriber::fmt().with_writer(move || logged.clone()).with_ansi(false).with_max_level(level).init();
    let ended = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let ended = runtime.block_on(run(&options, &Reporter(out)));
        // While the runtime runs a second signal is heard.
        last_line.finish();
        // A name that is looked up is not waited for.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            errors.say(format!("{}error: {error}", report::time()));
            last_error.finish();
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, reporter: &Reporter) -> Result<(), Box<dyn Error>> {
    // Before anything begins, so that no signal ends the process as it would by itself.
    let mut signals = Signals::new()?;
    let mut asked = signal(SignalKind::user_defined1())?;
    let (node, recording) = options.node()?;
    for &network in &options.ban {
        node.ban_address(network)?;
    }
    let follow = || Follower::start(&node, options.network.genesis(), options.stall_timeout());
    let follower = options.follow.then(follow).transpose()?;
    let local = Arc::new(Local::new(options.network.magic(), options.ping_interval(), follower));
    let printer = tokio::spawn(reporter.clone().events(node.clone()));

    let mut tasks = JoinSet::new();
    tasks.spawn(reporter.clone().followed(Arc::clone(&local)));
    {
        let mut running = pin!(begin(&node, &local, options, reporter, &mut tasks));
        loop {
            tokio::select! {
                biased;
                () = signals.end() => break,
                _ = asked.recv() => reporter.status(&node),
                failed = running.as_mut() => match failed? {},
            }
        }
    }
    tokio::spawn(signals.exit());
    let limit = options.grace() + LAST;
    let late = |_| format!("the end took longer than {limit:?}: what was printed or recorded may lack its last lines");
    timeout(limit, end(&node, options, reporter, tasks, printer, recording)).await.map_err(late)?
}

/// Ends every session, then every task, and then the record.
async fn end(
    node: &Peers,
    options: &Options,
    reporter: &Reporter,
    mut tasks: JoinSet<()>,
    printer: JoinHandle<()>,
    recording: Option<Recording>,
) -> Result<(), Box<dyn Error>> {
    let report = node.shutdown(options.grace()).await;
    tasks.shutdown().await;
    printer.await?;
    reporter.say(format_args!("shut down: {} sessions ended, {} were aborted", report.drained, report.aborted));
    let Some(recording) = recording else { return Ok(()) };
    // What is not in the queue any more is in none, whatever the file does.
    let queued = node.flush_record();
    let written = recording.finish().await;
    written.and(queued).map_err(|error| format!("the record is not complete: {error}").into())
}

/// Listens and dials, and returns only if it cannot listen.
async fn begin(
    node: &Peers,
    local: &Arc<Local>,
    options: &Options,
    reporter: &Reporter,
    tasks: &mut JoinSet<()>,
) -> Result<Infallible, Box<dyn Error>> {
    for &address in &options.listen {
        let listener =
            TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
        reporter.say(format_args!("listening on {}", listener.local_addr()?));
        let (node, local) = (node.clone(), Arc::clone(local));
        tasks.spawn(async move { peer::accept_peers(&node, &local, &listener).await });
    }
    for target in options.connect.iter().cloned().collect::<BTreeSet<_>>() {
        let (node, local, reporter) = (node.clone(), Arc::clone(local), reporter.clone());
        let (network, limit) = (options.network, options.handshake_timeout());
        tasks.spawn(Dialer { node, local, target, network, limit, reporter }.stay_connected());
    }
    std::future::pending().await
}
