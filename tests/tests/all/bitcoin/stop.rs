//! How the example ends as a process: in order, at once, and with outputs that take nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::program::{listening_as, program, rest, says};
use crate::support::{Program, deadline};

/// A node whose record goes to its standard error, which is a pipe.
fn recorded(arguments: &[&str]) -> Command {
    let mut command = program(&["--listen", "127.0.0.1:0", "--record", "/dev/stderr"]);
    command.args(arguments).stderr(Stdio::piped());
    command
}

/// Makes more of a record than the pipe and the buffers before it hold, which is 72 KiB, and of each session 600 bytes.
fn write_much(address: &str) {
    for number in 0..400 {
        let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("connection {number}: {error}"));
        stream.write_all(b"x").expect("it reads");
        assert_ne!(stream.read(&mut [0]).unwrap_or(0), 1, "it closes, and says nothing");
    }
}

/// Waits until it has said what it says before the end of its record.
fn comes_to_its_record(node: &mut Program) {
    while !node.says("").contains("shut down: ") {}
}

#[test]
fn a_second_signal_ends_the_node_at_once() {
    let _deadline = deadline("a node to end at a second signal");
    for (first, second) in [(Signal::INT, Signal::INT), (Signal::TERM, Signal::TERM), (Signal::HUP, Signal::INT)] {
        // It has an hour for its record, of which nothing is read.
        let (mut node, address) = listening_as(&mut recorded(&["--grace", "3600"]));
        write_much(&address);
        node.signal(first);
        comes_to_its_record(&mut node);
        node.signal(second);
        assert_eq!(node.status().code(), Some(1), "{first:?} and {second:?}");
    }
}

/// Process 1 of a container has no default action for a signal: only what it catches ends it.
#[cfg(target_os = "linux")]
#[test]
fn as_process_one_it_ends_at_a_signal() {
    let _deadline = deadline("a node that is process 1 to end");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let command = program(&["--listen", "127.0.0.1:0"]);
        let Some(mut node) = Program::start_as_process_one(&command) else { return };
        says(&mut node, "listening on ");
        node.signal(Signal::USR1);
        says(&mut node, "Metrics {");
        node.signal(signal);
        assert_eq!(rest(node), ["shut down: 0 sessions ended, 0 were aborted"]);
    }
}

#[test]
fn a_record_that_is_not_read_keeps_neither_the_node_nor_its_end() {
    let _deadline = deadline("a node whose record is not read");
    let (node, address) = listening_as(&mut recorded(&["--grace", "0"]));
    write_much(&address);
    node.signal(Signal::TERM);
    assert_eq!(node.status().code(), Some(1), "the record is not complete");
}

/// It says so at once, goes on, and says so when it ends.
#[cfg(target_os = "linux")]
#[test]
fn a_record_whose_disk_is_full_ends_and_the_node_does_not() {
    let _deadline = deadline("a node whose disk is full");
    let mut command = program(&["--listen", "127.0.0.1:0", "--record", "/dev/full"]);
    let (mut node, address) = listening_as(command.stderr(Stdio::piped()));
    let mut errors = BufReader::new(node.errors()).lines().map(|line| line.expect("it is text"));
    let first = errors.next().expect("it says so");
    let full = "No space left on device (os error 28)";
    assert!(first.ends_with(&format!("the record ends here error={full}")), "{first}");
    write_much(&address);
    node.signal(Signal::TERM);
    assert_eq!(node.status().code(), Some(1));
    let last: Vec<_> = errors.collect();
    assert!(last.len() == 1 && last[0].ends_with(&format!("error: the record is not complete: {full}")), "{last:?}");
}

#[test]
fn a_record_that_is_read_late_is_complete() {
    let _deadline = deadline("a node whose record is read late");
    let (mut node, address) = listening_as(&mut recorded(&["--grace", "3600"]));
    let mut record = node.errors();
    write_much(&address);
    node.signal(Signal::TERM);
    comes_to_its_record(&mut node);
    let mut log = Vec::new();
    record.read_to_end(&mut log).expect("it ends with the node");
    assert!(log.len() > 150_000, "{} bytes are less than the pipe holds", log.len());
    assert!(node.status().success());
    let explained = model::checker::explain::explain::<model::lifecycle::handfast::Handfast>(&mut &*log);
    let explanation = explained.expect("it can be read");
    assert_eq!((explanation.rejection, explanation.violated), (None, vec![]));
}
