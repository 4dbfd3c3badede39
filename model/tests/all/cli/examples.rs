//! Every example in a help text is carried out as it stands there.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{LOG, Run, directory, run, run_on};

/// The commands under "Examples:" in a help text, without what is said of them.
fn examples(help: &str) -> Vec<String> {
    let (_, block) = help.split_once("Examples:\n").unwrap_or_default();
    let commands = block.lines().map_while(|line| line.strip_prefix("  "));
    let commands = commands.filter(|line| line.starts_with("model "));
    commands.map(|line| line.split("  ").next().unwrap_or(line).to_owned()).collect()
}

#[test]
fn the_examples_of_a_help_text_are_found() {
    let help = "Options:\n  -h\n\nExamples:\n  model a  all of it\n  model b --c > d\n      of b\n\n  model e\n";
    assert_eq!(examples(help), ["model a", "model b --c > d"]);
}

/// Carries out an example in a shell, in a directory where `model` is the program and `run.ndjson` a log.
fn carry_out(command: &str, name: &str) -> Run {
    let directory = directory(name);
    symlink(env!("CARGO_BIN_EXE_model"), directory.join("model")).expect("the link can be made");
    std::fs::write(directory.join("run.ndjson"), LOG).expect("the log can be written");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(&directory).stdin(Stdio::null());
    shell.env("PATH", format!("{}:{path}", directory.display()));
    let run = Run::of(shell.output().expect("there is a shell"));
    if let Some((_, file)) = command.split_once("> ") {
        let written = std::fs::read_to_string(directory.join(file)).expect("the example writes a file");
        assert!(written.lines().count() > 1, "{command}: {written}");
    }
    run
}

/// Carries out the examples of a command; how many there were.
#[track_caller]
fn all_work(command: &str) -> usize {
    let examples = examples(&run(&format!("{command} --help")).stdout);
    for (number, example) in examples.iter().enumerate() {
        // What another program would pick out of the output is picked out here.
        let (line, picks) = match example.split_once(" | jq .") {
            Some((line, key)) => (line.to_owned(), Some(key)),
            None => (example.clone(), None),
        };
        // Everything at the default scope with all mutants is a part of its own of the continuous integration.
        let is_all = line.starts_with("model check") && !line.contains("--scope") && !line.contains("--any-number");
        let line = if is_all { format!("{line} --scope small --no-mutants") } else { line };
        let run = carry_out(&line, &format!("examples-{command}-{number}"));
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{example}");
        if let Some(key) = picks {
            let document: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
            assert!(!document[key].is_null(), "{example}: {document}");
        }
    }
    examples.len()
}

#[test]
fn the_examples_of_check_work() {
    assert!(all_work("check") >= 3);
}

#[test]
fn the_examples_of_list_work() {
    assert!(all_work("list") >= 3);
}

#[test]
fn the_examples_of_trace_work() {
    assert!(all_work("trace") >= 4);
}

#[test]
fn the_examples_of_explain_work() {
    assert!(all_work("explain") >= 2);
}

/// The help of `explain` shows what a log looks like.
#[test]
fn the_log_in_the_help_of_explain_is_accepted() {
    let help = run("explain --help").stdout;
    let lines = help.lines().filter_map(|line| line.strip_prefix("  {"));
    let log: Vec<String> = lines.map(|rest| format!("{{{rest}")).collect();
    assert!(log.len() >= 2, "{help}");
    let run = run_on("explain lifecycle -", log.join("\n"));
    let accepted = format!("accepted: the model explains all of it (1 run, {} step)\n", log.len() - 1);
    assert_eq!(run.stdout.lines().next(), accepted.lines().next(), "{}", run.stdout);
}

/// The examples of `explore` do not end by themselves; what they start is tested in `explorer`. That their designs are
/// there is tested here: an address that is refused is looked at first, a design after it.
#[test]
fn the_examples_of_explore_name_what_is_there() {
    let examples = examples(&run("explore --help").stdout);
    assert!(examples.len() >= 2, "{examples:?}");
    for example in examples {
        let words: Vec<&str> = example.split_whitespace().skip(1).collect();
        assert_eq!(words[..2], ["explore", "lifecycle"]);
        let design = words.iter().position(|word| *word == "--design").map(|at| words[at + 1]);
        let variants = (model::registry::find("lifecycle").expect("it is there").variants)();
        assert!(design.is_none_or(|design| variants.iter().any(|variant| variant.name == design)), "{example}");
        let port = words.iter().position(|word| *word == "--address").map(|at| words[at + 1]);
        assert!(port.is_none_or(|address| address.starts_with("127.0.0.1:")), "{example}");
    }
}
