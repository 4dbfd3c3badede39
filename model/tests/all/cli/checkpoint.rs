//! `check --checkpoint`: a process is killed, and another one goes on from its file.

use core::time::Duration;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::{Run, directory, model};

/// How long a run may take to get so far, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(300);

const CHECK: &str = "check ownership --no-mutants --json";

fn arguments(checkpoint: &Path) -> Vec<String> {
    let arguments = CHECK.split_whitespace().map(str::to_owned);
    let path = checkpoint.to_str().expect("the path is UTF-8").to_owned();
    arguments.chain(["--checkpoint".to_owned(), path, "--checkpoint-interval=0".to_owned()]).collect()
}

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the program until it says something with these words, and kills it. Returns what it said.
fn killed_at(arguments: &[String], words: &str) -> String {
    let child = model(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut process = Process(child);
    let stderr = BufReader::new(process.0.stderr.take().expect("it is piped"));
    let (send, lines) = mpsc::channel();
    // It ends with the process, whose end of the pipe is then closed.
    let reader = thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let deadline = Instant::now() + PATIENCE;
    let said = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).unwrap_or_else(|error| panic!("waited for {words:?}: {error}"));
        if line.contains(words) {
            break line;
        }
    };
    process.0.kill().expect("it is there");
    let status = process.0.wait().expect("it can be waited for");
    assert_eq!(status.code(), None, "it did not end by itself");
    drop(lines);
    let _ = reader.join().expect("it does not panic");
    said
}

/// What is printed, without what is measured and not found.
fn found(run: &Run) -> Value {
    assert_eq!(run.status, 0, "{}", run.stderr);
    let mut document: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    forget_times(&mut document);
    document
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.ends_with("seconds"));
            fields.values_mut().for_each(forget_times);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The number of the level in what is said of one.
fn level(said: &str) -> usize {
    let (_, rest) = said.split_once(" level ").unwrap_or_else(|| panic!("it names a level: {said}"));
    let digits = rest.split(',').next().unwrap_or_default();
    digits.parse().unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[test]
fn a_process_that_was_killed_goes_on_with_the_result_of_one_that_was_not() {
    let checkpoint = directory("cli-checkpoint").join("file");
    let never_killed = super::run(CHECK);
    let said = killed_at(&arguments(&checkpoint), "two numbers is kept at level 12,");
    assert!(checkpoint.exists(), "what was said is true: {said}");
    // Once more, so that it is shown that what went on can go on again.
    let again = killed_at(&arguments(&checkpoint), "two numbers is kept at level 20,");
    let mut command = model(arguments(&checkpoint));
    let resumed = Run::of(command.arg("--threads=1").output().expect("the program starts"));
    assert_eq!(found(&resumed), found(&never_killed));
    let goes_on = resumed.stderr.lines().find(|line| line.contains("two numbers goes on from level"));
    let goes_on = goes_on.unwrap_or_else(|| panic!("it goes on where it was: {}", resumed.stderr));
    assert!(level(goes_on) >= level(&again), "{goes_on}, after {again}");
    // What had ended was not explored again, which would be kept level by level.
    assert!(!resumed.stderr.contains("reuse is kept"), "{}", resumed.stderr);
    assert!(!checkpoint.exists(), "the file goes with the run");
}

#[test]
fn a_file_that_does_not_belong_is_2() {
    let checkpoint = directory("cli-checkpoint-foreign").join("file");
    killed_at(&arguments(&checkpoint), "reuse is kept at level 8,");
    let path = checkpoint.to_str().expect("the path is UTF-8");
    let other = super::run(&format!("check lifecycle --no-mutants --checkpoint {path}"));
    assert_eq!(other.status, 2, "{}", other.stderr);
    let expected = "is of `check ownership --scope default --no-mutants` and not of `check lifecycle --scope default \
                    --no-mutants`";
    assert!(other.stderr.contains(expected), "{}", other.stderr);
    std::fs::write(&checkpoint, "something else").expect("it can be written");
    let foreign = super::run(&format!("{CHECK} --checkpoint {path}"));
    assert_eq!((foreign.status, foreign.stdout.as_str()), (2, ""), "{}", foreign.stderr);
    assert!(foreign.stderr.contains("is no checkpoint of this program"), "{}", foreign.stderr);
    assert!(checkpoint.exists(), "nothing is removed that is not ours");
}
