//! Each exit status for what it says. Status 4 cannot be provoked from outside, because the engines agree; what it
//! takes is shown on a report that was made up.

use core::time::Duration;

use model::checker::catalogue::Scope;
use model::checker::cross_check::{Disagreement, Engine};
use model::checker::report::{ProtocolReport, Selection, Status, Style, json, text};
use model::registry::{ENTRIES, find};

use super::{LOG, report_on, run, run_on};

#[test]
fn complete_and_as_claimed_is_0() {
    let run = run("check lifecycle --scope small --no-mutants");
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.contains("complete and as claimed"), "{}", run.stdout);
    assert_eq!(run_on("explain lifecycle -", LOG).status, 0);
}

#[test]
fn a_log_that_is_rejected_is_1() {
    let corrupted = LOG.replace("\"ended\":0", "\"ended\":1");
    let run = run_on("explain lifecycle -", corrupted);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stdout.starts_with("rejected: line 3 "), "{}", run.stdout);
    assert!(run.stdout.contains("-> registry hears Down of session 1"), "{}", run.stdout);
    assert!(run.stdout.contains("-> registry hears Down of session 0"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_carried_out_is_2() {
    assert_eq!(run("check no-such-protocol").status, 2);
}

#[test]
fn what_does_not_fit_into_memory_is_3() {
    let run = run("check lifecycle --memory 1 --no-mutants");
    assert_eq!(run.status, 3, "{}", run.stdout);
    assert!(run.stdout.contains("INCOMPLETE") && run.stdout.contains("incomplete (Memory)"), "{}", run.stdout);
    assert!(!run.stdout.contains("as claimed"), "{}", run.stdout);
}

/// A report on the small scope, for tests to spoil.
fn report() -> ProtocolReport {
    report_on(find("ownership").expect("it is in the catalogue"), Selection::Own)
}

fn said(report: ProtocolReport) -> (u8, String, serde_json::Value) {
    let report = ProtocolReport { elapsed: Duration::ZERO, ..report };
    let text = text(&report, Style::Plain);
    (report.status().code(), text, json(&[report]))
}

#[test]
fn a_disagreement_of_the_engines_is_4_whatever_else_is_wrong() {
    let mut report = report();
    let disagreement = Disagreement::States { engine: Engine::DepthFirst, ours: 7_188, theirs: 7_187 };
    report.findings.instances[0].comparison.disagreements.push(disagreement.clone());
    report.findings.witnesses[0].reached_by = None;
    let (status, text, json) = said(report);
    assert_eq!(status, 4);
    assert!(text.contains("THE ENGINES DISAGREE") && text.contains(&disagreement.to_string()), "{text}");
    assert!(!text.contains("as claimed"), "{text}");
    assert_eq!((&json["ok"], &json["protocols"][0]["engines_agree"]), (&false.into(), &false.into()));
}

#[test]
fn a_violation_a_missed_witness_and_an_empty_promise_are_1() {
    let trace = report().findings.witnesses[0].reached_by.clone().expect("it is reached");
    let spoil: [fn(&mut ProtocolReport, &model::checker::trace::Trace); 4] = [
        |report, trace| report.findings.invariants[0].broken_by = Some(trace.clone()),
        |report, trace| report.findings.goals[0].broken_by = Some(trace.clone()),
        |report, _| report.findings.witnesses[0].reached_by = None,
        |report, _| report.findings.goals[0].owing = Some(0),
    ];
    for spoil in spoil {
        let mut report = report();
        assert_eq!(report.status(), Status::AsClaimed);
        spoil(&mut report, &trace);
        let (status, text, json) = said(report);
        assert_eq!((status, &json["ok"]), (1, &false.into()), "{text}");
        assert!(text.contains("VIOLATED"), "{text}");
    }
}

#[test]
fn the_worst_status_counts() {
    use Status::{AsClaimed, EnginesDisagree, Incomplete, NotAsListed, Violated};
    let worst_last = [AsClaimed, Incomplete, NotAsListed, Violated, EnginesDisagree];
    assert!(worst_last.is_sorted());
    assert_eq!(worst_last.map(Status::code), [0, 3, 1, 1, 4]);
}

#[test]
fn one_design_is_judged_by_what_it_is_listed_with() {
    let run = run("check lifecycle/btcd-before");
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert!(run.stdout.contains("btcd-before, another design than handfast's: complete"), "{}", run.stdout);
    assert!(run.stdout.contains("1 of 1 as listed"), "{}", run.stdout);
    assert!(super::run("check lifecycle/btcd-befor").stderr.contains("did you mean \"btcd-before\"?"));
}

#[test]
fn the_last_line_is_the_verdict_of_the_whole_run() {
    let run = run("check lifecycle framed/trusts-length --scope small --no-mutants");
    let last = run.stdout.lines().last().expect("it prints");
    assert!(last.starts_with("check: complete and as claimed ("), "{}", run.stdout);
}

#[test]
fn a_mutant_that_is_not_as_listed_is_1() {
    use model::checker::catalogue::{Entry, Kind, Variant};
    const SURVIVES: Entry = Entry { variants: one_that_survives, ..copy(&ENTRIES[2]) };
    const fn copy(entry: &Entry) -> Entry {
        let Entry { name, about, document, rules, own, variants, left_out, explain } = *entry;
        Entry { name, about, document, rules, own, variants, left_out, explain }
    }
    fn one_that_survives() -> Vec<Variant> {
        let target = (ENTRIES[2].own)(Scope::Small);
        let (source, about) = ("made up", "handfast's own design, called a mutant");
        vec![Variant { name: "survivor", kind: Kind::Mutant, source, about, violates: &["OWN-1"], target }]
    }
    let (status, text, json) = said(report_on(&SURVIVES, Selection::All));
    assert_eq!((status, &json["protocols"][0]["mutants"][0]["caught"]), (1, &false.into()), "{text}");
    assert!(text.contains("0 of 1 as listed") && text.contains("listed with OWN-1"), "{text}");
    assert!(text.contains("NOT AS LISTED") && !text.contains("VIOLATED"), "{text}");
}
