//! Simultaneous open: which designs hang on which connections, and logs that are behaviours of the model or are not.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use handfast_spec::simopen::{Kind, Name, PARTS, Part};
use model::checker::catalogue::{Entry, Scope};
use model::checker::explain::Explanation;
use model::checker::explore::Options;
use model::checker::format;
use model::checker::target::{Instance, Instances, Plan, Target};
use model::registry::find;
use model::simopen::{Bounds, Flaw, Flaws, Other, checked_with};

const PLAN: Plan<'_> = Plan::DEFAULT;

fn entry() -> &'static Entry {
    find("simopen").expect("the catalogue has simultaneous open")
}

/// Two dialers with the extension that want the same and are left alone.
const TWO: Bounds = Bounds {
    kinds: &[(Kind::Simopen, Kind::Simopen)],
    protocols: &[(&[Name(0)], &[Name(0)])],
    capacities: &[],
    nonces: &[handfast_spec::simopen::Nonce(0), handfast_spec::simopen::Nonce(1)],
    tokens: &[],
    disturbed: false,
    ticks: 0,
    deafens: false,
};

/// Whether two such ends may wait for each other on a connection that holds so many messages each way.
fn hangs(flaws: &[Flaw], capacity: &'static [[u8; 2]]) -> bool {
    let bounds = Bounds { capacities: capacity, ..TWO };
    let instance = Instance { name: "two", checked: checked_with(&bounds, [Flaws::of(flaws); 2]) };
    let findings = Instances::new("two", vec![instance]).check(&PLAN);
    assert!(findings.is_complete() && findings.engines_agree());
    let broken =
        |id| findings.invariants.iter().chain(&findings.goals).any(|rule| rule.id == id && rule.broken_by.is_some());
    assert_eq!(broken("SIM-23"), broken("SIM-24"), "who waits for ever waits without anything to do");
    broken("SIM-23")
}

const CAPACITIES: [&[[u8; 2]]; 16] = [
    &[[0, 0]],
    &[[0, 1]],
    &[[0, 2]],
    &[[0, 3]],
    &[[1, 0]],
    &[[1, 1]],
    &[[1, 2]],
    &[[1, 3]],
    &[[2, 0]],
    &[[2, 1]],
    &[[2, 2]],
    &[[2, 3]],
    &[[3, 0]],
    &[[3, 1]],
    &[[3, 2]],
    &[[3, 3]],
];

/// The originals' deadlocks: Go's needs both directions to hold less than the last message of the first flight, that of
/// the Rust draft the connection to hold less than the whole flight. handfast's ends wait for nothing.
#[test]
fn who_hangs_depends_on_what_the_connection_holds() {
    for capacity in CAPACITIES {
        let [[to_left, to_right]] = capacity else { panic!("one connection at a time") };
        assert!(!hangs(&[], capacity), "{capacity:?}");
        let joins = hangs(&[Flaw::JoinsOnClash, Flaw::SkipsExactlyOne, Flaw::ProposesAfterRole], capacity);
        assert_eq!(joins, *to_left < 1 && *to_right < 1, "joins on a clash, {capacity:?}");
        // Where it holds more one way than the other, the second flight may still wait for the first.
        if to_left == to_right {
            let flushes = hangs(&[Flaw::FlushesBeforeReading], capacity);
            assert_eq!(flushes, *to_left < 3, "flushes before reading, {capacity:?}");
        }
    }
}

