//! System calls for each frame, as `strace` counts them.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use super::bench::Bench;
use super::contenders::{Contender, Floor, LengthDelimited, Ours, Raw};

/// What this program is asked to do by itself: one contender, one length, so many frames.
pub(crate) const ONE: &str = "one";

const LENGTHS: [usize; 6] = [0, 64, 1 << 10, 16 << 10, 128 << 10, 1 << 20];

pub(crate) fn one(words: &[&str]) {
    let [who, how, length, count] = *words else { panic!("{words:?}") };
    let (batched, length) = (how == "batched", length.parse().expect("it is a number"));
    let count = count.parse().expect("it is a number");
    match who {
        Ours::NAME => drop(Bench::<Ours>::new(length).send(count, batched)),
        LengthDelimited::NAME => drop(Bench::<LengthDelimited>::new(length).send(count, batched)),
        Floor::NAME => drop(Bench::<Floor>::new(length).send(count, batched)),
        _ => drop(Bench::<Raw>::new(length).send(count, batched)), // The last.
    }
}

/// Calls that write, read and wait, of both ends.
type Calls = [f64; 3];

/// Runs one contender under `strace`; none if there is none.
fn traced(who: &str, how: &str, length: usize, count: usize) -> Option<Calls> {
    let this = std::env::current_exe().expect("a program knows where it is");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-U", "calls,name", "--"]).arg(this);
    strace.args([ONE, who, how, &length.to_string(), &count.to_string()]);
    let output =
        strace.stdout(Stdio::null()).stderr(Stdio::piped()).output().ok().filter(|out| out.status.success())?;
    let text = String::from_utf8_lossy(&output.stderr);
    let calls: BTreeMap<&str, f64> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?))
        })
        .map(|(calls, name): (f64, &str)| (name, calls))
        .collect();
    let sum = |names: &[&str]| names.iter().filter_map(|name| calls.get(name)).sum();
    Some([
        sum(&["write", "writev", "sendto", "sendmsg"]),
        sum(&["read", "readv", "recvfrom", "recvmsg"]),
        sum(&["epoll_wait", "epoll_pwait"]),
    ])
}

/// What one frame more costs: what is spent before and after is the same in both runs.
fn a_frame(who: &str, how: &str, length: usize) -> Option<String> {
    let few = ((8 << 20) / (length + 8)).clamp(16, 2000);
    let (one, two) = (traced(who, how, length, few)?, traced(who, how, length, 3 * few)?);
    let calls = [0, 1, 2].map(|kind| format!("{:.2}", (two[kind] - one[kind]) / (2 * few) as f64));
    Some(calls.join(" + "))
}

pub(crate) fn print() {
    println!("\nsystem calls for each frame: writes + reads + waits, of both ends together\n");
    for how in ["flushed", "batched"] {
        println!("| bytes, {how} | {} | {} | {} |\n|---|---|---|---|", Ours::NAME, LengthDelimited::NAME, Raw::NAME);
        for length in LENGTHS {
            let cells = [Ours::NAME, LengthDelimited::NAME, Raw::NAME].map(|who| a_frame(who, how, length));
            let cells = cells.map(|cell| cell.unwrap_or_else(|| "no strace".to_owned()));
            println!("| {length} | {} |", cells.join(" | "));
        }
    }
}
