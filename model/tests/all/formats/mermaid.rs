//! Mermaid's sequence diagrams: every line is one that its grammar knows.

use std::collections::BTreeSet;

use model::checker::format::mermaid;
use model::checker::trace::Trace;

use super::{awkward, circle, finite, shapes, standstill};

/// What Mermaid draws by default.
const MAX_CHARACTERS: usize = 50_000;

/// What is wrong with a diagram.
fn faults(diagram: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut declared = BTreeSet::new();
    let mut lines = diagram.lines();
    if lines.next() != Some("sequenceDiagram") {
        faults.push("it begins with no `sequenceDiagram`".to_owned());
    }
    for line in lines {
        let line = line.trim_start();
        let (participants, text): (Vec<&str>, &str) = if line == "autonumber" {
            continue;
        } else if let Some((participant, name)) =
            line.strip_prefix("participant ").and_then(|rest| rest.split_once(" as "))
        {
            declared.insert(participant);
            (vec![participant], name)
        } else if let Some((over, text)) = line.strip_prefix("Note over ").and_then(|rest| rest.split_once(": ")) {
            (over.split(',').collect(), text)
        } else if let Some((arrow, text)) = line.split_once(": ").filter(|(arrow, _)| arrow.contains("->>")) {
            (arrow.split("->>").collect(), text)
        } else {
            faults.push(format!("no line of a sequence diagram: {line}"));
            continue;
        };
        let undeclared = participants.iter().filter(|participant| !declared.contains(*participant));
        faults.extend(undeclared.map(|participant| format!("{participant} was not declared: {line}")));
        // Escapes are a hash, letters or digits, and a semicolon.
        let plain = without_escapes(text);
        let ends = plain.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == "end");
        if ends || plain.contains(['#', ';']) {
            faults.push(format!("the parser stumbles over: {text}"));
        }
    }
    faults
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split('#');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(';').filter(|(code, _)| !code.is_empty() && code.chars().all(char::is_alphanumeric)) {
            Some((_, rest)) => plain.extend(['\u{200b}', '_'].into_iter().chain(rest.chars())),
            None => plain.extend(['#'].into_iter().chain(part.chars())),
        }
    }
    plain
}

/// The messages of a diagram: one for each step.
fn messages(diagram: &str) -> usize {
    diagram.lines().filter(|line| line.contains("->>")).count()
}

#[test]
fn every_line_is_one_of_a_sequence_diagram_and_every_step_is_there() {
    for trace in shapes().into_iter().chain([awkward(5)]) {
        let diagram = mermaid(&trace);
        assert_eq!(faults(&diagram), Vec::<String>::new(), "{diagram}");
        assert_eq!(messages(&diagram), trace.steps.len());
        assert!(!diagram.contains("were cut"));
    }
}

#[test]
fn what_goes_on_for_ever_says_so() {
    let for_ever = |trace: &Trace| mermaid(trace).contains("for ever");
    assert!(for_ever(&circle()) && for_ever(&standstill()));
    assert!(!for_ever(&finite()));
}

#[test]
fn what_is_too_long_is_cut_and_says_how_much() {
    let trace = awkward(5_000);
    let diagram = mermaid(&trace);
    assert!(diagram.len() <= MAX_CHARACTERS, "{} characters", diagram.len());
    assert_eq!(faults(&diagram), Vec::<String>::new());
    let drawn = messages(&diagram);
    assert!(drawn > 100, "{drawn}");
    assert!(diagram.contains(&format!("{} more steps were cut", trace.steps.len() - drawn)), "{diagram}");
}

#[test]
fn an_empty_behaviour_is_a_diagram_too() {
    assert_eq!(faults(&mermaid(&awkward(0))), Vec::<String>::new());
}

#[test]
fn a_diagram_that_mermaid_would_not_draw_is_found() {
    let begin = "sequenceDiagram\n    participant p0 as a\n";
    for (line, fault) in [
        ("    p0->>p1: hello\n", "not declared"),
        ("    p0->>p0: the end\n", "stumbles"),
        ("    p0->>p0: one; two\n", "stumbles"),
        ("    Note over p0: #1\n", "stumbles"),
        ("    second line\n", "no line"),
    ] {
        let found = faults(&format!("{begin}{line}"));
        assert!(found.len() == 1 && found[0].contains(fault), "{line}: {found:?}");
    }
    assert_eq!(faults("graph TD\n").len(), 1);
    assert_eq!(faults(&format!("{begin}    p0->>p0: e#8203;nd #35;1 ending\n")), Vec::<String>::new());
}

/// Mermaid breaks no lines, and a long one makes a diagram that no screen shows.
#[test]
fn lines_are_short() {
    for trace in shapes() {
        for line in mermaid(&trace).lines() {
            let text = line.split_once(": ").map_or("", |(_, text)| text);
            assert!(text.split("<br/>").all(|part| without_escapes(part).chars().count() <= 140), "{line}");
        }
    }
}