/// The parts of a rule that a design breaks somewhere.
fn broken_parts(other: Other, parts: &'static [Part]) -> BTreeSet<&'static str> {
    let mut histories = HashSet::new();
    for &shown in other.row().instances.shown {
        let graph = other.checked(shown).explore(&Options::default());
        histories.extend(graph.states().map(|state| state.history));
    }
    let broken = |part: &&Part| histories.iter().any(|history| !(part.holds)(history));
    parts.iter().filter(broken).map(|part| part.title).collect()
}

/// Conditions that no listed design breaks alone. A design that accepts what it does not support breaks others of the same
/// rule with it; by itself that is SIM-3's.
const NEVER_ALONE: [&str; 1] = ["SIM-11: the proposal is supported"];

/// A condition that nothing needs may be anything. Each condition of each rule is left out in turn: some design that
/// violates the rule must then keep to it, because it breaks this condition and no other.
#[test]
fn each_condition_of_a_rule_is_needed_by_some_design() {
    let mut useless = Vec::new();
    for parts in PARTS {
        let violates = |other: &&Other| other.row().violates.contains(&parts[0].rule);
        let broken: Vec<_> =
            Other::ALL.iter().filter(violates).map(|&other| (other.row().name, broken_parts(other, parts))).collect();
        for part in *parts {
            match broken.iter().find(|(_, broken)| *broken == BTreeSet::from([part.title])) {
                Some((name, _)) => println!("{}: {}: {name}", part.rule, part.title),
                None => useless.push(format!("{}: {}", part.rule, part.title)),
            }
        }
    }
    assert_eq!(useless, NEVER_ALONE, "no design needs these");
}

fn explained(log: &str) -> Explanation {
    (entry().explain)(&mut log.as_bytes()).unwrap_or_else(|error| panic!("{error}:\n{log}"))
}

/// Some of the walks that take every edge of the small scope, as logs: every so many, until there are enough.
fn walks(every: usize, enough: usize) -> Vec<String> {
    let mut logs = Vec::new();
    let mut number = 0;
    (entry().own)(Scope::Small).cover(&PLAN, &mut |trace| {
        if number % every == 0 {
            logs.push(format::log(&trace));
        }
        number += 1;
        if logs.len() < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    logs
}

#[test]
fn logs_of_the_model_are_accepted_and_spoilt_ones_are_not() {
    let logs = walks(31, 40);
    assert_eq!(logs.len(), 40, "{} walks", logs.len());
    let (mut spoilt, mut rejected) = (0, 0);
    for log in &logs {
        let explanation = explained(log);
        assert!(explanation.rejection.is_none() && explanation.violated.is_empty(), "{explanation:#?}\n{log}");
        let lines: Vec<&str> = log.lines().collect();
        // A step that was not recorded, a step recorded twice, and a word that was not said.
        for position in 1..lines.len() {
            let mut lost = lines.clone();
            lost.remove(position);
            let mut twice = lines.clone();
            twice.insert(position, lines[position]);
            let other = lines[position].replace("\"simopen\"", "\"na\"");
            let mut misheard = lines.clone();
            misheard[position] = &other;
            let is_spoilt = |candidate: &Vec<&str>| candidate.len() > lines.len() || *candidate != lines;
            for candidate in [lost, twice, misheard].into_iter().filter(is_spoilt) {
                spoilt += 1;
                rejected += usize::from(explained(&candidate.join("\n")).rejection.is_some());
            }
        }
    }
    println!("{} logs accepted; {rejected} of {spoilt} spoilt ones rejected", logs.len());
    // What nothing depends on afterwards may be lost: the last steps, and those of the end that has gone.
    assert!(rejected * 10 > spoilt * 7, "{rejected} of {spoilt}");
}

/// The log in the document.
#[test]
fn the_documented_log_is_accepted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/simopen.md");
    let document = std::fs::read_to_string(path).expect("the protocol has a document");
    let log: Vec<&str> = document.lines().filter(|line| line.starts_with('{')).collect();
    let explanation = explained(&log.join("\n"));
    assert_eq!((explanation.runs, explanation.steps, explanation.rejection), (1, 4, None));
}

#[test]
fn an_end_without_protocols_is_no_header() {
    let log = r#"{"protocol":"simopen","left":{"kind":"simopen","protocols":[]},"right":{"kind":"silent","protocols":[]},"capacity":[0,0],"patience":1,"timed":true}"#;
    assert!((entry().explain)(&mut log.as_bytes()).is_err());
}
