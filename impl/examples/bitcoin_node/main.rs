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
//! SIGUSR1 prints who is there, who is banned and what was counted. SIGINT, SIGTERM and SIGHUP end the node, a second one at once.
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
mod redial;
mod report;
#[path = "../signals.rs"]
mod signals;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter};
use std::pin::pin;
use std::sync::Arc;

use clap::Parser;
use handfast::lifecycle::Node;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use console::Console;
use options::Options;
use peer::follow::Follower;
use peer::{Local, Peers};
use redial::Dialer;
use report::Reporter;
use signals::Signals;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let (errors, last_error) = Console::start(io::stderr());
    let (out, last_line) = Console::start(io::stdout());
    let level = if options.verbose { tracing::Level::DEBUG } else { tracing::Level::WARN };
    tracing_subscriber::fmt().with_writer(move || errors.clone()).with_ansi(false).with_max_level(level).init();
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(run(&options, &Reporter(out)));
    // A name that is looked up is not waited for.
    runtime.shutdown_background();
    last_line.finish();
    // The subscriber is never dropped, and its console neither: what it has said is written unless nobody reads.
    drop(last_error);
    ended
}

async fn run(options: &Options, reporter: &Reporter) -> Result<(), Box<dyn Error>> {
    // Before anything begins, so that no signal ends the process as it would by itself.
    let mut signals = Signals::new()?;
    let mut asked = signal(SignalKind::user_defined1())?;
    let node: Peers = match &options.record {
        Some(file) => Node::recorded(options.node_config(), BufWriter::new(File::create(file)?))?,
        None => Node::new(options.node_config())?,
    };
    for &network in &options.ban {
        node.ban_address(network)?;
    }
    let follow = || Follower::start(&node, options.network.genesis(), options.stall_timeout());
    let follower = options.follow.then(follow).transpose()?;
    let local = Arc::new(Local::new(options.network.magic(), options.ping_interval(), follower));
    let mut printer = tokio::spawn(reporter.clone().events(node.clone()));

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

    let report = tokio::select! {
        report = node.shutdown(options.grace()) => report,
        () = signals.end() => return Err("ended by a second signal".into()),
    };
    tasks.shutdown().await;
    (&mut printer).await?;
    reporter.say(format_args!("shut down: {} sessions ended, {} were aborted", report.drained, report.aborted));
    node.flush_record().map_err(|error| format!("the record is not complete: {error}").into())
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
