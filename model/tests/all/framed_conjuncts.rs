//! No condition of a rule is there for nothing: where one is left out, some design of the catalogue is judged otherwise.

use std::collections::{BTreeMap, HashSet};

use handfast_spec::framed::conjuncts::{Conjunct, KEPT_WAITING, LOST, OVERDUE, OWES_ANSWER, SERVED, WITHHELD, any_end};
use handfast_spec::framed::{Action, Framed, History, Violation, Violations};
use handfast_spec::{Protocol, Recorded};
use model::checker::catalogue::Scope;
use model::checker::explore::{Completeness, Options};
use model::checker::liveness::{Promise, decide};
use model::framed::handfast::{Flaw, Handfast, instances, mutated};
use stateright::Model;

/// The entries of the history that each invariant looks at. FRM-1 looks at what was given, see [`LOST`].
const ENTRIES: &[(&str, &[Violation])] = &[
    ("FRM-2", &[Violation::AfterMarker]),
    ("FRM-3", &[Violation::FalseEnding]),
    ("FRM-4", &[Violation::Misdelivered]),
    ("FRM-5", &[Violation::Torn]),
    ("FRM-6", &[Violation::FalseOutcome]),
    ("FRM-7", &[Violation::Contradicted]),
    ("FRM-8", &[Violation::ForgeryAccepted]),
    ("FRM-9", &[Violation::Overwhelmed]),
    ("FRM-10", &[Violation::DiscardedTooMuch, Violation::DiscardedLate]),
    ("FRM-29", &[Violation::TakenLate]),
    ("FRM-30", &[Violation::KeptTooMuch]),
];

/// The sets of entries that the histories of a mutant have, in the instances where it is listed.
fn entries_of(flaw: Flaw) -> HashSet<Violations> {
    let shown_in = flaw.row().instances;
    let mut found = HashSet::new();
    for instance in mutated(flaw).into_iter().filter(|instance| shown_in.contains(&instance.name)) {
        let graph = instance.checked.explore(&Options::default());
        assert_eq!(graph.completeness(), Completeness::Complete);
        found.extend(graph.states().map(|state| state.history.violations));
    }
    found
}

#[test]
fn each_entry_of_the_history_is_the_only_one_by_which_some_mutant_is_caught() {
    let mutants: BTreeMap<Flaw, _> = Flaw::ALL.iter().map(|&flaw| (flaw, entries_of(flaw))).collect();
    for (id, entries) in ENTRIES {
        for without in *entries {
            let is_caught = |found: &Violations, dropped: Option<Violation>| {
                entries.iter().any(|entry| Some(*entry) != dropped && found.contains(*entry))
            };
            let judged_otherwise = mutants.iter().find(|(flaw, found)| {
                flaw.row().violates.contains(id)
                    && found.iter().any(|found| is_caught(found, None))
                    && !found.iter().any(|found| is_caught(found, Some(*without)))
            });
            let (flaw, _) = judged_otherwise.unwrap_or_else(|| panic!("{id}: no mutant needs {without:?}"));
            println!("{id} without {without:?} lets {flaw:?} pass");
        }
    }
}

/// What is lost or owed where one of the conditions is left out is lost or owed in more states; then handfast's own design
/// would fail, which does as it should.
#[test]
fn without_any_one_of_its_conditions_frm_1_is_violated_by_the_design() {
    let graphs: Vec<_> =
        instances(Scope::Small).iter().map(|instance| instance.checked.explore(&Options::default())).collect();
    for (without, conjunct) in LOST.iter().enumerate() {
        let rest = all_but(LOST, without);
        let lost = |history: &History| any_end(history, &rest);
        let fails = graphs.iter().any(|graph| graph.first(|state| lost(&state.history)).is_some());
        assert!(fails, "FRM-1 does not need that {}", conjunct.says);
    }
}

#[test]
fn without_any_one_of_its_conditions_each_goal_is_missed_by_the_design() {
    let graphs: Vec<_> =
        instances(Scope::Small).iter().map(|instance| instance.checked.explore(&Options::default())).collect();
    let owed = [
        ("FRM-12", OVERDUE),
        ("FRM-13", KEPT_WAITING),
        ("FRM-14", WITHHELD),
        ("FRM-15", SERVED),
        ("FRM-28", OWES_ANSWER),
    ];
    assert_eq!(owed.map(|(id, _)| id).to_vec(), Framed::GOALS.iter().map(|goal| goal.id).collect::<Vec<_>>());
    for (goal, (id, conjuncts)) in Framed::GOALS.iter().zip(owed) {
        for (without, conjunct) in conjuncts.iter().enumerate() {
            let rest = all_but(conjuncts, without);
            let is_missed = graphs.iter().any(|graph| {
                let promise = Promise {
                    trigger: &|state: &Recorded<Handfast>| any_end(&state.history, &rest),
                    outcome: &|state: &Recorded<Handfast>| !any_end(&state.history, &rest),
                    fair: &|action: &Action| action.component().filter(goal.fair),
                };
                decide(graph, &promise).expect("the graph is whole").broken.is_some()
            });
            assert!(is_missed, "{id} does not need that {}", conjunct.says);
        }
    }
}

fn all_but(conjuncts: &[Conjunct], without: usize) -> Vec<Conjunct> {
    let rest = conjuncts.iter().enumerate().filter(|(index, _)| *index != without);
    rest.map(|(_, conjunct)| *conjunct).collect()
}

#[test]
fn no_witness_is_there_at_the_start() {
    for scope in [Scope::Small, Scope::Default, Scope::Large] {
        for instance in instances(scope) {
            for start in instance.checked.init_states() {
                for witness in Framed::WITNESSES {
                    assert!(!(witness.holds)(&start.history), "{}: {}", instance.name, witness.id);
                }
            }
        }
    }
}
