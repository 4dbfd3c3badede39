//! Many nodes in one process, beside the same program by hand. See the README.

mod by_hand;
mod ours;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;

use by_hand::ByHand;
use ours::Ours;

/// What this program is asked to do by itself: one contender, so many nodes, so many seconds.
pub(crate) const ONE: &str = "node-run";

/// How often each end of a session sends a frame.
const EVERY: Duration = Duration::from_secs(1);

/// Bytes of a frame's payload.
const PAYLOAD: usize = 64;

/// How long an end may take.
const END: Duration = Duration::from_secs(30);

/// Longer than anything takes here.
const STUCK: Duration = Duration::from_secs(600);

/// What the sessions of all nodes do, and have done.
struct Gossip {
    payload: Bytes,
    delivered: AtomicU64,
}

/// A program with many nodes.
trait Contender: Sized {
    const NAME: &'static str;

    /// Starts a node, which listens.
    fn listen(number: u32, nodes: u32, gossip: &Arc<Gossip>) -> Self;

    /// Dials another node.
    fn dial(&self, other: &Self);

    /// Waits until so many sessions are announced.
    async fn are_up(&mut self, sessions: u32);

    /// Ends all sessions in order.
    async fn end(self);
}

/// What a run took.
#[derive(Clone, Copy, Default)]
struct Took {
    /// Seconds until all sessions are announced at both ends.
    up: f64,
    /// KiB of resident memory for a session, both ends.
    memory: f64,
    /// Microseconds of processors for a frame, both ends.
    frame: f64,
    /// Seconds until all sessions have ended in order.
    end: f64,
    /// Frames that were delivered in the time that was measured.
    frames: f64,
}

/// Runs one contender in this process and prints what it took.
pub(crate) fn one_run(words: &[&str]) {
    let [who, nodes, seconds] = *words else { panic!("{words:?}") };
    let nodes = nodes.parse().expect("it is a number");
    let seconds = Duration::from_secs(seconds.parse().expect("it is a number"));
    let runtime = Builder::new_multi_thread().enable_all().build().expect("there are threads");
    let took = runtime.block_on(async {
        let run = async {
            match who {
                Ours::NAME => run::<Ours>(nodes, seconds).await,
                _ => run::<ByHand>(nodes, seconds).await, // The other one.
            }
        };
        tokio::time::timeout(STUCK + seconds, run).await.expect("the sessions come up, and end")
    });
    let Took { up, memory, frame, end, frames } = took;
    println!("{up} {memory} {frame} {end} {frames}");
}

async fn run<C: Contender>(nodes: u32, seconds: Duration) -> Took {
    let gossip = Arc::new(Gossip { payload: Bytes::from(vec![0x5a; PAYLOAD]), delivered: AtomicU64::new(0) });
    let before = resident();
    let begin = Instant::now();
    let mut all: Vec<C> = (0..nodes).map(|number| C::listen(number, nodes, &gossip)).collect();
    for (number, node) in all.iter().enumerate() {
        all[number + 1..].iter().for_each(|other| node.dial(other));
    }
    for node in &mut all {
        node.are_up(nodes - 1).await;
    }
    let up = begin.elapsed().as_secs_f64();
    let memory = (resident() - before) / sessions(nodes);
    let (busy, delivered) = (processors(), gossip.delivered.load(Ordering::Relaxed));
    // What is measured is what the program does in this time.
    tokio::time::sleep(seconds).await;
    let frames = (gossip.delivered.load(Ordering::Relaxed) - delivered) as f64;
    let frame = (processors() - busy) / frames;
    let begin = Instant::now();
    let ends: Vec<_> = all.into_iter().map(C::end).collect();
    futures_util::future::join_all(ends).await;
    Took { up, memory, frame, end: begin.elapsed().as_secs_f64(), frames }
}

fn sessions(nodes: u32) -> f64 {
    f64::from(nodes * (nodes - 1) / 2)
}

