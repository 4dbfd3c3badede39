//! `list` shows what it was asked for.

use super::run;

#[test]
fn one_design_is_shown_with_what_it_is_known_for() {
    let run = run("list simopen/go-multistream-0-4-1");
    assert!(run.stdout.contains("simopen/go-multistream-0-4-1 (historical)"), "{}", run.stdout);
    assert!(run.stdout.contains("known for SIM-23"), "{}", run.stdout);
    assert_eq!(run.stdout.matches("source: ").count(), 1, "{}", run.stdout);
}

#[test]
fn one_protocol_is_shown_alone() {
    let run = run("list framed");
    assert!(run.stdout.starts_with("framed: ") && !run.stdout.contains("SIM-1"), "{}", run.stdout);
}

#[test]
fn what_violates_a_rule_is_shown() {
    let run = run("list --violates FRM-5");
    assert!(run.stdout.contains("framed/zrepl-timeout (historical)"), "{}", run.stdout);
    let violates = run.stdout.lines().filter(|line| line.trim_start().starts_with("violates "));
    assert!(violates.clone().count() >= 3 && violates.clone().all(|line| line.contains("FRM-5")), "{}", run.stdout);
}

#[test]
fn what_is_not_there_is_said() {
    for (arguments, says) in [
        ("list nowhere", "there is no protocol"),
        ("list framed/nowhere", "has no design"),
        ("list --violates RULE-1", "no invariant or goal with the id RULE-1"),
        ("list simopen --violates FRM-5", "no invariant or goal with the id FRM-5"),
    ] {
        let run = run(arguments);
        assert_eq!(run.status, 2, "{arguments}: {}", run.stdout);
        assert!(run.stderr.contains(says), "{arguments}: {}", run.stderr);
    }
}
