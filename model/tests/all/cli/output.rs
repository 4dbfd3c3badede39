//! What is printed where nobody looks at a terminal.

use std::io::Read;
use std::process::Stdio;

use super::{model, run};

const ESCAPE: char = '\u{1b}';

#[test]
fn a_pipe_gets_no_escape_codes_and_no_progress() {
    for no_color in [None, Some("1"), Some("")] {
        let mut command = model(["check", "lifecycle", "--scope", "small", "--no-mutants"]);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let run = super::Run::of(command.output().expect("it starts"));
        assert!(!run.stdout.contains(ESCAPE), "{}", run.stdout);
        assert_eq!(run.stderr, "", "progress is for terminals");
    }
}

/// A terminal of its own is what `script` gives a program.
#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let on_terminal = |no_color: &str| {
        let command = format!("{} check lifecycle --scope small --no-mutants", env!("CARGO_BIN_EXE_model"));
        let mut script = std::process::Command::new("script");
        script.args(["-qefc", &command, "/dev/null"]).env("NO_COLOR", no_color).env("TERM", "xterm");
        let output = script.stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(coloured) = on_terminal("") else {
        assert!(std::env::var_os("HANDFAST_REQUIRE_ALL").is_none(), "`script` is not installed");
        println!("skipped: `script` (util-linux) is not installed");
        return;
    };
    let green = format!("{ESCAPE}[32mcomplete and as claimed{ESCAPE}[0m");
    assert!(coloured.contains(&green), "{coloured}");
    let plain = on_terminal("1").expect("it worked before");
    assert!(plain.contains("complete and as claimed") && !plain.contains(&green), "{plain}");
}

#[test]
fn text_says_complete_and_names_every_rule() {
    let run = run("check lifecycle --scope small --no-mutants");
    assert!(run.stdout.contains("small scope: complete"), "{}", run.stdout);
    let rules = (model::registry::find("lifecycle").expect("it is there").rules)();
    for rule in rules.invariants.iter().chain(&rules.goals) {
        assert!(run.stdout.contains(&format!("{:<8} holds", rule.id)), "{}: {}", rule.id, run.stdout);
        assert!(run.stdout.contains(rule.title), "{}: {}", rule.id, run.stdout);
    }
    let witnesses = rules.witnesses.len();
    assert!(run.stdout.contains(&format!("witnesses reached: {witnesses} of {witnesses}")), "{}", run.stdout);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let digests = |threads: usize| {
        let run = run(&format!("check lifecycle --scope small --no-mutants --threads {threads}"));
        run.stdout.lines().filter(|line| line.contains("state set")).map(str::to_owned).collect::<Vec<_>>()
    };
    let one = digests(1);
    assert!(one.len() > 1);
    assert_eq!(digests(3), one);
}

/// More threads than cores are no error, and no more work.
#[test]
fn a_thousand_threads_are_as_many_as_there_are_cores() {
    let run = run("check framed/trusts-length --threads 1000");
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
}

/// What is read at a glance fits 60 columns: the table of instances, and every verdict.
#[test]
fn numbers_and_verdicts_fit_sixty_columns() {
    use core::time::Duration;
    use model::checker::report::{Status, Style, verdict};
    const COLUMNS: usize = 60;
    let run = run("check simopen --scope small --no-mutants");
    let table = run.stdout.lines().skip_while(|line| !line.trim_start().starts_with("instance "));
    let table: Vec<&str> = table.take_while(|line| !line.is_empty() && !line.contains("Stateright")).collect();
    assert!(table.len() > 3 && table.iter().all(|line| line.chars().count() <= COLUMNS), "{table:#?}");
    for status in
        [Status::AsClaimed, Status::Incomplete, Status::NotAsListed, Status::Violated, Status::EnginesDisagree]
    {
        let verdict = verdict("check", status, Duration::from_secs(99), Style::Plain);
        assert!(verdict.chars().count() <= COLUMNS, "{verdict}");
    }
}

/// A reader that goes away, as `head` does, ends the program without a word.
#[test]
fn a_closed_pipe_is_no_error() {
    for arguments in [
        "trace ownership --scope small --cover edges --format log",
        "list --mutants",
        "check --scope small --no-mutants",
    ] {
        let mut command = model(arguments.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = child.stdout.take().expect("it is piped");
        stdout.read_exact(&mut [0; 1]).expect("it prints something");
        drop(stdout);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments}");
        assert_eq!(output.status.code(), Some(0), "{arguments}");
    }
}

#[test]
fn help_is_for_every_command_and_the_version_is_that_of_the_package() {
    for command in ["", "check", "list", "explore", "trace", "explain"] {
        let run = run(&format!("{command} --help"));
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{command}");
        assert!(run.stdout.contains("Usage: model"), "{}", run.stdout);
        assert!(!run.stdout.contains(ESCAPE), "{}", run.stdout);
    }
    assert_eq!(run("--version").stdout.trim(), concat!("model ", env!("CARGO_PKG_VERSION")));
    assert!(run("--help").stdout.contains("Exit status: 0 complete and as claimed, 1 violated"));
}
