//! The example of whole nodes, as processes: nodes that are killed, several processes, signals.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use crate::node::explained;
use crate::support::{LIMIT, Program, STUCK, deadline, finished};

pub(crate) const CLUSTER: &str = env!("CARGO_BIN_EXE_cluster");

/// The numbers in a line, in their order.
pub(crate) fn numbers(line: &str) -> Vec<u64> {
    line.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// The numbers of the one line that begins with these words.
#[track_caller]
pub(crate) fn said(lines: &[String], words: &str) -> Vec<u64> {
    let found: Vec<_> = lines.iter().filter(|line| line.starts_with(words)).collect();
    let [line] = found[..] else { panic!("{words:?}: {lines:#?}") };
    numbers(line)
}

/// Runs a cluster until it has had enough frames and kills.
fn run(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(CLUSTER);
    let output = finished(command.args(arguments), LIMIT, "a cluster to have had enough frames and kills");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(str::to_owned).collect()
}

/// How many frames were accepted, delivered, reported lost: none is silently lost.
#[track_caller]
fn frames(lines: &[String]) -> [u64; 3] {
    let [accepted, delivered, reported, silent, out_of_order] = said(lines, "frames ")[..] else {
        panic!("five numbers: {lines:#?}")
    };
    assert_eq!((silent, out_of_order, delivered + reported), (0, 0, accepted));
    [accepted, delivered, reported]
}

#[test]
fn nodes_that_are_killed_find_each_other_again_and_lose_no_frame_silently() {
    let _deadline = deadline("clusters");
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster-{}", std::process::id()));
    let record = directory.to_str().expect("a path");
    // The eighth kill is of all nodes together, the second time.
    let work = ["--nodes", "5", "--frames", "8000", "--kill-every", "150", "--kills", "8"];
    for more in [&["--record", record][..], &["--plain"]] {
        let lines = run(&[&work, more].concat());
        assert_eq!(said(&lines, "pairs "), [10]);
        assert!(said(&lines, "kills ")[0] >= 8);
        assert!(frames(&lines)[1] >= 8000);
        let [ends, clean] = said(&lines, "session ends ")[..] else { panic!("two numbers: {lines:#?}") };
        let [initiators, responders] = said(&lines, "roles ")[..] else { panic!("two numbers: {lines:#?}") };
        assert!(initiators >= 10 && responders >= 10 && clean >= 20, "each pair had a session at the end");
        assert_eq!(initiators + responders, ends);
        // One end of each at least: where it has told the other one, that session may be over before its node is told.
        let [drained, aborted] = said(&lines, "shut down: ")[..] else { panic!("two numbers: {lines:#?}") };
        assert!((10..=20).contains(&drained) && aborted == 0, "{drained} drained, {aborted} aborted");
    }
    let mut records = 0;
    for entry in std::fs::read_dir(&directory).expect("it was made") {
        let file = entry.expect("it can be listed").path();
        if file.extension().is_some_and(|extension| extension == "ndjson") {
            explained(&file);
            records += 1;
        }
    }
    assert!(records >= 5 + 8 + 4, "each start of each node has its own: {records}");
    std::fs::remove_dir_all(&directory).expect("it is there");
}

/// A node of several processes, and where it listens.
fn alone(connect: &[&str]) -> (Program, String) {
    let mut command = Command::new(CLUSTER);
    command.args(["--listen", "127.0.0.1:0"]).args(connect.iter().flat_map(|peer| ["--connect", peer]));
    let mut program = Program::start(&mut command);
    let address = program.says("listening on ");
    (program, address)
}

/// Waits until a node has its session, and frames are delivered in it.
fn gossips(node: &mut Program) {
    loop {
        let line = node.says("");
        // Seconds, their tenths, nodes, sessions, frames, kills.
        if let [_, _, 1, 1, frames, 0] = numbers(&line)[..]
            && frames > 0
        {
            return;
        }
    }
}

#[test]
fn nodes_of_several_processes_part_at_a_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (mut first, address) = alone(&[]);
        let (mut second, _) = alone(&[&address]);
        gossips(&mut first);
        gossips(&mut second);
        first.signal(signal);
        let lines = first.rest();
        assert_eq!(said(&lines, "shut down: "), [1, 0]);
        let ended = said(&lines, "session ends ");
        assert_eq!(ended, [1, 1], "its peer read all that it had sent, and ended in order");
        second.signal(signal);
        assert!(said(&second.rest(), "session ends ")[0] >= 1);
    }
}

/// The peer does not read any more, so that the first signal alone would take seconds.
#[test]
fn a_second_signal_ends_it_at_once() {
    let (mut first, address) = alone(&[]);
    let (mut second, _) = alone(&[&address]);
    gossips(&mut first);
    gossips(&mut second);
    second.signal(Signal::STOP);
    first.signal(Signal::TERM);
    first.signal(Signal::INT);
    assert!(!first.status().success(), "it has not ended in order");
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    for (arguments, said) in [
        (&["--nodes", "1"][..], "1 is not in 2..=64"),
        (&["--kills", "1"], "--kill-every <MILLISECONDS>"),
        (&["--kill-every", "0"], "0 is not in"),
        (&["--connect", "127.0.0.1:1"], "--listen <ADDRESS>"),
        (&["--listen", "127.0.0.1:0", "--nodes", "2"], "cannot be used with"),
        (&["--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
        (&["--record", "/dev/null/x"], "cannot make the directory /dev/null/x"),
    ] {
        let output = finished(Command::new(CLUSTER).args(arguments), STUCK, "arguments to be refused");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && words.contains(said), "{arguments:?}: {words}");
    }
}