/// Microseconds of processors that this process has had.
fn processors() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// KiB of memory that this process has.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("it is a number")
}

/// Runs each contender twice, in processes of their own that take turns, and prints what they took.
pub(crate) fn count(words: &[&str]) {
    let number = |index: usize, usual: u32| words.get(index).map_or(Some(usual), |word| word.parse().ok());
    let (Some(nodes @ 2..=1000), Some(seconds @ 1..)) = (number(0, 100), number(1, 60)) else {
        return eprintln!("counts node [NODES] [SECONDS]: from 2 to 1000 nodes, at least a second");
    };
    if let Err(error) = raise_limit(u64::from(nodes * (nodes - 1) + 2 * nodes + 100)) {
        eprintln!("{error}");
        std::process::exit(1);
    }
    let runs = [Ours::NAME, ByHand::NAME, ByHand::NAME, Ours::NAME].map(|who| (who, alone(who, nodes, seconds)));
    println!(
        "\n{nodes} nodes in one process, {} sessions over TCP; each end sends a frame of {PAYLOAD} bytes every {EVERY:?} \
         for {seconds} s; means of two runs that took turns\n",
        sessions(nodes)
    );
    println!("| | all up, s | KiB a session | processors, µs a frame | ended, s | frames a second |");
    println!("|---|---|---|---|---|---|");
    for (who, took) in &runs {
        println!("| {who}, one run | {} |", row(*took, seconds));
    }
    let [ours, hand] = [Ours::NAME, ByHand::NAME].map(|who| mean(runs.iter().filter(|run| run.0 == who)));
    println!("| {} | {} |", Ours::NAME, row(ours, seconds));
    println!("| {} | {} |", ByHand::NAME, row(hand, seconds));
    let ratio = |of: fn(&Took) -> f64| of(&hand) / of(&ours);
    println!(
        "| {} / {} | {:.2} | {:.2} | {:.2} | {:.2} | |",
        ByHand::NAME,
        Ours::NAME,
        ratio(|took| took.up),
        ratio(|took| took.memory),
        ratio(|took| took.frame),
        ratio(|took| took.end)
    );
}

fn row(Took { up, memory, frame, end, frames }: Took, seconds: u32) -> String {
    format!("{up:.2} | {memory:.1} | {frame:.1} | {end:.2} | {:.0}", frames / f64::from(seconds))
}

fn mean<'a>(runs: impl Iterator<Item = &'a (&'static str, Took)>) -> Took {
    let runs: Vec<Took> = runs.map(|(_, took)| *took).collect();
    let mean = |of: fn(&Took) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
    Took {
        up: mean(|took| took.up),
        memory: mean(|took| took.memory),
        frame: mean(|took| took.frame),
        end: mean(|took| took.end),
        frames: mean(|took| took.frames),
    }
}

/// Runs one contender in a process of its own, whose memory nothing else has used.
fn alone(who: &str, nodes: u32, seconds: u32) -> Took {
    let this = std::env::current_exe().expect("a program knows where it is");
    let mut command = Command::new(this);
    command.args([ONE, who, &nodes.to_string(), &seconds.to_string()]).stderr(Stdio::inherit());
    let output = command.output().expect("this program can be run again");
    assert!(output.status.success(), "{who} failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().expect("it is a number")).collect();
    let [up, memory, frame, end, frames] = numbers[..] else { panic!("{text}") };
    Took { up, memory, frame, end, frames }
}

/// Lets this process and those that it starts have so many descriptors.
fn raise_limit(needed: u64) -> Result<(), String> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|most| *most < needed) {
        return Err(format!(
            "{needed} descriptors are needed, and the hard limit is {most}: ask for fewer nodes, or raise it (`ulimit -Hn`)"
        ));
    }
    limit.current = Some(needed);
    setrlimit(Resource::Nofile, limit).map_err(|error| format!("the limit of descriptors cannot be raised: {error}"))
}
