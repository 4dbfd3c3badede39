//! The command line, with programs of other languages at the other end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the command line on an implementation that a command starts, and returns its status and its document.
fn conformance(protocol: &str, role: &str, exec: &str, more: &[&str]) -> (Option<i32>, Value) {
    let part = if protocol == "framed" { "--answer" } else { "--role" };
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args([protocol, part, role, "--exec", exec, "--json"]).args(more);
    let Output { status, stdout, stderr } = command.output().expect("it is built");
    let json = serde_json::from_slice(&stdout);
    (status.code(), json.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr))))
}

fn handfast() -> String {
    format!("exec {} {{role}} listen {{port}} {{protocols}}", env!("CARGO_BIN_EXE_simopen-harness"))
}

#[test]
fn the_harness_of_handfast_passes_over_sockets() {
    for role in ["dialer", "listener", "simultaneous"] {
        let (status, report) = conformance("simopen", role, &handfast(), &[]);
        assert_eq!((status, &report["ok"]), (Some(0), &true.into()), "{role}: {report:#}");
    }
}

#[test]
fn a_harness_that_dials_passes_too() {
    let exec = handfast().replace("listen", "connect");
    let more = ["--listen", "127.0.0.1:0", "--only", "accepted"];
    let (status, report) = conformance("simopen", "dialer", &exec, &more);
    assert_eq!((status, &report["ok"]), (Some(0), &true.into()), "{report:#}");
}

#[test]
fn a_failure_is_saved_and_fails_again() {
    // It plays another part than it is asked for.
    let exec = handfast().replace("{role}", "dialer");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("remote-simopen");
    let save = directory.to_str().expect("it is text");
    let only = ["--only", "lazy-payload-in", "--wait", "2"];
    let (status, report) = conformance("simopen", "listener", &exec, &[&only[..], &["--save", save]].concat());
    assert_eq!((status, &report["ok"]), (Some(1), &false.into()), "{report:#}");
    let saved = directory.join("simopen-lazy-payload-in-bytes.json");
    let replay = ["--replay", saved.to_str().expect("it is text"), "--wait", "2"];
    assert_eq!(conformance("simopen", "listener", &exec, &replay).0, Some(1));
    assert_eq!(conformance("simopen", "listener", &handfast(), &replay).0, Some(0));
}

#[test]
fn where_there_is_no_implementation_the_verdict_is_incomplete() {
    let (status, report) = conformance("simopen", "listener", "exit 7", &["--only", "lazy-payload"]);
    assert_eq!((status, &report["complete"]), (Some(3), &false.into()), "{report:#}");
}

#[test]
fn a_budget_that_is_over_leaves_cases_and_is_incomplete() {
    let (status, report) = conformance("simopen", "listener", &handfast(), &["--budget", "0"]);
    assert_eq!((status, report["cases"].as_array().map(Vec::len)), (Some(3), Some(0)), "{report:#}");
}

#[test]
fn a_command_line_that_says_nothing_of_the_implementation_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_conformance")).args(["simopen", "--role", "listener"]).output();
    assert_eq!(output.expect("it is built").status.code(), Some(2));
}

#[test]
fn the_lifecycle_of_a_node_that_dials_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    let output = command.args(["lifecycle", "--listen", "127.0.0.1:0"]).output().expect("it is built");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

const ANSWERS: [&str; 3] = ["echo", "sink", "source"];

#[test]
fn the_framed_harness_of_handfast_passes_over_sockets() {
    let exec = format!("exec {} {{role}} listen {{port}}", env!("CARGO_BIN_EXE_framed-harness"));
    for answer in ANSWERS {
        let (status, report) = conformance("framed", answer, &exec, &[]);
        assert_eq!((status, &report["ok"]), (Some(0), &true.into()), "{answer}: {report:#}");
    }
}

/// The folder of this package, which has the harnesses.
fn harness(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("harness").join(file)
}

/// Whether a program does what is asked of it. Where everything is required it must.
fn is_there(what: &str, command: &mut Command) -> bool {
    let is_there = command.output().is_ok_and(|output| output.status.success());
    let is_required = std::env::var_os("HANDFAST_REQUIRE_ALL").is_some();
    assert!(is_there || !is_required, "{what} is missing; .ci/run installs it");
    if !is_there {
        println!("skipped: {what} is missing; .ci/run installs it");
    }
    is_there
}

/// Frames on a socket in another language, of which nothing is shared with handfast.
#[test]
fn the_framed_harness_in_python_passes_over_sockets() {
    if !is_there("python3", Command::new("python3").arg("--version")) {
        return;
    }
    let exec = format!("exec python3 {} {{role}} listen {{port}}", harness("framed.py").display());
    for answer in ANSWERS {
        let (status, report) = conformance("framed", answer, &exec, &[]);
        assert_eq!((status, &report["ok"]), (Some(0), &true.into()), "{answer}: {report:#}");
    }
}

/// The ids of the rules by which an implementation fails.
fn broken(report: &Value) -> BTreeSet<&str> {
    let cases = report["cases"].as_array().expect("there are cases").iter();
    cases.flat_map(|case| case["broken"].as_array().expect("each has rules")).filter_map(Value::as_str).collect()
}

/// A part, the cases that are run, and the rules by which the implementation is known to fail in them. A program takes a while to
/// start, so that these are few.
type Known<'a> = (&'a str, &'a str, &'a [&'a str]);

fn fails_as_is_known(exec: &str, known: &[Known<'_>]) {
    for (role, only, rules) in known {
        let (_, report) = conformance("simopen", role, exec, &["--only", only]);
        assert!(report["complete"].as_bool() == Some(true), "{role}, {only}: {report:#}");
        assert_eq!(broken(&report), rules.iter().copied().collect(), "{role}, {only}: {report:#}");
    }
}

/// Version 7.0.28. It lists its protocols when it hears `ls`, declines as many proposals as there are, takes a length that is
/// longer than it needs to be; and its dialer takes any answer for a refusal.
const JS_LIBP2P: [Known<'_>; 5] = [
    ("listener", "word-", &["SIM-9", "SIM-42"]),
    ("listener", "flood", &["SIM-9", "SIM-16", "SIM-42"]),
    ("listener", "malformed-padded", &["SIM-11", "SIM-16", "SIM-18"]),
    ("dialer", "accepted-with-payload", &[]),
    ("dialer", "accepts-another", &["SIM-11", "SIM-16"]),
];

#[test]
fn js_libp2p_fails_as_is_known() {
    let installed = harness("js/node_modules/@libp2p/multistream-select/package.json");
    let program = harness("js/simopen.mjs");
    if !is_there("@libp2p/multistream-select", Command::new("node").arg("-e").arg(format!("require({installed:?})"))) {
        return;
    }
    fails_as_is_known(&format!("exec node {} {{role}} listen {{port}} {{protocols}}", program.display()), &JS_LIBP2P);
}

/// Version 0.8.1: it declines as many proposals as there are.
const PY_LIBP2P: [Known<'_>; 1] = [("listener", "flood", &["SIM-9", "SIM-16", "SIM-42"])];

#[test]
fn py_libp2p_fails_as_is_known() {
    let python = std::env::var("HANDFAST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !is_there("py-libp2p", Command::new(&python).args(["-c", "import libp2p, trio"])) {
        return;
    }
    let exec = format!("exec {python} {} {{role}} listen {{port}} {{protocols}}", harness("simopen.py").display());
    fails_as_is_known(&exec, &PY_LIBP2P);
}
