//! The counterexamples of the historical designs: each shows what its design is known for, in the words of the original.

use std::sync::LazyLock;

use model::checker::catalogue::{Kind, Variant};
use model::checker::format::{mermaid, text};
use model::checker::target::Plan;
use model::checker::trace::Trace;
use model::registry::ENTRIES;

/// The counterexample of every historical design. Those of one protocol follow one another.
pub(crate) fn counterexamples() -> &'static [Trace] {
    static FOUND: LazyLock<Vec<Trace>> = LazyLock::new(|| {
        let plan = Plan { cross_check: false, threads: 2, ..Plan::DEFAULT };
        let historical = ENTRIES.iter().flat_map(|entry| (entry.variants)()).filter(|known| known.kind.is_historical());
        historical.map(|variant| counterexample(&variant, &plan)).collect()
    });
    &FOUND
}

fn counterexample(variant: &Variant, plan: &Plan<'_>) -> Trace {
    let Kind::Historical(known_for) = variant.kind else { panic!("{} is not historical", variant.name) };
    assert!(variant.violates.contains(&known_for), "{} is not listed with {known_for}", variant.name);
    let trace = variant.counterexample(&variant.target.check(plan));
    let trace = trace.unwrap_or_else(|| panic!("{} violates nothing", variant.name));
    assert_eq!(trace.rule, Some(known_for), "{} does not violate {known_for}", variant.name);
    trace
}

fn of(design: &str) -> &'static Trace {
    let found = counterexamples().iter().find(|trace| trace.design == design);
    found.unwrap_or_else(|| panic!("there is no historical design {design}"))
}

