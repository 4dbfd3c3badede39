//! The command line as a user meets it: the built program is run, and its output and exit status are looked at.

mod any_number;
mod checkpoint;
mod examples;
mod explained;
mod explorer;
mod json;
mod list;
mod misuse;
mod output;
mod status;

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use model::checker::catalogue::{Entry, Scope};
use model::checker::report::{CrossCheck, ProtocolReport, Selection, check_one};
use model::checker::target::Plan;

/// The program, with nothing of the environment that would change what it prints.
fn model<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_model"));
    command.args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// What became of a run.
struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    #[track_caller]
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        let Output { status, stdout, stderr } = output;
        let status = status.code().expect("the program was not killed");
        let run = Self { status, stdout: text(stdout), stderr: text(stderr) };
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }
}

/// Checks designs of a protocol at the small scope, with both engines.
fn report_on(entry: &'static Entry, selection: Selection) -> ProtocolReport {
    check_one((entry, selection), Scope::Small, CrossCheck::All, &Plan::DEFAULT)
}

/// Runs the program with arguments that are separated by spaces.
#[track_caller]
fn run(arguments: &str) -> Run {
    Run::of(model(arguments.split_whitespace()).output().expect("the program starts"))
}

/// Runs the program on a log that it is given on standard input.
#[track_caller]
fn run_on(arguments: &str, input: impl AsRef<[u8]>) -> Run {
    let mut command = model(arguments.split_whitespace());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A log that is rejected is not read to its end; the pipe breaks, which says nothing.
    let _ = stdin.write_all(input.as_ref());
    drop(stdin);
    Run::of(child.wait_with_output().expect("it ends"))
}

/// An empty directory of this test's own, under the target directory.
fn directory(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    if path.exists() {
        std::fs::remove_dir_all(&path).expect("the directory of an earlier run can be removed");
    }
    std::fs::create_dir_all(&path).expect("the directory can be made");
    path
}

/// A log of one session that comes and goes.
const LOG: &str = r#"{"protocol":"lifecycle","total":2,"pending":2,"capacity":3,"duplicates":"keep_new","subscribers":0}
{"action":{"open":{"session":0}},"observation":{"accepted":[{"opened":0}]}}
{"action":{"abort":{"session":0}},"observation":{"accepted":[{"ended":0}]}}
"#;
