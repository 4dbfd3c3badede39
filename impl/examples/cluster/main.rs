//! Nodes that all dial each other at once, gossip in numbered frames, and are killed and restarted, also all together.
//!
//! ```text
//! cargo run -p handfast --example cluster                                  # until Ctrl-C
//! cargo run -p handfast --example cluster -- --nodes 8 --frames 20000 --kill-every 500
//! cargo run -p handfast --example cluster -- --listen 127.0.0.1:4001 --connect 127.0.0.1:4002   # one of several
//! ```
//!
//! Each node listens, dials every other one from the port that it listens on, and shakes hands with Noise XX, so that a key
//! is proved before a tie is broken. A killed node drops everything where it is: what it had accepted is lost, and every
//! such loss must be reported by one end or the other. At the end all nodes shut down in order, and the last lines say how
//! many sessions and frames there were. A frame that was accepted, not delivered, and reported by neither end is *silently
//! lost*: there must be none, and the exit status is 1 otherwise.
//!
//! With `--record DIR` each node writes what happens for `model explain node`, and each session that is over what became of
//! its frames: where nodes are processes, the lines of both ends tell whether one was lost silently.
//!
//! SIGINT, SIGTERM and SIGHUP end the nodes, a second one at once.

#[path = "../console.rs"]
mod console;
mod gossip;
mod ledger;
mod member;
mod mesh;
mod noise;
mod options;
#[path = "../signals.rs"]
mod signals;
mod upgrade;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use console::Console;
use ledger::Ledger;
use mesh::Mesh;
use options::Options;
use signals::Signals;

/// How long the nodes may take to find each other again before the end.
const REUNION: Duration = Duration::from_secs(60);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse();
    let (console, last_line) = Console::start(io::stdout(), String::new);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let is_sound = runtime.block_on(run(options, console))?;
    last_line.finish();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(options: Options, console: Console) -> Result<bool, Box<dyn Error>> {
    // Before anything begins, so that no signal ends the process as it would by itself.
    let mut signals = Signals::new()?;
    if let Some(directory) = &options.record {
        std::fs::create_dir_all(directory)
            .map_err(|error| format!("cannot make the directory {}: {error}", directory.display()))?;
    }
    let ledger = Arc::new(Ledger::new(options.is_alone(), options.record.as_deref())?);
    let options = Arc::new(options);
    let mut mesh = Mesh::start(&options, &ledger)?;
    for address in mesh.addresses() {
        console.say(format!("listening on {address}"));
    }
    let interrupted = tokio::select! {
        biased;
        () = signals.end() => true,
        worked = work(&mut mesh, &options, &ledger, &console) => !worked?,
    };
    tokio::spawn(signals.exit());
    let drained = mesh.stop().await?;
    let summary = ledger.summary();
    for line in summary.lines() {
        console.say(line);
    }
    console.say(format!("shut down: {} sessions drained, {} aborted", drained.drained, drained.aborted));
    ledger.written()?;
    Ok(summary.is_sound() && (interrupted || drained.aborted == 0))
}

/// Kills and restarts nodes until there were enough frames and kills, and waits until all have found each other again.
/// Returns whether it did all of that.
async fn work(mesh: &mut Mesh, options: &Options, ledger: &Ledger, console: &Console) -> Result<bool, Box<dyn Error>> {
    let mut shown = interval(Duration::from_millis(if is_terminal() { 250 } else { 1000 }));
    let mut looked = interval(Duration::from_millis(20));
    shown.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looked.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begin = Instant::now();
    let mut next_kill = options.kill_every().map(|every| begin + every);
    let mut kills = 0;
    loop {
        tokio::select! {
            biased;
            () = until(next_kill), if next_kill.is_some() => {
                kills += 1;
                mesh.kill(kills).await?;
                next_kill = options.kill_every().map(|every| Instant::now() + every);
            }
            _ = looked.tick() => {
                if options.is_done(ledger.delivered(), kills) {
                    break;
                }
            }
            _ = shown.tick() => show(mesh, ledger, console, begin.elapsed(), kills),
        }
    }
    let reunion = async {
        while !mesh.is_complete() {
            looked.tick().await;
        }
    };
    let is_complete = options.is_alone() || timeout_at(Instant::now() + REUNION, reunion).await.is_ok();
    show(mesh, ledger, console, begin.elapsed(), kills);
    if !is_complete {
        return Err(format!("waited {REUNION:?} for one session of each pair, the same at both ends").into());
    }
    if !options.is_alone() {
        console.say(format!("pairs {}, each with one session, the same at both ends, opposite roles", mesh.pairs()));
    }
    console.say(format!("kills {kills}"));
    Ok(true)
}

async fn until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// A table in the same place each time, or a line.
fn show(mesh: &Mesh, ledger: &Ledger, console: &Console, elapsed: Duration, kills: u64) {
    let delivered = ledger.delivered();
    if !is_terminal() {
        let (up, sessions) = (mesh.running(), mesh.sessions());
        console.say(format!(
            "{:.1} s: {up} nodes, {sessions} sessions, {delivered} frames delivered, {kills} kills",
            elapsed.as_secs_f64()
        ));
        return;
    }
    // The cursor home, each line cleared before it is written, and then everything below.
    let mut text = format!(
        "\x1b[H\x1b[2K{:.1} s, {delivered} frames delivered, {kills} kills\n\
         \x1b[2K{:>4} {:<22} {:>5} {:>5} {:>9} {:>9} {:>10}\n",
        elapsed.as_secs_f64(),
        "node",
        "address",
        "start",
        "peers",
        "initiator",
        "responder",
        "rumours"
    );
    mesh.rows().iter().for_each(|row| text.push_str(&format!("\x1b[2K{row}\n")));
    console.say(text + "\x1b[J");
}