fn all_words(trace: &Trace) -> String {
    let steps = trace.steps.iter().flat_map(|step| [&step.action].into_iter().chain(&step.told));
    steps.map(String::as_str).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_historical_design_violates_what_it_is_known_for() {
    assert!(counterexamples().len() >= 49, "{}", counterexamples().len());
    for protocol in ["simopen", "lifecycle", "ownership", "framed"] {
        assert!(counterexamples().iter().any(|trace| trace.protocol == protocol), "{protocol}");
    }
}

#[test]
fn every_counterexample_says_where_it_starts_and_ends_and_where_it_comes_from() {
    for trace in counterexamples() {
        let text = text(trace);
        let origin = trace.origin.expect("a historical design comes from somewhere");
        for words in ["  starts with\n", "  ends with\n", origin.source] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert!(!trace.starts_as.is_empty() && trace.steps.iter().all(|step| !step.state_words.is_empty()), "{text}");
        let marked = text.contains(&format!("** {} is violated", trace.rule.expect("it is about a rule")));
        assert!(marked != trace.repeats_from.is_some(), "an invariant is marked, a goal is missed for ever\n{text}");
        for step in &trace.steps {
            assert!(!step.deed().starts_with(&step.actor), "the actor is said twice: {step:?}");
        }
    }
}

/// What violates freedom from deadlock says who waits.
#[test]
fn every_deadlock_says_who_waits_for_what() {
    let deadlocks = ["SIM-23", "PEER-26", "OWN-11", "FRM-11"].map(Some);
    let mut seen = 0;
    for trace in counterexamples().iter().filter(|trace| deadlocks.contains(&trace.rule)) {
        assert!(!trace.waits.is_empty(), "{}", text(trace));
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn the_hang_of_go_multistream_is_two_ends_that_wait_to_write_on_a_connection_that_holds_nothing() {
    let trace = of("go-multistream-0-4-1");
    let text = text(trace);
    assert!(text.contains("SIM-23 is violated"), "{text}");
    assert_eq!(trace.waits.len(), 2, "{text}");
    for (end, wait) in ["left", "right"].into_iter().zip(&trace.waits) {
        assert!(wait.starts_with(&format!("{end}: waits to write ")), "{text}");
        assert!(wait.contains("the connection holds nothing"), "{text}");
    }
}

/// frameconn's steps have its names, and none of handfast's.
#[test]
fn zrepl_speaks_as_frameconn() {
    let known_for = counterexamples().iter().filter(|trace| trace.protocol == "framed").map(all_words);
    // Its drain throws away without a bound, which is another rule than the one it is known for.
    let entry = model::registry::find("framed").expect("it is there");
    let variant = (entry.variants)().into_iter().find(|variant| variant.name == "zrepl").expect("it is there");
    let findings = variant.target.check(&Plan { cross_check: false, ..Plan::DEFAULT });
    let others = findings.rule_results().filter_map(|result| result.broken_by.as_ref()).map(all_words);
    let zrepl: Vec<String> = known_for.chain(others).collect();
    let all = zrepl.join("\n");
    for word in ["writeMtx.Lock()", "readNextValid", "io.Copy", "WriteFrame", "ReadFrame", "Shutdown: Begin()"] {
        assert!(all.contains(word), "{word} is missing:\n{all}");
    }
    for word in ["ends its direction", "reads ahead", "shutdown is over", "'s application", "throws", "marker"] {
        assert!(!all.contains(word), "{word} is handfast's:\n{all}");
    }
    let lost = of("zrepl");
    assert_eq!(lost.rule, Some("FRM-1"));
    assert!(all_words(lost).contains("WriteFrame returns nil: frame 0 is written"), "{}", text(lost));
}

#[test]
fn btcd_names_its_channels_and_done_is_seen_to_overtake_add() {
    let trace = of("btcd-before");
    let messages: Vec<[&str; 2]> = trace
        .steps
        .iter()
        .filter_map(|step| step.message.as_ref())
        .map(|ends| ends.each_ref().map(String::as_str))
        .collect();
    let at = |ends: [&str; 2]| messages.iter().position(|message| *message == ends).expect("the message is there");
    let (add, done) = (["negotiation of session 0", "newPeers"], ["watcher of session 0", "donePeers"]);
    assert!(at(add) < at(done), "add is sent first: {messages:?}");
    assert!(at(["donePeers", "server loop"]) < at(["newPeers", "server loop"]), "{messages:?}");
    let diagram = mermaid(trace);
    for lane in ["newPeers", "donePeers", "server loop"] {
        assert!(diagram.contains(&format!(" as {lane}\n")), "{diagram}");
    }
    assert!(text(of("btcd-merged-shutdown")).contains("peerLifecycle"), "the repair has one channel");
}

#[test]
fn haproxy_before_its_repair_has_two_threads_inside_one_descriptor() {
    let trace = of("haproxy-before");
    let last = &trace.steps.last().expect("there are steps").state_words;
    let inside = last.iter().filter(|line| line.starts_with("thread ") && line.contains("believes that it may run"));
    assert_eq!(inside.count(), 2, "{}", text(trace));
}

/// The four that the reports begin with, by the rule that each is known for.
#[test]
fn the_four_bugs_are_shown_by_default() {
    for (design, rule) in
        [("go-multistream-0-4-1", "SIM-23"), ("btcd-before", "PEER-1"), ("haproxy-before", "OWN-1"), ("zrepl", "FRM-1")]
    {
        assert_eq!(of(design).rule, Some(rule), "{design}");
    }
}

/// The document shows what the program prints, so that it is generated: `trace … --format text` and `--format mermaid`.
#[test]
fn the_document_shows_the_four_as_they_are_printed() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("doc/counterexamples.md");
    let document = std::fs::read_to_string(path).expect("the document is there");
    let hang = of("go-multistream-0-4-1");
    assert!(document.contains(&format!("```text\n{}```", text(hang))), "write\n{}", text(hang));
    for design in ["go-multistream-0-4-1", "btcd-before", "haproxy-before", "zrepl"] {
        let diagram = mermaid(of(design));
        assert!(document.contains(&format!("```mermaid\n{diagram}```")), "write\n{diagram}");
    }
}
