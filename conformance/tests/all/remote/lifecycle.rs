//! The lifecycle of a Bitcoin node, in this process: a paused clock, and a node of its own for each case.

use std::collections::BTreeSet;

use conformance::remote::lifecycle::{Lifecycle, Network};
use conformance::remote::suite::{Suite as _, Verdict, judge};
use conformance::remote::target::Access;
use conformance::remote::wire::Limits;

use super::node::{Flaw, HANDSHAKE, Node, SLOTS};

const SUITE: Lifecycle = Lifecycle { network: Network::Regtest, slots: Some(SLOTS) };

/// The rules that a node breaks, and the cases in which it does, each with a reason.
async fn broken(flaw: Flaw, seed: u64) -> (BTreeSet<String>, Vec<String>) {
    let limits = Limits { deadline: Some(HANDSHAKE), ..Limits::default() };
    let (mut broken, mut failures) = (BTreeSet::new(), Vec::new());
    for case in SUITE.cases(seed) {
        let node = Node::new(flaw);
        let access = Access::task(move |wire, part| node.clone().serve(wire, part));
        let name = &case.outline.name;
        match judge::<Lifecycle>(&case, &access, limits).await.verdict {
            Verdict::Passed => {}
            Verdict::Failed { rules, why } => {
                failures.push(format!("{name}: {rules:?}: {why}"));
                broken.extend(rules);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    (broken, failures)
}

#[tokio::test(start_paused = true)]
async fn a_node_without_a_flaw_passes() {
    for seed in [0, 1, 2] {
        let (broken, failures) = broken(Flaw::None, seed).await;
        assert!(broken.is_empty(), "seed {seed}: {failures:#?}");
    }
}

/// Each flaw, and the rules by which it is found.
const FLAWS: [(Flaw, &[&str]); 17] = [
    (Flaw::SpeaksFirst, &["PEER-5"]),
    (Flaw::AcknowledgesFirst, &["PEER-5"]),
    (Flaw::NeverAcknowledges, &["PEER-5"]),
    (Flaw::AnswersEarly, &["PEER-6"]),
    (Flaw::IgnoresChecksums, &["PEER-5", "PEER-6"]),
    (Flaw::TakesOldVersions, &["PEER-11", "PEER-30"]),
    (Flaw::TakesItself, &["PEER-43"]),
    (Flaw::LeaksSlotWhenUp, &["PEER-9", "PEER-16"]),
    (Flaw::LeaksSlotBefore, &["PEER-9", "PEER-16"]),
    (Flaw::Overfills, &["PEER-10"]),
    (Flaw::EndsOthers, &["PEER-14"]),
    (Flaw::EndsBoth, &["PEER-44"]),
    (Flaw::StaysOnViolation, &["PEER-30"]),
    (Flaw::StaysAtEnd, &["PEER-30"]),
    (Flaw::DiesOfSecondVersion, &["PEER-17"]),
    (Flaw::NoDeadline, &["PEER-29"]),
    (Flaw::RestartsDeadline, &["PEER-29"]),
];

#[tokio::test(start_paused = true)]
async fn a_flawed_node_fails_by_the_rules_that_it_breaks() {
    let mut differ = Vec::new();
    for (flaw, rules) in FLAWS {
        let (broken, failures) = broken(flaw, 0).await;
        if broken != rules.iter().map(|rule| (*rule).to_owned()).collect::<BTreeSet<_>>() {
            differ.push(format!("{flaw:?} breaks {broken:?}: {failures:#?}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn every_case_has_a_name_of_its_own_and_names_rules() {
    let cases = SUITE.cases(0);
    let names: BTreeSet<&String> = cases.iter().map(|case| &case.outline.name).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.iter().all(|case| !case.outline.rules.is_empty()));
}
