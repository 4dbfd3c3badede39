//! `explain` in words and as a drawing.

use super::{LOG, run, run_on};

/// The log with a line that nothing explains.
fn rejected() -> String {
    LOG.to_owned() + "{\"action\":{\"announce\":{\"session\":0}},\"observation\":{\"accepted\":[{\"announced\":0}]}}\n"
}

#[test]
fn a_log_of_another_protocol_is_said_to_be_that() {
    let run = run_on("explain framed -", LOG);
    assert_eq!(run.status, 2);
    let says = "line 1: this is a log of lifecycle, not of framed; try `model explain lifecycle`";
    assert!(run.stderr.contains(says), "{}", run.stderr);
}

/// A historical design has steps of its own, by which no log is explained.
#[test]
fn a_log_of_a_historical_design_is_said_to_be_that() {
    let log = run("trace lifecycle --mutant btcd-fix2 --format log").stdout;
    let run = run_on("explain lifecycle -", log);
    assert_eq!(run.status, 2, "{}", run.stdout);
    assert!(run.stderr.contains("line 1: this is a log of the design btcd-fix2"), "{}", run.stderr);
}

/// A mutant has handfast's steps, so that its log is compared; it is said all the same.
#[test]
fn a_log_of_a_mutant_is_said_to_be_that() {
    let log = run("trace lifecycle --mutant guard-runs-twice --format log").stdout;
    let run = run_on("explain lifecycle -", log);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("of the design guard-runs-twice"), "{}", run.stdout);
    assert!(run.stdout.contains("is no behaviour of the model"), "{}", run.stdout);
}

#[test]
fn counts_are_in_english() {
    let of = |lines: usize| {
        let log: String = LOG.lines().take(lines + 1).map(|line| format!("{line}\n")).collect();
        run_on("explain lifecycle -", log).stdout
    };
    assert!(of(1).contains("(1 run, 1 step)"), "{}", of(1));
    assert!(of(2).contains("(1 run, 2 steps)"), "{}", of(2));
}

#[test]
fn a_log_is_drawn_up_to_the_first_step_that_is_not_explained() {
    let diagram = run_on("explain lifecycle - --format mermaid", rejected());
    assert_eq!(diagram.status, 1);
    assert!(diagram.stdout.starts_with("sequenceDiagram\n"), "{}", diagram.stdout);
    assert_eq!(diagram.stdout.matches("->>").count(), 3, "two steps, and the one that is none: {}", diagram.stdout);
    assert!(diagram.stdout.contains("line 4 is no behaviour of the model"), "{}", diagram.stdout);
    assert!(diagram.stdout.contains("in the model: refused"), "{}", diagram.stdout);
    let page = run_on("explain lifecycle - --format html", rejected());
    assert_eq!(page.status, 1);
    assert!(page.stdout.contains("line 4 is no behaviour of the model"), "{}", page.stdout);
    assert_eq!(page.stdout.matches("data-step=").count(), 3, "{}", page.stdout);
    assert_eq!(run_on("explain lifecycle - --format mermaid", LOG).status, 0);
}
