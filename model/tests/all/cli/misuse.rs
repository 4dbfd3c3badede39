//! Command lines and files that are wrong: status 2, a message that says what, and nothing on standard output.

use super::{LOG, directory, model, run, run_on};

#[track_caller]
fn refused(arguments: &str, reasons: &[&str]) {
    let run = run(arguments);
    assert_eq!(run.status, 2, "{arguments}: {}", run.stderr);
    assert_eq!(run.stdout, "", "{arguments}");
    assert!(run.stderr.starts_with("error: "), "{arguments}: {}", run.stderr);
    assert!(reasons.iter().all(|reason| run.stderr.contains(reason)), "{arguments}: {}", run.stderr);
}

#[test]
fn a_protocol_that_is_not_there_is_answered_with_those_that_are() {
    for arguments in
        ["check nothing", "check lifecycle nothing", "trace nothing", "explore nothing", "explain nothing -"]
    {
        refused(arguments, &["\"nothing\"", "lifecycle"]);
    }
}

#[test]
fn a_flag_that_is_not_there_is_refused() {
    refused("check --no-such-flag", &["--no-such-flag"]);
    refused("check --scope medium", &["medium", "small"]);
    refused("check --threads 0", &["0", "--threads"]);
    refused("check --memory plenty", &["plenty"]);
    refused("trace lifecycle --format svg", &["svg", "mermaid"]);
    refused("trace lifecycle --cover states", &["states", "edges"]);
    refused("trace lifecycle --cover edges --mutant lossy-queue", &["--cover", "--mutant"]);
    refused("explain lifecycle", &["<FILE>"]);
}

#[test]
fn a_command_is_needed() {
    let run = run("");
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("Usage: model <COMMAND>"), "{}", run.stderr);
}

#[test]
fn a_design_that_is_not_there_is_answered_with_one_that_is_near() {
    refused("trace lifecycle --mutant lossy", &["\"lossy\"", "did you mean \"lossy-queue\"?", "list --mutants"]);
    refused("explore lifecycle --design zebra", &["\"zebra\"", "list --mutants"]);
}

#[test]
fn a_rule_that_is_not_there_or_not_violated_is_refused() {
    refused("trace lifecycle --mutant lossy-queue --violates NONE-1", &["NONE-1"]);
    refused("trace lifecycle --mutant lossy-queue --violates PEER-17", &["lossy-queue does not violate PEER-17"]);
    refused("trace lifecycle --violates PEER-17", &["neither violates nor reaches PEER-17"]);
    refused("trace lifecycle --mutant announces-the-ending", &["does not violate anything"]);
}

/// Whoever can reach the Explorer can make it work.
#[test]
fn an_address_that_others_can_reach_is_refused() {
    for address in ["0.0.0.0:3000", "192.0.2.1:3000", "[::]:3000"] {
        refused(&format!("explore lifecycle --address {address}"), &[address, "loopback"]);
    }
    refused("explore lifecycle --address localhost", &["localhost"]);
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it is bound");
    let run = run(&format!("explore lifecycle --address {address}"));
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains(&format!("error: {address}: ")), "{}", run.stderr);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    refused("explain lifecycle no/such/file", &["no/such/file"]);
    let directory = directory("unreadable");
    let run = super::Run::of(model(["explain", "lifecycle"]).arg(&directory).output().expect("it starts"));
    assert_eq!(run.status, 2, "a directory is no log: {}", run.stdout);
}

#[test]
fn a_file_that_is_no_log_is_refused_with_the_line() {
    for (log, reason) in [
        (&b""[..], "the log is empty"),
        (b"\x7fELF\x00\xff", "line 1"),
        (b"{}", "line 1"),
        (b"{\"protocol\":\"framed\"}", "line 1"),
    ] {
        let run = run_on("explain lifecycle -", log);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(reason), "{}", run.stderr);
    }
}

/// A number in a log is no amount of memory: the program has 512 MiB of address space here, and a place for each session
/// or key below the number would take gigabytes.
#[test]
fn large_numbers_in_a_log_take_no_memory() {
    let far = "{\"action\":{\"ban\":{\"key\":4294967295}}}\n{\"action\":{\"unban\":{\"key\":4294967295}}}\n\
               {\"action\":{\"open\":{\"session\":1}}}\n{\"action\":{\"handshake_done\":{\"session\":1,\"key\":4294967294}}}\n\
               {\"action\":{\"announce\":{\"session\":1}}}\n{\"action\":{\"subscribe\":{\"subscriber\":0}}}\n\
               {\"action\":{\"open\":{\"session\":4294967295}}}\n";
    let path = directory("large-numbers").join("run.ndjson");
    std::fs::write(&path, format!("{LOG}{far}")).expect("the log can be written");
    let mut shell = std::process::Command::new("sh");
    let limited = "ulimit -v 524288 && exec \"$0\" \"$@\"";
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_model"), "explain", "lifecycle"]).arg(&path);
    let run = super::Run::of(shell.output().expect("there is a shell"));
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stdout.starts_with("rejected: line 10 "), "{}", run.stdout);
    assert!(run.stdout.contains("refused: the id is not the next unused one"), "{}", run.stdout);
}

/// Nor is the number of a subscriber, which nobody may skip.
#[test]
fn a_subscriber_from_nowhere_takes_no_memory() {
    let far = "{\"action\":{\"subscribe\":{\"subscriber\":4294967295}}}\n";
    let run = run_on("explain lifecycle -", format!("{LOG}{far}").as_bytes());
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stdout.contains("refused: there is no such subscriber"), "{}", run.stdout);
}
