//! Conditions of the rules of the word, and of the pool that stands on it.

use handfast_spec::ownership::pool::Pool;
use handfast_spec::ownership::{DescriptorRecord, History, Ownership, Stage, Violation};
use model::checker::catalogue::Scope;
use model::checker::target::Instance;
use model::ownership::{handfast, haproxy};

use super::{Alternative, Bench, Rest, every_rule_is_there, has_operators, pool, without};

/// Rules that come to one condition.
const SINGLE: &[&str] = &["OWN-4", "OWN-6", "OWN-7", "OWN-8", "OWN-9", "OWN-10", "OWN-23", "OWN-24"];

/// Conditions that no design needs, and why.
const UNNEEDED: &[(&str, &str, &str)] = &[
    ("OWN-2", "it has left its slot", "whoever is inside then is inside when it is closed, which nothing holds up"),
    ("OWN-3", "two were told to", "both of them close it, and the second one closes what is closed"),
    ("OWN-22", "it is in the table", "a thread with a new descriptor puts it there by its own fair steps"),
    ("OWN-12", "it is in the table", "an owner is recorded only while it is"),
    (
        "OWN-12",
        "it belongs to the idle list's thread",
        "who becomes the owner of what is on an idle list is inside at once",
    ),
    ("OWN-14", "it is not closed, nor in the table", "who uses it is recorded only while it is neither"),
    ("OWN-14", "no other watches it", "the designs with two pollers that watch come to one that does not, too"),
    ("OWN-27", "fetched and not closed", "who fetched it is recorded only until it is closed"),
];

/// Conditions of rest that no design needs, and why.
const UNNEEDED_AT_REST: &[(&str, &str)] = &[
    ("every thread is in its loop", "no step of the word waits for another thread, so that no mutant stops half-way"),
    ("no thread has a report", "to act on it is a step that nothing refuses"),
    ("no poller has anything to report", "to be given it is a step that nothing refuses"),
];

fn any(history: &History, condition: impl FnMut(&DescriptorRecord) -> bool) -> bool {
    history.descriptors.iter().any(condition)
}

fn alternatives() -> Vec<Alternative<History>> {
    vec![
        without("OWN-1", "it belongs to one thread", |history: &History| !any(history, |it| it.inside.len() > 1)),
        without("OWN-1", "more than one thread is inside", |history: &History| {
            !any(history, DescriptorRecord::is_exclusive)
        }),
        without("OWN-2", "it has left its slot", |history: &History| {
            !any(history, |it| it.stage == Stage::Closed && !it.inside.is_empty())
        }),
        without("OWN-2", "it is closed", |history: &History| {
            !any(history, |it| it.stage == Stage::Wiped && !it.inside.is_empty())
        }),
        without("OWN-2", "it is closed or has left its slot", |history: &History| {
            !any(history, |it| !it.inside.is_empty())
        }),
        without("OWN-2", "a thread is inside", |history: &History| {
            !any(history, |it| matches!(it.stage, Stage::Wiped | Stage::Closed))
        }),
        without("OWN-3", "two were told to", |history: &History| !history.has(Violation::ClosedUnasked)),
        without("OWN-3", "it is closed by one that was not told to", |history: &History| {
            !history.has(Violation::TwoClosers)
        }),
        without("OWN-5", "it is inside another one", |history: &History| !history.has(Violation::WrongForgotten)),
        without("OWN-5", "it forgets another one", |history: &History| !history.has(Violation::Crossed)),
        without("OWN-21", "deletion was asked for", |history: &History| any(history, |it| it.stage != Stage::Closed)),
        without("OWN-21", "it is not closed", |history: &History| any(history, |it| it.deleting)),
        without("OWN-22", "something is there", |history: &History| {
            any(history, |it| it.stage == Stage::Live && !it.deleting)
        }),
        without("OWN-22", "it is in the table", |history: &History| any(history, |it| it.waiting && !it.deleting)),
        without("OWN-22", "deletion was not asked for", |history: &History| {
            any(history, |it| it.waiting && it.stage == Stage::Live)
        }),
    ]
}

/// The pool is held to rules of the word, too: a condition may be needed by a design of either.
#[test]
fn each_condition_of_the_rules_is_needed_by_some_design() {
    let mut bench = Bench::new(alternatives());
    every_rule_is_there::<Ownership>(&bench.left, SINGLE);
    bench.left.extend(pool::alternatives());
    every_rule_is_there::<Pool>(&bench.left, &[SINGLE, pool::SINGLE].concat());
    has_operators("ownership/invariants.rs", 7);
    has_operators("ownership/goals.rs", 3);
    has_operators("ownership/pool/invariants.rs", 17);
    bench.ask("handfast", handfast::instances(Scope::Small));
    for &flaw in handfast::Flaw::ALL {
        bench.ask(flaw.row().name, handfast::mutated(flaw));
    }
    pool::ask_each(&mut bench);
    for row in haproxy::variants() {
        let checked = haproxy::checked(row.switches, row.bounds);
        bench.ask(row.name, vec![Instance { name: "haproxy", checked }]);
    }
    bench.end(UNNEEDED);
}

#[test]
fn each_condition_of_the_words_rest_is_needed_by_some_design() {
    let mut rest = Rest::default();
    rest.ask(handfast::instances(Scope::Small), handfast::Handfast::rest_conditions);
    for &flaw in handfast::Flaw::ALL {
        rest.ask(handfast::mutated(flaw), handfast::Mutated::rest_conditions);
    }
    rest.end(UNNEEDED_AT_REST);
}
