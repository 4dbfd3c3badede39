//! A goal that is missed is marked at the step from which it is owed, and the end says who waits for what.

use model::checker::format::{dot, mermaid, text};
use model::checker::target::Plan;
use model::checker::trace::Trace;
use model::registry::find;

use super::violations;

/// How a mutant violates a rule, in the instances in which it is explored.
fn trace_of(protocol: &str, mutant: &str, rule: &str) -> Trace {
    let entry = find(protocol).expect("the protocol is in the catalogue");
    let variant = (entry.variants)().into_iter().find(|known| known.name == mutant);
    let variant = variant.unwrap_or_else(|| panic!("{protocol} has no mutant {mutant}"));
    let findings = variant.target.check(&Plan { cross_check: false, ..Plan::DEFAULT });
    let result = findings.rule_results().find(|result| result.id == rule).expect("the rule is one of the protocol's");
    result.broken_by.clone().unwrap_or_else(|| panic!("{mutant} does not violate {rule}"))
}

#[test]
fn a_missed_goal_says_from_which_step_on_it_is_owed_and_who_waits() {
    for (protocol, mutant, goal, waits) in [
        ("lifecycle", "down-waits-for-room", "PEER-27", " is to end: "),
        ("lifecycle", "timer-stops-at-greeting", "PEER-29", " waits to be announced: a subscriber has no room"),
        ("ownership", "last-does-not-close", "OWN-21", " waits to be closed: "),
        ("ownership", "pool-does-not-watch", "OWN-25", ", which is not woken"),
        ("ownership", "pool-leaks-the-old", "OWN-27", " waits to be closed, and no thread has it"),
        ("framed", "drains-late", "FRM-15", ": the writer waits for room in the send queue"),
        ("node", "forgets-body", "NODE-15", " has a body that waits for frames or for their end"),
    ] {
        let trace = trace_of(protocol, mutant, goal);
        let text = text(&trace);
        assert!(trace.waits.iter().any(|wait| wait.contains(waits)), "{mutant}: no wait has {waits:?}\n{text}");
        let from = trace.owed_from.unwrap_or_else(|| panic!("{mutant}: {goal} is owed from no step\n{text}"));
        assert!(from <= trace.steps.len(), "{mutant}: step {from} of {}\n{text}", trace.steps.len());
        let mark = format!("{goal} is owed from here on");
        for shown in [text, mermaid(&trace), dot(&trace)] {
            assert_eq!(shown.matches(&mark).count(), 1, "{mutant}: {shown}");
        }
    }
}

/// The mark is where the goal begins to be owed for good, not where the behaviour begins or ends.
#[test]
fn the_step_is_the_one_that_makes_the_promise() {
    let trace = trace_of("ownership", "last-does-not-close", "OWN-21");
    let from = trace.owed_from.expect("the deletion is owed");
    let told = &trace.steps[from - 1].told;
    assert!(told.iter().any(|output| output.contains("delet") || output.contains("closed")), "{}", text(&trace));
}

#[test]
fn an_invariant_is_owed_from_no_step() {
    let traces = violations("guard-runs-twice");
    assert!(!traces.is_empty(), "the mutant violates something");
    for trace in traces.iter().filter(|trace| trace.repeats_from.is_none()) {
        assert_eq!(trace.owed_from, None, "{}", text(trace));
    }
}
